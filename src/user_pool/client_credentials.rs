//! `client_credentials`: a token for the app itself ([RFC 6749 section
//! 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)).

use super::issuer::{Issuer, Tokens};
use super::token_refusal::TokenRefusal;
use crate::model::client::{Client, Grant};
use crate::model::scope::Scopes;

/// Scopes about a person: a machine cannot have them. Every other registered scope is a custom one.
const PERSONAL: [&str; 6] =
    ["openid", "email", "phone", "profile", "offline_access", "aws.cognito.signin.user.admin"];

/// Issues a token with the custom scopes asked for, or with all that `client` has. Touches no store.
pub fn client_credentials(
    issuer: &Issuer<'_>,
    client: &Client,
    scope: Option<&str>,
) -> Result<Tokens, TokenRefusal> {
    if !client.allows(Grant::ClientCredentials) || client.is_public() {
        return Err(TokenRefusal::GrantNotAllowed(Grant::ClientCredentials));
    }
    let custom = client.scopes.iter().filter(|scope| !PERSONAL.contains(scope)).collect::<Vec<_>>().join(" ");
    let custom = Scopes::parse(&custom).map_err(|_| TokenRefusal::Scope)?;
    let scopes = match scope {
        Some(text) => Scopes::parse(text).map_err(|_| TokenRefusal::Scope)?,
        None => custom.clone(),
    };
    if scopes.is_subset_of(&custom) {
        issuer.issue_to_client(client, scopes)
    } else {
        Err(TokenRefusal::Scope)
    }
}
