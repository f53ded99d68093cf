//! The keys that a pool shows to SAML identity providers: one signs our requests, one decrypts assertions.
//!
//! They are kept sealed in the directory and made on first use. A change compares and swaps the one record of
//! the pool, so of any number of replicas that start or rotate at once one wins and the others find its keys.
//!
//! A rotation publishes a second pair, which signs [`LEAD`] later: the time in which identity providers that
//! check our signatures read our metadata again, or an administrator gives them the certificate. Every pair
//! that is kept decrypts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::encoding::{base64, base64_decode};
use crate::model::fault::{Fault, Refusal};
use crate::model::ids::PoolId;
use crate::model::time::Timestamp;
use crate::model::unknown::UnknownMembers;
use crate::outside::Outside;
use crate::outside::keygen::{self, Certified, CertifiedUse, KeygenError};
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::encryption::DecryptionKey;
use crate::protocol::saml::signature::SpKey;
use crate::token::keyset::PrivateKey;

use super::cache::Cached;
use super::record::{Record, Records};
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError};

/// How long a new key is published before it signs.
pub const LEAD: Duration = Duration::from_secs(14 * 86_400);
/// What the certificates claim.
const LIFE: Duration = Duration::from_secs(10 * 365 * 86_400 + 2 * 86_400);
/// How many pairs are kept.
const PAIRS: usize = 3;
/// How often a change that lost to another replica is tried again.
const ATTEMPTS: usize = 8;

/// Why there are no keys, or why they were not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpKeysError {
    /// The directory.
    #[error("SAML keys: {0}")]
    Store(#[from] StoreError),
    /// The crypto library.
    #[error(transparent)]
    Keygen(#[from] KeygenError),
    /// What is stored cannot be used as keys.
    #[error("the pool's SAML keys are unusable")]
    Unusable,
    /// Other replicas changed the keys each time.
    #[error("the pool's SAML keys were changed by others {ATTEMPTS} times in a row")]
    Contended,
}

impl Refusal for SpKeysError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Keygen(_) => "keygen_failed",
            Self::Unusable => "sp_keys_unusable",
            Self::Contended => "sp_keys_contended",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Store(error) => error.fault(),
            Self::Keygen(_) | Self::Unusable | Self::Contended => Fault::Us,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Store(error) => error.hint(),
            Self::Unusable => "restore the directory from a backup that has the keys".into(),
            Self::Keygen(_) | Self::Contended => "try again".into(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.retryable(),
            Self::Unusable => false,
            Self::Keygen(_) | Self::Contended => true,
        }
    }
}

/// The keys of a pool at one instant.
#[derive(Debug)]
pub struct SpKeys {
    /// Signs requests.
    pub signing: SpKey,
    /// Decrypt assertions, the newest first.
    pub decryption: Vec<DecryptionKey>,
    /// Certificates of the keys that sign, now or next, for our metadata; the present one first.
    pub signing_certificates: Vec<Certificate>,
    /// Certificate for which assertions are best encrypted: the newest.
    pub encryption_certificate: Certificate,
    set: SpKeySet,
}

/// The stored pairs of a pool, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpKeySet {
    /// One to three.
    pub pairs: Vec<SpPair>,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// A signing and an encryption key made together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpPair {
    /// When it was made.
    pub created: Timestamp,
    /// When it begins to sign.
    pub activates: Timestamp,
    /// Signs.
    pub signing: StoredKey,
    /// Decrypts.
    pub encryption: StoredKey,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// A private key and its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    private: PrivateKey,
    certificate: Der,
}

impl StoredKey {
    /// The certificate, if it is one.
    pub fn certificate(&self) -> Option<Certificate> {
        Certificate::from_der(&self.certificate.0).ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Der(Vec<u8>);

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64(&self.0))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64_decode(&String::deserialize(deserializer)?)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("no base64"))
    }
}

impl SpKeySet {
    /// The pair that signs at `now`: the newest whose time has come, else the oldest.
    pub fn active(&self, now: Timestamp) -> Option<&SpPair> {
        self.pairs.iter().rev().find(|pair| pair.activates <= now).or(self.pairs.first())
    }

    /// The pair that waits to sign.
    pub fn upcoming(&self, now: Timestamp) -> Option<&SpPair> {
        self.pairs.last().filter(|pair| pair.activates > now && self.pairs.len() > 1)
    }

    fn with(&self, pair: SpPair) -> Self {
        let surplus = (self.pairs.len() + 1).saturating_sub(PAIRS);
        Self {
            pairs: self.pairs.iter().skip(surplus).cloned().chain([pair]).collect(),
            unknown: self.unknown.clone(),
        }
    }

    fn ready(&self, now: Timestamp) -> Option<SpKeys> {
        let active = self.active(now)?;
        let signing =
            SpKey::from_parts(active.signing.private.expose(), &active.signing.certificate.0).ok()?;
        let keys = self
            .pairs
            .iter()
            .rev()
            .map(|pair| DecryptionKey::from_pkcs8(pair.encryption.private.expose()).ok());
        let certificates =
            [Some(active), self.upcoming(now)].into_iter().flatten().map(|pair| pair.signing.certificate());
        Some(SpKeys {
            signing,
            decryption: keys.collect::<Option<_>>()?,
            signing_certificates: certificates.collect::<Option<_>>()?,
            encryption_certificate: self.pairs.last()?.encryption.certificate()?,
            set: self.clone(),
        })
    }
}

