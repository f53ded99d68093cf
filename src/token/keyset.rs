//! A pool's signing keys as stored, and how they change: created, rotated, retired.
//!
//! ```text
//!   next ──(activates)──> active ──(successor activates)──> retired ──(24 h)──> gone
//!      \______________________\___________________________________\── revoked: gone at once
//! ```
//!
//! The states follow from instants, so every replica changes over at the same moment without writing
//! anything, and a rotation is one write.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::model::encoding::{base64, base64_decode};
use crate::model::fault::{Fault, Refusal};
use crate::model::pool::{Pool, SigningAlgorithm};
use crate::model::time::Timestamp;
use crate::model::unknown::UnknownMembers;
use crate::protocol::jose::{SigningKey, SigningKeyError};

/// How long clients may cache the key set.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(3600);
/// How long a key is published before it signs: the cache time, and time for every replica to read it.
pub const LEAD: Duration = Duration::from_secs(3600 + 300);
/// How long a key verifies after its successor took over: the longest life of an ID or access token, and time
/// for clocks to differ.
pub const AFTERLIFE: Duration = Duration::from_secs(24 * 3600 + 300);
/// How long revoked and dead keys stay in the list of `symbolon keys list`.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// ID and logout tokens.
    Id,
    /// Access tokens.
    Access,
}

impl Use {
    /// `id` or `access`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Access => "access",
        }
    }
}

/// The uses of one key: one in Cognito's way, both when the pool shares a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uses {
    /// ID and logout tokens only.
    Id,
    /// Access tokens only.
    Access,
    /// Every token.
    Both,
}

impl Uses {
    /// Whether `usage` is among them.
    pub const fn contains(self, usage: Use) -> bool {
        matches!((self, usage), (Self::Both, _) | (Self::Id, Use::Id) | (Self::Access, Use::Access))
    }

    /// `id`, `access` or `both`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Access => "access",
            Self::Both => "both",
        }
    }
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Published, not signing yet.
    Next,
    /// Signing.
    Active,
    /// Replaced, still verifying.
    Retired,
    /// Neither published nor accepted: its time is over.
    Dead,
    /// Neither published nor accepted: taken out by hand.
    Revoked,
}

impl State {
    /// The word that `symbolon keys list` prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Dead => "dead",
            Self::Revoked => "revoked",
        }
    }
}

/// An unencrypted PKCS #8 private key: wiped on drop, redacted in `Debug`. Serialized only into sealed
/// records.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Takes the DER bytes.
    pub fn new(der: Vec<u8>) -> Self {
        Self(Zeroizing::new(der))
    }

    /// The DER bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([redacted])")
    }
}

impl Serialize for PrivateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(base64(self.expose())))
    }
}

impl<'de> Deserialize<'de> for PrivateKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        base64_decode(&text)
            .map(Self::new)
            .ok_or_else(|| serde::de::Error::custom("private key is not base64"))
    }
}

/// A generated key before it enters a set.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it will sign.
    pub uses: Uses,
    /// Its algorithm.
    pub algorithm: SigningAlgorithm,
    /// The private key.
    pub private: PrivateKey,
}

/// One key as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Its `kid`: base64 of the 32-byte thumbprint.
    pub kid: String,
    /// What it signs.
    pub uses: Uses,
    /// `RS256`, `ES256` or `EdDSA`.
    #[serde(with = "algorithm_name")]
    pub algorithm: SigningAlgorithm,
    /// When it was made.
    pub created: Timestamp,
    /// When it starts to sign.
    pub activates: Timestamp,
    /// When it was taken out by hand.
    pub revoked: Option<Timestamp>,
    /// The private key; gone once the key is revoked or dead.
    pub private: Option<PrivateKey>,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// Every key of a pool, as stored (sealed) in the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyset {
    /// In the order in which they were made.
    pub keys: Vec<StoredKey>,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// Why a key set cannot be changed or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysetError {
    /// A key does not parse.
    #[error("signing key {kid}: {error}")]
    Key {
        /// Its `kid`, or `new`.
        kid: String,
        /// The reason.
        error: SigningKeyError,
    },
    /// No live key has this `kid`.
    #[error("the pool has no live key {0}")]
    UnknownKid(String),
    /// A use would be left without an active key.
    #[error("no key to take over from {0}")]
    NoSuccessor(String),
}

