//! The claims about the person behind an access token ([OpenID Connect Core section 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)).

use super::access::{AccessRefusal, living_access};
use super::issuer::Issuer;
use crate::model::identity::Claims;
use crate::token::claims;

/// Why userInfo has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoRefusal {
    /// The token is not good.
    #[error("{0}")]
    Access(#[from] AccessRefusal),
    /// The token lacks `openid`, or stands for an app and not for a person.
    #[error("the token was not granted openid")]
    Scope,
}

/// The attributes that the token's scopes show, as the directory knows them now.
pub async fn user_info(issuer: &Issuer<'_>, raw: &str) -> Result<Claims, UserInfoRefusal> {
    let access = living_access(issuer, raw).await?;
    let scopes = access.claims().scopes();
    match access.user() {
        Some(user) if scopes.contains("openid") => Ok(claims::user_info(issuer.grants.pool, user, scopes)),
        _ => Err(UserInfoRefusal::Scope),
    }
}
