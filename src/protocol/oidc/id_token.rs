//! The ID token ([OpenID Connect Core section
//! 3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).

mod error;

use std::time::Duration;

pub use error::IdTokenError;

use super::super::Verified;
use super::super::jose::{self, Algorithm, KeySet, left_half_hash};
use super::claim::{audience, date, text, usable_name};
use super::issuer::Issuer;
use crate::model::identity::Claims;
use crate::model::secret::same_secret;
use crate::model::time::Timestamp;

/// Clock difference between the provider and the broker that is forgiven.
pub const SKEW: Duration = Duration::from_secs(60);

/// What an ID token must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: Issuer<'a>,
    /// The broker at the provider.
    pub client_id: &'a str,
    /// Accepted algorithms.
    pub algorithms: &'a [Algorithm],
    /// The `nonce` that was sent.
    pub nonce: &'a str,
    /// Whether a token without `nonce` is accepted: the operator's word about this provider, never the
    /// token's own (B-06).
    pub nonce_may_be_absent: bool,
    /// The access token that came with it, for `at_hash`.
    pub access_token: &'a str,
    /// The code that was redeemed, for `c_hash`.
    pub code: &'a str,
    /// When the browser was sent to the provider.
    pub sent: Timestamp,
    /// How long before that the person may have authenticated; `None` if it does not matter.
    pub max_age: Option<Duration>,
}

/// What a verified ID token says.
#[derive(Debug, Clone, PartialEq)]
pub struct IdTokenClaims {
    /// `iss` in the issuer's canonical spelling, with the tenant filled in.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `auth_time`.
    pub auth_time: Option<Timestamp>,
    /// `sid`, if it can be told from any other.
    pub sid: Option<String>,
    /// All claims.
    pub claims: Claims,
}

/// Verifies signature, issuer, audience, times, nonce, hashes and subject. `keys` are the provider's own; key
/// material and URLs in the token's header are ignored.
pub fn verify(
    raw: &str,
    keys: &KeySet,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Verified<IdTokenClaims>, IdTokenError> {
    let claims = jose::verify(raw, keys, expected.algorithms).map_err(IdTokenError::Signature)?;
    let header = jose::unverified_header(raw).map_err(IdTokenError::Signature)?;
    let algorithm = Algorithm::parse(&header.alg).ok_or(IdTokenError::Type("alg"))?;
    check(claims, algorithm, expected, now).map(Verified::new)
}

/// All checks after the signature.
fn check(
    claims: Claims,
    algorithm: Algorithm,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<IdTokenClaims, IdTokenError> {
    let issuer = check_issuer(&claims, expected.issuer)?;
    check_audience(&claims, expected.client_id)?;
    check_times(&claims, now)?;
    check_nonce(&claims, expected)?;
    check_hash(&claims, "at_hash", algorithm, expected.access_token)?;
    check_hash(&claims, "c_hash", algorithm, expected.code)?;
    let auth_time = check_auth_time(&claims, expected, now)?;
    let subject = text(&claims, "sub")?.ok_or(IdTokenError::Missing("sub"))?;
    if !usable_name(subject) {
        return Err(IdTokenError::Subject);
    }
    let (subject, sid) =
        (subject.to_owned(), text(&claims, "sid")?.filter(|sid| usable_name(sid)).map(str::to_owned));
    Ok(IdTokenClaims { issuer, subject, auth_time, sid, claims })
}

fn check_issuer(claims: &Claims, issuer: Issuer<'_>) -> Result<String, IdTokenError> {
    let iss = text(claims, "iss")?.ok_or(IdTokenError::Missing("iss"))?;
    let tenant = if issuer.is_multi_tenant() { text(claims, "tid")? } else { None };
    issuer.canonical(iss, tenant).ok_or_else(|| IdTokenError::Issuer {
        found: iss.chars().take(256).collect(),
        expected: issuer.value.to_owned(),
    })
}

/// The broker is the only audience, and the authorized party if one is named (B-12, B-14). No settings trust
/// others, so a token that is for a stranger as well is refused even with `azp`.
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), IdTokenError> {
    let audience = audience(claims)?.ok_or(IdTokenError::Missing("aud"))?;
    if audience.is_empty() || audience.iter().any(|one| *one != client_id) {
        let found = audience.join(" ").chars().take(256).collect();
        return Err(IdTokenError::Audience { found, expected: client_id.to_owned() });
    }
    match text(claims, "azp")? {
        Some(party) if party != client_id => {
            Err(IdTokenError::AuthorizedParty(party.chars().take(256).collect()))
        }
        _ => Ok(()),
    }
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), IdTokenError> {
    let expires = date(claims, "exp")?.ok_or(IdTokenError::Missing("exp"))?;
    if expires.plus(SKEW) <= now {
        return Err(IdTokenError::Expired(now.since(expires)));
    }
    let issued = date(claims, "iat")?.ok_or(IdTokenError::Missing("iat"))?;
    let latest = now.plus(SKEW);
    if issued > latest {
        return Err(IdTokenError::Future("iat", issued.since(now)));
    }
    match date(claims, "nbf")? {
        Some(start) if start > latest => Err(IdTokenError::Future("nbf", start.since(now))),
        _ => Ok(()),
    }
}

fn check_nonce(claims: &Claims, expected: Expected<'_>) -> Result<(), IdTokenError> {
    match text(claims, "nonce")? {
        Some(nonce) if same_secret(nonce, expected.nonce) => Ok(()),
        Some(_) => Err(IdTokenError::Nonce),
        None if expected.nonce_may_be_absent => Ok(()),
        None => Err(IdTokenError::Missing("nonce")),
    }
}

/// A hash that is there must be right, whatever the flow asks for.
fn check_hash(
    claims: &Claims,
    name: &'static str,
    algorithm: Algorithm,
    hashed: &str,
) -> Result<(), IdTokenError> {
    match text(claims, name)? {
        Some(hash) if hash.trim_end_matches('=') != left_half_hash(algorithm, hashed) => {
            Err(IdTokenError::Hash(name))
        }
        _ => Ok(()),
    }
}

fn check_auth_time(
    claims: &Claims,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, IdTokenError> {
    let auth_time = date(claims, "auth_time")?;
    if let Some(at) = auth_time.filter(|at| *at > now.plus(SKEW)) {
        return Err(IdTokenError::Future("auth_time", at.since(now)));
    }
    if let Some(max_age) = expected.max_age {
        let at = auth_time.ok_or(IdTokenError::Missing("auth_time"))?;
        if at.plus(max_age).plus(SKEW) < expected.sent {
            return Err(IdTokenError::TooOld(expected.sent.since(at)));
        }
    }
    Ok(auth_time)
}

#[cfg(test)]
mod tests;
