//! Child processes of a test: started with their output collected, awaited by a line they print, ended with
//! the test.
#![expect(clippy::expect_used, clippy::panic, reason = "a helper of tests fails the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

const READY: Duration = Duration::from_secs(30);
const LAST_WORDS: usize = 40;
const POLL: Duration = Duration::from_millis(20);

/// A running child process. It is killed when the value goes out of scope.
pub(crate) struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    text: Vec<String>,
    ended_streams: usize,
}

impl Process {
    /// Starts `command`. `name` is what failures call it.
    #[track_caller]
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} cannot be started ({error}); tests/run installs what the tests need")
            });
        let output = Arc::new(Output::default());
        collect(child.stdout.take().expect("stdout is piped"), Arc::clone(&output));
        collect(child.stderr.take().expect("stderr is piped"), Arc::clone(&output));
        Self { name: name.to_owned(), child, output }
    }

    /// The first line, of either stream, that contains `needle`. Fails the test with all output when the
    /// process ends first or 30 seconds pass.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, needle: &str) -> String {
        let found = |lines: &Lines| lines.text.iter().find(|line| line.contains(needle)).cloned();
        let (lines, _) = self
            .output
            .changed
            .wait_timeout_while(self.output.lock(), READY, |lines| {
                found(lines).is_none() && lines.ended_streams < 2
            })
            .unwrap_or_else(PoisonError::into_inner);
        found(&lines)
            .unwrap_or_else(|| panic!("{} never said {needle:?}:\n{}", self.name, lines.text.join("\n")))
    }

    /// What both streams have said so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().text.join("\n")
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes `input` to the process, closes its stdin and gives what it printed and its status when it ends.
    #[track_caller]
    pub(crate) fn communicate(mut self, input: &str) -> (ExitStatus, String) {
        let mut stdin = self.child.stdin.take().expect("stdin is piped");
        stdin
            .write_all(input.as_bytes())
            .unwrap_or_else(|error| panic!("{} reads no input: {error}\n{}", self.name, self.output()));
        drop(stdin);
        let status = self.child.wait().expect("a child can be awaited");
        let lines = self
            .output
            .changed
            .wait_while(self.output.lock(), |lines| lines.ended_streams < 2)
            .unwrap_or_else(PoisonError::into_inner);
        (status, lines.text.join("\n"))
    }

    /// Sends a signal by name, e.g. `STOP`, `CONT`, `TERM`.
    #[track_caller]
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.id().to_string())
            .status()
            .expect("kill runs");
        assert!(sent.success(), "SIG{signal} did not reach {}", self.name);
    }

    /// Asks the process to end with SIGTERM and gives its status. Fails the test after 30 seconds.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// The status of a process that was told to end. Fails the test after 30 seconds.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_until(&format!("{} ended", self.name), || {
            self.child.try_wait().expect("a child can be awaited").is_some()
        });
        self.child.wait().expect("a child can be awaited")
    }

    /// `kill -9`: the process gets no chance to tidy up.
    pub(crate) fn kill(&mut self) {
        // Killing a process that has ended is what was wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let lines = &self.output.lock().text;
            let last = lines.iter().skip(lines.len().saturating_sub(LAST_WORDS));
            eprintln!("--- {} said ---", self.name);
            last.for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn collect(stream: impl Read + Send + 'static, output: Arc<Output>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            output.lock().text.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            output.changed.notify_all();
            line.clear();
        }
        output.lock().ended_streams += 1;
        output.changed.notify_all();
    });
}

/// Asks `done` every 20 milliseconds; fails the test, naming `what`, when 30 seconds pass.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..READY.as_millis() / POLL.as_millis() {
        if done() {
            return;
        }
        thread::sleep(POLL);
    }
    panic!("waited {READY:?} in vain until {what}");
}

/// A loopback port that nobody listens on, below the range that outgoing connections take theirs from. No two
/// tests of one process get the same one.
#[track_caller]
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 97 % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// A directory of one test, removed when the value goes out of scope.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// Makes an empty directory.
    #[track_caller]
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("symbolon-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // A process of an earlier run may have had our id and been killed.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).expect("a temporary directory");
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What stays behind is in the system's temporary directory.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
