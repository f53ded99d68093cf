//! Why a logout token signs nobody out.

use std::time::Duration;

use super::super::super::jose::JwsError;
use super::super::claim::Impossible;
use crate::model::fault::{Fault, Refusal};

/// Why a logout token is refused: one variant per check, in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutTokenError {
    /// Signature, header or encoding.
    #[error("logout token: {0}")]
    Signature(JwsError),
    /// `typ` says that it is another kind of token.
    #[error("a token of type {0:?}, which is no logout token")]
    OtherType(String),
    /// A claim that must be there is not.
    #[error("logout token without {0}")]
    Missing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("logout token with an impossible {0}")]
    Type(&'static str),
    /// `iss` is another issuer.
    #[error("logout token of issuer {found:?}, expected {expected:?}")]
    Issuer {
        /// `iss`, shortened.
        found: String,
        /// The configured issuer.
        expected: String,
    },
    /// `aud` is not the broker alone.
    #[error("logout token for audience {found:?}, expected {expected:?} alone")]
    Audience {
        /// `aud`, joined and shortened.
        found: String,
        /// The broker's client id.
        expected: String,
    },
    /// `exp` has passed.
    #[error("logout token expired {0:?} ago")]
    Expired(Duration),
    /// It would be good for longer than a used token is remembered.
    #[error("logout token expires only in {0:?}")]
    TooLong(Duration),
    /// `iat` lies in the future by more than the skew.
    #[error("logout token's iat lies {0:?} in the future")]
    Future(Duration),
    /// `events` does not say that somebody was signed out.
    #[error("logout token whose events have no back-channel logout, or not as an object")]
    OtherEvent,
    /// `nonce` is there, as in an ID token.
    #[error("logout token with a nonce, which only an ID token has")]
    Nonce,
    /// Neither `sub` nor `sid`.
    #[error("logout token with neither sub nor sid")]
    Nobody,
}

impl From<Impossible> for LogoutTokenError {
    fn from(Impossible(claim): Impossible) -> Self {
        Self::Type(claim)
    }
}

impl Refusal for LogoutTokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Signature(error) => error.code(),
            Self::OtherType(_) => "logout_token_other_type",
            Self::Missing(_) => "logout_token_claim_missing",
            Self::Type(_) => "logout_token_claim_malformed",
            Self::Issuer { .. } => "logout_token_issuer_mismatch",
            Self::Audience { .. } => "logout_token_audience_mismatch",
            Self::Expired(_) => "logout_token_expired",
            Self::TooLong(_) => "logout_token_lasts_too_long",
            Self::Future(_) => "logout_token_from_the_future",
            Self::OtherEvent => "logout_token_other_event",
            Self::Nonce => "logout_token_with_nonce",
            Self::Nobody => "logout_token_names_nobody",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Issuer { .. } | Self::Audience { .. } => Fault::Pool,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Signature(error) => error.hint(),
            Self::OtherType(_) => "the provider must post a logout token, whose typ is logout+jwt, and no \
                other token"
                .into(),
            Self::Missing(name) | Self::Type(name) => {
                format!(
                    "the provider must send a well-formed {name} in its logout tokens (Back-Channel Logout \
                    section 2.4)"
                )
            }
            Self::Issuer { found, .. } => {
                format!(
                    "this address is of another provider than {found:?}: register there the address that \
                    ends with its own name here"
                )
            }
            Self::Audience { .. } => "compare client_id of this provider with the client for which this \
                address is registered there"
                .into(),
            Self::Expired(_) | Self::Future(_) => {
                "compare the clocks of the provider and of this server".into()
            }
            Self::TooLong(_) => "the provider must let its logout tokens expire within a day; two minutes \
                are usual"
                .into(),
            Self::OtherEvent => {
                format!(
                    "the provider must say {:?} in events of its logout tokens, with an object as its value",
                    super::EVENT
                )
            }
            Self::Nonce => "the provider must leave nonce out of its logout tokens (Back-Channel Logout \
                section 2.4)"
                .into(),
            Self::Nobody => "the provider must say in sub or sid whom it signed out; set \
                backchannel_logout_session_required there"
                .into(),
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Signature(error) => error.expected(),
            Self::OtherType(_) => Some("logout+jwt".to_owned()),
            Self::Issuer { expected, .. } | Self::Audience { expected, .. } => Some(expected.clone()),
            Self::Expired(_) => Some("a token that is still valid".to_owned()),
            Self::Future(_) => Some("a time in the past".to_owned()),
            Self::Missing(name) => Some(format!("a claim {name}")),
            Self::OtherEvent => Some(super::EVENT.to_owned()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Signature(error) => error.received(),
            Self::OtherType(found) | Self::Issuer { found, .. } | Self::Audience { found, .. } => {
                Some(found.clone())
            }
            Self::Expired(by) => Some(format!("one that expired {} s ago", by.as_secs())),
            Self::TooLong(by) => Some(format!("one that expires in {} s", by.as_secs())),
            Self::Future(by) => Some(format!("iat is {} s from now", by.as_secs())),
            _ => None,
        }
    }
}
