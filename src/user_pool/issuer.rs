//! Answering a grant with tokens: what every grant type needs for it, and the answer itself.

use super::token_refusal::TokenRefusal;
use crate::flow::next::Catalogue;
use crate::model::client::{Client, Grant};
use crate::model::client_authentication::Confirmation;
use crate::model::ids::Sub;
use crate::model::scope::Scopes;
use crate::model::session::SignIn;
use crate::model::time::Timestamp;
use crate::model::user::User;
use crate::outside::client_authorities::ClientAuthorities;
use crate::outside::client_keys::ClientKeys;
use crate::store::StoreError;
use crate::store::grants::Grants;
use crate::store::record::Records;
use crate::store::users::Users;
use crate::token::issue::{ClientIssuance, Issuance, TokenIds, access_token, client_token, id_token};
use crate::token::pool_keys::PoolKeys;
use crate::token::refresh::Family;

/// One pool's means of issuing and checking what apps hold, for one request.
#[derive(Clone, Copy)]
pub struct Issuer<'a> {
    /// Codes, families, epochs; and the pool.
    pub grants: Grants<'a>,
    /// The directory with the users.
    pub directory: &'a Records,
    /// The pool's enabled providers.
    pub providers: &'a dyn Catalogue,
    /// The signing keys.
    pub keys: &'a PoolKeys,
    /// The keys of apps that sign.
    pub client_keys: &'a ClientKeys,
    /// Who vouches for certificates of apps.
    pub authorities: &'a ClientAuthorities,
    /// What the tokens of this request are bound to; `None` for bearer tokens.
    pub sender: Option<&'a Confirmation>,
    /// Now.
    pub now: Timestamp,
}

/// A successful answer of the token endpoint ([RFC 6749 section
/// 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
#[derive(Clone)]
pub struct Tokens {
    /// `access_token`.
    pub access_token: String,
    /// `id_token`, when `openid` was granted.
    pub id_token: Option<String>,
    /// `refresh_token`, when the client may use it.
    pub refresh_token: Option<String>,
    /// `expires_in` of the access token, in seconds.
    pub expires_in: u64,
    /// `scope`: what was granted.
    pub scope: Scopes,
    /// `token_type`.
    pub token_type: &'static str,
}

impl Issuer<'_> {
    /// The user record as it is now.
    pub async fn user(&self, sub: &Sub) -> Result<Option<User>, StoreError> {
        let record = Users::new(self.directory, &self.grants.pool.id).get(sub).await?;
        Ok(record.map(|record| record.value))
    }

    /// Whether the sign-in that stands behind a grant would still be let in: the same rule at every door
    ///
    pub(super) fn admits(
        &self,
        client: &Client,
        sign_in: &SignIn,
        user: Option<User>,
    ) -> Result<User, TokenRefusal> {
        let user = user.filter(|user| user.enabled).ok_or(TokenRefusal::UserRefused)?;
        match &sign_in.provider {
            Some(provider) if !(client.allows_provider(provider) && self.providers.has(provider)) => {
                Err(TokenRefusal::ProviderWithdrawn)
            }
            _ => Ok(user),
        }
    }

    /// Signs the tokens of `family` for `user`. `nonce` is that of the authorization request, for the first
    /// tokens only.
    pub(super) fn issue(&self, granted: &Granted<'_>, nonce: Option<&str>) -> Result<Tokens, TokenRefusal> {
        let Granted { client, user, family, scopes } = *granted;
        let issuance = Issuance {
            pool: self.grants.pool,
            client,
            user,
            sign_in: &family.sign_in,
            scopes,
            nonce,
            resource: family.resource.as_deref(),
            confirmation: self.sender,
            family: &family.id,
            session: Some(&family.session),
            now: self.now,
            ids: self.ids(),
        };
        let access_token = access_token(&issuance, self.keys)?;
        let id_token =
            scopes.contains("openid").then(|| id_token(&issuance, self.keys, &access_token)).transpose()?;
        let refresh_token =
            client.allows(Grant::RefreshToken).then(|| self.grants.refresh_token(&user.sub, family));
        let expires_in = client.lifetimes.access_token.as_secs();
        Ok(Tokens {
            access_token,
            id_token,
            refresh_token,
            expires_in,
            scope: scopes.clone(),
            token_type: token_type(self.sender),
        })
    }

    /// Signs the token of an app for itself.
    pub(super) fn issue_to_client(&self, client: &Client, scopes: Scopes) -> Result<Tokens, TokenRefusal> {
        let issuance = ClientIssuance {
            pool: self.grants.pool,
            client,
            scopes: &scopes,
            confirmation: self.sender,
            now: self.now,
            ids: self.ids(),
        };
        let access_token = client_token(&issuance, self.keys)?;
        let expires_in = client.lifetimes.access_token.as_secs();
        Ok(Tokens {
            access_token,
            id_token: None,
            refresh_token: None,
            expires_in,
            scope: scopes,
            token_type: token_type(self.sender),
        })
    }

    fn ids(&self) -> TokenIds {
        TokenIds::from_random([
            self.grants.random.bytes(),
            self.grants.random.bytes(),
            self.grants.random.bytes(),
        ])
    }
}

/// A token that is bound to a DPoP key has a scheme of its own; one that is bound to a certificate is sent as
/// any other.
pub(super) const fn token_type(bound: Option<&Confirmation>) -> &'static str {
    match bound {
        Some(Confirmation::Jkt(_)) => "DPoP",
        Some(Confirmation::Certificate(_)) | None => "Bearer",
    }
}

/// Who receives what.
#[derive(Clone, Copy)]
pub(super) struct Granted<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) family: &'a Family,
    pub(super) scopes: &'a Scopes,
}
