//! What a token stands for now ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)).

use futures_util::future::try_join;
use serde_json::{Map, Value, json};

use super::access_token_check::{AccessRefusal, LivingAccess, living_access};
use super::issuer::{Issuer, token_type};
use crate::model::client::{Client, Grant, Rotation};
use crate::model::identity::Claims;
use crate::store::StoreError;
use crate::token::refresh::{RefreshTicket, TokenState};

/// Describes `token` to `caller`, which has authenticated. Everything that is not an active token which
/// `caller` may look at gives `{"active": false}` and nothing more: garbage, ID tokens, ended families, other
/// apps' tokens.
pub async fn introspect(issuer: &Issuer<'_>, caller: &Client, token: &str) -> Result<Claims, StoreError> {
    let described = match issuer.grants.open_refresh_token(token) {
        Some(ticket) => refresh_token(issuer, caller, &ticket).await?,
        None => match living_access(issuer, token).await {
            Ok(access) => access_token(caller, &access),
            Err(AccessRefusal::Store(error)) => return Err(error),
            Err(_) => None,
        },
    };
    Ok(described.unwrap_or_else(|| Map::from_iter([("active".to_owned(), Value::Bool(false))])))
}

fn access_token(caller: &Client, access: &LivingAccess) -> Option<Claims> {
    let claims = access.claims();
    if !may_look(caller, claims.client().as_str()) {
        return None;
    }
    let mut answer = Map::from_iter([
        ("active".to_owned(), Value::Bool(true)),
        ("token_type".to_owned(), token_type(claims.confirmation()).into()),
    ]);
    answer.extend(claims.claims().clone());
    Some(answer)
}

async fn refresh_token(
    issuer: &Issuer<'_>,
    caller: &Client,
    ticket: &RefreshTicket,
) -> Result<Option<Claims>, StoreError> {
    let (held, user) =
        try_join(issuer.grants.load(&ticket.sub, &ticket.family), issuer.user(&ticket.sub)).await?;
    let Some(held) = held else { return Ok(None) };
    let family = &held.family;
    let Some(owner) =
        issuer.grants.pool.client(family.client.as_str()).filter(|owner| owner.allows(Grant::RefreshToken))
    else {
        return Ok(None);
    };
    let Ok(user) = issuer.admits(owner, &family.sign_in, user) else { return Ok(None) };
    let grace = match owner.rotation {
        Rotation::Off => std::time::Duration::ZERO,
        Rotation::On { grace } => grace,
    };
    let expires = family.expires.min(family.created.plus(owner.lifetimes.refresh_token));
    let good = expires > issuer.now
        && held.epoch.covers(&family.epoch)
        && family.state_of(ticket, grace, issuer.now) != TokenState::Reused
        && may_look(caller, owner.id.as_str());
    let mut answer = json!({
        "active": true,
        "token_type": "refresh_token",
        "token_use": "refresh",
        "scope": family.scopes.to_string(),
        "client_id": owner.id.as_str(),
        "sub": user.sub.as_str(),
        "username": user.username,
        "iss": issuer.grants.pool.issuer,
        "origin_jti": family.id.as_str(),
        "auth_time": family.sign_in.at.secs(),
        "iat": family.created.secs(),
        "exp": expires.secs(),
    });
    if let (Some(bound), Some(members)) = (&family.binding, answer.as_object_mut()) {
        members.insert("cnf".to_owned(), json!(bound));
    }
    Ok(if good { answer.as_object().cloned() } else { None })
}

fn may_look(caller: &Client, owner: &str) -> bool {
    caller.introspects_pool || caller.id.as_str() == owner
}
