//! Checking an access token: whether it is still good here, verified, and its family, user and app alive.
//! Apps that check offline see the first half only.

use futures_util::future::try_join;

use super::issuer::Issuer;
use super::token_refusal::TokenRefusal;
use crate::model::fault::{Fault, Refusal};
use crate::model::user::User;
use crate::store::StoreError;
use crate::token::verify::{self, AccessClaims, TokenError};

/// An access token that passed every check. Made only by [`living_access`].
#[derive(Debug)]
pub struct LivingAccess {
    claims: AccessClaims,
    user: Option<User>,
}

impl LivingAccess {
    /// What the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// The person as the directory knows them now; `None` for a machine's token.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }
}

/// Why an access token is refused here.
#[derive(Debug, thiserror::Error)]
pub enum AccessRefusal {
    /// It does not verify.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// Its family was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// The user signed out everywhere since.
    #[error("the user has signed out")]
    SignedOut,
    /// The user is disabled or deleted.
    #[error("the user is disabled or deleted")]
    UserRefused,
    /// The provider of the sign-in is disabled, or the app may no longer use it.
    #[error("the sign-in's provider is no longer allowed for this client")]
    ProviderWithdrawn,
    /// The app is disabled, or the token's family belongs to another one.
    #[error("the client is disabled or unknown")]
    ClientRefused,
    /// The store did not answer.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl Refusal for AccessRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Revoked => "access_token_revoked",
            Self::SignedOut => "user_signed_out",
            Self::UserRefused => "user_disabled_or_deleted",
            Self::ProviderWithdrawn => "provider_withdrawn",
            Self::ClientRefused => "client_disabled_or_deleted",
            Self::Store(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Token(error) => error.fault(),
            Self::Revoked | Self::SignedOut | Self::UserRefused => Fault::Visitor,
            Self::ProviderWithdrawn | Self::ClientRefused => Fault::Pool,
            Self::Store(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Token(error) => error.hint(),
            Self::Revoked | Self::SignedOut => "let the person sign in again".into(),
            Self::UserRefused => "enable the user, or let another person sign in".into(),
            Self::ProviderWithdrawn => {
                "enable the provider and list it for the client, or let the person sign in with another one"
                    .into()
            }
            Self::ClientRefused => "enable the client in the configuration".into(),
            Self::Store(error) => error.hint(),
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.retryable())
    }
}

/// Verifies `raw` and looks up what it stands for: one round trip to the state store, and one to the
/// directory beside it.
pub async fn living_access(issuer: &Issuer<'_>, raw: &str) -> Result<LivingAccess, AccessRefusal> {
    let pool = issuer.grants.pool;
    let claims = verify::access(raw, pool, issuer.keys, issuer.now)?;
    let client = pool.client(claims.client().as_str()).ok_or(AccessRefusal::ClientRefused)?;
    let (Some(sub), Some(family)) = (claims.sub(), claims.family()) else {
        return Ok(LivingAccess { claims, user: None });
    };
    let (held, user) = try_join(issuer.grants.load(sub, family), issuer.user(sub)).await?;
    let held = held.ok_or(AccessRefusal::Revoked)?;
    if held.family.client != *claims.client() {
        return Err(AccessRefusal::ClientRefused);
    }
    if !held.epoch.covers(&held.family.epoch) {
        return Err(AccessRefusal::SignedOut);
    }
    let user = issuer.admits(client, &held.family.sign_in, user).map_err(|refusal| match refusal {
        TokenRefusal::ProviderWithdrawn => AccessRefusal::ProviderWithdrawn,
        _ => AccessRefusal::UserRefused,
    })?;
    Ok(LivingAccess { claims, user: Some(user) })
}
