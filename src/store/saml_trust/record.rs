//! The stored record, and how metadata changes it. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::encoding::{base64, base64_decode};
use crate::model::time::Timestamp;
use crate::model::unknown::UnknownMembers;
use crate::outside::saml_metadata::Fetched;
use crate::protocol::saml::binding::Binding;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::metadata::{Endpoint, IdpMetadata};

use super::{Party, TrustError};

/// What is believed of one identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Its entity id.
    pub entity_id: String,
    /// Certificates that verify; never empty.
    pub accepted: Vec<SeenCertificate>,
    /// Certificates that metadata names and that wait.
    pub pending: Vec<SeenCertificate>,
    endpoints: Endpoints,
    /// When the metadata from which this follows was read; another replica may still hold an older one.
    read: Timestamp,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    unknown: UnknownMembers,
}

/// A certificate and when metadata first named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredCertificate", into = "StoredCertificate")]
pub struct SeenCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// When it was first seen.
    pub seen: Timestamp,
    /// What a later release wrote beside it.
    pub unknown: UnknownMembers,
}

impl SeenCertificate {
    fn new(certificate: &Certificate, seen: Timestamp) -> Self {
        Self { certificate: certificate.clone(), seen, unknown: UnknownMembers::default() }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredCertificate {
    der: String,
    seen: Timestamp,
    #[serde(flatten)]
    unknown: UnknownMembers,
}

impl From<SeenCertificate> for StoredCertificate {
    fn from(known: SeenCertificate) -> Self {
        Self { der: base64(known.certificate.der()), seen: known.seen, unknown: known.unknown }
    }
}

impl TryFrom<StoredCertificate> for SeenCertificate {
    type Error = &'static str;

    fn try_from(stored: StoredCertificate) -> Result<Self, Self::Error> {
        let der = base64_decode(&stored.der).ok_or("no base64")?;
        Ok(Self {
            certificate: Certificate::from_der(&der).map_err(|_| "no certificate")?,
            seen: stored.seen,
            unknown: stored.unknown,
        })
    }
}

/// Everything else that is used of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Endpoints {
    sso: Vec<StoredEndpoint>,
    slo: Vec<StoredEndpoint>,
    wants_signed_requests: bool,
    name_id_formats: Vec<String>,
    valid_until: Option<Timestamp>,
    cache_duration: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredEndpoint {
    post: bool,
    location: String,
    response_location: Option<String>,
}

impl Trust {
    /// The first metadata of a provider is believed: it came over https from where the operator said, or from
    /// a pinned signer.
    pub(super) fn first(fetched: &Fetched) -> Self {
        let Fetched { metadata, at } = fetched;
        Self {
            entity_id: metadata.entity_id.clone(),
            accepted: metadata
                .signing
                .iter()
                .map(|certificate| SeenCertificate::new(certificate, *at))
                .collect(),
            pending: Vec::new(),
            endpoints: Endpoints::of(metadata),
            read: *at,
            unknown: UnknownMembers::default(),
        }
    }

    /// This record with what newer metadata says; older one changes nothing. Of a `trusted` source every
    /// certificate counts at once.
    pub(super) fn with(&self, fetched: &Fetched, trusted: bool, now: Timestamp) -> Result<Self, TrustError> {
        let metadata = &fetched.metadata;
        if fetched.at < self.read {
            return Ok(self.promoted(now));
        }
        if metadata.entity_id != self.entity_id {
            return Err(TrustError::EntityChanged {
                known: self.entity_id.clone(),
                found: metadata.entity_id.clone(),
            });
        }
        let named = |known: &&SeenCertificate| metadata.signing.contains(&known.certificate);
        let kept: Vec<SeenCertificate> = self.accepted.iter().filter(named).cloned().collect();
        let fresh = metadata
            .signing
            .iter()
            .filter(|new| !self.accepted.iter().any(|known| known.certificate == **new));
        let fresh: Vec<SeenCertificate> =
            fresh.map(|certificate| self.first_seen(certificate, now)).collect();
        let (accepted, pending) = if trusted && !fresh.is_empty() {
            (kept.into_iter().chain(fresh).collect(), Vec::new())
        } else if kept.is_empty() {
            // Metadata that names only unknown certificates takes none of the known ones away.
            (self.accepted.clone(), fresh)
        } else {
            (kept, fresh)
        };
        let same =
            accepted == self.accepted && pending == self.pending && self.endpoints == Endpoints::of(metadata);
        let read = if same { self.read } else { fetched.at };
        let record = Self {
            entity_id: self.entity_id.clone(),
            accepted,
            pending,
            endpoints: Endpoints::of(metadata),
            read,
            unknown: self.unknown.clone(),
        };
        Ok(record.promoted(now))
    }

    /// This record with the waiting certificates, if every accepted one has expired.
    pub(super) fn promoted(&self, now: Timestamp) -> Self {
        let mut promoted = self.clone();
        if promoted.accepted.iter().all(|known| known.certificate.not_after() <= now) {
            promoted.accepted.append(&mut promoted.pending);
        }
        promoted
    }

    /// This record after an administrator accepted a waiting certificate.
    pub(super) fn accept(&self, fingerprint: &str, now: Timestamp) -> Option<Self> {
        let plain = |text: &str| {
            text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_uppercase()
        };
        let wanted = plain(fingerprint);
        let at = self.pending.iter().position(|known| plain(known.certificate.fingerprint()) == wanted)?;
        let mut accepted = self.clone();
        let known = accepted.pending.remove(at);
        accepted.accepted.push(known);
        // Metadata that a replica read before knows nothing of the yes.
        accepted.read = now.plus(Duration::from_millis(1));
        Some(accepted)
    }

    /// When the metadata's time is over.
    pub(super) fn valid_until(&self) -> Option<Timestamp> {
        self.endpoints.valid_until
    }

    /// Metadata with the accepted certificates.
    pub(super) fn metadata(&self) -> IdpMetadata {
        let endpoints = &self.endpoints;
        IdpMetadata {
            entity_id: self.entity_id.clone(),
            signing: self.accepted.iter().map(|known| known.certificate.clone()).collect(),
            sso: endpoints.sso.iter().map(StoredEndpoint::restored).collect(),
            slo: endpoints.slo.iter().map(StoredEndpoint::restored).collect(),
            wants_signed_requests: endpoints.wants_signed_requests,
            name_id_formats: endpoints.name_id_formats.clone(),
            valid_until: endpoints.valid_until,
            cache_duration: endpoints.cache_duration.map(Duration::from_secs),
            warnings: Vec::new(),
        }
    }

    /// Logs what changed.
    pub(super) fn report(&self, before: Option<&Self>, party: Party<'_>) {
        let (pool, provider) = (party.pool, party.provider);
        let new = |list: &'static str, known: &SeenCertificate| {
            let before =
                before.map(|before| if list == "accepted" { &before.accepted } else { &before.pending });
            before.is_none_or(|before| !before.contains(known))
        };
        for known in self.accepted.iter().filter(|known| new("accepted", known)) {
            let (fingerprint, subject) = (known.certificate.fingerprint(), known.certificate.subject());
            tracing::info!(%pool, %provider, fingerprint, subject, "a SAML signing certificate is believed");
        }
        for known in self.pending.iter().filter(|known| new("pending", known)) {
            let (fingerprint, subject) = (known.certificate.fingerprint(), known.certificate.subject());
            tracing::warn!(
                %pool, %provider, fingerprint, subject,
                "metadata names a new SAML signing certificate, which waits: compare the fingerprint with \
                 the provider's, then symbolon saml accept-key"
            );
        }
        let gone =
            before.iter().flat_map(|before| &before.accepted).filter(|known| !self.accepted.contains(known));
        for known in gone {
            tracing::info!(%pool, %provider, fingerprint = known.certificate.fingerprint(), "a SAML signing \
                certificate was withdrawn");
        }
    }

    fn first_seen(&self, certificate: &Certificate, now: Timestamp) -> SeenCertificate {
        let waiting = self.pending.iter().find(|known| known.certificate == *certificate);
        waiting.cloned().unwrap_or_else(|| SeenCertificate::new(certificate, now))
    }
}

impl Endpoints {
    fn of(metadata: &IdpMetadata) -> Self {
        Self {
            sso: metadata.sso.iter().map(StoredEndpoint::of).collect(),
            slo: metadata.slo.iter().map(StoredEndpoint::of).collect(),
            wants_signed_requests: metadata.wants_signed_requests,
            name_id_formats: metadata.name_id_formats.clone(),
            valid_until: metadata.valid_until,
            cache_duration: metadata.cache_duration.map(|duration| duration.as_secs()),
        }
    }
}

impl StoredEndpoint {
    fn of(endpoint: &Endpoint) -> Self {
        let Endpoint { binding, location, response_location } = endpoint.clone();
        Self { post: binding == Binding::Post, location, response_location }
    }

    fn restored(&self) -> Endpoint {
        let binding = if self.post { Binding::Post } else { Binding::Redirect };
        Endpoint {
            binding,
            location: self.location.clone(),
            response_location: self.response_location.clone(),
        }
    }
}
