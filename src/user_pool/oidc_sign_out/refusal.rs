//! Why a provider's sign-out is not honoured.

use crate::model::fault::{Fault, Refusal};
use crate::outside::upstreams::UpstreamError;
use crate::protocol::oidc::logout_token::LogoutTokenError;
use crate::store::StoreError;

/// Why a provider of OpenID Connect signs nobody out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutRefusal {
    /// No provider of this name may sign people out in this way.
    #[error("no provider {0:?} signs people out at this address")]
    NotOffered(String),
    /// The request holds no logout token.
    #[error("the request is no form with one logout_token: {0}")]
    Request(String),
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] LogoutTokenError),
    /// The token was used before.
    #[error("the logout token {0:?} was used before")]
    Replayed(String),
    /// A frame without `iss` or `sid`: any page could load it for anybody.
    #[error("a sign-out in a frame without {0}")]
    FrameIncomplete(&'static str),
    /// A frame of another issuer.
    #[error("a sign-out in a frame of issuer {found:?}, expected {expected:?}")]
    OtherIssuer {
        /// `iss`, shortened.
        found: String,
        /// The configured issuer.
        expected: String,
    },
    /// A frame with a `sid` that could be guessed.
    #[error("a sign-out in a frame with a sid that could be guessed")]
    Guessable,
    /// The provider's keys are not to be had.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LogoutRefusal {
    /// The `error` that the provider reads. What went wrong on our side, or between us, is not told it.
    pub fn oauth_error(&self) -> &'static str {
        match self {
            Self::Upstream(_) | Self::Store(_) => "temporarily_unavailable",
            _ => "invalid_request",
        }
    }

    fn inner(&self) -> Option<&dyn Refusal> {
        match self {
            Self::Token(error) => Some(error),
            Self::Upstream(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl Refusal for LogoutRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotOffered(_) => "logout_not_offered",
            Self::Request(_) => "logout_request_malformed",
            Self::Replayed(_) => "logout_token_replayed",
            Self::FrameIncomplete(_) => "logout_frame_incomplete",
            Self::OtherIssuer { .. } => "logout_frame_issuer_mismatch",
            Self::Guessable => "logout_frame_sid_guessable",
            Self::Token(_) | Self::Upstream(_) | Self::Store(_) => {
                self.inner().map_or("logout", Refusal::code)
            }
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotOffered(_) | Self::OtherIssuer { .. } => Fault::Pool,
            Self::Request(_) | Self::Replayed(_) | Self::FrameIncomplete(_) | Self::Guessable => {
                Fault::Provider
            }
            Self::Token(_) | Self::Upstream(_) | Self::Store(_) => {
                self.inner().map_or(Fault::Us, Refusal::fault)
            }
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotOffered(_) => {
                "set backchannel_logout or frontchannel_logout of the provider, if its sign-outs count here; \
                 the address ends with its name"
                    .into()
            }
            Self::Request(_) => "the provider must post logout_token, once, as a form (Back-Channel Logout \
                section 2.5)"
                .into(),
            Self::Replayed(_) => "a logout token counts once: the provider must make a new one for every \
                sign-out"
                .into(),
            Self::FrameIncomplete(_) => {
                "set frontchannel_logout_session_required at the provider: without iss and sid, any page \
                 could sign people out by an image"
                    .into()
            }
            Self::OtherIssuer { found, .. } => {
                format!(
                    "this address is of another provider than {found:?}: register there the address that \
                    ends with its own name here"
                )
            }
            Self::Guessable => "use backchannel_logout with this provider: what it calls a session is too \
                short to be a secret"
                .into(),
            Self::Token(_) | Self::Upstream(_) | Self::Store(_) => {
                self.inner().map(Refusal::hint).unwrap_or_default()
            }
        }
    }

    fn retryable(&self) -> bool {
        self.inner().is_some_and(Refusal::retryable)
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::OtherIssuer { expected, .. } => Some(expected.clone()),
            Self::FrameIncomplete(name) => Some(format!("a parameter {name}")),
            other => other.inner().and_then(Refusal::expected),
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::OtherIssuer { found, .. } => Some(found.clone()),
            other => other.inner().and_then(Refusal::received),
        }
    }
}
