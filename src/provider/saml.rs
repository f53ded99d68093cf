//! A SAML identity provider as one pool uses it.
//!
#![doc = include_str!("../../docs/saml.md")]

use std::sync::Arc;
use std::time::Duration;

use super::deviations::Quirks;
use crate::model::ids::{ClientId, PoolId};
use crate::model::time::Timestamp;
use crate::protocol::saml::binding::Binding;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::expected::ResponseRules;
use crate::protocol::saml::metadata::IdpMetadata;

/// Name identifier formats ([SAML Core section
/// 8.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
pub mod format {
    /// Stable, opaque, made for this service provider.
    pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    /// Another one for each sign-in: never a subject.
    pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    /// An e-mail address.
    pub const EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    /// Whatever the identity provider's administrator chose; also what a NameID without a format is.
    pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

    /// Whether two format URIs mean the same: some providers write another SAML version into the URI than the
    /// one that defined it.
    pub fn same(left: &str, right: &str) -> bool {
        left == right || matches!((word(left), word(right)), (Some(left), Some(right)) if left == right)
    }

    fn word(format: &str) -> Option<&str> {
        let (version, word) =
            format.strip_prefix("urn:oasis:names:tc:SAML:")?.split_once(":nameid-format:")?;
        matches!(version, "1.0" | "1.1" | "2.0").then_some(word)
    }
}

/// Rules for a SAML identity provider.
#[derive(Debug, Clone)]
pub struct Saml {
    /// Where the provider's entity id, endpoints and certificates come from.
    pub source: MetadataSource,
    /// Which provider of the metadata is meant; metadata that describes another one is refused.
    pub entity_id: Option<String>,
    /// Our entity id towards this provider.
    pub sp_entity_id: String,
    /// Our assertion consumer service URL towards this provider, where it is not `<public
    /// url>/saml2/idpresponse`: a provider that was set up for another service need not change.
    pub acs_url: Option<String>,
    /// The authentication request.
    pub request: SamlRequest,
    /// What identifies a person.
    pub subject: SubjectRule,
    /// Claims of which the first that is present is the e-mail address, as the mapping names them.
    pub email: Vec<String>,
    /// Whether an attribute is also found under its `FriendlyName`, which no specification makes unique.
    pub friendly_names: bool,
    /// What is accepted in a response.
    pub accept: SamlAccept,
    /// Responses that nobody asked for.
    pub idp_initiated: IdpInitiated,
    /// What happens with a certificate that metadata names for the first time.
    pub new_keys: NewKeys,
    /// Certificates of which one must have signed the metadata; empty accepts unsigned metadata.
    pub metadata_signers: Vec<Certificate>,
    /// Deviations.
    pub quirks: Quirks,
}

/// Where the provider's entity id, endpoints and certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataSource {
    /// Read from there, and read again.
    Url(String),
    /// They stand in the configuration, as a document or written by hand, and were checked when it was read;
    /// `validUntil` was not.
    Configured(Arc<IdpMetadata>),
}

/// The authentication request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SamlRequest {
    /// The binding; `None` takes Redirect where the provider offers it, else POST.
    pub binding: Option<Binding>,
    /// Whether requests are signed; `None` does what the provider's `WantAuthnRequestsSigned` says.
    pub sign: Option<bool>,
    /// `NameIDPolicy` format; `None` leaves the choice to the provider.
    pub name_id_format: Option<String>,
    /// Authentication context classes, compared as `exact`; empty asks for none.
    pub authn_context: Vec<String>,
}

/// What identifies a person. A transient NameID never does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectRule {
    /// The NameID, if it has one of these formats.
    NameId {
        /// Format URIs; [`format::TRANSIENT`] is not among them.
        formats: Vec<String>,
    },
    /// The attribute of this name, which has one value.
    Attribute(String),
}

/// What is accepted in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlAccept {
    /// How far the provider's clock may differ from ours.
    pub skew: Duration,
    /// SHA-1 signatures are accepted before this instant.
    pub sha1_until: Option<Timestamp>,
    /// RSA 1.5 key transport is accepted before this instant.
    pub rsa_1_5_until: Option<Timestamp>,
    /// AES-CBC is decrypted although no signature over the ciphertext was verified: some providers offer
    /// nothing else.
    pub cbc_without_signature: bool,
}

/// What happens with a response that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdpInitiated {
    /// It is refused.
    Off,
    /// It signs its person in to this client, once.
    Accept {
        /// A confidential client.
        client: ClientId,
    },
    /// Its identity is thrown away and this client is asked to begin a sign-in
    /// ([OpenID Connect Core section
    /// 4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)).
    Restart {
        /// A client with an `initiate_login_uri`.
        client: ClientId,
    },
}

/// What happens with a certificate that metadata names for the first time, after the first metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKeys {
    /// Metadata signed by a pinned signer is believed; any other new certificate waits until all known ones
    /// expired or an administrator accepts it.
    Wait,
    /// Whatever the metadata's https server says is believed.
    Trust,
}

/// How many days before a certificate's end it is said.
pub const THRESHOLDS: [i64; 3] = [60, 30, 7];

/// Whole days until a certificate expires, when they are no more than the longest of [`THRESHOLDS`]; negative
/// ones count since then.
pub fn days_left(certificate: &Certificate, now: Timestamp) -> Option<i64> {
    let days = (certificate.not_after().secs() - now.secs()).div_euclid(86_400);
    THRESHOLDS.iter().any(|threshold| days <= *threshold).then_some(days)
}

/// Our entity id towards providers of a pool, unless the settings say otherwise: Cognito's.
pub fn default_sp_entity_id(pool: &PoolId) -> String {
    format!("urn:amazon:cognito:sp:{pool}")
}

impl SamlAccept {
    /// The rules for a response at `now`.
    pub fn rules(&self, now: Timestamp) -> ResponseRules {
        ResponseRules {
            skew: self.skew,
            sha1: self.sha1(now),
            rsa_1_5: self.rsa_1_5(now),
            unauthenticated_cbc: self.cbc_without_signature,
        }
    }

    /// Whether SHA-1 is accepted at `now`.
    pub fn sha1(&self, now: Timestamp) -> bool {
        self.sha1_until.is_some_and(|until| now < until)
    }

    /// Whether RSA 1.5 key transport is accepted at `now`.
    pub fn rsa_1_5(&self, now: Timestamp) -> bool {
        self.rsa_1_5_until.is_some_and(|until| now < until)
    }
}
