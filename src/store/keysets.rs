//! Signing keys by pool: kept sealed in the directory, parsed and cached in memory.
//!
//! Every replica re-reads at most every 30 seconds, which bounds how long a key taken out by hand is still
//! accepted, and keeps what it has while the store is down. All changes compare and swap the one record of
//! the pool, so of any number of replicas that start or rotate at once one wins and the others find its keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::fault::{Fault, Refusal};
use crate::model::ids::PoolId;
use crate::model::pool::Pool;
use crate::model::time::Timestamp;
use crate::outside::Outside;
use crate::outside::keygen::{self, KeygenError};
use crate::token::keyset::{Keyset, KeysetError, NewKey};
use crate::token::pool_keys::PoolKeys;

use super::record::{Record, Records};
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError};

/// How long a read set is used without looking again.
pub const REREAD: Duration = Duration::from_secs(30);
/// How long after a failed look the next one follows, beside the requests and not before them.
const RETRY: Duration = Duration::from_secs(5);
/// How often a change that lost to another replica is tried again.
const ATTEMPTS: usize = 8;

/// Why there are no keys, or why they were not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The directory.
    #[error("signing keys: {0}")]
    Store(#[from] StoreError),
    /// The set of keys.
    #[error(transparent)]
    Keyset(#[from] KeysetError),
    /// The crypto library.
    #[error(transparent)]
    Keygen(#[from] KeygenError),
    /// Other replicas changed the set each time.
    #[error("the pool's keys were changed by others {ATTEMPTS} times in a row")]
    Contended,
}

impl Refusal for KeyringError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Keyset(error) => error.code(),
            Self::Keygen(_) => "keygen_failed",
            Self::Contended => "keyset_contended",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Store(error) => error.fault(),
            Self::Keyset(error) => error.fault(),
            Self::Keygen(_) | Self::Contended => Fault::Us,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Store(error) => error.hint(),
            Self::Keyset(error) => error.hint(),
            Self::Keygen(_) | Self::Contended => "try again".into(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.retryable(),
            Self::Keyset(_) => false,
            Self::Keygen(_) | Self::Contended => true,
        }
    }
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The set after it.
    pub set: Keyset,
    /// The `kid`s of the keys it made; empty when successors were published before and still wait for their
    /// time.
    pub added: Vec<String>,
}

/// The signing keys of every pool. Clones share their cache.
#[derive(Debug, Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: Records,
    outside: Outside,
    slots: Mutex<HashMap<PoolId, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    cached: Mutex<Option<Cached>>,
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone)]
struct Cached {
    keys: Arc<PoolKeys>,
    checked: Timestamp,
    failing: bool,
}

impl Cached {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let limit = if self.failing { RETRY } else { REREAD };
        self.checked <= now && now.since(self.checked) < limit
    }
}

impl Keyring {
    /// Keys in this directory.
    pub fn new(directory: Records, outside: Outside) -> Self {
        Self { inner: Arc::new(Inner { directory, outside, slots: Mutex::default() }) }
    }

    /// The keys of a pool, made on first use.
    ///
    /// # Errors
    /// Only while nothing was ever read: once there are keys, they stay in use while the store is down.
    pub async fn of(&self, pool: &Pool) -> Result<Arc<PoolKeys>, KeyringError> {
        let slot = self.slot(&pool.id);
        match slot.cached() {
            Some(cached) if cached.is_fresh(self.now()) => return Ok(cached.keys),
            Some(cached) if cached.failing => {
                self.look_again(pool, &slot);
                return Ok(cached.keys);
            }
            _ => {}
        }
        let _turn = slot.reading.lock().await;
        match slot.cached() {
            Some(cached) if cached.is_fresh(self.now()) => Ok(cached.keys),
            _ => self.refresh(pool, &slot).await,
        }
    }

    /// The stored set of a pool, without making one.
    pub async fn stored(&self, pool: &PoolId) -> Result<Option<Keyset>, KeyringError> {
        Ok(self.inner.directory.get::<Keyset>(&Key::keyset(pool)).await?.map(|record| record.value))
    }

    /// Publishes successors of the active keys, which sign after [`crate::token::keyset::LEAD`]. While
    /// successors wait it changes nothing, so rotating twice, or on two replicas at once, is rotating once.
    pub async fn rotate(&self, pool: &Pool) -> Result<Rotation, KeyringError> {
        let mut made: Option<Vec<NewKey>> = None;
        for _ in 0..ATTEMPTS {
            let record = self.read_or_create(pool, None).await?;
            if record.value.upcoming(self.now()).next().is_some() {
                return Ok(Rotation { set: record.value, added: Vec::new() });
            }
            let new = match made.take() {
                Some(new) => new,
                None => keygen::generate(Keyset::wanted(pool)).await?,
            };
            let set = record.value.rotate(new.clone(), self.now())?;
            made = Some(new);
            if self.swap(&pool.id, &set, Expect::Version(record.version)).await? == CommitOutcome::Committed {
                let added: Vec<String> = set.upcoming(self.now()).map(|key| key.kid.clone()).collect();
                tracing::info!(pool = %pool.id, kids = ?added, "signing keys rotated");
                return Ok(Rotation { set, added });
            }
        }
        Err(KeyringError::Contended)
    }