/// The SAML keys of every pool. Clones share their cache.
#[derive(Debug, Clone)]
pub struct SpKeyring {
    directory: Records,
    outside: Outside,
    kept: Arc<Mutex<HashMap<PoolId, Arc<Cached<SpKeys>>>>>,
}

impl SpKeyring {
    /// Keys in this directory.
    pub fn new(directory: Records, outside: Outside) -> Self {
        Self { directory, outside, kept: Arc::default() }
    }

    /// The keys of a pool, made on first use.
    ///
    /// # Errors
    /// Only while nothing was ever read: once there are keys, they stay in use while the store is down.
    pub async fn of(&self, pool: &PoolId) -> Result<Arc<SpKeys>, SpKeysError> {
        let slot = self.slot(pool);
        let known = slot.known();
        let read = async {
            let set = self.read_or_create(pool, known.as_deref().map(|keys| &keys.set)).await?.value;
            set.ready(self.now()).ok_or(SpKeysError::Unusable)
        };
        slot.get(&self.outside.clock, read).await
    }

    /// The stored pairs of a pool, without making any.
    pub async fn stored(&self, pool: &PoolId) -> Result<Option<SpKeySet>, SpKeysError> {
        Ok(self.directory.get::<SpKeySet>(&Key::sp_keys(pool)).await?.map(|record| record.value))
    }

    /// Makes a pair that is published at once and signs after [`LEAD`], or at once when `at_once`. While one
    /// waits, nothing is made, so rotating twice, or on two replicas at once, is rotating once; `at_once`
    /// then lets the waiting one sign. Gives the stored pairs.
    pub async fn rotate(&self, pool: &PoolId, at_once: bool) -> Result<SpKeySet, SpKeysError> {
        let mut made: Option<SpPair> = None;
        for _ in 0..ATTEMPTS {
            let record = self.read_or_create(pool, None).await?;
            let now = self.now();
            let set = match (record.value.upcoming(now), at_once) {
                (Some(_), false) => return Ok(record.value),
                (Some(waiting), true) => {
                    let kept = record.value.pairs.iter().filter(|pair| *pair != waiting).cloned();
                    SpKeySet {
                        pairs: kept.chain([SpPair { activates: now, ..waiting.clone() }]).collect(),
                        unknown: record.value.unknown.clone(),
                    }
                }
                (None, _) => {
                    let pair = match made.take() {
                        Some(pair) => pair,
                        None => self.generate(pool, if at_once { now } else { now.plus(LEAD) }).await?,
                    };
                    made = Some(pair.clone());
                    record.value.with(pair)
                }
            };
            if self.swap(pool, &set, Expect::Version(record.version)).await? == CommitOutcome::Committed {
                tracing::info!(pool = %pool, at_once, "SAML keys rotated");
                return Ok(set);
            }
        }
        Err(SpKeysError::Contended)
    }

    /// The stored pairs. When the directory has none, `known` ones are put back (a fail-over lost them), or a
    /// first pair is made.
    async fn read_or_create(
        &self,
        pool: &PoolId,
        known: Option<&SpKeySet>,
    ) -> Result<Record<SpKeySet>, SpKeysError> {
        let mut made: Option<SpKeySet> = known.cloned();
        for _ in 0..ATTEMPTS {
            if let Some(record) = self.directory.get(&Key::sp_keys(pool)).await? {
                return Ok(record);
            }
            let set = match made.take() {
                Some(set) => set,
                None => SpKeySet {
                    pairs: vec![self.generate(pool, self.now()).await?],
                    unknown: UnknownMembers::default(),
                },
            };
            if self.swap(pool, &set, Expect::Absent).await? == CommitOutcome::Committed {
                tracing::info!(pool = %pool, restored = known.is_some(), "SAML keys made");
            }
            made = Some(set);
        }
        Err(SpKeysError::Contended)
    }

    async fn generate(&self, pool: &PoolId, activates: Timestamp) -> Result<SpPair, SpKeysError> {
        let created = self.now();
        let uses = vec![CertifiedUse::Signing, CertifiedUse::Encryption];
        let mut keys = keygen::certify(uses, format!("Symbolon {pool}"), created, LIFE).await?.into_iter();
        let stored = |key: Certified| StoredKey { private: key.private, certificate: Der(key.certificate) };
        match (keys.next(), keys.next()) {
            (Some(signing), Some(encryption)) => Ok(SpPair {
                created,
                activates,
                signing: stored(signing),
                encryption: stored(encryption),
                unknown: UnknownMembers::default(),
            }),
            _ => Err(KeygenError.into()),
        }
    }

    async fn swap(&self, pool: &PoolId, set: &SpKeySet, expect: Expect) -> Result<CommitOutcome, StoreError> {
        let key = Key::sp_keys(pool);
        let batch =
            Batch::new(key.partition()).put(&key, self.directory.encode(&key, set), Life::Forever, expect);
        let outcome = self.directory.store.commit(batch).await?;
        self.slot(pool).expire();
        Ok(outcome)
    }

    fn slot(&self, pool: &PoolId) -> Arc<Cached<SpKeys>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry(pool.clone()).or_default())
    }

    fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }
}
