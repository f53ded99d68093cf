//! What is done to the broker, its store, its clock and the provider.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::chance::Chance;
use crate::history::Excuse;
use crate::support::redis::Redis;
use crate::support::redis_groups::{Cluster, Sentinels};
use crate::upstream::Mood;
use crate::world::{Backing, World};

/// One kind of misfortune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// `kill -9` of a replica, and a start.
    KillBroker,
    /// SIGSTOP, and SIGCONT a while later.
    HoldBroker,
    /// SIGTERM, and a start.
    RestartBroker,
    /// `kill -9`, and every write that no fsync has settled is gone.
    PowerCut,
    DiskFull,
    FsyncFails,
    ClockSteps,
    KillRedis,
    RestartRedis,
    HoldRedis,
    SlowRedis,
    FullRedis,
    /// `maxmemory-policy allkeys-lru`, with memory to spare.
    EvictingRedis,
    /// One replica is cut off from Redis.
    CutOff,
    /// A replica's way to Redis breaks under what is on it.
    BreakConnections,
    /// The master is killed and comes back as a replica.
    FailOver,
    /// The master's latest writes reach nobody before it is killed.
    StrandedWrites,
    /// The same, for so long that the Sentinels think nobody is left: whoever is there first again takes
    /// over.
    LongStrandedWrites,
    /// The master and a replica of the broker are cut off together; both sides serve.
    Partition,
    /// A master of the cluster is killed and comes back as a replica.
    KillShard,
    /// Slots move between the nodes of a cluster.
    MoveSlots,
    ProviderDown,
    ProviderSlow,
    ProviderHuge,
    ProviderFlaps,
    ProviderRotatesKeys,
}

impl Deed {
    fn excuses(self) -> Excuse {
        match self {
            Self::KillRedis
            | Self::RestartRedis
            | Self::FailOver
            | Self::StrandedWrites
            | Self::LongStrandedWrites
            | Self::Partition
            | Self::KillShard
            | Self::MoveSlots => Excuse::BeginAgain,
            Self::ProviderDown | Self::ProviderSlow | Self::ProviderHuge | Self::ProviderFlaps => {
                Excuse::Provider
            }
            Self::ClockSteps => Excuse::Clock,
            _ => Excuse::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::KillBroker => "broker: kill -9",
            Self::HoldBroker => "broker: SIGSTOP",
            Self::RestartBroker => "broker: SIGTERM and start",
            Self::PowerCut => "disk: power cut",
            Self::DiskFull => "disk: full",
            Self::FsyncFails => "disk: fsync fails",
            Self::ClockSteps => "clock: step",
            Self::KillRedis => "Redis: kill -9",
            Self::RestartRedis => "Redis: stop and start",
            Self::HoldRedis => "Redis: SIGSTOP",
            Self::SlowRedis => "Redis: slow",
            Self::FullRedis => "Redis: full",
            Self::EvictingRedis => "Redis: set to evict",
            Self::CutOff => "Redis: one replica cut off",
            Self::BreakConnections => "Redis: connections broken",
            Self::FailOver => "Sentinel: master killed",
            Self::StrandedWrites => "Sentinel: master killed with writes that nobody has",
            Self::LongStrandedWrites => "Sentinel: master killed with writes that nobody has for long",
            Self::Partition => "Sentinel: partition, both sides serving",
            Self::KillShard => "Cluster: master killed",
            Self::MoveSlots => "Cluster: slots moved",
            Self::ProviderDown => "provider: down",
            Self::ProviderSlow => "provider: slow",
            Self::ProviderHuge => "provider: huge answers",
            Self::ProviderFlaps => "provider: flapping",
            Self::ProviderRotatesKeys => "provider: rotates keys",
        }
    }

