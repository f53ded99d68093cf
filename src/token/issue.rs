//! Signing tokens.

use super::claims;
pub use super::claims::{ClientIssuance, Issuance, TokenIds};
use super::keyset::Use;
use super::pool_keys::PoolKeys;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;
use crate::model::ids::{ClientId, SessionId, Sub, uuid_from};
use crate::model::pool::Pool;
use crate::model::time::Timestamp;
use crate::protocol::jose::{MAX_TOKEN, SigningKeyError, left_half_hash};

/// Longest access token: it travels in a header, and common proxies stop at 16 kB.
pub const MAX_ACCESS_TOKEN: usize = 16 * 1024;

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The pool has no active key for this use.
    #[error("no active key for signing {0} tokens")]
    NoKey(&'static str),
    /// The signature failed.
    #[error("signing: {0}")]
    Sign(#[from] SigningKeyError),
    /// The user's groups or attributes make the token longer than its carriers take.
    #[error("{token} token of {found} bytes, at most {limit} are issued")]
    TooLarge {
        /// Which token.
        token: &'static str,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

impl Refusal for IssueError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "token_no_signing_key",
            Self::Sign(_) => "token_signing_failed",
            Self::TooLarge { .. } => "token_too_large",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoKey(_) | Self::Sign(_) => Fault::Us,
            Self::TooLarge { .. } => Fault::Pool,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NoKey(_) | Self::Sign(_) => "look at the pool's keys with `symbolon keys list`".into(),
            Self::TooLarge { .. } => "map fewer groups or shorter attributes into the pool".into(),
        }
    }
}

/// The access token of a person.
pub fn access_token(i: &Issuance<'_>, keys: &PoolKeys) -> Result<String, IssueError> {
    sign(keys, Use::Access, i.now, &claims::access(i))
}

/// The ID token that belongs to `access_token`.
pub fn id_token(i: &Issuance<'_>, keys: &PoolKeys, access_token: &str) -> Result<String, IssueError> {
    let key = keys.signing(Use::Id, i.now).ok_or(IssueError::NoKey(Use::Id.as_str()))?;
    sign(keys, Use::Id, i.now, &claims::id(i, &left_half_hash(key.algorithm(), access_token)))
}

/// The access token of an app itself (`client_credentials`).
pub fn client_token(i: &ClientIssuance<'_>, keys: &PoolKeys) -> Result<String, IssueError> {
    sign(keys, Use::Access, i.now, &claims::client(i))
}

/// Whom a logout token tells about what.
#[derive(Debug, Clone)]
pub struct Logout<'a> {
    /// The issuing pool.
    pub pool: &'a Pool,
    /// The app that is told.
    pub client: &'a ClientId,
    /// The person.
    pub sub: &'a Sub,
    /// The session that ended; `None` when all did.
    pub session: Option<&'a SessionId>,
    /// Now.
    pub now: Timestamp,
    /// 16 random bytes for `jti`.
    pub random: [u8; 16],
}

/// A back-channel logout token, `typ` `logout+jwt`, signed with the ID-token key because apps check it
/// against the same set.
pub fn logout_token(logout: &Logout<'_>, keys: &PoolKeys) -> Result<String, IssueError> {
    let who = (logout.sub, logout.session);
    let claims = claims::logout(logout.pool, logout.client, who, logout.now, &uuid_from(logout.random));
    let key = keys.signing(Use::Id, logout.now).ok_or(IssueError::NoKey(Use::Id.as_str()))?;
    Ok(key.sign(Some("logout+jwt"), &claims)?)
}

fn sign(keys: &PoolKeys, usage: Use, now: Timestamp, claims: &Claims) -> Result<String, IssueError> {
    let key = keys.signing(usage, now).ok_or(IssueError::NoKey(usage.as_str()))?;
    let token = key.sign(None, claims)?;
    let limit = match usage {
        Use::Id => MAX_TOKEN,
        Use::Access => MAX_ACCESS_TOKEN,
    };
    if token.len() > limit {
        Err(IssueError::TooLarge { token: usage.as_str(), found: token.len(), limit })
    } else {
        Ok(token)
    }
}
