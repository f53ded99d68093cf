//! Verifying our own tokens. What these functions return exists only when every check passed.

use serde_json::Value;

use super::keyset::Use;
use super::pool_keys::PoolKeys;
use crate::model::client_authentication::Confirmation;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;
use crate::model::ids::{ClientId, FamilyId, SessionId, Sub};
use crate::model::pool::Pool;
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;
use crate::protocol::jose::{self, Algorithm, JwsError};

/// How far another replica's clock may be ahead.
const SKEW_SECS: i64 = 60;
/// Later instants are no honest ones: 9999-12-31.
const END_OF_TIME: i64 = 253_402_300_799;
const SIGNED_WITH: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// Why a token is not accepted as one of the pool's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Shape, key or signature.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// A token of another kind: `typ` or `token_use` say so.
    #[error("a token of another kind: expected {expected:?}, found {found:?}")]
    Kind {
        /// What is asked for.
        expected: &'static str,
        /// What it says it is.
        found: String,
    },
    /// Another pool's token.
    #[error("issuer {found:?} is not this pool's, {expected:?}")]
    Issuer {
        /// The pool's issuer.
        expected: String,
        /// The token's.
        found: String,
    },
    /// Its time is over.
    #[error("expired at {at}, now is {now}")]
    Expired {
        /// `exp`.
        at: i64,
        /// Now, in seconds.
        now: i64,
    },
    /// Issued in the future.
    #[error("valid from {at}, now is {now}")]
    NotYet {
        /// `iat` or `nbf`.
        at: i64,
        /// Now, in seconds.
        now: i64,
    },
    /// A claim is missing or of the wrong type.
    #[error("claim {0:?} is missing or malformed")]
    Claim(&'static str),
}

impl Refusal for TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Jws(error) => error.code(),
            Self::Kind { .. } => "token_kind",
            Self::Issuer { .. } => "token_issuer",
            Self::Expired { .. } => "token_expired",
            Self::NotYet { .. } => "token_not_yet_valid",
            Self::Claim(_) => "token_claim",
        }
    }

    fn fault(&self) -> Fault {
        Fault::App
    }

    fn hint(&self) -> String {
        match self {
            Self::Kind { expected, .. } => format!("send the {expected} token"),
            Self::Issuer { .. } => "send the token to the pool that issued it".into(),
            Self::Expired { .. } => "refresh the token first".into(),
            Self::NotYet { .. } => "set the clocks of the broker's machines".into(),
            Self::Jws(_) | Self::Claim(_) => "send the token exactly as the token endpoint gave it".into(),
        }
    }
}

/// A verified, unexpired access token of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessClaims {
    claims: Claims,
    client: ClientId,
    person: Option<Person>,
    scopes: Scopes,
    confirmation: Option<Confirmation>,
    issued: Timestamp,
    expires: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
struct Person {
    sub: Sub,
    username: String,
    family: FamilyId,
}

impl AccessClaims {
    /// The app that the token was issued to.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// The person; `None` for a machine's token (`client_credentials`).
    pub fn sub(&self) -> Option<&Sub> {
        self.person.as_ref().map(|person| &person.sub)
    }

    /// The person's user name.
    pub fn username(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.username.as_str())
    }

    /// The refresh-token family (`origin_jti`); `None` for a machine's token.
    pub fn family(&self) -> Option<&FamilyId> {
        self.person.as_ref().map(|person| &person.family)
    }

    /// Granted scopes.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// What it is bound to (`cnf`); `None` for a bearer token.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// `iat`.
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// `exp`.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Every claim, for introspection.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// A verified, perhaps expired ID token: a hint about who signs out of what, never proof of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdHint {
    sub: Sub,
    client: ClientId,
    session: Option<SessionId>,
}

impl IdHint {
    /// The person.
    pub fn sub(&self) -> &Sub {
        &self.sub
    }

    /// The app that the token was issued to (`aud`).
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// The browser session (`sid`).
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }
}