    /// Does it, undoes it, and writes down how long it lasted.
    pub(crate) async fn happens(self, world: &Arc<World>, chance: &mut Chance) {
        let from = world.recorder.now();
        let at = chance.below(world.replicas.len());
        match self {
            Self::KillBroker | Self::HoldBroker | Self::RestartBroker => {
                self.to_a_broker(world, at, chance).await;
            }
            Self::PowerCut | Self::DiskFull | Self::FsyncFails | Self::ClockSteps => {
                self.to_the_machine(world, chance).await;
            }
            Self::KillRedis
            | Self::RestartRedis
            | Self::HoldRedis
            | Self::FullRedis
            | Self::EvictingRedis => {
                self.to_redis(world, chance).await;
            }
            Self::SlowRedis | Self::CutOff | Self::BreakConnections => {
                self.to_the_way(world, at, chance).await;
            }
            Self::FailOver | Self::StrandedWrites | Self::LongStrandedWrites | Self::Partition => {
                self.to_the_master(world, chance).await;
            }
            Self::KillShard | Self::MoveSlots => self.to_the_cluster(world, chance).await,
            Self::ProviderDown
            | Self::ProviderSlow
            | Self::ProviderHuge
            | Self::ProviderFlaps
            | Self::ProviderRotatesKeys => {
                self.to_the_provider(world, chance).await;
            }
        }
        world.recorder.fault(self.name(), self.excuses(), from);
    }

    async fn to_a_broker(self, world: &World, at: usize, chance: &mut Chance) {
        let replica = &world.replicas[at];
        match self {
            Self::HoldBroker => {
                replica.signal("STOP");
                sleep(chance.millis(50..1500)).await;
                replica.signal("CONT");
            }
            Self::RestartBroker => {
                replica.signal("TERM");
                while world.says_ready(replica).await {
                    sleep(Duration::from_millis(20)).await;
                }
                replica.leaves(true);
                block_in_place(|| {
                    replica.ends();
                    replica.start();
                });
                replica.leaves(false);
            }
            _ => block_in_place(|| {
                replica.kill();
                replica.start();
            }),
        }
    }

    async fn to_the_machine(self, world: &World, chance: &mut Chance) {
        let Backing::File(disk) = &*world.backing.lock().await else { return };
        let replica = &world.replicas[0];
        let data: PathBuf = replica.folder.path().join("data");
        match self {
            Self::DiskFull => {
                disk.tell([0, 1, 0]);
                sleep(chance.millis(200..2000)).await;
                disk.tell([0; 3]);
            }
            Self::ClockSteps => {
                let steps = [90, -90, 4000, -4000, 315_360_000];
                let seconds = steps[chance.below(steps.len())];
                disk.tell([seconds * 1_000_000_000, 0, 0]);
                sleep(chance.millis(500..2000)).await;
                disk.tell([0; 3]);
            }
            Self::FsyncFails => {
                disk.tell([0, 0, 1]);
                sleep(chance.millis(200..800)).await;
                disk.tell([0; 3]);
                power_cut(world, disk, &data, 0);
            }
            _ => {
                // Mostly everything unsettled is gone; sometimes the disk had got further.
                let kept = if chance.percent(70) { 0 } else { chance.below(20) };
                power_cut(world, disk, &data, kept);
            }
        }
    }

    async fn to_redis(self, world: &World, chance: &mut Chance) {
        let Backing::Redis(redis) = &mut *world.backing.lock().await else { return };
        match self {
            Self::KillRedis | Self::RestartRedis => {
                block_in_place(|| if self == Self::KillRedis { redis.kill() } else { redis.stop() });
                sleep(chance.millis(0..1500)).await;
                block_in_place(|| redis.start_again());
            }
            Self::HoldRedis => {
                redis.pause();
                sleep(chance.millis(50..3000)).await;
                redis.resume();
            }
            Self::FullRedis => {
                redis.command(&["CONFIG", "SET", "maxmemory", "1000000"]);
                sleep(chance.millis(300..2000)).await;
                redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
            }
            _ => {
                redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
                let noticed = !world.is_ready().await;
                sleep(chance.millis(300..1000)).await;
                redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
                if !noticed {
                    world.recorder.stuck("a Redis that evicts is taken for a good one".to_owned());
                }
            }
        }
    }

    async fn to_the_way(self, world: &World, at: usize, chance: &mut Chance) {
        let Some(proxy) = world.proxies.get(at) else { return };
        if self == Self::SlowRedis {
            proxy.delays(20 + chance.next() % 100);
            sleep(chance.millis(1000..4000)).await;
            proxy.delays(0);
        } else {
            proxy.lets_through(false);
            sleep(chance.millis(if self == Self::CutOff { 200..2500 } else { 1..10 })).await;
            proxy.lets_through(true);
        }
    }

