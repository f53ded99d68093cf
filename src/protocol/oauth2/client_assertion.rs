//! Client assertions of apps: `private_key_jwt`
//! ([RFC 7523 section 3](https://www.rfc-editor.org/rfc/rfc7523#section-3),
//! [OpenID Connect Core section
//! 9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).

use serde_json::Value;

use crate::model::client_authentication::AssertionAlgorithm;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;
use crate::model::time::Timestamp;
use crate::protocol::jose::{self, Algorithm, JwsError, KeySet};

/// The one `client_assertion_type` that there is.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest accepted assertion, in bytes.
const MAX_ASSERTION: usize = 8 * 1024;
/// Longest accepted `jti`, in bytes.
const MAX_JTI: usize = 256;
/// How far an app's clock may be ahead.
const AHEAD: i64 = 30;
/// How far in the future an assertion may end: that long its `jti` is remembered.
const LONGEST: i64 = 3600;

/// One failed check of a client assertion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Longer than any honest one.
    #[error("the client assertion is {0} bytes long")]
    TooLarge(usize),
    /// Shape, key or signature.
    #[error("client assertion: {0}")]
    Jws(#[from] JwsError),
    /// A claim is missing or has another type.
    #[error("claim {0:?} of the client assertion is missing or malformed")]
    Claim(&'static str),
    /// `iss` or `sub` is not the client.
    #[error("claim {0:?} of the client assertion is not the client_id")]
    NotTheClient(&'static str),
    /// `aud` is something else than the one accepted text.
    #[error("aud of the client assertion is {found}, expected {expected:?}")]
    Audience {
        /// What came, as JSON.
        found: String,
        /// The issuer.
        expected: String,
    },
    /// `exp` is over.
    #[error("the client assertion expired at {at}, now is {now}")]
    Expired {
        /// `exp`.
        at: i64,
        /// Now, in seconds.
        now: i64,
    },
    /// `exp` is too far off.
    #[error("the client assertion lives until {at}, more than an hour from now")]
    TooLong {
        /// `exp`.
        at: i64,
    },
    /// `nbf` or `iat` is in the future.
    #[error("claim {claim:?} of the client assertion is {at}, now is {now}")]
    NotYet {
        /// Which.
        claim: &'static str,
        /// Its value.
        at: i64,
        /// Now, in seconds.
        now: i64,
    },
}

impl Refusal for AssertionError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "client_assertion_too_large",
            Self::Jws(_) => "client_assertion_signature",
            Self::Claim(_) => "client_assertion_claim",
            Self::NotTheClient(_) => "client_assertion_of_another",
            Self::Audience { .. } => "client_assertion_audience",
            Self::Expired { .. } => "client_assertion_expired",
            Self::TooLong { .. } => "client_assertion_too_long",
            Self::NotYet { .. } => "client_assertion_not_yet_valid",
        }
    }

    fn fault(&self) -> Fault {
        Fault::App
    }

    fn hint(&self) -> String {
        match self {
            Self::TooLarge(_) => {
                "put no more into the assertion than the claims that authenticate the client".into()
            }
            Self::Jws(error) => error.hint(),
            Self::Claim(name) => format!("send {name} in the client assertion"),
            Self::NotTheClient(_) => "set iss and sub of the client assertion to the client_id".into(),
            Self::Audience { expected, .. } => {
                format!("set aud of the client assertion to {expected:?}, as one string")
            }
            Self::Expired { .. } | Self::NotYet { .. } => {
                "make each assertion just before it is sent, with the right time".into()
            }
            Self::TooLong { .. } => "let an assertion live for a minute: each is used once".into(),
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Audience { expected, .. } => Some(expected.clone()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Audience { found, .. } => Some(found.clone()),
            _ => None,
        }
    }
}

/// What an assertion is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The client that it has to speak for.
    pub client_id: &'a str,
    /// Accepted values of `aud`; the first is the issuer.
    pub audiences: &'a [&'a str],
    /// Algorithms of the client.
    pub algorithms: &'a [AssertionAlgorithm],
    /// Now.
    pub now: Timestamp,
}

/// An assertion in which every check passed but whether it comes for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    jti: String,
    expires: Timestamp,
}

impl Assertion {
    /// `jti`: once for each client.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// Until when it is good, and so until when its `jti` has to be remembered.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// Verifies an assertion with the client's `keys`.
pub fn verify(raw: &str, keys: &KeySet, expected: Expected<'_>) -> Result<Assertion, AssertionError> {
    if raw.len() > MAX_ASSERTION {
        return Err(AssertionError::TooLarge(raw.len()));
    }
    let allowed: Vec<Algorithm> =
        expected.algorithms.iter().filter_map(|algorithm| Algorithm::parse(algorithm.as_str())).collect();
    let claims = jose::verify(raw, keys, &allowed)?;
    for name in ["iss", "sub"] {
        let who = claims.get(name).and_then(Value::as_str).ok_or(AssertionError::Claim(name))?;
        if who != expected.client_id {
            return Err(AssertionError::NotTheClient(name));
        }
    }
    let audience = claims.get("aud").ok_or(AssertionError::Claim("aud"))?;
    if !audience.as_str().is_some_and(|aud| expected.audiences.contains(&aud)) {
        let issuer = expected.audiences.first().copied().unwrap_or_default();
        let found = audience.to_string().chars().take(256).collect();
        return Err(AssertionError::Audience { found, expected: issuer.to_owned() });
    }
    let expires = in_time(&claims, expected.now)?;
    let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
    Ok(Assertion { jti: jti.ok_or(AssertionError::Claim("jti"))?.to_owned(), expires })
}

/// The client that an assertion speaks for, by its own word only: `sub`.
pub fn unverified_client(raw: &str) -> Option<String> {
    if raw.len() > MAX_ASSERTION {
        return None;
    }
    let claims = jose::unverified_claims(raw).ok()?;
    claims.get("sub").and_then(Value::as_str).map(str::to_owned)
}

fn in_time(claims: &Claims, now: Timestamp) -> Result<Timestamp, AssertionError> {
    let now = now.secs();
    let expires = date(claims, "exp")?.ok_or(AssertionError::Claim("exp"))?;
    if expires <= now {
        return Err(AssertionError::Expired { at: expires, now });
    }
    if expires > now.saturating_add(LONGEST) {
        return Err(AssertionError::TooLong { at: expires });
    }
    for claim in ["nbf", "iat"] {
        match date(claims, claim)? {
            Some(at) if at > now.saturating_add(AHEAD) => {
                return Err(AssertionError::NotYet { claim, at, now });
            }
            _ => {}
        }
    }
    Ok(Timestamp::from_secs(expires))
}

/// A NumericDate; a fraction is cut off ([RFC 7519 section
/// 2](https://www.rfc-editor.org/rfc/rfc7519#section-2)).
fn date(claims: &Claims, name: &'static str) -> Result<Option<i64>, AssertionError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    jose::numeric_date(value).map(Some).ok_or(AssertionError::Claim(name))
}
