//! External identities: what a provider proved about a person, before any mapping.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::encoding::{base64url, sha256};
use super::ids::ProviderName;
use super::time::Timestamp;

/// Claims as the provider sent them, in its order.
pub type Claims = Map<String, Value>;

/// The key under which a person is known: byte-exact (provider, issuer or tenant, subject). E-mail is never
/// part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdentityKey {
    /// The provider as named in the pool.
    pub provider: ProviderName,
    /// The provider's issuer or tenant; empty for OAuth 2 providers without one.
    pub issuer: String,
    /// The subject, byte-exact.
    pub subject: String,
}

impl IdentityKey {
    /// A fixed-length digest for store keys: base64url of SHA-256 over the length-prefixed parts.
    pub fn digest(&self) -> String {
        let mut bytes = Vec::new();
        for part in [self.provider.as_str(), &self.issuer, &self.subject] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        base64url(sha256(bytes))
    }

    /// Cognito's user name of a federated user. Two people may share it: it has neither issuer nor tenant.
    pub fn username(&self) -> String {
        format!("{}_{}", self.provider, self.subject)
    }
}

/// What a provider proved: the input of the mapping. Made only by the protocol checks.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalIdentity {
    /// Who this is.
    pub key: IdentityKey,
    /// Every claim of ID token, userinfo or profile call, merged; the ID token wins.
    pub claims: Arc<Claims>,
    /// Claims that came unsigned through the browser (Apple's `user` form field): never a source for e-mail.
    pub unsigned: Claims,
    /// Whether the provider's own rule says that `claims.email` belongs to this person.
    pub email_verified: bool,
    /// When the person authenticated at the provider: its `auth_time`, else now.
    pub authenticated_at: Timestamp,
    /// What ending the sign-in at the provider needs.
    pub upstream: Option<UpstreamSession>,
}

/// What the provider's end-session endpoint wants to hear later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSession {
    /// The provider as named in the pool.
    pub provider: ProviderName,
    /// `sid` of the provider's ID token, where the provider may end what came of it.
    pub sid: Option<String>,
    /// The subject at the provider.
    pub subject: String,
    /// What a SAML provider calls this sign-in.
    pub saml: Option<SamlSession>,
}

/// What a SAML provider calls a sign-in: the words of both sides' LogoutRequests
/// ([SAML Core section 3.7.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlSession {
    /// The NameID, as the assertion had it.
    pub name_id: String,
    /// `Format` of the NameID.
    pub format: Option<String>,
    /// `NameQualifier` of the NameID.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier` of the NameID.
    pub sp_name_qualifier: Option<String>,
    /// `SessionIndex`.
    pub session_index: Option<String>,
    /// `SessionNotOnOrAfter`: the end of the sign-in at the provider, and so of what came of it here.
    pub ends: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-03: moving bytes from one part to the next is another person.
    #[test]
    fn the_parts_of_a_key_do_not_run_together() {
        let key = |issuer: &str, subject: &str| {
            IdentityKey {
                provider: ProviderName::parse("Acme").unwrap(),
                issuer: issuer.into(),
                subject: subject.into(),
            }
            .digest()
        };
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("a", "C"), key("a", "c"));
        assert_eq!(key("a", "c"), key("a", "c"));
    }
}
