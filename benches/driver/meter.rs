//! What the operating system says of a process.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;

use super::Fail;

/// Ticks in a second, as `/proc` counts them on every Linux.
const TICKS: u64 = 100;

/// CPU of a process until an instant.
#[derive(Debug)]
pub struct Cpu {
    ticks: u64,
    /// Nanoseconds by thread.
    threads: BTreeMap<String, u64>,
}

impl Cpu {
    /// Reads `/proc/<pid>`: user and system time of all threads.
    pub fn of(pid: u32) -> Result<Self, Fail> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> =
            stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
        let (user, system) = ticks(11).zip(ticks(12)).ok_or("/proc/<pid>/stat has another form")?;
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?;
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let used = text.split(' ').next().and_then(|text| text.parse().ok());
            threads.extend(used.map(|used| (task.file_name().to_string_lossy().into_owned(), used)));
        }
        Ok(Self { ticks: user + system, threads })
    }

    /// What was used since: to the nanosecond while no thread has ended, else in ticks of ten milliseconds.
    pub fn since(&self, earlier: &Self) -> Duration {
        let sum = |cpu: &Self| cpu.threads.values().sum::<u64>();
        if !earlier.threads.is_empty()
            && earlier.threads.keys().all(|thread| self.threads.contains_key(thread))
        {
            return Duration::from_nanos(sum(self).saturating_sub(sum(earlier)));
        }
        Duration::from_millis(self.ticks.saturating_sub(earlier.ticks) * 1000 / TICKS)
    }
}

/// Who works for an operation.
#[derive(Debug, Default)]
pub struct Processes {
    /// The servers that are measured.
    pub servers: Vec<u32>,
    /// Their Redis.
    pub redis: Option<u32>,
}

impl Processes {
    /// One server, if its process is known.
    pub fn of(server: Option<u32>) -> Self {
        Self { servers: server.into_iter().collect(), redis: None }
    }

    /// CPU until now: of the servers, of this process, and of Redis.
    pub fn cpu(&self) -> Result<[Vec<Cpu>; 3], Fail> {
        let all = |pids: &[u32]| pids.iter().copied().map(Cpu::of).collect::<Result<Vec<_>, Fail>>();
        Ok([all(&self.servers)?, all(&[std::process::id()])?, all(self.redis.as_slice())?])
    }

    /// What was used since.
    pub fn since(&self, earlier: &[Vec<Cpu>; 3]) -> Result<[Duration; 3], Fail> {
        let [servers, driver, redis] = self.cpu()?;
        let [before, driver_before, redis_before] = earlier;
        let used =
            |now: &[Cpu], before: &[Cpu]| now.iter().zip(before).map(|(now, before)| now.since(before)).sum();
        Ok([used(&servers, before), used(&driver, driver_before), used(&redis, redis_before)])
    }
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> Result<usize, Fail> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Memory of a process in kB.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Memory {
    /// Resident, with the pages of the binary.
    pub resident: u64,
    /// Resident and its own: heap and stacks.
    pub own: u64,
    /// The most that was resident.
    pub peak: u64,
}

/// Reads `/proc/<pid>/status`.
pub fn memory(pid: u32) -> Result<Memory, Fail> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    };
    Ok(Memory { resident: of("VmRSS:"), own: of("RssAnon:"), peak: of("VmHWM:") })
}
