//! Why the token endpoint refuses, one variant per failed check, with the error code that the app reads.

use crate::model::client::Grant;
use crate::model::fault::{Fault, Refusal};
use crate::store::StoreError;
use crate::token::issue::IssueError;

/// A refused token request ([RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
#[derive(Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// A required parameter is absent or empty.
    #[error("parameter {0} is missing")]
    Missing(&'static str),
    /// A grant type that this server does not have.
    #[error("grant_type is none of authorization_code, refresh_token, client_credentials")]
    UnsupportedGrant,
    /// A grant that this client may not use.
    #[error("this client may not use {}", .0.as_str())]
    GrantNotAllowed(Grant),
    /// Not a code of this pool, or forgotten.
    #[error("unknown or expired code")]
    UnknownCode,
    /// The code was presented before.
    #[error("the code was used before; what it issued is revoked")]
    SpentCode,
    /// The code was made for another client.
    #[error("the code was issued to another client")]
    ForeignCode,
    /// `redirect_uri` is not the one of the authorization request.
    #[error("redirect_uri differs from the authorization request")]
    RedirectMismatch {
        /// What came, if anything did.
        came: Option<String>,
        /// What the authorization request had.
        asked: String,
    },
    /// A challenge was sent, no verifier came.
    #[error("code_verifier is missing")]
    VerifierMissing,
    /// No challenge was sent, a verifier came ([RFC 9700 section
    /// 4.8.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.8.2)).
    #[error("code_verifier came without a code_challenge in the authorization request")]
    VerifierUnasked,
    /// The verifier does not hash to the challenge, or has a wrong length or alphabet.
    #[error("code_verifier does not match the code_challenge")]
    VerifierMismatch,
    /// Not a refresh token of this pool.
    #[error("unknown refresh token")]
    UnknownRefreshToken,
    /// The family was revoked or is over.
    #[error("the refresh token was revoked or is expired")]
    FamilyEnded,
    /// The refresh token belongs to another client.
    #[error("the refresh token was issued to another client")]
    ForeignRefreshToken,
    /// A replaced token came again.
    #[error("the refresh token was used before; its family is revoked")]
    RefreshTokenReused,
    /// The code or refresh token is bound to a key or certificate that did not come along.
    #[error("the grant is bound to another DPoP key or certificate")]
    OtherSender,
    /// The user signed out everywhere since.
    #[error("the user has signed out")]
    SignedOut,
    /// The user is disabled or deleted.
    #[error("the user is disabled or deleted")]
    UserRefused,
    /// The client may no longer use the provider of the sign-in.
    #[error("the sign-in's provider is no longer allowed for this client")]
    ProviderWithdrawn,
    /// `scope` is malformed or asks for more than was granted.
    #[error("scope is malformed or exceeds what was granted")]
    Scope,
    /// `resource` is not the one that was granted.
    #[error("resource was not granted")]
    Target,
    /// Too many changes at once; nothing was decided.
    #[error("the grant kept changing while it was used")]
    Busy,
    /// The store did not answer.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The tokens could not be signed.
    #[error("issuing: {0}")]
    Issue(#[from] IssueError),
}

impl TokenRefusal {
    /// The `error` member of the answer.
    pub fn oauth_error(&self) -> &'static str {
        match self {
            Self::Missing(_) => "invalid_request",
            Self::UnsupportedGrant => "unsupported_grant_type",
            Self::GrantNotAllowed(_) => "unauthorized_client",
            Self::UnknownCode
            | Self::SpentCode
            | Self::ForeignCode
            | Self::RedirectMismatch { .. }
            | Self::VerifierMissing
            | Self::VerifierUnasked
            | Self::VerifierMismatch
            | Self::UnknownRefreshToken
            | Self::FamilyEnded
            | Self::ForeignRefreshToken
            | Self::RefreshTokenReused
            | Self::OtherSender
            | Self::SignedOut
            | Self::UserRefused
            | Self::ProviderWithdrawn => "invalid_grant",
            Self::Scope => "invalid_scope",
            Self::Target => "invalid_target",
            Self::Busy | Self::Store(_) => "temporarily_unavailable",
            Self::Issue(_) => "server_error",
        }
    }
}

