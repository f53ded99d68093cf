//! Claims that every token of a provider has, read by their type.

use serde_json::{Map, Value};

use super::super::jose::numeric_date;
use crate::model::time::Timestamp;

/// Longest subject ([Core section 2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
const MAX_SUBJECT: usize = 255;

/// A claim has the wrong type or an impossible value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Impossible(pub(super) &'static str);

/// Whether `text` may name a person or a session: 1 to 255 printable ASCII characters. Others are refused
/// rather than cut, hashed or normalized, so that no two people can share one (B-11).
pub(super) fn usable_name(text: &str) -> bool {
    (1..=MAX_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A text.
pub(super) fn text<'c>(
    claims: &'c Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'c str>, Impossible> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Impossible(name)),
    }
}

/// A NumericDate: a number from 1970 to 9999; parts of seconds are dropped (B-15).
pub(super) fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Impossible> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    numeric_date(value).map(Timestamp::from_secs).map(Some).ok_or(Impossible(name))
}

/// `aud`, one or several.
pub(super) fn audience(claims: &Map<String, Value>) -> Result<Option<Vec<&str>>, Impossible> {
    match claims.get("aud") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(one)) => Ok(Some(vec![one])),
        Some(Value::Array(several)) => {
            several.iter().map(Value::as_str).collect::<Option<_>>().map(Some).ok_or(Impossible("aud"))
        }
        Some(_) => Err(Impossible("aud")),
    }
}
