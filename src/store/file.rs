//! The embedded engine: one SQLite file per role, one writing thread, many readers.
//!
//! Waiting writes share one transaction and so one wait for the disk; nobody hears of success before it.
//! After a failed commit the truth on the disk is unknown, so the engine refuses everything until the process
//! starts anew and recovers.

use std::fs::{self, DirBuilder, File as OsFile, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{Semaphore, oneshot};

use crate::model::time::Timestamp;
use crate::outside::clock::Clock;

use super::batch::Batch;
use super::key::Key;
use super::{CommitOutcome, Cursor, Entry, Role, StoreError, StoreSettings, Version, sqlite};

/// An open file. Clones share it; the last one to go closes it.
#[derive(Debug, Clone)]
pub(in crate::store) struct File {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    deadline: Duration,
    jobs: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    /// For a read by whoever wants it, without another thread: a page that is in memory is found sooner than
    /// a thread wakes up. One at a time, so a disk that hangs holds up one thread, and everybody else waits
    /// for it beside their work.
    here: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
    reading: Semaphore,
    failed: Failed,
}

/// Why the engine stopped, once it has.
type Failed = Arc<OnceLock<String>>;

#[derive(Debug)]
struct Job {
    work: Work,
    answer: oneshot::Sender<Result<Answer, StoreError>>,
}

#[derive(Debug)]
enum Work {
    Take(Key),
    Commit(Batch, Version),
    Increment(Key, (i64, Timestamp), Version),
}

#[derive(Debug)]
enum Answer {
    Value(Option<Entry>),
    CommitOutcome(CommitOutcome),
    Sum(i64),
}

const READERS: usize = 4;
/// How long a reader waits for a file that is being recovered.
const BUSY: Duration = Duration::from_millis(250);
/// Most writes that share one wait for the disk.
const GROUP: usize = 256;
/// How long the writer idles before it looks for expired entries; under load it looks once in this many
/// groups.
const SWEEP_IDLE: Duration = Duration::from_secs(2);
const SWEEP_GROUPS: u32 = 1000;

impl File {
    /// Opens or makes the store of a role in a directory.
    pub(in crate::store) fn open(
        directory: &Path,
        settings: &StoreSettings,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let lock = prepare(directory, settings.role)?;
        Self::with(Some(lock), directory, settings, clock)
    }

    /// Opens the store of a role in a directory, whether or not another process has it open: SQLite lets one
    /// write after the other.
    pub(in crate::store) fn beside(
        directory: &Path,
        settings: &StoreSettings,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        if !path_of(directory, settings.role).is_file() {
            return Err(StoreError::Misconfigured(format!("{}: no store is there", directory.display())));
        }
        Self::with(None, directory, settings, clock)
    }

    fn with(
        lock: Option<OsFile>,
        directory: &Path,
        settings: &StoreSettings,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let path = path_of(directory, settings.role);
        let connection = sqlite::writer(&path)?;
        let (jobs, queue) = sync_channel(settings.queue);
        let failed = Failed::default();
        let mut writer =
            Writer { connection, clock, failed: Arc::clone(&failed), groups: 0, swept: Vec::new() };
        let thread = std::thread::Builder::new()
            .name(format!("store-{}", settings.role.as_str()))
            .spawn(move || {
                writer.run(&queue);
                drop(writer);
                // Said, not left to closing: a process forked meanwhile would hold the file open.
                if let Some(lock) = lock {
                    drop(lock.unlock());
                }
            })
            .map_err(|error| StoreError::NotApplied(format!("no thread for the store: {error}")))?;
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                deadline: settings.deadline,
                jobs: Some(jobs),
                writer: Some(thread),
                here: Mutex::default(),
                readers: Mutex::default(),
                reading: Semaphore::new(READERS),
                failed,
            }),
        })
    }

    pub(in crate::store) async fn get_many(
        &self,
        keys: &[Key],
        now: Timestamp,
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        usable(&self.inner.failed)?;
        if let Some(found) = self.inner.read_here(|connection| sqlite::get_many(connection, keys, now)) {
            return Ok(found);
        }
        let keys = keys.to_vec();
        self.read(move |connection| sqlite::get_many(connection, &keys, now)).await
    }

    pub(in crate::store) async fn list(
        &self,
        index: &Key,
        after: Option<Cursor<'_>>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let index = *index;
        let after = after.map(|(score, member)| (score, member.to_owned()));
        self.read(move |connection| {
            let after = after.as_ref().map(|(score, member)| (*score, member.as_str()));
            sqlite::list(connection, &index, after, limit, now)
        })
        .await
    }

    pub(in crate::store) async fn take(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        match self.write(Work::Take(*key)).await? {
            Answer::Value(value) => Ok(value),
            other => Err(mixed_up(&other)),
        }
    }

    pub(in crate::store) async fn commit(
        &self,
        batch: Batch,
        version: Version,
    ) -> Result<CommitOutcome, StoreError> {
        match self.write(Work::Commit(batch, version)).await? {
            Answer::CommitOutcome(outcome) => Ok(outcome),
            other => Err(mixed_up(&other)),
        }
    }

    pub(in crate::store) async fn increment(
        &self,
        key: &Key,
        by: (i64, Timestamp),
        version: Version,
    ) -> Result<i64, StoreError> {
        match self.write(Work::Increment(*key, by, version)).await? {
            Answer::Sum(sum) => Ok(sum),
            other => Err(mixed_up(&other)),
        }
    }

    pub(in crate::store) fn ping(&self) -> Result<(), StoreError> {
        usable(&self.inner.failed)
    }

    async fn write(&self, work: Work) -> Result<Answer, StoreError> {
        usable(&self.inner.failed)?;
        let (answer, received) = oneshot::channel();
        let jobs =
            self.inner.jobs.as_ref().ok_or_else(|| StoreError::NotApplied("the store is closed".into()))?;
        jobs.try_send(Job { work, answer })
            .map_err(|_| StoreError::NotApplied("too many writes wait for the disk".into()))?;
        match tokio::time::timeout(self.inner.deadline, received).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unknown("the writer ended".into())),
            Err(_) => Err(StoreError::Unknown("the disk did not answer in time".into())),
        }
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        usable(&self.inner.failed)?;
        let late = |_| StoreError::NotApplied("the disk did not answer in time".into());
        let reading = async {
            let _permit = self.inner.reading.acquire().await;
            let inner = Arc::clone(&self.inner);
            tokio::task::spawn_blocking(move || inner.read(work)).await
        };
        let read = tokio::time::timeout(self.inner.deadline, reading).await.map_err(late)?;
        read.map_err(|error| StoreError::NotApplied(error.to_string()))?
            .map_err(|error| StoreError::NotApplied(error.to_string()))
    }
}

