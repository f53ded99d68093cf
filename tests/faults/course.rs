//! A course: a world, people at work in it, misfortunes one after the other, and what the checker says of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use crate::chance::Chance;
use crate::checker::{self, Violation};
use crate::deeds::Deed;
use crate::history::{History, Op, Outcome};
use crate::people::Person;
use crate::world::{Kind, World};

/// What is done where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) replicas: usize,
    pub(crate) deeds: &'static [Deed],
    /// Between two deeds, in milliseconds.
    pub(crate) pause: (u64, u64),
    /// Nobody may notice anything.
    pub(crate) seamless: bool,
    /// Of a whole campaign's time, in parts of a hundred.
    pub(crate) share: u64,
}

const PEOPLE: usize = 6;
const SHOWN: usize = 12;

use Deed::{
    BreakConnections, ClockSteps, CutOff, DiskFull, EvictingRedis, FailOver, FsyncFails, FullRedis,
    HoldBroker, HoldRedis, KillBroker, KillRedis, KillShard, LongStrandedWrites, MoveSlots, Partition,
    PowerCut, ProviderDown, ProviderFlaps, ProviderHuge, ProviderRotatesKeys, ProviderSlow, RestartBroker,
    RestartRedis, SlowRedis, StrandedWrites,
};

/// Everything that a campaign does.
pub(crate) const COURSES: [Course; 10] = [
    Course {
        name: "file, killed",
        share: 18,
        pause: (20, 300),
        ..file(&[KillBroker, KillBroker, KillBroker, HoldBroker, RestartBroker])
    },
    Course { name: "file, power cut", share: 8, pause: (50, 500), ..file(&[PowerCut]) },
    Course { name: "file, disk and clock", share: 8, ..file(&[DiskFull, FsyncFails, ClockSteps]) },
    Course {
        name: "provider",
        share: 8,
        pause: (5_000, 25_000),
        ..file(&[ProviderDown, ProviderSlow, ProviderHuge, ProviderFlaps, ProviderRotatesKeys])
    },
    Course {
        name: "Redis, replicas killed",
        share: 16,
        pause: (20, 300),
        ..redis(&[KillBroker, KillBroker, KillBroker, HoldBroker, RestartBroker])
    },
    Course {
        name: "Redis",
        share: 14,
        ..redis(&[
            KillRedis,
            RestartRedis,
            HoldRedis,
            SlowRedis,
            SlowRedis,
            FullRedis,
            EvictingRedis,
            CutOff,
            BreakConnections,
        ])
    },
    Course {
        name: "Sentinels",
        share: 13,
        kind: Kind::Sentinels(1),
        ..redis(&[FailOver, StrandedWrites, Partition, KillBroker])
    },
    Course {
        name: "Sentinels, both confirm",
        share: 6,
        kind: Kind::Sentinels(2),
        ..redis(&[FailOver, LongStrandedWrites, Partition, KillBroker])
    },
    Course { name: "Cluster", share: 10, kind: Kind::Cluster, ..redis(&[KillShard, MoveSlots, KillBroker]) },
    Course { name: "rolling restart", share: 5, seamless: true, ..redis(&[RestartBroker]) },
];

/// Courses of one misfortune, for bugs that only it brings to light.
pub(crate) const NARROW: [Course; 5] = [
    Course { name: "slow Redis", ..redis(&[SlowRedis]) },
    Course { name: "broken connections", pause: (20, 200), ..redis(&[BreakConnections]) },
    Course { name: "stranded writes", kind: Kind::Sentinels(1), ..redis(&[StrandedWrites]) },
    Course { name: "long stranded writes", kind: Kind::Sentinels(2), ..redis(&[LongStrandedWrites]) },
    Course { name: "both sides serving", kind: Kind::Sentinels(1), ..redis(&[Partition]) },
];

const fn file(deeds: &'static [Deed]) -> Course {
    Course { name: "", kind: Kind::File, replicas: 1, deeds, pause: (200, 1500), seamless: false, share: 0 }
}

const fn redis(deeds: &'static [Deed]) -> Course {
    Course { kind: Kind::Redis, replicas: 2, ..file(deeds) }
}

