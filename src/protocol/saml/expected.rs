//! What a SAML response is held to: who may answer, what it answers, how old it may be, and what one provider
//! may do that others may not.

use std::time::Duration;

use super::certificate::Certificate;
use super::encryption::DecryptionKey;
use crate::model::time::Timestamp;

/// Clock difference that is forgiven unless a provider says otherwise.
pub const SKEW: Duration = Duration::from_secs(60);
/// The largest clock difference that can be forgiven.
pub const MAX_SKEW: Duration = Duration::from_secs(120);
/// The age from which on no answer to a request is accepted, whatever it says of itself.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// What a response must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The IdP's entity id.
    pub idp: &'a str,
    /// Our entity id towards this IdP.
    pub audience: &'a str,
    /// Our assertion consumer service towards this IdP: where the response arrived.
    pub acs: &'a str,
    /// What it answers.
    pub request: ResponseTo<'a>,
    /// The IdP's signing certificates; with none, everything is refused (C-30).
    pub keys: &'a [Certificate],
    /// Our active private keys for decryption.
    pub decryption: &'a [DecryptionKey],
    /// What this provider may do that others may not.
    pub rules: ResponseRules,
    /// The authentication contexts that were asked for as `exact`; empty if any will do.
    pub authn_context: &'a [String],
    /// How long before the request (or before now, without request) the person may have authenticated; zero
    /// for `ForceAuthn`.
    pub max_age: Option<Duration>,
}

/// Why a response may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseTo<'a> {
    /// A request was sent.
    Request {
        /// Its ID.
        id: &'a str,
        /// When.
        sent: Timestamp,
    },
    /// None was: the sign-in began at the IdP.
    Nothing {
        /// How old the response may be.
        max_age: Duration,
    },
}

impl ResponseTo<'_> {
    pub(super) const fn sent(&self) -> Option<Timestamp> {
        match self {
            Self::Request { sent, .. } => Some(*sent),
            Self::Nothing { .. } => None,
        }
    }

    pub(super) const fn max_age(&self) -> Duration {
        match self {
            Self::Request { .. } => MAX_AGE,
            Self::Nothing { max_age } => *max_age,
        }
    }
}

/// What one provider may do that others may not. Dated permissions have been compared with now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseRules {
    /// Clock difference that is forgiven; more than [`MAX_SKEW`] counts as that.
    pub skew: Duration,
    /// SHA-1 in signatures.
    pub sha1: bool,
    /// RSA PKCS#1 1.5 key transport.
    pub rsa_1_5: bool,
    /// AES-CBC without a verified signature over the ciphertext.
    pub unauthenticated_cbc: bool,
}

impl Default for ResponseRules {
    fn default() -> Self {
        Self { skew: SKEW, sha1: false, rsa_1_5: false, unauthenticated_cbc: false }
    }
}