/// Verifies an access token of `pool` at `now`. Whether its family or its user was signed out since is the
/// caller's question.
pub fn access(raw: &str, pool: &Pool, keys: &PoolKeys, now: Timestamp) -> Result<AccessClaims, TokenError> {
    let claims = verified(raw, pool, keys, Use::Access)?;
    let (issued, expires) = in_time(&claims, now)?;
    let client = parsed(&claims, "client_id", ClientId::parse)?;
    let scopes = parsed(&claims, "scope", Scopes::parse)?;
    let person = if claims.contains_key("username") {
        let username = text(&claims, "username")?.to_owned();
        Some(Person {
            sub: parsed(&claims, "sub", Sub::parse)?,
            username,
            family: parsed(&claims, "origin_jti", FamilyId::parse)?,
        })
    } else if text(&claims, "sub")? == client.as_str() {
        None
    } else {
        return Err(TokenError::Claim("sub"));
    };
    let confirmation = claims
        .get("cnf")
        .map(|cnf| serde_json::from_value(cnf.clone()).map_err(|_| TokenError::Claim("cnf")))
        .transpose()?;
    Ok(AccessClaims { claims, client, person, scopes, confirmation, issued, expires })
}

/// Verifies an ID token of `pool` given as `id_token_hint`. An expired one is accepted
/// ([RP-Initiated Logout section 2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)).
pub fn id_hint(raw: &str, pool: &Pool, keys: &PoolKeys) -> Result<IdHint, TokenError> {
    let claims = verified(raw, pool, keys, Use::Id)?;
    let session = claims.contains_key("sid").then(|| parsed(&claims, "sid", SessionId::parse)).transpose()?;
    Ok(IdHint {
        sub: parsed(&claims, "sub", Sub::parse)?,
        client: parsed(&claims, "aud", ClientId::parse)?,
        session,
    })
}

/// Signature by a key of this use, no `typ` (ours are `logout+jwt` only), `token_use`, issuer.
fn verified(raw: &str, pool: &Pool, keys: &PoolKeys, usage: Use) -> Result<Claims, TokenError> {
    let kind =
        |found: &str| TokenError::Kind { expected: usage.as_str(), found: found.chars().take(64).collect() };
    if let Some(typ) = jose::unverified_header(raw)?.typ {
        return Err(kind(&typ));
    }
    let claims = jose::verify(raw, keys.verifying(usage), &SIGNED_WITH)?;
    let token_use = text(&claims, "token_use")?;
    if token_use != usage.as_str() {
        return Err(kind(token_use));
    }
    let issuer = text(&claims, "iss")?;
    if issuer != pool.issuer {
        return Err(TokenError::Issuer {
            expected: pool.issuer.clone(),
            found: issuer.chars().take(256).collect(),
        });
    }
    Ok(claims)
}

fn in_time(claims: &Claims, now: Timestamp) -> Result<(Timestamp, Timestamp), TokenError> {
    let now = now.secs();
    let (issued, expires) = (date(claims, "iat")?, date(claims, "exp")?);
    if expires <= now {
        return Err(TokenError::Expired { at: expires, now });
    }
    let begin = if claims.contains_key("nbf") { issued.max(date(claims, "nbf")?) } else { issued };
    if begin > now.saturating_add(SKEW_SECS) {
        return Err(TokenError::NotYet { at: begin, now });
    }
    Ok((Timestamp::from_secs(issued), Timestamp::from_secs(expires)))
}

/// A NumericDate as we write it: a whole, positive number of seconds. Any other type is malformed, never
/// "absent".
fn date(claims: &Claims, name: &'static str) -> Result<i64, TokenError> {
    let date = claims.get(name).and_then(Value::as_i64).filter(|secs| (1..=END_OF_TIME).contains(secs));
    date.ok_or(TokenError::Claim(name))
}

fn text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str, TokenError> {
    claims.get(name).and_then(Value::as_str).ok_or(TokenError::Claim(name))
}

fn parsed<T, E>(
    claims: &Claims,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, TokenError> {
    parse(text(claims, name)?).map_err(|_| TokenError::Claim(name))
}