impl Inner {
    /// What is read at once; `None` while somebody else does, or when it fails, which whoever may wait finds
    /// out again.
    fn read_here<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut here = self.here.try_lock().ok()?;
        if here.is_none() {
            *here = sqlite::reader(&self.path, Duration::ZERO).ok();
        }
        let found = work(here.as_ref()?);
        if found.is_err() {
            *here = None;
        }
        found.ok()
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| sqlite::reader(&self.path, BUSY), Ok)?;
        let result = work(&connection)?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(result)
    }
}

impl Drop for Inner {
    /// Waits for the writer, so that the lock is free afterwards.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

struct Writer {
    connection: Connection,
    clock: Clock,
    failed: Failed,
    groups: u32,
    /// Up to where the table was looked through.
    swept: Vec<u8>,
}

impl Writer {
    fn run(&mut self, queue: &Receiver<Job>) {
        loop {
            match queue.recv_timeout(SWEEP_IDLE) {
                Ok(first) => {
                    let mut group = vec![first];
                    group.extend(queue.try_iter().take(GROUP - 1));
                    self.group(group);
                }
                Err(RecvTimeoutError::Timeout) => self.sweep(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn group(&mut self, group: Vec<Job>) {
        let (works, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.work, job.answer)).unzip();
        let results = usable(&self.failed).and_then(|()| self.transaction(works));
        match results {
            Ok(results) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    drop(answer.send(result));
                }
            }
            Err(error) => {
                for answer in answers {
                    drop(answer.send(Err(error.clone())));
                }
            }
        }
        self.groups = self.groups.wrapping_add(1);
        if self.groups.is_multiple_of(SWEEP_GROUPS) {
            self.sweep();
        }
    }

    /// The answer to each piece of work once all are on the disk; or none is there, or nobody knows.
    fn transaction(&self, works: Vec<Work>) -> Result<Vec<Result<Answer, StoreError>>, StoreError> {
        let now = self.clock.now();
        let done = self.step("BEGIN IMMEDIATE").and_then(|()| {
            let done = works
                .into_iter()
                .map(|work| perform(&self.connection, work, now))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            self.step("COMMIT")?;
            Ok(done)
        });
        done.map_err(|error| {
            let rolled_back =
                self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
            if rolled_back && harmless(&error) {
                return StoreError::NotApplied(error.to_string());
            }
            self.fail(&error);
            StoreError::Unknown(error.to_string())
        })
    }

    fn step(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute([]).map(drop)
    }

    fn sweep(&mut self) {
        if self.failed.get().is_some() {
            return;
        }
        match sqlite::sweep(&self.connection, &self.swept, self.clock.now()) {
            Ok(place) => self.swept = place,
            Err(error) => {
                tracing::warn!(%error, "expired entries stay for now");
                if !harmless(&error) {
                    self.fail(&error);
                }
            }
        }
    }

    fn fail(&self, error: &rusqlite::Error) {
        tracing::error!(%error, "the store refuses to run on: what is on the disk is unknown");
        drop(self.failed.set(error.to_string()));
    }
}

fn perform(
    connection: &Connection,
    work: Work,
    now: Timestamp,
) -> rusqlite::Result<Result<Answer, StoreError>> {
    Ok(match work {
        Work::Take(key) => Ok(Answer::Value(sqlite::take(connection, &key, now)?)),
        Work::Commit(batch, version) => {
            Ok(Answer::CommitOutcome(sqlite::commit(connection, batch, &version, now)?))
        }
        Work::Increment(key, by, version) => match sqlite::increment(connection, &key, by, &version, now)? {
            Some(sum) => Ok(Answer::Sum(sum)),
            None => Err(StoreError::Corrupt(key.kind())),
        },
    })
}

/// Whether the transaction failed without doubt about what is on the disk.
fn harmless(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
        )
    )
}

