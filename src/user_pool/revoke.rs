//! Ending one family by its refresh token ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)).

use super::issuer::Issuer;
use crate::model::client::Client;
use crate::store::StoreError;
use crate::token::verify;

/// Why a revocation is refused.
#[derive(Debug, thiserror::Error)]
pub enum RevokeRefusal {
    /// An access token: it has no record of its own; the refresh token ends it.
    #[error("only refresh tokens can be revoked; revoking one ends its access tokens too")]
    UnsupportedTokenType,
    /// The refresh token of another client; it stays good.
    #[error("the token was issued to another client")]
    ForeignToken,
    /// The store did not answer.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

/// Ends the family of `token` for `client`, which has authenticated. Unknown and ended tokens are fine. Any
/// token that the family ever had will do: who holds a replaced one wants the family to end all the same.
/// `token_type_hint` is not needed.
pub async fn revoke(issuer: &Issuer<'_>, client: &Client, token: &str) -> Result<(), RevokeRefusal> {
    let Some(ticket) = issuer.grants.open_refresh_token(token) else {
        let access = verify::access(token, issuer.grants.pool, issuer.keys, issuer.now);
        return if access.is_ok() { Err(RevokeRefusal::UnsupportedTokenType) } else { Ok(()) };
    };
    let held = issuer.grants.load(&ticket.sub, &ticket.family).await?;
    if held.is_some_and(|held| held.family.client != client.id) {
        return Err(RevokeRefusal::ForeignToken);
    }
    // Also when nothing is found: what is over by a clock that is wrong comes back when the clock is set
    // right.
    issuer.grants.revoke(&ticket.sub, &ticket.family).await?;
    Ok(())
}