impl Refusal for KeysetError {
    fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "keyset_key_invalid",
            Self::UnknownKid(_) => "keyset_unknown_kid",
            Self::NoSuccessor(_) => "keyset_no_successor",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UnknownKid(_) => Fault::Pool,
            Self::Key { .. } | Self::NoSuccessor(_) => Fault::Us,
        }
    }

    fn hint(&self) -> String {
        "`symbolon keys list` shows the keys of each pool".into()
    }
}

impl Keyset {
    /// The keys that a pool wants: one for ID and one for access tokens, or a shared one.
    pub fn wanted(pool: &Pool) -> Vec<(Uses, SigningAlgorithm)> {
        let uses: &[Uses] = if pool.separate_keys { &[Uses::Id, Uses::Access] } else { &[Uses::Both] };
        uses.iter().map(|uses| (*uses, pool.signing)).collect()
    }

    /// The first set of a pool: its keys sign at once, because nobody can have cached an earlier one.
    pub fn create(new: Vec<NewKey>, now: Timestamp) -> Result<Self, KeysetError> {
        let keys = new.into_iter().map(|key| stored(key, now, now)).collect::<Result<_, _>>()?;
        Ok(Self { keys, unknown: UnknownMembers::default() })
    }

    /// Adds successors that sign after [`LEAD`]. Call only when [`Keyset::upcoming`] is empty, so that
    /// parallel rotations add one set of keys.
    pub fn rotate(&self, new: Vec<NewKey>, now: Timestamp) -> Result<Self, KeysetError> {
        let mut next = self.without_the_dead(now);
        for key in new {
            next.keys.push(stored(key, now, now.plus(LEAD))?);
        }
        Ok(next)
    }

