//! Where and with what a report was made.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// The machine and the versions.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// Logical processors.
    pub cores: usize,
    /// In GB.
    pub memory: u64,
    /// The kernel.
    pub kernel: String,
    /// Processes that ran or waited when the run began (`/proc/loadavg`): other work on the same machine.
    pub load: String,
    /// Of Symbolon.
    pub version: &'static str,
    /// Its commit, where it is a checkout.
    pub commit: String,
    /// The compiler that is installed.
    pub rustc: String,
    /// How the benchmark was built.
    pub profile: &'static str,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: memory.trim_end_matches(" kB").parse::<u64>().unwrap_or_default().div_ceil(1024 * 1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            version: env!("CARGO_PKG_VERSION"),
            commit: said("git", &["describe", "--always", "--dirty", "--exclude=*"]),
            rustc: said("rustc", &["--version"]),
            profile: if cfg!(debug_assertions) { "unoptimized: figures say nothing" } else { "release" },
        }
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
