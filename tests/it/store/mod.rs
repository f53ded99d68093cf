//! The store: one contract suite for every engine, and what only one engine can get wrong.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod contract;
mod cost;
mod file;
mod model;
mod proxy;
mod redis_failover;
mod redis_faults;
mod redis_setup;
mod restored;
mod saml_trust;
mod signed_out_again;
mod sp_keys;

use std::path::Path;
use std::time::Duration;

use symbolon::model::ids::{PoolId, SessionId, Sub};
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::{
    Batch, CommitOutcome, Expect, Key, Life, Partition, Role, Store, StoreError, StoreSettings, StoreUrl,
};

use crate::support::process::TempDir;
use crate::support::redis::Redis;
use crate::support::redis_groups::{Cluster, Place, Sentinels, Turn};

/// A store of one engine, its clock, and what must live as long as it.
struct World {
    store: Store,
    clock: Clock,
    server: Option<Redis>,
    _directory: Option<TempDir>,
    group: Option<Group>,
}

/// Several servers that are one store, for the time of one test.
enum Group {
    Sentinels(Turn<Sentinels>),
    Cluster(Turn<Cluster>),
}

static SENTINELS: Place<Sentinels> = Place::new();
static CLUSTER: Place<Cluster> = Place::new();

impl Group {
    async fn sentinels() -> Self {
        Self::Sentinels(SENTINELS.take(Sentinels::start).await).emptied()
    }

    async fn cluster() -> Self {
        Self::Cluster(CLUSTER.take(Cluster::start).await).emptied()
    }

    fn url(&self) -> String {
        match self {
            Self::Sentinels(group) => group.url(),
            Self::Cluster(group) => group.url(),
        }
    }

    fn emptied(self) -> Self {
        let nodes = match &self {
            Self::Sentinels(group) => &group.nodes,
            Self::Cluster(group) => &group.nodes,
        };
        for node in nodes {
            // Replicas refuse, and follow their masters.
            node.command(&["FLUSHALL"]);
        }
        self
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Memory,
    File,
    Redis,
    Sentinels,
    Cluster,
}

const KINDS: [Kind; 3] = [Kind::Memory, Kind::File, Kind::Redis];
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// Long enough for a loaded machine.
const PATIENT: Duration = Duration::from_secs(20);

impl World {
    async fn new(kind: Kind, role: Role) -> Self {
        let clock = Clock::fake(NOW);
        let group = match kind {
            Kind::Sentinels => Some(Group::sentinels().await),
            Kind::Cluster => Some(Group::cluster().await),
            _ => None,
        };
        let (server, directory, url) = match kind {
            Kind::Sentinels | Kind::Cluster => {
                (None, None, StoreUrl::parse(&group.as_ref().map(Group::url).unwrap_or_default()).unwrap())
            }
            Kind::Memory => (None, None, StoreUrl::Memory),
            Kind::File => {
                let directory = TempDir::new();
                let url = StoreUrl::File(directory.path().join("data"));
                (None, Some(directory), url)
            }
            Kind::Redis => {
                let server = Redis::start();
                let url = StoreUrl::parse(&server.url()).unwrap();
                (Some(server), None, url)
            }
        };
        let settings = StoreSettings {
            deadline: PATIENT,
            replicas: group.is_some().into(),
            ..StoreSettings::new(url, role)
        };
        let store = Store::open(&settings, clock.clone(), Random::Real).await;
        Self { store: store.unwrap(), clock, server, _directory: directory, group }
    }

    /// Lets time pass: on our clock, and for Redis, which has its own, in truth.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        if self.server.is_some() || self.group.is_some() {
            tokio::time::sleep(time).await;
        }
    }

    async fn put(&self, key: &Key, value: &str, expect: Expect) -> CommitOutcome {
        put(&self.store, key, value, expect).await.unwrap()
    }

    async fn text(&self, key: &Key) -> Option<String> {
        self.store.get(key).await.unwrap().map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
    }
}

async fn put(store: &Store, key: &Key, value: &str, expect: Expect) -> Result<CommitOutcome, StoreError> {
    store.commit(batch(key).put(key, Vec::from(value), life(60), expect)).await
}

async fn open(url: &str, deadline: Duration) -> Result<Store, StoreError> {
    let settings = StoreSettings { deadline, ..StoreSettings::new(StoreUrl::parse(url)?, Role::State) };
    Store::open(&settings, Clock::Real, Random::Real).await
}

async fn open_file(directory: &Path) -> Result<Store, StoreError> {
    let settings = StoreSettings {
        deadline: PATIENT,
        ..StoreSettings::new(StoreUrl::File(directory.to_owned()), Role::State)
    };
    Store::open(&settings, Clock::fake(NOW), Random::Real).await
}

fn batch(key: &Key) -> Batch {
    Batch::new(key.partition())
}

fn life(seconds: u64) -> Life {
    Life::Until(NOW.plus(Duration::from_secs(seconds)))
}

/// Lives by the real clock.
fn real_life() -> Life {
    Life::Until(Clock::Real.now().plus(Duration::from_secs(60)))
}

fn pool() -> PoolId {
    PoolId::parse("eu-west-1_A").unwrap()
}

fn ada() -> Sub {
    Sub::from_random([7; 16])
}

fn partition() -> Partition {
    Partition::user(&pool(), &ada())
}

fn session(number: u8) -> Key {
    Key::session(&pool(), &ada(), &SessionId::from_random([number; 16]))
}

fn sessions() -> Key {
    Key::sessions_index(&pool(), &ada())
}
