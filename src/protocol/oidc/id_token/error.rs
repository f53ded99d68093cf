//! Why an ID token proves nothing.

use std::time::Duration;

use super::super::super::jose::JwsError;
use super::super::claim::Impossible;
use crate::model::fault::{Fault, Refusal};

/// Why an ID token is refused: one variant per check, in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Signature, header or encoding.
    #[error("ID token: {0}")]
    Signature(JwsError),
    /// A claim that must be there is not.
    #[error("ID token without {0}")]
    Missing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("ID token with an impossible {0}")]
    Type(&'static str),
    /// `iss` is another issuer.
    #[error("ID token of issuer {found:?}, expected {expected:?}")]
    Issuer {
        /// `iss`, shortened.
        found: String,
        /// The configured issuer.
        expected: String,
    },
    /// `aud` is not the broker alone.
    #[error("ID token for audience {found:?}, expected {expected:?} alone")]
    Audience {
        /// `aud`, joined and shortened.
        found: String,
        /// The broker's client id.
        expected: String,
    },
    /// `azp` is not the broker.
    #[error("ID token for authorized party {0:?}")]
    AuthorizedParty(String),
    /// `exp` has passed.
    #[error("ID token expired {0:?} ago")]
    Expired(Duration),
    /// A time lies in the future by more than the skew.
    #[error("ID token's {0} lies {1:?} in the future")]
    Future(&'static str, Duration),
    /// `nonce` is not the one sent.
    #[error("ID token's nonce is not the one that was sent")]
    Nonce,
    /// `at_hash` or `c_hash` does not fit what came with the token.
    #[error("ID token's {0} does not fit")]
    Hash(&'static str),
    /// The person authenticated too long ago.
    #[error("the person authenticated {0:?} before the request, which is too long")]
    TooOld(Duration),
    /// `sub` is empty, too long, or has characters that no subject has.
    #[error("ID token's sub is not 1 to 255 printable ASCII characters")]
    Subject,
}

impl From<Impossible> for IdTokenError {
    fn from(Impossible(claim): Impossible) -> Self {
        Self::Type(claim)
    }
}

impl Refusal for IdTokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Signature(error) => error.code(),
            Self::Missing("nonce") => "id_token_nonce_missing",
            Self::Missing(_) => "id_token_claim_missing",
            Self::Type(_) => "id_token_claim_malformed",
            Self::Issuer { .. } => "id_token_issuer_mismatch",
            Self::Audience { .. } => "id_token_audience_mismatch",
            Self::AuthorizedParty(_) => "id_token_azp_mismatch",
            Self::Expired(_) => "id_token_expired",
            Self::Future(..) => "id_token_from_the_future",
            Self::Nonce => "id_token_nonce_mismatch",
            Self::Hash("at_hash") => "id_token_at_hash_mismatch",
            Self::Hash(_) => "id_token_c_hash_mismatch",
            Self::TooOld(_) => "id_token_authentication_too_old",
            Self::Subject => "id_token_subject_unusable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Issuer { .. } | Self::Audience { .. } => Fault::Pool,
            Self::TooOld(_) => Fault::Visitor,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Signature(error) => error.hint(),
            Self::Missing("nonce") => {
                "the provider must copy nonce into its ID tokens (OpenID Connect Core section 3.1.2.1)".into()
            }
            Self::Missing("auth_time") => {
                "the app asked to sign in anew, which only auth_time proves: the provider must send it \
                 (OpenID Connect Core section 2), or set request.max_age = false for this provider to take \
                 its word"
                    .into()
            }
            Self::Missing(name) | Self::Type(name) => {
                format!("the provider must send a well-formed {name} in its ID tokens")
            }
            Self::Issuer { found, .. } => {
                format!("set issuer of this provider to {found:?} if that is the provider you mean")
            }
            Self::Audience { .. } | Self::AuthorizedParty(_) => {
                "compare client_id of this provider with the provider's console".into()
            }
            Self::Expired(_) | Self::Future(..) => {
                "compare the clocks of the provider and of this server".into()
            }
            Self::Nonce => {
                "the token belongs to another sign-in: start again; if it happens every time, the provider \
                alters nonce"
                    .into()
            }
            Self::Hash(_) => "the token does not belong to the access token or code that came with it; the \
                provider is at fault"
                .into(),
            Self::TooOld(_) => {
                "sign in at the provider again, with the password rather than an existing session".into()
            }
            Self::Subject => {
                "the provider must send a stable sub of 1 to 255 printable ASCII characters".into()
            }
        }
    }
    fn expected(&self) -> Option<String> {
        match self {
            Self::Signature(error) => error.expected(),
            Self::Issuer { expected, .. } | Self::Audience { expected, .. } => Some(expected.clone()),
            Self::Expired(_) => Some("a token that is still valid".to_owned()),
            Self::Future(..) => Some("a time in the past".to_owned()),
            Self::Nonce => Some("the nonce of the authorization request".to_owned()),
            Self::Missing(name) => Some(format!("a claim {name}")),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Signature(error) => error.received(),
            Self::Issuer { found, .. } | Self::Audience { found, .. } | Self::AuthorizedParty(found) => {
                Some(found.clone())
            }
            Self::Expired(by) => Some(format!("one that expired {} s ago", by.as_secs())),
            Self::Future(name, by) => Some(format!("{name} is {} s from now", by.as_secs())),
            Self::Nonce => Some("another one".to_owned()),
            _ => None,
        }
    }
}
