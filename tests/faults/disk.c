// Preloaded into a process under test: a disk and a clock that can be told to fail.
//
// FAULTS_FOLDER   files below it are on the disk that may lose power: every write since the last fsync of its file is kept as an undo
//                 record in FAULTS_UNDO/<name of the file>: offset, length, size of the file before, the bytes that were there.
// FAULTS_CONTROL  three 64-bit integers, mapped: nanoseconds added to the real-time clock; whether the disk is full; whether fsync fails.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 4096, UNKNOWN = 0, ELSEWHERE = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int undo_of[FILES]; // by file descriptor: UNKNOWN, ELSEWHERE, or the undo file's descriptor + 1
static volatile int64_t *control;

static int64_t told(int at) {
    if (!control) {
        static volatile int64_t nothing[3];
        const char *path = getenv("FAULTS_CONTROL");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, fd, 0);
        control = map == MAP_FAILED ? nothing : map;
    }
    return control[at];
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

// The descriptor of the undo file of `fd`, or -1 for a file that is none of ours. Called under the lock.
static int undo(int fd) {
    if (fd < 0 || fd >= FILES) return -1;
    if (undo_of[fd] == UNKNOWN) {
        char link[64], path[4096], name[4608];
        const char *folder = getenv("FAULTS_FOLDER"), *undos = getenv("FAULTS_UNDO");
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
        undo_of[fd] = ELSEWHERE;
        if (folder && undos && strncmp(path, folder, strlen(folder)) == 0) {
            snprintf(name, sizeof name, "%s/%s", undos, strrchr(path, '/') + 1);
            int file = open(name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            if (file >= 0) undo_of[fd] = file + 1;
        }
    }
    return undo_of[fd] == ELSEWHERE ? -1 : undo_of[fd] - 1;
}

// Keeps what is about to be overwritten.
static void keep(int fd, int file, int64_t offset, int64_t length) {
    struct stat status;
    if (fstat(fd, &status) != 0) return;
    int64_t size = status.st_size, there = offset >= size ? 0 : size - offset;
    if (there > length) there = length;
    int64_t head[3] = {offset, there, size};
    char *record = malloc(sizeof head + there);
    memcpy(record, head, sizeof head);
    if (there == 0 || REAL(pread)(fd, record + sizeof head, there, offset) == there)
        (void)!REAL(write)(file, record, sizeof head + there);
    free(record);
}

static int refused(int fd, int64_t offset, int64_t length) {
    pthread_mutex_lock(&lock);
    int file = undo(fd), full = file >= 0 && told(1);
    if (file >= 0 && !full) keep(fd, file, offset, length);
    pthread_mutex_unlock(&lock);
    if (full) errno = ENOSPC;
    return full;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at >= 0 && refused(fd, at, length)) return -1;
    return REAL(write)(fd, bytes, length);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return refused(fd, at, length) ? -1 : REAL(pwrite)(fd, bytes, length, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    return refused(fd, at, length) ? -1 : REAL(pwrite64)(fd, bytes, length, at);
}

static void keep_tail(int fd, int64_t size) {
    pthread_mutex_lock(&lock);
    int file = undo(fd);
    if (file >= 0) keep(fd, file, size, INT64_MAX / 2);
    pthread_mutex_unlock(&lock);
}
int ftruncate(int fd, off_t size) {
    keep_tail(fd, size);
    return REAL(ftruncate)(fd, size);
}
int ftruncate64(int fd, off64_t size) {
    keep_tail(fd, size);
    return REAL(ftruncate64)(fd, size);
}

// What is there now stays: nothing of it can be undone any more.
static int settled(int fd, int (*sync)(int)) {
    pthread_mutex_lock(&lock);
    int file = undo(fd);
    if (file >= 0 && told(2)) {
        pthread_mutex_unlock(&lock);
        errno = EIO;
        return -1;
    }
    int done = sync(fd);
    if (file >= 0 && done == 0) (void)!REAL(ftruncate)(file, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int fsync(int fd) { return settled(fd, REAL(fsync)); }
int fdatasync(int fd) { return settled(fd, REAL(fdatasync)); }

// What comes under the name of a deleted file is another file.
int unlink(const char *path) {
    char name[4608];
    const char *folder = getenv("FAULTS_FOLDER"), *undos = getenv("FAULTS_UNDO"), *last = strrchr(path, '/');
    if (folder && undos && last && strncmp(path, folder, strlen(folder)) == 0) {
        snprintf(name, sizeof name, "%s/%s", undos, last + 1);
        (void)!truncate(name, 0);
    }
    return REAL(unlink)(path);
}

int close(int fd) {
    if (fd >= 0 && fd < FILES) {
        pthread_mutex_lock(&lock);
        int file = undo_of[fd];
        undo_of[fd] = UNKNOWN;
        pthread_mutex_unlock(&lock);
        if (file > 0) REAL(close)(file - 1);
    }
    return REAL(close)(fd);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int done = REAL(clock_gettime)(which, now);
    if (done == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t nanos = now->tv_nsec + told(0) % 1000000000, seconds = now->tv_sec + told(0) / 1000000000;
        while (nanos < 0) nanos += 1000000000, seconds--;
        while (nanos >= 1000000000) nanos -= 1000000000, seconds++;
        now->tv_sec = seconds;
        now->tv_nsec = nanos;
    }
    return done;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