/// What a course came to.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) history: History,
    pub(crate) violations: Vec<Violation>,
}

impl Course {
    /// Runs for so long.
    pub(crate) async fn run(&self, length: Duration, seed: u64) -> Report {
        self.run_with(None, length, seed).await
    }

    /// Runs for so long against replicas in which this bug was planted.
    pub(crate) async fn run_with(&self, planted: Option<&str>, length: Duration, seed: u64) -> Report {
        let mut chance = Chance(seed);
        let world = World::start(self.kind, self.replicas, planted).await;
        let stop = Arc::new(AtomicBool::new(false));
        let lives: Vec<_> = (0..PEOPLE)
            .map(|who| {
                let (mut person, stop) = (Person::new(world.clone(), who, chance.split()), stop.clone());
                tokio::spawn(async move {
                    person.lives(&stop).await;
                    person
                })
            })
            .collect();
        let length_micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        // The first sign-ins are undisturbed, so that there is something to disturb.
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Every deed has its turn before any has a second one.
        let mut turn = chance.below(self.deeds.len());
        while world.recorder.now() < length_micros {
            tokio::time::sleep(chance.millis(self.pause.0..self.pause.1)).await;
            self.deeds[turn % self.deeds.len()].happens(&world, &mut chance).await;
            turn += 1;
            if !world.becomes_ready().await {
                world.recorder.stuck("a replica was not ready half a minute after a fault".to_owned());
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        let mut people: Vec<Person> = join_all(lives)
            .await
            .into_iter()
            .map(|person| person.expect("a person's life ends well"))
            .collect();
        join_all(people.iter_mut().map(Person::settles)).await;
        for replica in &world.replicas {
            replica.complaints().into_iter().for_each(|line| world.recorder.stuck(line));
        }
        let history = History { seamless: self.seamless, ..world.recorder.read() };
        let seconds = world.recorder.now() / 1_000_000;
        Report { name: self.name, seed, seconds, violations: checker::check(&history), history }
    }
}

impl Report {
    /// The figures, as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let Self { name, seed, seconds, history, violations } = self;
        let mut text = format!(
            "### {name}\n\nSeed {seed}, {seconds} s.\n\n| asked | done | refused | unknown | not sent \
             |\n|---|---|---|---|---|\n"
        );
        for (op, counts) in counts(history) {
            let _ =
                writeln!(text, "| {op} | {} | {} | {} | {} |", counts[0], counts[1], counts[2], counts[3]);
        }
        let mut faults: BTreeMap<&str, usize> = BTreeMap::new();
        history.faults.iter().for_each(|fault| *faults.entry(fault.name).or_default() += 1);
        text += "\n| fault | times |\n|---|---|\n";
        for (name, times) in faults {
            let _ = writeln!(text, "| {name} | {times} |");
        }
        let _ = writeln!(text, "\nBroken promises: {}.", violations.len());
        for violation in violations.iter().take(SHOWN) {
            let _ = writeln!(text, "- {violation}");
        }
        text
    }
}

/// Done, refused, unknown and not sent, by what was asked.
pub(crate) fn counts(history: &History) -> BTreeMap<&'static str, [usize; 4]> {
    let mut counts: BTreeMap<&'static str, [usize; 4]> = BTreeMap::new();
    for event in &history.events {
        let name = match event.op {
            Op::Begin => "sign-in begun",
            Op::Callback { .. } => "provider's answer delivered",
            Op::Use { .. } => "session used",
            Op::Redeem { .. } => "code redeemed",
            Op::Refresh { .. } => "token refreshed",
            Op::Revoke { .. } => "token revoked",
            Op::Introspect { .. } => "token looked up",
            Op::SignOut { .. } => "signed out",
            Op::Everywhere => "signed out everywhere",
        };
        let column = match event.outcome {
            Outcome::Done(_) => 0,
            Outcome::Refused(_) => 1,
            Outcome::Unknown(_) => 2,
            Outcome::NotSent => 3,
        };
        counts.entry(name).or_default()[column] += 1;
    }
    counts
}
