//! Why a sign-in at a provider did not succeed.

use super::SamlRefusal;
use crate::model::fault::{Fault, Refusal};
use crate::model::ids::ProviderName;
use crate::outside::upstreams::UpstreamError;
use crate::protocol::jose::SigningKeyError;
use crate::protocol::oauth2::profile::ProfileError;
use crate::protocol::oauth2::token_request::TokenError;
use crate::protocol::oidc::callback::CallbackError;
use crate::protocol::oidc::id_token::IdTokenError;
use crate::protocol::oidc::request::RequestError;
use crate::protocol::oidc::userinfo::UserinfoError;
use crate::provider::quirk_error::QuirkError;

/// Why there is no identity. `Display` is for the log: bounded, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FederationError {
    /// The provider is switched off, or was taken away since the flow began.
    #[error("the provider is disabled or not there any more")]
    Disabled,
    /// The provider signed the person out while the sign-in was under way (B-46).
    #[error("the provider signed the person out while the sign-in was under way")]
    SignedOutThere,
    /// The flow was sent to another provider (B-20).
    #[error("the flow is at provider {asked}, not {used}")]
    OtherProvider {
        /// Where the browser was sent.
        asked: ProviderName,
        /// Whose rules were about to be used.
        used: ProviderName,
    },
    /// The provider speaks another protocol than the endpoint at which it was used.
    #[error("the provider speaks SAML, not OAuth 2")]
    OtherProtocol,
    /// The provider answered with an error instead of a code.
    #[error("the provider answered {error:?}: {description:?}")]
    Answered {
        /// `error`.
        error: String,
        /// `error_description`.
        description: String,
    },
    /// The settings contradict the authorization request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The answer through the browser is refused.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The provider could not be asked.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The key for client authentication is unusable.
    #[error("client authentication: {0}")]
    ClientKey(#[from] SigningKeyError),
    /// The code was not redeemed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An OpenID provider gave no ID token.
    #[error("the token endpoint's answer has no id_token")]
    NoIdToken,
    /// The access token cannot stand in a header.
    #[error("the provider's access token has characters that no token has")]
    AccessTokenUnusable,
    /// A rule of this provider needs a client secret, and there is none.
    #[error("this provider's rules need a client secret")]
    NoAppSecret,
    /// The ID token proves nothing.
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
    /// Userinfo is refused.
    #[error(transparent)]
    Userinfo(#[from] UserinfoError),
    /// The profile calls name nobody.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A rule of the provider or pool refuses this account.
    #[error(transparent)]
    Quirk(#[from] QuirkError),
    /// The SAML exchange.
    #[error(transparent)]
    Saml(#[from] SamlRefusal),
}

impl FederationError {
    /// The `error` that the app receives ([RFC 6749 section
    /// 4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
    pub fn oauth_error(&self) -> &'static str {
        match self {
            Self::Answered { error, .. } => answered(error),
            Self::Quirk(error) if error.fault() == Fault::Visitor => "access_denied",
            Self::SignedOutThere | Self::IdToken(IdTokenError::TooOld(_)) => "access_denied",
            Self::Saml(error) if error.oauth_error().is_some() => {
                error.oauth_error().unwrap_or("server_error")
            }
            _ if self.retryable() => "temporarily_unavailable",
            _ => "server_error",
        }
    }

    fn inner(&self) -> Option<&dyn Refusal> {
        Some(match self {
            Self::Request(error) => error,
            Self::Callback(error) => error,
            Self::Upstream(error) => error,
            Self::ClientKey(error) => error,
            Self::Token(error) => error,
            Self::IdToken(error) => error,
            Self::Userinfo(error) => error,
            Self::Profile(error) => error,
            Self::Quirk(error) => error,
            Self::Saml(error) => error,
            Self::Disabled
            | Self::SignedOutThere
            | Self::OtherProvider { .. }
            | Self::OtherProtocol
            | Self::Answered { .. }
            | Self::NoIdToken
            | Self::AccessTokenUnusable
            | Self::NoAppSecret => return None,
        })
    }
}

impl Refusal for FederationError {
    fn code(&self) -> &'static str {
        match self {
            Self::Disabled => "provider_disabled",
            Self::SignedOutThere => "provider_signed_out",
            Self::OtherProvider { .. } => "provider_mix_up",
            Self::OtherProtocol => "provider_other_protocol",
            Self::Answered { error, .. } if answered(error) == "access_denied" => "provider_access_denied",
            Self::Answered { .. } => "provider_answered_error",
            Self::NoIdToken => "id_token_missing",
            Self::AccessTokenUnusable => "access_token_unusable",
            Self::NoAppSecret => "client_secret_missing",
            _ => self.inner().map_or("federation", Refusal::code),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Disabled | Self::NoAppSecret => Fault::Pool,
            Self::OtherProvider { .. } | Self::OtherProtocol | Self::SignedOutThere => Fault::Visitor,
            Self::Answered { error, .. } => match answered(error) {
                "server_error" if is_ours(error) => Fault::Pool,
                "server_error" | "temporarily_unavailable" => Fault::Provider,
                _ => Fault::Visitor,
            },
            Self::NoIdToken | Self::AccessTokenUnusable => Fault::Provider,
            _ => self.inner().map_or(Fault::Us, Refusal::fault),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Disabled => "enable this provider, or take it off the app's list".into(),
            Self::OtherProvider { .. } | Self::OtherProtocol | Self::SignedOutThere => {
                "start again from the app".into()
            }
            Self::Answered { error, .. } => match answered(error) {
                "server_error" if is_ours(error) => {
                    "compare client_id, callback URL, scopes and parameters of this provider with the \
                     provider's console"
                        .into()
                }
                "server_error" => "look up this error in the provider's documentation and logs".into(),
                "temporarily_unavailable" => "see the provider's status page and try again later".into(),
                _ => "sign in at the provider and agree there, or choose another way to sign in".into(),
            },
            Self::NoIdToken => {
                "ask for the scope openid; check that the provider is an OpenID provider".into()
            }
            Self::AccessTokenUnusable => {
                "the provider must hand out access tokens as RFC 6750 section 2.1 describes them".into()
            }
            Self::NoAppSecret => "give client_secret for this provider".into(),
            _ => self.inner().map(Refusal::hint).unwrap_or_default(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Answered { error, .. } => answered(error) == "temporarily_unavailable",
            _ => self.inner().is_some_and(Refusal::retryable),
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::OtherProvider { asked, .. } => Some(asked.to_string()),
            Self::Answered { .. } => Some("a code".to_owned()),
            _ => self.inner().and_then(Refusal::expected),
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::OtherProvider { used, .. } => Some(used.to_string()),
            Self::Answered { error, .. } => Some(format!("error {error}")),
            _ => self.inner().and_then(Refusal::received),
        }
    }
}

/// The provider's `error` as the app may hear it: its own words only where OAuth or OpenID Connect define
/// them.
fn answered(error: &str) -> &'static str {
    match error {
        "login_required" => "login_required",
        "interaction_required" => "interaction_required",
        "account_selection_required" => "account_selection_required",
        "consent_required" => "consent_required",
        "temporarily_unavailable" => "temporarily_unavailable",
        "access_denied" => "access_denied",
        // Apple's and LinkedIn's words for a person who turned back.
        cancelled if cancelled.starts_with("user_cancelled") => "access_denied",
        _ => "server_error",
    }
}

/// Whether the provider complains about the request that the broker made.
fn is_ours(error: &str) -> bool {
    matches!(
        error,
        "invalid_request"
            | "unauthorized_client"
            | "unsupported_response_type"
            | "invalid_scope"
            | "invalid_client"
            | "redirect_uri_mismatch"
    )
}
