//! `refresh_token`: new tokens from a family ([RFC 6749 section
//! 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
//!
//! With rotation off this only reads. With rotation on, one commit replaces the generation under the user's
//! epoch; whoever loses the race reads again and receives the winner's successor during the grace period, or
//! ends the family after it.

use std::time::Duration;

use futures_util::future::try_join;

use super::issuer::{Granted, Issuer, Tokens};
use super::token_refusal::TokenRefusal;
use crate::model::client::{Client, Grant, Rotation};
use crate::model::client_authentication::Confirmation;
use crate::model::scope::Scopes;
use crate::store::CommitOutcome;
use crate::store::grants::FamilyRead;
use crate::token::refresh::{Family, RefreshTicket, TokenState};

/// How often a refresh reads again after losing a race.
const ATTEMPTS: usize = 4;

/// The parameters of the request.
#[derive(Debug, Clone, Copy)]
pub struct Refresh<'a> {
    /// `refresh_token`; empty when it is absent.
    pub token: &'a str,
    /// `scope`: the same or fewer.
    pub scope: Option<&'a str>,
    /// `resource`: the one granted, if any.
    pub resource: Option<&'a str>,
}

/// Refreshes for `client`, which has authenticated: one round trip, two when the token rotates.
pub async fn refresh(
    issuer: &Issuer<'_>,
    client: &Client,
    asked: &Refresh<'_>,
) -> Result<Tokens, TokenRefusal> {
    if !client.allows(Grant::RefreshToken) {
        return Err(TokenRefusal::GrantNotAllowed(Grant::RefreshToken));
    }
    if asked.token.is_empty() {
        return Err(TokenRefusal::Missing("refresh_token"));
    }
    let ticket = issuer.grants.open_refresh_token(asked.token).ok_or(TokenRefusal::UnknownRefreshToken)?;
    for _ in 0..ATTEMPTS {
        let (held, user) =
            try_join(issuer.grants.load(&ticket.sub, &ticket.family), issuer.user(&ticket.sub)).await?;
        let held = held.ok_or(TokenRefusal::FamilyEnded)?;
        let scopes = check(issuer, client, &held, asked)?;
        let user = issuer.admits(client, &held.family.sign_in, user)?;
        let next = advance(issuer, client, &ticket, &held).await?;
        // Signed before the commit and released after it: a failing key costs no refresh token.
        let family = next.as_ref().unwrap_or(&held.family);
        let tokens = issuer.issue(&Granted { client, user: &user, family, scopes: &scopes }, None)?;
        let outcome = match &next {
            Some(family) => issuer.grants.replace(&ticket.sub, &held, family).await?,
            None => CommitOutcome::Committed,
        };
        if outcome == CommitOutcome::Committed {
            return Ok(tokens);
        }
    }
    Err(TokenRefusal::Busy)
}

/// Everything but the token's generation: refused here, the refresh token stays good for its owner.
fn check(
    issuer: &Issuer<'_>,
    client: &Client,
    held: &FamilyRead,
    asked: &Refresh<'_>,
) -> Result<Scopes, TokenRefusal> {
    let family = &held.family;
    if family.client != client.id {
        return Err(TokenRefusal::ForeignRefreshToken);
    }
    // The client's present lifetime counts too, so shortening it ends older families.
    let end = family.expires.min(family.created.plus(client.lifetimes.refresh_token));
    if end <= issuer.now {
        return Err(TokenRefusal::FamilyEnded);
    }
    if !held.epoch.covers(&family.epoch) {
        return Err(TokenRefusal::SignedOut);
    }
    if !keeps_binding(client, family, issuer.sender) {
        return Err(TokenRefusal::OtherSender);
    }
    if asked.resource.is_some() && asked.resource != family.resource.as_deref() {
        return Err(TokenRefusal::Target);
    }
    if family.resource.as_ref().is_some_and(|resource| !client.resources.contains(resource)) {
        return Err(TokenRefusal::Target);
    }
    scopes(client, &family.scopes, asked.scope)
}

/// Bound tokens stay bound. A public client has nothing but its key to show that it is the same one; another
/// may change keys ([RFC 9449 section 5](https://www.rfc-editor.org/rfc/rfc9449#section-5), [RFC 8705 section
/// 4](https://www.rfc-editor.org/rfc/rfc8705#section-4)).
fn keeps_binding(client: &Client, family: &Family, sender: Option<&Confirmation>) -> bool {
    match (&family.binding, sender) {
        (None, _) => true,
        (Some(bound), Some(sender)) => bound == sender || (!client.is_public() && bound.is_like(sender)),
        (Some(_), None) => false,
    }
}

/// What this answer may carry: the scopes asked for, or all granted ones, as far as the client still has
/// them.
fn scopes(client: &Client, granted: &Scopes, asked: Option<&str>) -> Result<Scopes, TokenRefusal> {
    let wanted = match asked {
        Some(text) => Scopes::parse(text).map_err(|_| TokenRefusal::Scope)?,
        None => granted.clone(),
    };
    if !wanted.is_subset_of(granted) {
        return Err(TokenRefusal::Scope);
    }
    let kept = wanted.iter().filter(|scope| client.scopes.contains(scope)).collect::<Vec<_>>().join(" ");
    let kept = Scopes::parse(&kept).map_err(|_| TokenRefusal::Scope)?;
    if kept.is_empty() && !wanted.is_empty() { Err(TokenRefusal::Scope) } else { Ok(kept) }
}

/// The record to write before the answer; `None` when the token of the present one is the answer.
async fn advance(
    issuer: &Issuer<'_>,
    client: &Client,
    ticket: &RefreshTicket,
    held: &FamilyRead,
) -> Result<Option<Family>, TokenRefusal> {
    let (rotates, grace) = match client.rotation {
        Rotation::Off => (false, Duration::ZERO),
        Rotation::On { grace } => (true, grace),
    };
    match held.family.state_of(ticket, grace, issuer.now) {
        TokenState::Repeat => Ok(None),
        TokenState::Current if !rotates => Ok(None),
        TokenState::Ahead if !rotates => Ok(Some(held.family.catch_up(ticket))),
        TokenState::Current | TokenState::Ahead => {
            Ok(Some(held.family.succeed(ticket, issuer.grants.random.stamp(), issuer.now)))
        }
        TokenState::Reused => {
            tracing::warn!(code = "refresh_token_reused", pool = %ticket.pool, client = %client.id,
                family = %ticket.family, "a replaced refresh token came again: its family is revoked");
            issuer.grants.revoke(&ticket.sub, &ticket.family).await?;
            Err(TokenRefusal::RefreshTokenReused)
        }
    }
}