    /// The keys that are published and not signing yet.
    pub fn upcoming(&self, now: Timestamp) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(move |key| self.state(key, now) == State::Next)
    }

    /// The key to be made before `kid` can be retired: `None` when another key can take over all its uses.
    pub fn replacement_for(&self, kid: &str, now: Timestamp) -> Result<Option<Uses>, KeysetError> {
        self.live(kid, now)?;
        let signs = |usage: Use| self.signing(usage, now).is_some_and(|key| key.kid == kid);
        let needed = |usage: Use| signs(usage) && self.heir(kid, usage, now).is_none();
        Ok(match (needed(Use::Id), needed(Use::Access)) {
            (true, true) => Some(Uses::Both),
            (true, false) => Some(Uses::Id),
            (false, true) => Some(Uses::Access),
            (false, false) => None,
        })
    }

    /// Takes `kid` out at once: it is no longer published, and its tokens are refused wherever the set is
    /// read.
    ///
    /// When it was signing, an upcoming key takes over now, or `replacement` does; either may be unknown to
    /// clients that cached the old set, which is why this is for emergencies.
    pub fn retire(
        &self,
        kid: &str,
        replacement: Option<NewKey>,
        now: Timestamp,
    ) -> Result<Self, KeysetError> {
        self.live(kid, now)?;
        let mut next = self.clone();
        let signs = |usage: &Use| self.signing(*usage, now).is_some_and(|key| key.kid == kid);
        let heir = |usage: Use| self.heir(kid, usage, now).map(|key| key.kid.clone());
        let heirs: Vec<String> = [Use::Id, Use::Access].into_iter().filter(signs).filter_map(heir).collect();
        for key in &mut next.keys {
            if key.kid == kid {
                key.revoked = Some(now);
            } else if heirs.contains(&key.kid) {
                key.activates = now;
            }
        }
        if let Some(key) = replacement {
            next.keys.push(stored(key, now, now)?);
        }
        let next = next.without_the_dead(now);
        let orphan = |usage: Use| self.signing(usage, now).is_some() && next.signing(usage, now).is_none();
        if orphan(Use::Id) || orphan(Use::Access) {
            Err(KeysetError::NoSuccessor(kid.to_owned()))
        } else {
            Ok(next)
        }
    }

    /// The key that signs `usage` now: the latest active one. While the clock stands before the making of
    /// them all, the first that will be: it is published like the others, and a token that it signs early is
    /// as good as one that it signs late.
    pub fn signing(&self, usage: Use, now: Timestamp) -> Option<&StoredKey> {
        let of = |state: State| {
            self.keys.iter().filter(move |key| key.uses.contains(usage) && self.state(key, now) == state)
        };
        of(State::Active)
            .max_by_key(|key| key.activates)
            .or_else(|| of(State::Next).min_by_key(|key| key.activates))
    }

    /// Whether `now` is before the making of every key: then some clock was or is wrong.
    pub fn is_early(&self, now: Timestamp) -> bool {
        !self.keys.is_empty() && self.keys.iter().all(|key| key.created > now)
    }

    /// Where `key` is in its life.
    pub fn state(&self, key: &StoredKey, now: Timestamp) -> State {
        if key.revoked.is_some() {
            return State::Revoked;
        }
        if key.activates > now {
            return State::Next;
        }
        match self.replaced(key) {
            Some(at) if at.plus(AFTERLIFE) <= now => State::Dead,
            Some(at) if at <= now => State::Retired,
            _ => State::Active,
        }
    }

    /// When the last use of `key` passes to a later key, if later keys cover all its uses. A successor counts
    /// even when it was revoked after it took over, so that a retired key never comes back.
    pub fn replaced(&self, key: &StoredKey) -> Option<Timestamp> {
        let successor = |usage: Use| {
            let took_over = |other: &StoredKey| other.revoked.is_none_or(|at| at > other.activates);
            let later = |other: &&StoredKey| {
                other.uses.contains(usage) && other.activates > key.activates && took_over(other)
            };
            self.keys.iter().filter(later).map(|other| other.activates).min()
        };
        match key.uses {
            Uses::Id => successor(Use::Id),
            Uses::Access => successor(Use::Access),
            Uses::Both => Some(successor(Use::Id)?.max(successor(Use::Access)?)),
        }
    }

    fn live(&self, kid: &str, now: Timestamp) -> Result<&StoredKey, KeysetError> {
        let live = |key: &&StoredKey| {
            key.kid == kid && !matches!(self.state(key, now), State::Revoked | State::Dead)
        };
        self.keys.iter().find(live).ok_or_else(|| KeysetError::UnknownKid(kid.chars().take(64).collect()))
    }

    /// Who signs `usage` when `kid` is gone: an upcoming key.
    fn heir(&self, kid: &str, usage: Use, now: Timestamp) -> Option<&StoredKey> {
        self.upcoming(now)
            .filter(|key| key.kid != kid && key.uses.contains(usage))
            .min_by_key(|key| key.activates)
    }

    /// Drops the private halves of dead and revoked keys, and what died or was revoked long ago.
    fn without_the_dead(&self, now: Timestamp) -> Self {
        let mut keys = Vec::new();
        for key in &self.keys {
            let ended = match self.state(key, now) {
                State::Revoked => key.revoked,
                State::Dead => self.replaced(key).map(|at| at.plus(AFTERLIFE)),
                State::Next | State::Active | State::Retired => None,
            };
            match ended {
                None => keys.push(key.clone()),
                Some(at) if at.plus(MEMORY) > now => keys.push(StoredKey { private: None, ..key.clone() }),
                Some(_) => {}
            }
        }
        Self { keys, unknown: self.unknown.clone() }
    }
}

fn stored(key: NewKey, now: Timestamp, activates: Timestamp) -> Result<StoredKey, KeysetError> {
    let invalid = |error| KeysetError::Key { kid: "new".into(), error };
    let parsed = SigningKey::from_pkcs8_der(key.algorithm.into(), None, key.private.expose())
        .map_err(invalid)?
        .with_thumbprint_kid();
    let kid = parsed.kid().unwrap_or_default().to_owned();
    Ok(StoredKey {
        kid,
        uses: key.uses,
        algorithm: key.algorithm,
        created: now,
        activates,
        revoked: None,
        private: Some(key.private),
        unknown: UnknownMembers::default(),
    })
}

mod algorithm_name {
    use super::{Deserialize, Deserializer, Serializer, SigningAlgorithm};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(
        algorithm: &SigningAlgorithm,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(algorithm.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SigningAlgorithm, D::Error> {
        let text = String::deserialize(deserializer)?;
        [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| serde::de::Error::custom("unknown signing algorithm"))
    }
}