    /// Takes a key out at once, and makes one that takes over at once if none waits. Other replicas follow
    /// within [`REREAD`].
    pub async fn retire(&self, pool: &Pool, kid: &str) -> Result<Keyset, KeyringError> {
        let key = Key::keyset(&pool.id);
        for _ in 0..ATTEMPTS {
            let record: Record<Keyset> = self
                .inner
                .directory
                .get(&key)
                .await?
                .ok_or_else(|| KeysetError::UnknownKid(kid.chars().take(64).collect()))?;
            let replacement = match record.value.replacement_for(kid, self.now())? {
                Some(uses) => keygen::generate(vec![(uses, pool.signing)]).await?.pop(),
                None => None,
            };
            let set = record.value.retire(kid, replacement, self.now())?;
            if self.swap(&pool.id, &set, Expect::Version(record.version)).await? == CommitOutcome::Committed {
                tracing::warn!(pool = %pool.id, kid, "signing key retired by hand");
                return Ok(set);
            }
        }
        Err(KeyringError::Contended)
    }

    /// Reads the set into the cache. Called by one task at a time.
    async fn refresh(&self, pool: &Pool, slot: &Slot) -> Result<Arc<PoolKeys>, KeyringError> {
        let old = slot.cached().map(|cached| cached.keys);
        let read = self.read_or_create(pool, old.as_deref().map(PoolKeys::set)).await;
        let now = self.now();
        let parsed = read.and_then(|record| Ok(PoolKeys::new(record.value, now)?));
        let (keys, failing) = match (parsed, old) {
            (Ok(keys), _) => (Arc::new(keys), false),
            (Err(error), Some(old)) => {
                tracing::warn!(pool = %pool.id, %error, "signing keys not re-read, the known ones stay in \
                    use");
                (old, true)
            }
            (Err(error), None) => return Err(error),
        };
        if keys.set().is_early(now) {
            tracing::error!(code = "clock_before_keys", pool = %pool.id, "the clock stands before the making \
                of the signing keys; set it right");
        }
        slot.set(Cached { keys: keys.clone(), checked: now, failing });
        Ok(keys)
    }

    /// While the store is down, looking again is no request's business: its deadline would be every caller's.
    fn look_again(&self, pool: &Pool, slot: &Arc<Slot>) {
        let Ok(turn) = slot.reading.clone().try_lock_owned() else { return };
        let (keyring, pool, slot) = (self.clone(), pool.clone(), slot.clone());
        tokio::spawn(async move {
            let _kept = keyring.refresh(&pool, &slot).await;
            drop(turn);
        });
    }

    /// The stored set. When the directory has none, `known` is put back (a fail-over lost it), or a first set
    /// is made.
    async fn read_or_create(
        &self,
        pool: &Pool,
        known: Option<&Keyset>,
    ) -> Result<Record<Keyset>, KeyringError> {
        let key = Key::keyset(&pool.id);
        for _ in 0..ATTEMPTS {
            if let Some(record) = self.inner.directory.get(&key).await? {
                return Ok(record);
            }
            let set = match known {
                Some(known) => known.clone(),
                None => Keyset::create(keygen::generate(Keyset::wanted(pool)).await?, self.now())?,
            };
            if self.swap(&pool.id, &set, Expect::Absent).await? == CommitOutcome::Committed {
                tracing::info!(pool = %pool.id, restored = known.is_some(), "signing keys made");
            }
        }
        Err(KeyringError::Contended)
    }

    async fn swap(&self, pool: &PoolId, set: &Keyset, expect: Expect) -> Result<CommitOutcome, StoreError> {
        let key = Key::keyset(pool);
        let value = self.inner.directory.encode(&key, set);
        let batch = Batch::new(key.partition()).put(&key, value, Life::Forever, expect);
        let outcome = self.inner.directory.store.commit(batch).await?;
        self.slot(pool).expire();
        Ok(outcome)
    }

    fn slot(&self, pool: &PoolId) -> Arc<Slot> {
        let mut slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(pool.clone()).or_default().clone()
    }

    fn now(&self) -> Timestamp {
        self.inner.outside.clock.now()
    }
}

impl Slot {
    fn cached(&self) -> Option<Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, cached: Cached) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached);
    }

    /// Makes the next caller look again; the known keys stay in case the store is down by then.
    fn expire(&self) {
        if let Some(cached) = self.cached.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            cached.checked = Timestamp::from_millis(i64::MIN);
        }
    }
}
