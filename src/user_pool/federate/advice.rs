//! Hints that name the setting and the value, where the refusal alone could only name the rule.

use super::FederationError;
use crate::model::trace::Recorder;
use crate::outside::upstreams::UpstreamError;
use crate::protocol::jose::JwsError;
use crate::protocol::oauth2::token_request::TokenError;
use crate::protocol::oidc::discovery::DiscoveryError;
use crate::protocol::oidc::id_token::IdTokenError;
use crate::provider::quirk_error::QuirkError;
use crate::provider::settings::{ClientAuth, Protocol, Provider};

/// Puts the advice for `error` into the story, if there is better one than the error's own.
pub(super) fn give(recorder: &Recorder, error: &FederationError, provider: &Provider, redirect_uri: &str) {
    if let Some(advice) = advice(error, provider, redirect_uri) {
        recorder.advises(advice);
    }
}

fn advice(error: &FederationError, provider: &Provider, redirect_uri: &str) -> Option<String> {
    let (name, client_id) = (&provider.name, &provider.client_id);
    Some(match error {
        FederationError::Answered { error, description } => {
            return authorization_error(error, description, provider, redirect_uri);
        }
        FederationError::Token(TokenError::Refused { error, description }) => {
            return token_error(error, description, provider, redirect_uri);
        }
        FederationError::Upstream(UpstreamError::Discovery(DiscoveryError::Issuer { found, expected }))
        | FederationError::IdToken(IdTokenError::Issuer { found, expected }) => {
            issuer(provider, found, expected)
        }
        FederationError::IdToken(IdTokenError::Audience { found, .. }) => {
            format!(
                "Set client_id of provider {name} to the client's id at the provider: its tokens are for \
                 {found:?}, not {client_id:?}."
            )
        }
        FederationError::IdToken(IdTokenError::Future(claim, by)) => format!(
            "The provider's clock is {} s ahead of this server's ({claim} of the ID token lies in the \
             future): set both by NTP. `symbolon doctor {name}` compares them.",
            by.as_secs()
        ),
        FederationError::IdToken(IdTokenError::Expired(by)) => format!(
            "The ID token had expired {} s before it came: the provider's clock is behind this server's, or \
             this server's is ahead. Set both by NTP; `symbolon doctor {name}` compares them.",
            by.as_secs()
        ),
        FederationError::IdToken(IdTokenError::Signature(JwsError::UnknownKey { kid })) => format!(
            "The provider signed with key {:?}, which its jwks_uri does not show. If it changed its keys a \
             moment ago, sign in again in half a minute: keys are read again at most every 30 seconds. If it \
             stays so, the provider (or a cache before it) must publish that key at its jwks_uri.",
            kid.as_deref().unwrap_or("(no kid)")
        ),
        FederationError::NoIdToken => {
            format!(
                "Add \"openid\" to scopes of provider {name} (now {}); without it there is no ID token.",
                scopes(provider)
            )
        }
        FederationError::Quirk(QuirkError::TenantRefused(tenant)) => {
            format!(
                "Add {tenant:?} to allowed_tenants of provider {name} if that organisation may sign in; else \
                 choose another account."
            )
        }
        _ => return None,
    })
}

/// The provider sent an error to the callback.
fn authorization_error(
    error: &str,
    description: &str,
    provider: &Provider,
    redirect_uri: &str,
) -> Option<String> {
    let (name, client_id) = (&provider.name, &provider.client_id);
    Some(match error {
        "redirect_uri_mismatch" => register(provider, redirect_uri),
        "invalid_request" | "invalid_redirect_uri" if of_redirect(description) => {
            register(provider, redirect_uri)
        }
        "unauthorized_client" | "invalid_client" => format!(
            "Compare client_id {client_id:?} of provider {name} with the provider's console, and allow it \
             the code flow there."
        ),
        "invalid_scope" => format!(
            "Enable the scopes {} at the provider for client {client_id}, or change scopes of {name}.",
            scopes(provider)
        ),
        _ => return None,
    })
}

/// The provider refused the code.
fn token_error(error: &str, description: &str, provider: &Provider, redirect_uri: &str) -> Option<String> {
    let client_id = &provider.client_id;
    Some(match error {
        "invalid_client" | "incorrect_client_credentials" => wrong_secret(provider),
        "redirect_uri_mismatch" => register(provider, redirect_uri),
        "invalid_grant" | "invalid_request" if of_redirect(description) => register(provider, redirect_uri),
        "invalid_grant" => format!(
            "Sign in again. If it happens every time, check that {redirect_uri} is registered at the \
             provider for client {client_id} and that this server's clock is right."
        ),
        _ => return None,
    })
}

fn register(provider: &Provider, redirect_uri: &str) -> String {
    let (name, client_id) = (&provider.name, &provider.client_id);
    format!(
        "At the provider of {name}, register {redirect_uri} as redirect URI of client {client_id}, byte for \
         byte."
    )
}

fn wrong_secret(provider: &Provider) -> String {
    let (name, client_id) = (&provider.name, &provider.client_id);
    match &provider.client_auth {
        ClientAuth::SecretBasic(_) | ClientAuth::SecretPost(_) => format!(
            "Put the current secret of client {client_id} into client_secret of provider {name}: its value, \
             not its id; it may have expired. If it is the right one, the provider may want another \
             client_auth."
        ),
        ClientAuth::PrivateKeyJwt { .. } | ClientAuth::AppleJwt { .. } => format!(
            "Compare the key, key id and client_id {client_id} of provider {name} with the provider's \
             console; the key may have been revoked."
        ),
        ClientAuth::None => format!(
            "The provider wants a secret of client {client_id}: set client_secret of provider {name}."
        ),
    }
}

fn issuer(provider: &Provider, found: &str, expected: &str) -> String {
    let name = &provider.name;
    if found.trim_end_matches('/') == expected.trim_end_matches('/') {
        return format!(
            "Set issuer of provider {name} to {found:?}: the configured one differs in the slash at its end."
        );
    }
    match &provider.protocol {
        Protocol::Oidc(oidc) if oidc.quirks.tenant.is_some() => format!(
            "The account is of issuer {found:?}, which is not {expected:?} with an allowed tenant: choose \
             another account, or change tenant and allowed_tenants of provider {name}."
        ),
        _ => format!(
            "Set issuer of provider {name} to {found:?} if that is the provider (and the tenant) you mean; \
             configured is {expected:?}."
        ),
    }
}

fn of_redirect(description: &str) -> bool {
    description.to_ascii_lowercase().contains("redirect")
}

fn scopes(provider: &Provider) -> String {
    let rules = match &provider.protocol {
        Protocol::Oidc(oidc) => &oidc.request,
        Protocol::Oauth2(oauth2) => &oauth2.request,
        Protocol::Saml(_) => return "none".to_owned(),
    };
    format!("{:?}", rules.scopes)
}
