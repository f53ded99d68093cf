//! The claims about the person behind an access token ([OpenID Connect Core section
//! 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)).

use super::access_token_check::{AccessRefusal, living_access};
use super::dpop::{DpopRefusal, DpopRequest, prove};
use super::issuer::Issuer;
use crate::model::client_authentication::Confirmation;
use crate::model::identity::Claims;
use crate::token::claims;

/// Under which scheme an access token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`, or in a form.
    Bearer,
    /// `DPoP`.
    Dpop,
}

/// What came with an access token, and with what request.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The token's scheme.
    pub scheme: Scheme,
    /// The DPoP proof beside it.
    pub proof: Option<&'a str>,
    /// The thumbprint of the sender's certificate.
    pub certificate: Option<&'a str>,
    /// The request's method.
    pub method: &'a str,
    /// The endpoint's path.
    pub path: &'a str,
}

/// Why userInfo has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoRefusal {
    /// The token is not good.
    #[error("{0}")]
    Access(#[from] AccessRefusal),
    /// The DPoP proof is not good.
    #[error("{0}")]
    Dpop(#[from] DpopRefusal),
    /// The token is bound to something else than what came with it, or came under the scheme of another kind
    /// of token.
    #[error("the access token is not bound to what came with it")]
    Binding {
        /// Whether it is bound to a DPoP key, or came as if it were.
        dpop: bool,
    },
    /// The token lacks `openid`, or stands for an app and not for a person.
    #[error("the token was not granted openid")]
    Scope,
}

/// The attributes that the token's scopes show, as the directory knows them now.
pub async fn user_info(issuer: &Issuer<'_>, raw: &str, shown: &Shown<'_>) -> Result<Claims, UserInfoRefusal> {
    let access = living_access(issuer, raw).await?;
    held_by_sender(issuer, raw, access.claims().confirmation(), shown).await?;
    let scopes = access.claims().scopes();
    match access.user() {
        Some(user) if scopes.contains("openid") => Ok(claims::user_info(issuer.grants.pool, user, scopes)),
        _ => Err(UserInfoRefusal::Scope),
    }
}

/// Whether a bound token came from whom it is bound to, and only then under the scheme of such tokens: no
/// downgrade to `Bearer`.
async fn held_by_sender(
    issuer: &Issuer<'_>,
    raw: &str,
    bound: Option<&Confirmation>,
    shown: &Shown<'_>,
) -> Result<(), UserInfoRefusal> {
    match (bound, shown.scheme) {
        (None, Scheme::Bearer) => Ok(()),
        (Some(Confirmation::Jkt(jkt)), Scheme::Dpop) => {
            let proof = shown.proof.ok_or(DpopRefusal::Missing)?;
            let asked =
                DpopRequest { method: shown.method, path: shown.path, access_token: Some(raw), nonce: false };
            if prove(issuer, asked, proof).await? == *jkt {
                Ok(())
            } else {
                Err(UserInfoRefusal::Binding { dpop: true })
            }
        }
        (Some(Confirmation::Certificate(x5t)), Scheme::Bearer) if shown.certificate == Some(x5t) => Ok(()),
        (Some(Confirmation::Certificate(_)), _) => Err(UserInfoRefusal::Binding { dpop: false }),
        (None | Some(Confirmation::Jkt(_)), _) => Err(UserInfoRefusal::Binding { dpop: true }),
    }
}
