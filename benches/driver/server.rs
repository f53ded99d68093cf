//! Processes of this run: the floor and brokers, each with a folder of its own, killed when they are no
//! longer needed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Fail;

const PATIENCE: Duration = Duration::from_secs(120);

/// A running child.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// From the call to the line that says it is ready.
    pub start: Duration,
}

impl Server {
    /// Starts `command` and gives what follows `ready` on the line of standard error that holds it.
    pub fn start(command: &mut Command, ready: &str) -> Result<(Self, String), Fail> {
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or("no standard error")?;
        // From here on the child dies with the value.
        let mut server = Self { child, start: Duration::ZERO };
        let lines = lines(stderr);
        let mut said = Vec::new();
        loop {
            let Ok(line) = lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) else {
                return Err(format!("{command:?} is not ready:\n{}", said.join("\n")).into());
            };
            if let Some((_, rest)) = line.split_once(ready) {
                server.start = began.elapsed();
                return Ok((server, rest.to_owned()));
            }
            said.push(line);
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killing a process that has ended is what was wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Lines until nobody asks any more; the stream is read to its end so that the child never waits.
fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut wanted = true;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            wanted = wanted && sender.send(line).is_ok();
        }
    });
    receiver
}

/// A port that is free now.
pub fn free_port() -> Result<u16, Fail> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A folder, removed with the value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one.
    pub fn new() -> Result<Self, Fail> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("symbolon-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is in the system's temporary folder.
        drop(fs::remove_dir_all(&self.0));
    }
}
