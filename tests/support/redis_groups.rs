//! Several redis-servers that are one store: a master with two replicas and three Sentinels, or a cluster of
//! three and three.
#![expect(clippy::expect_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::process::{Process, TempDir, free_port, wait_until};
use super::redis::{Redis, RedisOptions};

/// The name of the master at the Sentinels.
const MASTER: &str = "primary";

/// A master, two replicas, three Sentinels that call it down after half a second.
pub(crate) struct Sentinels {
    /// The first one is the master at the start.
    pub(crate) nodes: Vec<Redis>,
    sentinels: Vec<(Process, TempDir, u16)>,
}

impl Sentinels {
    /// Starts all six and waits until each Sentinel knows the others and both replicas.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let master = node().start();
        let following = format!("replicaof 127.0.0.1 {}", master.port());
        let replica = || node().directive(&following).start();
        let nodes = vec![master, replica(), replica()];
        wait_until("both replicas follow", || followers(&nodes[0]) == 2);
        let port = nodes[0].port();
        let sentinels: Vec<_> = (0..3).map(|_| sentinel(port)).collect();
        let group = Self { nodes, sentinels };
        for (_, _, port) in &group.sentinels {
            wait_until("a Sentinel knows everybody", || {
                let says = cli(*port, &["SENTINEL", "master", MASTER]);
                let field = |name: &str| {
                    says.lines().skip_while(|line| *line != name).nth(1).unwrap_or_default().to_owned()
                };
                field("num-slaves") == "2" && field("num-other-sentinels") == "2"
            });
        }
        group
    }

    /// What the broker is configured with.
    pub(crate) fn url(&self) -> String {
        let servers: Vec<String> =
            self.sentinels.iter().map(|(_, _, port)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/{MASTER}", servers.join(","))
    }

    /// The port of the master, as the first Sentinel says.
    pub(crate) fn master(&self) -> u16 {
        let (_, _, sentinel) = &self.sentinels[0];
        let says = cli(*sentinel, &["SENTINEL", "get-master-addr-by-name", MASTER]);
        says.lines().nth(1).and_then(|port| port.parse().ok()).unwrap_or_default()
    }

    /// Waits until a node other than the one at `port` is the master.
    #[track_caller]
    pub(crate) fn wait_for_another_master(&self, port: u16) {
        wait_until("another node is the master", || ![0, port].contains(&self.master()));
        let master = self.master();
        wait_until("it says so itself", || cli(master, &["ROLE"]).starts_with("master"));
    }
}

/// Three masters, each with a replica.
pub(crate) struct Cluster {
    /// Three masters at the start, then their replicas.
    pub(crate) nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts all six and waits until all slots are served.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let node = |_| {
            let options = node().directive("cluster-enabled yes").directive("cluster-node-timeout 1500");
            options.directive(&format!("cluster-port {}", free_port())).start()
        };
        let nodes: Vec<Redis> = (0..6).map(node).collect();
        let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(&addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .output()
            .expect("redis-cli runs");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        for node in &nodes {
            wait_until("the cluster is whole", || {
                node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
        }
        wait_until("every master has its replica", || {
            nodes.iter().filter(|node| followers(node) == 1).count() == 3
        });
        Self { nodes }
    }

    /// What the broker is configured with: two nodes are enough to find the others.
    pub(crate) fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", self.nodes[0].port(), self.nodes[1].port())
    }

    /// Moves a third of the slots of the first master to the second, in a thread of its own; whether that
    /// worked.
    pub(crate) fn moves_slots(&self) -> std::thread::JoinHandle<bool> {
        let id = |node: &Redis| node.command(&["CLUSTER", "MYID"]);
        let (from, to, port) = (id(&self.nodes[0]), id(&self.nodes[1]), self.nodes[0].port());
        std::thread::spawn(move || reshard(port, &from, &to, 1800))
    }

    /// Moves some slots of the `from`th master to the `to`th; whether that worked.
    pub(crate) fn moves_some_slots(&self, from: usize, to: usize) -> bool {
        let masters: Vec<&Redis> =
            self.nodes.iter().filter(|node| node.command(&["ROLE"]).starts_with("master")).collect();
        let id = |at: usize| masters.get(at).map(|node| node.command(&["CLUSTER", "MYID"]));
        let (Some(from), Some(to), Some(node)) = (id(from), id(to), masters.first()) else { return false };
        from != to && reshard(node.port(), &from, &to, 100)
    }

    /// The node that is the master of the slot of `key` now.
    #[track_caller]
    pub(crate) fn master_of(&mut self, key: &str) -> &mut Redis {
        let found = self.nodes.iter().position(|node| {
            let slot = node.command(&["CLUSTER", "KEYSLOT", key]);
            node.command(&["CLUSTER", "COUNTKEYSINSLOT", &slot]) != "0"
                && node.command(&["ROLE"]).starts_with("master")
        });
        &mut self.nodes[found.expect("some master holds the key")]
    }
}

/// How many replicas confirmed something that `node` wrote, if only a ping. Till then one that is online may
/// let a write wait for a second.
fn followers(node: &Redis) -> usize {
    let info = node.command(&["INFO", "replication"]);
    info.lines().filter(|line| line.contains("state=online") && !line.contains(",offset=0,")).count()
}

/// A node whose replicas follow soon after they are there.
fn node() -> RedisOptions {
    RedisOptions::default().directive("repl-diskless-sync-delay 0").directive("repl-ping-replica-period 1")
}

fn reshard(port: u16, from: &str, to: &str, slots: u16) -> bool {
    let moved = Command::new("redis-cli")
        .args([
            "--cluster",
            "reshard",
            &format!("127.0.0.1:{port}"),
            "--cluster-from",
            from,
            "--cluster-to",
            to,
        ])
        .args(["--cluster-slots", &slots.to_string(), "--cluster-yes"])
        .output();
    moved.is_ok_and(|moved| moved.status.success())
}

/// One group for all tests that run at the same time, used by one of them after the other. It ends with the
/// last of them.
pub(crate) struct Place<T>(Mutex<Weak<Held<T>>>);

struct Held<T> {
    group: T,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A group whose turn it is to be used here.
pub(crate) struct Turn<T> {
    held: Arc<Held<T>>,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl<T> Place<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// Joins the group that runs, or starts one.
    pub(crate) async fn take(&self, start: impl FnOnce() -> T) -> Turn<T> {
        let held = {
            let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            place.upgrade().unwrap_or_else(|| {
                let held = Arc::new(Held { group: start(), turn: Arc::default() });
                *place = Arc::downgrade(&held);
                held
            })
        };
        let turn = Arc::clone(&held.turn).lock_owned().await;
        Turn { held, _turn: turn }
    }
}

impl<T> std::ops::Deref for Turn<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.held.group
    }
}

fn sentinel(master: u16) -> (Process, TempDir, u16) {
    let (directory, port) = (TempDir::new(), free_port());
    let lines = [
        format!("port {port}"),
        "bind 127.0.0.1".to_owned(),
        format!("dir {}", directory.path().display()),
        format!("sentinel monitor {MASTER} 127.0.0.1 {master} 2"),
        format!("sentinel down-after-milliseconds {MASTER} 500"),
        format!("sentinel failover-timeout {MASTER} 3000"),
    ];
    let file = directory.path().join("sentinel.conf");
    fs::write(&file, lines.join("\n")).expect("sentinel.conf is written");
    let process = Process::start("redis-sentinel", Command::new("redis-server").arg(&file).arg("--sentinel"));
    process.wait_for_line("Sentinel ID is");
    (process, directory, port)
}

fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(arguments)
        .output()
        .expect("redis-cli runs");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
