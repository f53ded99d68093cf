//! What an error of Redis says about whether something was done.

use ::redis::{ErrorKind, RedisError};

use super::StoreError;

/// What an error means.
#[derive(Debug)]
pub(in crate::store) struct Verdict {
    /// What the caller hears.
    pub(in crate::store) error: StoreError,
    /// Whether the connection is of no use any more.
    pub(in crate::store) lost: bool,
}

/// Answers by which the server declines a command before doing any of it.
const DECLINED: [&str; 14] = [
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "OOM",
    "NOREPLICAS",
    "MISCONF",
    "BUSY",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "CROSSSLOT",
    "NOSCRIPT",
    "EXECABORT",
];

/// Answers about who may do what.
const FORBIDDEN: [&str; 4] = ["NOAUTH", "NOPERM", "WRONGPASS", "DENIED"];

/// Answers after which this connection leads nowhere: another server is the master now, or we are nobody
/// here.
const LEAVE: [&str; 4] = ["READONLY", "MASTERDOWN", "LOADING", "NOAUTH"];

/// Classifies an error that came instead of an answer.
pub(in crate::store) fn classify(error: &RedisError, write: bool) -> Verdict {
    let text = error.to_string();
    let unclear = |text: String| if write { StoreError::Unknown(text) } else { StoreError::NotApplied(text) };
    if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
        return Verdict { error: unclear(text), lost: true };
    }
    let code = error.code().unwrap_or_default();
    // Redis 6.2 hides the code of a command that failed inside a script in the text of an ERR.
    let is = |known: &&str| code == *known || (code == "ERR" && text.contains(&format!("-{known} ")));
    let lost = LEAVE.iter().any(is);
    let error = if FORBIDDEN.iter().any(is) {
        StoreError::Misconfigured(text)
    } else if DECLINED.iter().any(is) {
        StoreError::NotApplied(text)
    } else if code == "WRONGTYPE" {
        StoreError::Corrupt("key")
    } else {
        unclear(text)
    };
    Verdict { error, lost }
}

/// Classifies an error of making a connection: whether the server is there and does not let us in, or is not
/// there.
pub(in crate::store) fn refusal(error: &RedisError) -> StoreError {
    let text = error.to_string();
    let code = error.code().unwrap_or_default();
    let tls = error.is_io_error()
        && ["certificate", "TLS", "handshake", "corrupt message"].iter().any(|word| text.contains(word));
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => {
            StoreError::Misconfigured(text)
        }
        _ if tls || FORBIDDEN.contains(&code) => StoreError::Misconfigured(text),
        _ => StoreError::NotApplied(text),
    }
}
