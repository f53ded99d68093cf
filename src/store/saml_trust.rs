//! What is believed of SAML identity providers: their metadata, and of its certificates those that were there
//! at first, were accepted since, or came from a signer that the configuration pins.
//!
//! It lies in the directory, so every replica believes the same, and a provider whose metadata cannot be read
//! stays usable. Whoever controls the metadata's server later cannot put a key of their own into it (C-70): a
//! new certificate waits until every known one has expired, or until an administrator accepts it.

mod expiry;
mod record;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::encoding::{base64url, sha256};
use crate::model::fault::{Fault, Refusal};
use crate::model::ids::{PoolId, ProviderName};
use crate::model::time::Timestamp;
use crate::outside::Outside;
use crate::outside::saml_metadata::{Fetched, MetadataFetchError, MetadataLocation, SamlMetadata};
use crate::protocol::saml::metadata::IdpMetadata;
use crate::provider::saml::{MetadataSource, NewKeys, Saml};

use super::cache::Cached;
use super::record::Records;
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError};

pub use record::{SeenCertificate, Trust};

/// How often a change that lost to another replica is tried again.
const ATTEMPTS: usize = 8;

/// Why nothing is known of an identity provider, or why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Metadata was never read.
    #[error(transparent)]
    Metadata(#[from] MetadataFetchError),
    /// The directory.
    #[error("SAML certificates: {0}")]
    Store(#[from] StoreError),
    /// `validUntil` has passed and nothing newer can be read.
    #[error("the metadata of {0} was valid until a time that has passed, and no newer one can be read")]
    Expired(String),
    /// Metadata that describes another provider than it did.
    #[error("the metadata describes {found:?}; it described {known:?}")]
    EntityChanged {
        /// First seen.
        known: String,
        /// Now.
        found: String,
    },
    /// A certificate that does not wait.
    #[error("no certificate with the fingerprint {0} waits to be accepted")]
    NotPending(String),
    /// The provider's certificates stand in the configuration.
    #[error("the certificates of {0} stand in the configuration, where new ones are added")]
    Configured(ProviderName),
    /// Other replicas changed the record each time.
    #[error("the provider's certificates were changed by others {ATTEMPTS} times in a row")]
    Contended,
}

impl Refusal for TrustError {
    fn code(&self) -> &'static str {
        match self {
            Self::Metadata(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Expired(_) => "saml_metadata_expired",
            Self::EntityChanged { .. } => "saml_metadata_entity_changed",
            Self::NotPending(_) => "saml_key_not_pending",
            Self::Configured(_) => "saml_key_configured",
            Self::Contended => "saml_trust_contended",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Metadata(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::Expired(_) | Self::EntityChanged { .. } => Fault::Provider,
            Self::NotPending(_) | Self::Configured(_) => Fault::Pool,
            Self::Contended => Fault::Us,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Metadata(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Expired(_) => "the identity provider must publish current metadata; a file in the \
                configuration must be replaced"
                .into(),
            Self::EntityChanged { found, .. } => {
                format!("if that is right, set entity_id = {found:?} for this provider")
            }
            Self::NotPending(_) => "list the certificates with symbolon saml keys".into(),
            Self::Configured(_) => "put the new certificate into the configuration".into(),
            Self::Contended => "try again".into(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Metadata(error) => error.retryable(),
            Self::Store(error) => error.retryable(),
            Self::Contended => true,
            _ => false,
        }
    }
}

/// A provider of a pool, as far as trust is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// The pool.
    pub pool: &'a PoolId,
    /// The provider as named in the pool.
    pub provider: &'a ProviderName,
    /// Its rules.
    pub saml: &'a Saml,
}

/// The identity providers of every pool. Clones share their cache.
#[derive(Debug, Clone)]
pub struct IdpTrust {
    directory: Records,
    outside: Outside,
    metadata: SamlMetadata,
    kept: Arc<Mutex<HashMap<Key, Arc<Slot>>>>,
    said: Arc<expiry::Said>,
}

#[derive(Debug, Default)]
struct Slot {
    believed: Cached<Believed>,
}

/// What is used, and the metadata from which it follows, if that could be read.
#[derive(Debug)]
struct Believed {
    metadata: Arc<IdpMetadata>,
    read: Option<Arc<Fetched>>,
}

impl IdpTrust {
    /// What this directory believes, of metadata that is fetched so.
    pub fn new(directory: Records, outside: Outside, metadata: SamlMetadata) -> Self {
        Self { directory, outside, metadata, kept: Arc::default(), said: Arc::default() }
    }

    /// The metadata of a provider with believed certificates only, of which there is at least one (C-30).
    pub async fn idp(&self, party: Party<'_>) -> Result<Arc<IdpMetadata>, TrustError> {
        let metadata = match place(party.saml) {
            None => fixed(party.saml)?,
            Some(place) => Arc::clone(&self.believed(party, place).await?.metadata),
        };
        self.said.warn(party, &metadata.signing, self.now());
        match metadata.valid_until {
            Some(until) if until <= self.now() => Err(TrustError::Expired(metadata.entity_id.clone())),
            _ => Ok(metadata),
        }
    }

    /// Metadata with other certificates than `seen`, none of which made a response's signature: read again
    /// for it, at most once in a while (C-71). `None` when there are none or it is too early.
    pub async fn newer(&self, party: Party<'_>, seen: &Arc<IdpMetadata>) -> Option<Arc<IdpMetadata>> {
        let place = place(party.saml)?;
        let slot = self.slot(party, place);
        if let Some(known) = slot.believed.known()
            && Arc::ptr_eq(&known.metadata, seen)
        {
            match &known.read {
                Some(read) => self.metadata.newer(place, read).await?.ok()?,
                None => self.metadata.get(place).await.ok()?,
            };
            slot.believed.expire();
        }
        let metadata = self.idp(party).await.ok()?;
        (metadata.signing != seen.signing).then_some(metadata)
    }

    /// What is stored of a provider, without reading its metadata; `None` before the first sign-in and for
    /// one whose certificates stand in the configuration.
    pub async fn stored(&self, party: Party<'_>) -> Result<Option<Trust>, TrustError> {
        let Some(place) = place(party.saml) else { return Ok(None) };
        Ok(self.directory.get::<Trust>(&key(party, place)).await?.map(|record| record.value))
    }

    /// Accepts a certificate that waits, by its SHA-256 fingerprint with or without colons.
    pub async fn accept(&self, party: Party<'_>, fingerprint: &str) -> Result<Trust, TrustError> {
        let Some(place) = place(party.saml) else {
            return Err(TrustError::Configured(party.provider.clone()));
        };
        let key = key(party, place);
        for _ in 0..ATTEMPTS {
            let unknown = || TrustError::NotPending(fingerprint.chars().take(128).collect());
            let record = self.directory.get::<Trust>(&key).await?.ok_or_else(unknown)?;
            let accepted = record.value.accept(fingerprint, self.now()).ok_or_else(unknown)?;
            if self.swap(&key, &accepted, Expect::Version(record.version)).await? == CommitOutcome::Committed
            {
                self.slot(party, place).believed.expire();
                tracing::warn!(pool = %party.pool, provider = %party.provider, fingerprint, "a SAML \
                    certificate was accepted by hand");
                return Ok(accepted);
            }
        }
        Err(TrustError::Contended)
    }

    async fn believed(
        &self,
        party: Party<'_>,
        place: MetadataLocation<'_>,
    ) -> Result<Arc<Believed>, TrustError> {
        self.slot(party, place).believed.get(&self.outside.clock, self.look(party, place)).await
    }

    /// Reads record and metadata, and writes what follows from both if it is something new. With a record
    /// nobody waits for the metadata.
    async fn look(&self, party: Party<'_>, place: MetadataLocation<'_>) -> Result<Believed, TrustError> {
        let key = key(party, place);
        let trusted = party.saml.new_keys == NewKeys::Trust || !place.signers.is_empty();
        for _ in 0..ATTEMPTS {
            let record = self.directory.get::<Trust>(&key).await?;
            let (trust, expect, read) = match &record {
                None => {
                    let read = self.metadata.get(place).await?;
                    (Trust::first(&read), Expect::Absent, Some(read))
                }
                Some(record) => {
                    let read = self.read(place, &record.value).await;
                    let trust = match &read {
                        None => Ok(record.value.promoted(self.now())),
                        Some(read) => record.value.with(read, trusted, self.now()),
                    };
                    let trust = trust.unwrap_or_else(|error| {
                        tracing::warn!(pool = %party.pool, provider = %party.provider, %error, "new SAML \
                            metadata is not used");
                        record.value.promoted(self.now())
                    });
                    (trust, Expect::Version(record.version.clone()), read)
                }
            };
            let before = record.map(|record| record.value);
            let written = if before.as_ref() == Some(&trust) {
                Ok(CommitOutcome::Committed)
            } else {
                self.swap(&key, &trust, expect).await
            };
            match (written, before) {
                (Ok(CommitOutcome::Committed), before) => {
                    trust.report(before.as_ref(), party);
                    return Ok(Believed { metadata: Arc::new(trust.metadata()), read });
                }
                (Ok(CommitOutcome::Conflict), _) => {}
                // What cannot be written is not believed; what was believed before still is.
                (Err(error), Some(before)) => {
                    tracing::warn!(pool = %party.pool, provider = %party.provider, %error, "new SAML \
                        metadata is not used");
                    return Ok(Believed { metadata: Arc::new(before.promoted(self.now()).metadata()), read });
                }
                (Err(error), None) => return Err(error.into()),
            }
        }
        Err(TrustError::Contended)
    }

    /// The metadata that is at hand; it is waited for only when everything that is known is past its time
    /// (C-69).
    async fn read(&self, place: MetadataLocation<'_>, known: &Trust) -> Option<Arc<Fetched>> {
        let now = self.now();
        let over = |until: Option<Timestamp>| until.is_some_and(|until| until <= now);
        match self.metadata.at_hand(place) {
            Some(read) if over(known.valid_until()) && over(read.metadata.valid_until) => {
                self.metadata.newer(place, &read).await.and_then(Result::ok).or(Some(read))
            }
            None if over(known.valid_until()) => self.metadata.get(place).await.ok(),
            read => read,
        }
    }

    async fn swap(&self, key: &Key, trust: &Trust, expect: Expect) -> Result<CommitOutcome, StoreError> {
        let batch =
            Batch::new(key.partition()).put(key, self.directory.encode(key, trust), Life::Forever, expect);
        self.directory.store.commit(batch).await
    }

    fn slot(&self, party: Party<'_>, place: MetadataLocation<'_>) -> Arc<Slot> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry(key(party, place)).or_default())
    }

    fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }
}

/// Where the metadata is read; `None` when it stands in the configuration.
fn place(saml: &Saml) -> Option<MetadataLocation<'_>> {
    match &saml.source {
        MetadataSource::Url(url) => Some(MetadataLocation {
            url,
            entity_id: saml.entity_id.as_deref(),
            signers: &saml.metadata_signers,
        }),
        MetadataSource::Configured(_) => None,
    }
}

fn fixed(saml: &Saml) -> Result<Arc<IdpMetadata>, TrustError> {
    match &saml.source {
        MetadataSource::Configured(metadata) => Ok(Arc::clone(metadata)),
        MetadataSource::Url(url) => Err(TrustError::Expired(url.clone())),
    }
}

/// Another URL or entity id is another provider, of which the first metadata is believed again: the operator
/// said so.
fn key(party: Party<'_>, place: MetadataLocation<'_>) -> Key {
    let parts = [party.provider.as_str(), place.url, place.entity_id.unwrap_or_default()];
    Key::saml_trust(party.pool, &base64url(sha256(parts.join("\n"))))
}
