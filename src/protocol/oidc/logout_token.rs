//! The logout token ([OpenID Connect Back-Channel Logout section
//! 2.6](https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation)).

mod error;

use std::time::Duration;

use serde_json::Value;

pub use error::LogoutTokenError;

use super::super::Verified;
use super::super::jose::{self, Algorithm, KeySet};
use super::claim::{audience, date, text, usable_name};
use super::id_token::SKEW;
use super::issuer::Issuer;
use crate::model::identity::Claims;
use crate::model::time::Timestamp;

/// The member of `events` that makes a token a logout token.
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Longest validity: for so long it is remembered that the token was used.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Explicit types that may be this one: its own, and the one that says nothing.
const TYPES: [&str; 2] = ["logout+jwt", "jwt"];

/// What a logout token must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: Issuer<'a>,
    /// The broker at the provider.
    pub client_id: &'a str,
    /// Accepted algorithms.
    pub algorithms: &'a [Algorithm],
}

/// Whom a provider signed out: a sign-in, a person, or a sign-in that has to be of that person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutClaims {
    /// `iss` in the issuer's canonical spelling.
    pub issuer: String,
    /// `sub`.
    pub subject: Option<String>,
    /// `sid`.
    pub sid: Option<String>,
    /// `jti`.
    pub jti: String,
    /// `iat`.
    pub issued: Timestamp,
    /// From when on nobody accepts the token any more.
    pub over: Timestamp,
}

/// Verifies signature, type, issuer, audience, times, event and whom it names. That it comes once only is
/// left to the caller, who can remember.
pub fn verify(
    raw: &str,
    keys: &KeySet,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Verified<LogoutClaims>, LogoutTokenError> {
    let claims = jose::verify(raw, keys, expected.algorithms).map_err(LogoutTokenError::Signature)?;
    let header = jose::unverified_header(raw).map_err(LogoutTokenError::Signature)?;
    check_type(header.typ.as_deref())?;
    check(&claims, expected, now).map(Verified::new)
}

/// A token made for something else does not sign anybody out ([RFC 8725 section
/// 3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
fn check_type(typ: Option<&str>) -> Result<(), LogoutTokenError> {
    let Some(typ) = typ else { return Ok(()) };
    let short = typ.to_ascii_lowercase();
    let short = short.strip_prefix("application/").unwrap_or(&short);
    if TYPES.contains(&short) {
        Ok(())
    } else {
        Err(LogoutTokenError::OtherType(typ.chars().take(64).collect()))
    }
}

/// All checks of the payload.
fn check(claims: &Claims, expected: Expected<'_>, now: Timestamp) -> Result<LogoutClaims, LogoutTokenError> {
    let issuer = check_issuer(claims, expected.issuer)?;
    check_audience(claims, expected.client_id)?;
    let (issued, over) = check_times(claims, now)?;
    let jti = text(claims, "jti")?.ok_or(LogoutTokenError::Missing("jti"))?;
    if jti.is_empty() {
        return Err(LogoutTokenError::Type("jti"));
    }
    check_event(claims)?;
    if claims.contains_key("nonce") {
        return Err(LogoutTokenError::Nonce);
    }
    let (subject, sid) = (name(claims, "sub")?, name(claims, "sid")?);
    if subject.is_none() && sid.is_none() {
        return Err(LogoutTokenError::Nobody);
    }
    Ok(LogoutClaims { issuer, subject, sid, jti: jti.to_owned(), issued, over })
}

/// A logout token need not name its tenant; one that does names that of its issuer (B-08).
fn check_issuer(claims: &Claims, issuer: Issuer<'_>) -> Result<String, LogoutTokenError> {
    let iss = text(claims, "iss")?.ok_or(LogoutTokenError::Missing("iss"))?;
    let tenant = if issuer.is_multi_tenant() { text(claims, "tid")? } else { None };
    let canonical = match tenant {
        None => issuer.admitted(iss),
        Some(tenant) => issuer.canonical(iss, Some(tenant)),
    };
    canonical.ok_or_else(|| LogoutTokenError::Issuer {
        found: iss.chars().take(256).collect(),
        expected: issuer.value.to_owned(),
    })
}

/// As for ID tokens the broker is the only audience.
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), LogoutTokenError> {
    let audience = audience(claims)?.ok_or(LogoutTokenError::Missing("aud"))?;
    if audience.is_empty() || audience.iter().any(|one| *one != client_id) {
        let found = audience.join(" ").chars().take(256).collect();
        return Err(LogoutTokenError::Audience { found, expected: client_id.to_owned() });
    }
    Ok(())
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(Timestamp, Timestamp), LogoutTokenError> {
    let expires = date(claims, "exp")?.ok_or(LogoutTokenError::Missing("exp"))?;
    let over = expires.plus(SKEW);
    if over <= now {
        return Err(LogoutTokenError::Expired(now.since(expires)));
    }
    if expires > now.plus(LONGEST) {
        return Err(LogoutTokenError::TooLong(expires.since(now)));
    }
    let issued = date(claims, "iat")?.ok_or(LogoutTokenError::Missing("iat"))?;
    if issued > now.plus(SKEW) {
        return Err(LogoutTokenError::Future(issued.since(now)));
    }
    Ok((issued, over))
}

fn check_event(claims: &Claims) -> Result<(), LogoutTokenError> {
    match claims.get("events") {
        None => Err(LogoutTokenError::Missing("events")),
        Some(Value::Object(events)) if events.get(EVENT).is_some_and(Value::is_object) => Ok(()),
        Some(Value::Object(_)) => Err(LogoutTokenError::OtherEvent),
        Some(_) => Err(LogoutTokenError::Type("events")),
    }
}

fn name(claims: &Claims, claim: &'static str) -> Result<Option<String>, LogoutTokenError> {
    match text(claims, claim)? {
        Some(name) if usable_name(name) => Ok(Some(name.to_owned())),
        Some(_) => Err(LogoutTokenError::Type(claim)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