fn usable(failed: &Failed) -> Result<(), StoreError> {
    match failed.get() {
        None => Ok(()),
        Some(reason) => Err(StoreError::NotApplied(format!(
            "stopped after a failed write; start the process again: {reason}"
        ))),
    }
}

fn mixed_up(answer: &Answer) -> StoreError {
    StoreError::Unknown(format!("an answer of another kind: {answer:?}"))
}

/// The file of a role in the directory of its store.
pub(in crate::store) fn path_of(directory: &Path, role: Role) -> PathBuf {
    directory.join(format!("{}.db", role.as_str()))
}

/// Copies what lasts from the file of a store, whether or not it is in use, to a new file; gives the number
/// of records.
pub(in crate::store) fn back_up(store: &Path, copy: &Path) -> Result<usize, StoreError> {
    let refuse = |path: &Path, why: &dyn std::fmt::Display| {
        StoreError::Misconfigured(format!("{}: {why}", path.display()))
    };
    if copy.exists() {
        return Err(refuse(copy, &"there is a file already, and no backup is written over another"));
    }
    let store = store.canonicalize().map_err(|error| refuse(store, &error))?;
    // Whole under its name, or not there.
    let draft = copy.with_extension("part");
    drop(fs::remove_file(&draft));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(|error| refuse(&draft, &error))?;
    let records = sqlite::copy_lasting(&store, &draft)?;
    let folder =
        copy.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::rename(&draft, copy)
        .and_then(|()| fs::File::open(folder)?.sync_all())
        .map_err(|error| refuse(copy, &error))?;
    Ok(records)
}

/// Makes the directory (0700) and the file (0600, as SQLite's other files then are), and locks the role in
/// it.
fn prepare(directory: &Path, role: Role) -> Result<OsFile, StoreError> {
    let refuse =
        |error: std::io::Error| StoreError::Misconfigured(format!("{}: {error}", directory.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refuse)?;
    let private = |name: String| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join(name))
    };
    let mut lock = private(format!("{}.lock", role.as_str())).map_err(refuse)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            lock.read_to_string(&mut pid).map_err(refuse)?;
            return Err(StoreError::Misconfigured(format!(
                "{} is in use by process {}: an embedded store has one process; several share a Redis",
                directory.display(),
                pid.trim()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(refuse(error)),
    }
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(refuse)?;
    private(format!("{}.db", role.as_str())).map_err(refuse)?;
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(refuse)?;
    Ok(lock)
}
