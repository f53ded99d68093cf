//! The store: a handful of operations, one engine each for memory, a file and Redis, and typed stores above
//! them.
//!
//! Two roles use the same operations: `state` (what may be lost at the price of signing in again; every key
//! expires) and `directory` (what may never be lost). A batch stays inside one partition, so that it stays
//! one slot in a cluster.

mod batch;
mod sign_out_generations;
mod error;
pub mod flows;
mod file;
pub mod grants;
mod cache;
pub mod key;
mod kind;
pub mod keysets;
pub mod limits;
pub mod replay_cache;
pub mod master_key;
mod memory;
pub mod pushed;
pub mod record;
mod redis;
mod redis_call;
mod redis_check;
mod redis_cluster;
mod redis_error;
mod redis_link;
mod redis_scripts;
mod redis_sentinel;
pub mod saml_trust;
pub mod seal;
pub mod sessions;
mod settings;
mod compact_codec;
pub mod sp_keys;
mod sqlite;
pub mod upstream_sessions;
pub mod traces;
pub mod users;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::secret::ExposeSecret as _;
use crate::model::time::Timestamp;
use crate::outside::clock::Clock;
use crate::outside::random::Random;

pub use batch::{Batch, Value};
pub use error::StoreError;
pub use key::{Key, Partition};
pub use settings::{Role, StoreSettings, StoreUrl};
pub use sign_out_generations::FRESH;

use file::File;
use memory::Memory;
use redis::Redis;
use sign_out_generations::SignOutGenerations;

/// A random stamp given to a value at each write; never a counter, so delete and recreate does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version([u8; STAMP]);

/// Bytes of a stamp, with which every stored value begins.
const STAMP: usize = 8;

/// A value and the stamp of its last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stored bytes.
    pub value: Bytes,
    /// Stamp for [`Expect::Version`].
    pub version: Version,
}

/// What must hold for a batch to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// No live value.
    Absent,
    /// The value read earlier, unchanged.
    Version(Version),
}

/// How long a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Until this instant: every value in the state store.
    Until(Timestamp),
    /// Until deleted: the directory only.
    Forever,
}

/// Whether a batch was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CommitOutcome {
    /// All writes were applied and are as durable as the engine promises.
    Committed,
    /// An expectation did not hold; nothing was applied.
    Conflict,
}

/// Part of an index, ordered by (score, member).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Live members, in order.
    pub members: Vec<String>,
    /// Where the next page begins, for [`Store::list`]; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// A store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    role: Role,
    clock: Clock,
    random: Random,
    sign_out_generations: Arc<SignOutGenerations>,
}

#[derive(Debug, Clone)]
enum Engine {
    Memory(Memory),
    File(File),
    Redis(Redis),
}

/// Most members that one page of an index holds.
pub const PAGE_LIMIT: usize = 1000;

impl Entry {
    /// What was stored: a stamp and a value.
    fn of(stored: &Bytes) -> Option<Self> {
        let stamp = stored.first_chunk::<STAMP>()?;
        Some(Self { version: Version(*stamp), value: stored.slice(STAMP..) })
    }
}

impl Store {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    /// A store that answers but cannot be trusted (wrong password, evicting Redis, a directory used by
    /// another process) is refused. A Redis that does not answer is no error: the store is not ready until it
    /// does ([`Store::ping`]).
    pub async fn open(settings: &StoreSettings, clock: Clock, random: Random) -> Result<Self, StoreError> {
        let engine = match &settings.url {
            StoreUrl::Memory => Engine::Memory(Memory::default()),
            StoreUrl::File(directory) => Engine::File(File::open(directory, settings, clock.clone())?),
            StoreUrl::Redis(url) => Engine::Redis(
                Redis::open(url.expose_secret(), settings, clock.clone(), random.clone()).await?,
            ),
        };
        Ok(Self { engine, role: settings.role, clock, random, sign_out_generations: Arc::default() })
    }

    /// Opens the store that the settings name for one command, also where another process has the embedded
    /// one open.
    ///
    /// # Errors
    /// As [`Store::open`]; and an embedded store that is not there is not made.
    pub async fn open_beside(
        settings: &StoreSettings,
        clock: Clock,
        random: Random,
    ) -> Result<Self, StoreError> {
        let StoreUrl::File(directory) = &settings.url else {
            return Self::open(settings, clock, random).await;
        };
        let engine = Engine::File(File::beside(directory, settings, clock.clone())?);
        Ok(Self { engine, role: settings.role, clock, random, sign_out_generations: Arc::default() })
    }

    /// An empty store in memory.
    pub fn memory(role: Role, clock: Clock, random: Random) -> Self {
        Self {
            engine: Engine::Memory(Memory::default()),
            role,
            clock,
            random,
            sign_out_generations: Arc::default(),
        }
    }

