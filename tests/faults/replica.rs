//! The built binary as a replica that can be killed, held, and started again on the same folder and port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::process::{Process, TempDir, free_port};

/// The program under test: the built one, or the one that `SYMBOLON_FAULTS_PROGRAM` names.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("SYMBOLON_FAULTS_PROGRAM")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_symbolon")), PathBuf::from)
}

/// One process of the broker.
pub(crate) struct Replica {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    environment: Vec<(String, String)>,
    /// Whether a balancer that reads `/health/ready` sends nobody here any more.
    leaving: AtomicBool,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    process: Option<Process>,
    admin: String,
    log: String,
}

impl Replica {
    pub(crate) fn new(environment: Vec<(String, String)>, folder: TempDir) -> Self {
        Self {
            port: free_port(),
            folder,
            environment,
            leaving: AtomicBool::new(false),
            running: Mutex::default(),
        }
    }

    /// Writes the configuration; it counts from the next start on.
    pub(crate) fn configure(&self, toml: &str) {
        fs::write(self.folder.path().join("symbolon.toml"), toml).expect("the configuration is written");
    }

    /// Starts the process and waits until it listens.
    pub(crate) fn start(&self) {
        let mut command = Command::new(program());
        command.args(["serve", "--log", "json", "--config", "symbolon.toml"]).current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SYMBOLON")) {
            command.env_remove(name);
        }
        command.env("SYMBOLON_LOG", "info").envs(self.environment.iter().cloned());
        let process = Process::start("symbolon", &mut command);
        let ready: serde_json::Value =
            serde_json::from_str(&process.wait_for_line("\"message\":\"ready\"")).expect("the log is JSON");
        let mut running = self.running();
        ready["admin_listen"].as_str().expect("an address").clone_into(&mut running.admin);
        running.process = Some(process);
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        let mut running = self.running();
        if let Some(mut process) = running.process.take() {
            process.kill();
            running.log += &process.output();
        }
    }

    /// Waits until it has ended, as it was told by a signal. A second one would have it wait for no balancer.
    pub(crate) fn ends(&self) {
        let taken = self.running().process.take();
        if let Some(mut process) = taken {
            let status = process.ended();
            assert!(status.success(), "a broker that is told to stop ends well: {status}");
            self.running().log += &process.output();
        }
    }

    pub(crate) fn leaves(&self, leaving: bool) {
        self.leaving.store(leaving, Ordering::SeqCst);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        self.running().process.iter().for_each(|process| process.signal(name));
    }

    /// Where `/health/ready` is.
    pub(crate) fn readiness(&self) -> String {
        format!("http://{}/health/ready", self.running().admin)
    }

    /// Lines of the log that begin a panic or name a fault of the broker itself.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let running = self.running();
        let log =
            format!("{}\n{}", running.log, running.process.as_ref().map(Process::output).unwrap_or_default());
        log.lines()
            .filter(|line| line.contains("panicked") || line.contains("\"code\":\"panic\""))
            .map(str::to_owned)
            .collect()
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the preloaded disk and clock are told.
pub(crate) struct Disk {
    library: PathBuf,
    folder: TempDir,
}

impl Disk {
    /// Builds the library that is preloaded.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new();
        let library = folder.path().join("disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/disk.c");
        let built = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .status();
        assert!(built.is_ok_and(|status| status.success()), "a C compiler builds tests/faults/disk.c");
        fs::create_dir(folder.path().join("undo")).expect("a folder");
        let disk = Self { library, folder };
        disk.tell([0; 3]);
        disk
    }

    /// What a process on this disk is started with; its files are below `data`.
    pub(crate) fn environment(&self, data: &Path) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        [
            ("LD_PRELOAD", text(&self.library)),
            ("FAULTS_FOLDER", text(data)),
            ("FAULTS_UNDO", text(&self.folder.path().join("undo"))),
            ("FAULTS_CONTROL", text(&self.folder.path().join("control"))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Nanoseconds added to the clock; whether the disk is full; whether fsync fails.
    pub(crate) fn tell(&self, orders: [i64; 3]) {
        use std::os::unix::fs::FileExt as _;
        let path = self.folder.path().join("control");
        let file =
            fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).expect("a file");
        let bytes: Vec<u8> = orders.iter().flat_map(|order| order.to_ne_bytes()).collect();
        file.write_all_at(&bytes, 0).expect("the orders are written");
    }

    /// The power is gone: all but the first `kept` of the writes that no fsync has settled are undone. Gives
    /// how many were.
    pub(crate) fn loses_power(&self, data: &Path, kept: usize) -> usize {
        use std::os::unix::fs::FileExt as _;
        let mut lost = 0;
        for entry in fs::read_dir(self.folder.path().join("undo")).expect("a folder").flatten() {
            let bytes = fs::read(entry.path()).expect("undo records");
            let records = records(&bytes);
            fs::write(entry.path(), b"").expect("the records are used up");
            // A shared-memory file is no part of the disk's promise: SQLite makes it anew.
            if entry.file_name().to_string_lossy().ends_with("-shm") {
                continue;
            }
            let Ok(file) = fs::OpenOptions::new().write(true).open(data.join(entry.file_name())) else {
                continue;
            };
            for (offset, size, bytes) in records.iter().skip(kept).rev() {
                file.write_all_at(bytes, *offset).expect("what was there is there again");
                file.set_len(*size).expect("the length is as it was");
                lost += 1;
            }
        }
        lost
    }
}

/// Offset, size of the file before, bytes that were there.
fn records(bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(24) {
        let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let length = usize::try_from(number(8)).expect("a length");
        // The process was killed while it wrote this record, and so before the write itself.
        let Some((there, next)) = after.split_at_checked(length) else { break };
        found.push((number(0), number(16), there));
        rest = next;
    }
    found
}