impl Refusal for TokenRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "token_parameter_missing",
            Self::UnsupportedGrant => "token_grant_unsupported",
            Self::GrantNotAllowed(_) => "token_grant_not_allowed",
            Self::UnknownCode => "code_unknown",
            Self::SpentCode => "code_spent",
            Self::ForeignCode => "code_of_other_client",
            Self::RedirectMismatch { .. } => "code_redirect_uri_mismatch",
            Self::VerifierMissing => "code_verifier_missing",
            Self::VerifierUnasked => "code_verifier_unasked",
            Self::VerifierMismatch => "code_verifier_mismatch",
            Self::UnknownRefreshToken => "refresh_token_unknown",
            Self::FamilyEnded => "refresh_token_ended",
            Self::ForeignRefreshToken => "refresh_token_of_other_client",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::OtherSender => "grant_of_other_sender",
            Self::SignedOut => "user_signed_out",
            Self::UserRefused => "user_disabled_or_deleted",
            Self::ProviderWithdrawn => "provider_withdrawn",
            Self::Scope => "token_scope",
            Self::Target => "token_resource",
            Self::Busy => "grant_contended",
            Self::Store(error) => error.code(),
            Self::Issue(_) => "token_not_issued",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::SignedOut | Self::UserRefused => Fault::Visitor,
            Self::GrantNotAllowed(_) | Self::ProviderWithdrawn => Fault::Pool,
            Self::Busy | Self::Store(_) | Self::Issue(_) => Fault::Us,
            _ => Fault::App,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing(name) => format!("send {name} in the form that is the body of the request"),
            Self::UnsupportedGrant => "send grant_type authorization_code, refresh_token or \
                client_credentials"
                .into(),
            Self::GrantNotAllowed(grant) => {
                format!("add {:?} to the client's grants, or use another grant", grant.as_str())
            }
            Self::UnknownCode => "redeem the code unaltered, once, within its life, at the pool that made \
                it; else sign in again"
                .into(),
            Self::SpentCode => "redeem each code once: a page that is loaded again must not redeem the code \
                of its URL again"
                .into(),
            Self::ForeignCode | Self::ForeignRefreshToken => "use the client_id with which the sign-in was \
                begun"
                .into(),
            Self::RedirectMismatch { asked, .. } => {
                format!("send redirect_uri {asked:?}, byte for byte that of the authorization request")
            }
            Self::VerifierMissing => {
                "send code_verifier: keep the one whose S256 challenge is sent with the authorization \
                 request until its code comes back (in sessionStorage or the app's session, under the \
                 request's state)"
                    .into()
            }
            Self::VerifierMismatch => {
                "send the code_verifier of this very authorization request: it was lost or overwritten, for \
                 example by a second tab; keep one for each state"
                    .into()
            }
            Self::VerifierUnasked => "send code_challenge with the authorization request, or no \
                code_verifier with the code"
                .into(),
            Self::UnknownRefreshToken | Self::FamilyEnded | Self::SignedOut => "sign in again".into(),
            Self::RefreshTokenReused => "store the newest refresh_token of each answer; sign in again".into(),
            Self::OtherSender => "use the DPoP key or certificate with which the sign-in was begun".into(),
            Self::UserRefused => "ask the pool's administrator to enable the user".into(),
            Self::ProviderWithdrawn => "put the provider back on the client's list, or sign in with another \
                one"
            .into(),
            Self::Scope => "ask for no more than the scopes that were granted".into(),
            Self::Target => "send the resource of the authorization request, or none".into(),
            Self::Store(error) => error.hint(),
            Self::Busy | Self::Issue(_) => "try again; if it stays, look at this server's health".into(),
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Store(_))
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::RedirectMismatch { asked, .. } => Some(asked.clone()),
            Self::VerifierMissing => Some("a code_verifier".to_owned()),
            Self::VerifierMismatch => {
                Some("the code_verifier whose SHA-256 is the code_challenge".to_owned())
            }
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::RedirectMismatch { came, .. } => Some(came.clone().unwrap_or_else(|| "none".to_owned())),
            Self::VerifierMissing => Some("none".to_owned()),
            Self::VerifierMismatch => Some("another one".to_owned()),
            _ => None,
        }
    }
}