    async fn to_the_master(self, world: &World, chance: &mut Chance) {
        let Backing::Sentinels(group) = &mut *world.backing.lock().await else { return };
        let port = group.master();
        let Some(old) = group.nodes.iter().position(|node| node.port() == port) else { return };
        if self == Self::Partition {
            both_sides_serve(world, group, (old, port), chance).await;
        } else {
            let strands = matches!(self, Self::StrandedWrites | Self::LongStrandedWrites);
            let others: Vec<&Redis> =
                group.nodes.iter().filter(|node| strands && node.port() != port).collect();
            for node in &others {
                node.pause();
            }
            if !others.is_empty() {
                // Else what the master still sends would wait for them in their sockets.
                group.nodes[old].command(&["CLIENT", "KILL", "TYPE", "replica"]);
                let longest = if self == Self::LongStrandedWrites { 1500 } else { 400 };
                sleep(chance.millis(200..longest)).await;
            }
            let others: Vec<u16> = others.iter().map(|node| node.port()).collect();
            group.nodes[old].kill();
            for node in group.nodes.iter().filter(|node| others.contains(&node.port())) {
                node.resume();
            }
            block_in_place(|| group.wait_for_another_master(port));
            sleep(chance.millis(0..1000)).await;
            block_in_place(|| group.nodes[old].start_again());
        }
        let whole = || {
            let master = group.master();
            let node = group.nodes.iter().find(|node| node.port() == master);
            node.is_some_and(|node| {
                node.command(&["INFO", "replication"]).matches("state=online").count() == 2
            })
        };
        becomes(world, "both others follow the new master", whole).await;
    }

    async fn to_the_cluster(self, world: &World, chance: &mut Chance) {
        let Backing::Cluster(group) = &mut *world.backing.lock().await else { return };
        if self == Self::MoveSlots {
            let (from, to) = (chance.below(3), chance.below(3));
            block_in_place(|| group.moves_some_slots(from, to));
            return;
        }
        let masters = |group: &Cluster| -> Vec<usize> {
            (0..group.nodes.len())
                .filter(|at| group.nodes[*at].command(&["ROLE"]).starts_with("master"))
                .collect()
        };
        let before = block_in_place(|| masters(group));
        let old = before[chance.below(before.len())];
        group.nodes[old].kill();
        let promoted = || {
            let now = masters(group);
            now.len() == before.len()
                && now
                    .iter()
                    .all(|at| group.nodes[*at].command(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
        };
        becomes(world, "its replica is the master", promoted).await;
        sleep(chance.millis(0..1000)).await;
        block_in_place(|| group.nodes[old].start_again());
        let online = |node: &Redis| node.command(&["INFO", "replication"]).contains("state=online");
        let whole = || group.nodes.iter().filter(|node| online(node)).count() == before.len();
        becomes(world, "it follows its successor", whole).await;
    }

    async fn to_the_provider(self, world: &World, chance: &mut Chance) {
        match self {
            Self::ProviderDown => world.upstream.feels(Mood::Down),
            Self::ProviderSlow => world.upstream.feels(Mood::Slow(300 + chance.next() % 3000)),
            Self::ProviderHuge => world.upstream.feels(Mood::Huge),
            Self::ProviderFlaps => world.upstream.feels(Mood::Flapping),
            _ => return world.upstream.rotates_keys(),
        }
        sleep(chance.millis(500..3000)).await;
        world.upstream.feels(Mood::Well);
    }
}

/// The old master and a replica of the broker that is connected to it sleep through a fail-over and go on as
/// if nothing had happened.
async fn both_sides_serve(world: &World, group: &Sentinels, (old, port): (usize, u16), chance: &mut Chance) {
    let cut_off = world.replicas.last().filter(|_| world.replicas.len() > 1);
    if let Some(replica) = cut_off {
        replica.signal("STOP");
    }
    group.nodes[old].pause();
    block_in_place(|| group.wait_for_another_master(port));
    sleep(chance.millis(700..2000)).await;
    group.nodes[old].resume();
    if let Some(replica) = cut_off {
        replica.signal("CONT");
    }
    sleep(chance.millis(1500..3000)).await;
}

/// Waits, a minute and a half at most.
async fn becomes(world: &World, what: &str, done: impl Fn() -> bool) {
    for _ in 0..450 {
        if block_in_place(&done) {
            return;
        }
        sleep(Duration::from_millis(200)).await;
    }
    world.recorder.stuck(format!("it never came about that {what}"));
}

fn power_cut(world: &World, disk: &crate::replica::Disk, data: &std::path::Path, kept: usize) {
    block_in_place(|| {
        world.replicas[0].kill();
        disk.loses_power(data, kept);
        world.replicas[0].start();
    });
}