    /// The same engine under the rules of another role, for both roles in one place.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Self {
        Self { role, ..self.clone() }
    }

    /// The same store, whose reads count like acknowledgements: what one finds ended is ended on as many
    /// replicas as must have it, and no fail-over brings it back. `None` where none are asked, for there
    /// every read is such a one. Each read costs a write, so it is for whoever is about to acknowledge an end
    /// that somebody else brought about.
    #[must_use]
    pub fn confirmed(&self) -> Option<Self> {
        match &self.engine {
            Engine::Memory(_) | Engine::File(_) => None,
            Engine::Redis(redis) => {
                redis.confirmed().map(|redis| Self { engine: Engine::Redis(redis), ..self.clone() })
            }
        }
    }

    /// The live value of a key.
    pub async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        Ok(self.get_many(std::slice::from_ref(key)).await?.into_iter().next().flatten())
    }

    /// The live values of keys of one partition, in their order, read at one instant in one round trip.
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, StoreError> {
        let [first, rest @ ..] = keys else { return Ok(Vec::new()) };
        if rest.iter().any(|key| key.partition() != first.partition()) {
            return Err(StoreError::Misuse("keys of several partitions in one read"));
        }
        match &self.engine {
            Engine::Memory(memory) => Ok(memory.get_many(keys, self.clock.now())),
            Engine::File(file) => file.get_many(keys, self.clock.now()).await,
            Engine::Redis(redis) => redis.get_many(keys).await,
        }
    }

    /// Reads and deletes: of any number of callers exactly one receives the value.
    pub async fn take(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        match &self.engine {
            Engine::Memory(memory) => Ok(memory.take(key, self.clock.now())),
            Engine::File(file) => file.take(key).await,
            Engine::Redis(redis) => redis.take(key).await,
        }
    }

    /// Applies all writes of a batch, or none when an expectation does not hold. Expectations are those
    /// before the batch.
    pub async fn commit(&self, batch: Batch) -> Result<CommitOutcome, StoreError> {
        batch.check(self.role)?;
        match &self.engine {
            Engine::Memory(memory) => Ok(memory.commit(batch, &self.stamp(), self.clock.now())),
            Engine::File(file) => file.commit(batch, self.stamp()).await,
            Engine::Redis(redis) => redis.commit(batch, self.stamp(), self.clock.now()).await,
        }
    }

    /// Adds to a counter and returns the sum. An absent counter is zero; `until` counts only when the counter
    /// is made.
    ///
    /// A counter is an ordinary value, its decimal text: it can be read and be required in a batch.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the value is no number.
    pub async fn increment(&self, key: &Key, by: i64, until: Timestamp) -> Result<i64, StoreError> {
        let (amount, version, now) = ((by, until), self.stamp(), self.clock.now());
        match &self.engine {
            Engine::Memory(memory) => memory.increment(key, amount, &version, now),
            Engine::File(file) => file.increment(key, amount, version).await,
            Engine::Redis(redis) => redis.increment(key, amount, version, now).await,
        }
    }

    /// At most `limit` (and [`PAGE_LIMIT`]) live members of an index, from where an earlier [`Page::next`]
    /// points.
    pub async fn list(&self, index: &Key, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let after = after
            .map(|cursor| parse_cursor(cursor).ok_or(StoreError::Misuse("a page cursor of another shape")))
            .transpose()?;
        let limit = limit.clamp(1, PAGE_LIMIT);
        let (asked, now) = (limit.saturating_add(1), self.clock.now());
        let found = match &self.engine {
            Engine::Memory(memory) => memory.list(index, after, asked, now),
            Engine::File(file) => file.list(index, after, asked, now).await?,
            Engine::Redis(redis) => redis.list(index, after, asked).await?,
        };
        Ok(page(found, limit))
    }

    /// Whether the store can be used now. Redis is checked again as at start-up.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Memory(_) => Ok(()),
            Engine::File(file) => file.ping(),
            Engine::Redis(redis) => redis.ping().await.inspect(|()| self.sign_out_generations.try_again()),
        }
    }

    fn stamp(&self) -> Version {
        Version(self.random.bytes())
    }
}

/// The file of an embedded store.
pub fn embedded_file(directory: &Path, role: Role) -> PathBuf {
    file::path_of(directory, role)
}

/// Copies what may never be lost from the file of an embedded store, in use or not, to a new file, and
/// nothing that is only the state of sign-ins. Gives the number of records.
pub fn back_up(store: &Path, copy: &Path) -> Result<usize, StoreError> {
    file::back_up(store, copy)
}

type Cursor<'a> = (i64, &'a str);

fn parse_cursor(text: &str) -> Option<Cursor<'_>> {
    let (score, member) = text.split_once(':')?;
    Some((score.parse().ok()?, member))
}

/// A page of `limit` members from at most one more, which tells that the index goes on.
fn page(mut found: Vec<(i64, String)>, limit: usize) -> Page {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|(score, member)| format!("{score}:{member}")) } else { None };
    Page { members: found.into_iter().map(|(_, member)| member).collect(), next }
}
