//! A redis-server of this run, and what it says of itself.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use serde::Serialize;

use super::Fail;
use super::server::{Folder, free_port};

/// A running server, killed with the value.
pub struct Redis {
    child: std::process::Child,
    _folder: Folder,
    /// `redis://…`.
    pub url: String,
    connection: MultiplexedConnection,
}

/// Counters of `INFO`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// `total_reads_processed`: how often something came from a client. With one operation at a time this is
    /// the number of round trips.
    pub reads: u64,
    /// Calls by clients, where a script is one.
    pub commands: u64,
    /// `used_memory`.
    pub memory: u64,
}

/// Keys of one kind.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Kind {
    /// How many.
    pub keys: u64,
    /// Bytes of one on average, with everything that Redis needs for it (`MEMORY USAGE`).
    pub bytes: f64,
}

impl Redis {
    /// Starts one without persistence.
    pub async fn start() -> Result<Self, Fail> {
        let (folder, port) = (Folder::new()?, free_port()?);
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--maxmemory-policy",
            "noeviction",
        ]);
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let url = format!("redis://127.0.0.1:{port}/0");
        let client = redis::Client::open(url.as_str())?;
        for _ in 0..100 {
            if let Ok(connection) = client.get_multiplexed_async_connection().await {
                return Ok(Self { child, _folder: folder, url, connection });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("redis-server does not answer".into())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The version.
    pub async fn version(&self) -> Result<String, Fail> {
        Ok(field(&self.info().await?, "redis_version").unwrap_or_default().to_owned())
    }

    /// The counters now, without this call's own.
    pub async fn counts(&self) -> Result<Counts, Fail> {
        let info = self.info().await?;
        let number = |name: &str| field(&info, name).and_then(|text| text.parse().ok()).unwrap_or_default();
        let calls = |line: &str| line.split_once("calls=")?.1.split_once(',')?.0.parse::<u64>().ok();
        let by_clients = |line: &&str| {
            let name =
                line.strip_prefix("cmdstat_").and_then(|rest| rest.split_once(':')).map(|(name, _)| name);
            name.is_some_and(|name| FROM_CLIENTS.contains(&name))
        };
        let commands = info.lines().filter(by_clients).filter_map(calls).sum();
        Ok(Counts { reads: number("total_reads_processed"), commands, memory: number("used_memory") })
    }

    /// How many keys there are.
    pub async fn keys(&self) -> Result<u64, Fail> {
        Ok(redis::cmd("DBSIZE").query_async(&mut self.connection.clone()).await?)
    }

    /// A sample of the keys by kind.
    pub async fn kinds(&self, sample: usize) -> Result<BTreeMap<String, Kind>, Fail> {
        let mut connection = self.connection.clone();
        let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
        let (mut cursor, mut seen) = (0_u64, 0);
        loop {
            let (next, keys): (u64, Vec<String>) =
                redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(500).query_async(&mut connection).await?;
            let mut pipeline = redis::pipe();
            for key in &keys {
                pipeline.cmd("MEMORY").arg("USAGE").arg(key).arg("SAMPLES").arg(0);
            }
            let sizes: Vec<Option<u64>> =
                if keys.is_empty() { Vec::new() } else { pipeline.query_async(&mut connection).await? };
            for (key, size) in keys.iter().zip(sizes) {
                let kind = kinds.entry(kind_of(key)).or_default();
                kind.bytes = (kind.bytes * kind.keys as f64 + size.unwrap_or_default() as f64)
                    / (kind.keys + 1) as f64;
                kind.keys += 1;
            }
            seen += keys.len();
            cursor = next;
            if cursor == 0 || seen >= sample {
                return Ok(kinds);
            }
        }
    }

    async fn info(&self) -> Result<String, Fail> {
        Ok(redis::cmd("INFO").arg("all").query_async(&mut self.connection.clone()).await?)
    }
}

/// The kind of a key, by the letter after its hash tag; `src/store/kind.rs` has them all.
fn kind_of(key: &str) -> String {
    let letter = key.split_once('}').and_then(|(_, rest)| rest.chars().next()).unwrap_or('?');
    let words = [
        ('c', "code"),
        ('f', "flow"),
        ('g', "grant"),
        ('i', "identity"),
        ('k', "keyset"),
        ('m', "mark"),
        ('n', "username"),
        ('s', "session"),
        ('S', "sessions"),
        ('u', "user"),
        ('K', "sp_keys"),
        ('U', "upstream_sessions"),
        ('E', "generations"),
    ];
    words
        .iter()
        .find(|(of, _)| *of == letter)
        .map_or_else(|| letter.to_string(), |(_, word)| (*word).to_owned())
}

/// What the broker sends; what its scripts call inside Redis costs no round trip.
const FROM_CLIENTS: [&str; 6] = ["evalsha", "eval", "hmget", "mget", "getdel", "wait"];

impl Drop for Redis {
    fn drop(&mut self) {
        // Killing a process that has ended is what was wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
