//! A pool's keys ready for use: private keys parsed, verification sets and the published key set prepared in
//! memory.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Value, json};

use super::keyset::{JWKS_MAX_AGE, Keyset, KeysetError, State, Use};
use crate::model::encoding::{base64url, sha256};
use crate::model::time::Timestamp;
use crate::protocol::jose::{Algorithm, KeySet, PublicKey, SigningKey, SigningKeyError};

/// The published key set with its HTTP validators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwks {
    /// `{"keys":[…]}`.
    pub body: Bytes,
    /// Strong `ETag`, with its quotes.
    pub etag: Bytes,
    /// `Cache-Control`.
    pub cache_control: Bytes,
}

/// Parsed keys of one pool. Which key signs depends on the instant, so a set read before a change-over stays
/// right after it.
#[derive(Debug)]
pub struct PoolKeys {
    set: Keyset,
    signing: Vec<SigningKey>,
    id: KeySet,
    access: KeySet,
    jwks: Jwks,
    metadata: OnceLock<Bytes>,
}

impl PoolKeys {
    /// Parses what is live at `now`: upcoming, active and retired keys.
    pub fn new(set: Keyset, now: Timestamp) -> Result<Self, KeysetError> {
        let (mut signing, mut id, mut access, mut published) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for stored in &set.keys {
            let (State::Next | State::Active | State::Retired, Some(private)) =
                (set.state(stored, now), &stored.private)
            else {
                continue;
            };
            let invalid = |error| KeysetError::Key { kid: stored.kid.clone(), error };
            let key = SigningKey::from_pkcs8_der(
                stored.algorithm.into(),
                Some(stored.kid.clone()),
                private.expose(),
            )
            .map_err(invalid)?;
            for (usage, list) in [(Use::Id, &mut id), (Use::Access, &mut access)] {
                if stored.uses.contains(usage) {
                    list.push(public(&key).map_err(invalid)?);
                }
            }
            published.push(key.public_jwk());
            signing.push(key);
        }
        let jwks = publish(&published);
        Ok(Self {
            set,
            signing,
            id: KeySet::from_keys(id),
            access: KeySet::from_keys(access),
            jwks,
            metadata: OnceLock::new(),
        })
    }

    /// The key that signs tokens of this use at `now`.
    pub fn signing(&self, usage: Use, now: Timestamp) -> Option<&SigningKey> {
        let kid = &self.set.signing(usage, now)?.kid;
        self.signing.iter().find(|key| key.kid() == Some(kid))
    }

    /// The public keys that verify tokens of this use.
    pub fn verifying(&self, usage: Use) -> &KeySet {
        match usage {
            Use::Id => &self.id,
            Use::Access => &self.access,
        }
    }

    /// What `jwks.json` answers.
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    /// The algorithms of the published keys, each once: `id_token_signing_alg_values_supported`.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms: Vec<Algorithm> = self.signing.iter().map(SigningKey::algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// The provider metadata that go with these keys: made once, kept as long as they are.
    pub fn metadata(&self, made: impl FnOnce() -> String) -> Bytes {
        self.metadata.get_or_init(|| made().into()).clone()
    }

    /// The set as stored, for listing.
    pub fn set(&self) -> &Keyset {
        &self.set
    }
}

fn public(key: &SigningKey) -> Result<PublicKey, SigningKeyError> {
    key.public_key().map_err(|reason| SigningKeyError::Unfit(key.algorithm().as_str(), reason))
}

fn publish(keys: &[Value]) -> Jwks {
    let body = json!({ "keys": keys }).to_string();
    let etag = format!("\"{}\"", base64url(sha256(&body)));
    Jwks {
        body: body.into(),
        etag: etag.into(),
        cache_control: format!("public, max-age={}", JWKS_MAX_AGE.as_secs()).into(),
    }
}
