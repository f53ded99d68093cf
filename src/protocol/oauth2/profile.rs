//! Identity from a profile call, for providers without ID tokens.

use serde_json::Value;

use super::super::json::{self, JsonError};
use super::token_request::DOCUMENT;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;

/// Why a profile names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A status other than 200.
    #[error("the profile call {call:?} answered with status {status}")]
    Status {
        /// The claim under which the answer would stand; empty for the profile itself.
        call: String,
        /// The status.
        status: u16,
    },
    /// No acceptable JSON.
    #[error("the profile answer {call:?}: {reason}")]
    Json {
        /// The claim under which the answer would stand; empty for the profile itself.
        call: String,
        /// What is wrong with it.
        reason: JsonError,
    },
    /// The access token was issued to another client (B-30).
    #[error("the access token was issued to another client than {0:?}")]
    Audience(String),
}

impl Refusal for ProfileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Status { .. } => "profile_status",
            Self::Json { .. } => "profile_malformed",
            Self::Audience(_) => "access_token_for_another_client",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Provider
    }

    fn hint(&self) -> String {
        match self {
            Self::Status { .. } => "check that the scopes of this provider allow its profile calls".into(),
            Self::Json { .. } => "check the URL of the profile call; it must answer with JSON".into(),
            Self::Audience(_) => "the provider handed out a token of another app; check client_id, and \
                report this to the provider"
                .into(),
        }
    }
}

/// Reads the profile itself: one object.
pub fn parse(status: u16, body: &[u8]) -> Result<Claims, ProfileError> {
    check_status("", status)?;
    json::object(body, DOCUMENT).map_err(|reason| ProfileError::Json { call: String::new(), reason })
}

/// Reads the answer of a further call: any JSON value, to be merged under the claim `call`.
pub fn parse_also(call: &str, status: u16, body: &[u8]) -> Result<Value, ProfileError> {
    check_status(call, status)?;
    json::value(body, DOCUMENT).map_err(|reason| ProfileError::Json { call: call.to_owned(), reason })
}

/// Checks that the answer to a token inspection names `client_id` at `pointer` (RFC 6749 section 10.16).
pub fn check_audience(status: u16, body: &[u8], pointer: &str, client_id: &str) -> Result<(), ProfileError> {
    let answer = parse(status, body)?;
    let same = at(&answer, pointer).is_some_and(|value| match value {
        Value::String(text) => text == client_id,
        Value::Number(number) => number.to_string() == client_id,
        _ => false,
    });
    if same { Ok(()) } else { Err(ProfileError::Audience(client_id.to_owned())) }
}

fn check_status(call: &str, status: u16) -> Result<(), ProfileError> {
    if status == 200 { Ok(()) } else { Err(ProfileError::Status { call: call.to_owned(), status }) }
}

/// The value at a JSON pointer below an object.
fn at<'c>(object: &'c Claims, pointer: &str) -> Option<&'c Value> {
    let (first, rest) = pointer.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, "")))?;
    let member = object.get(&first.replace("~1", "/").replace("~0", "~"))?;
    if rest.is_empty() { Some(member) } else { member.pointer(&format!("/{rest}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-30
    #[test]
    fn a_token_of_another_app_is_refused() {
        let check = |body: &str| check_audience(200, body.as_bytes(), "/data/app_id", "1234");
        assert_eq!(check(r#"{"data":{"app_id":"1234"}}"#), Ok(()));
        assert_eq!(check(r#"{"data":{"app_id":1234}}"#), Ok(()));
        for other in [
            r#"{"data":{"app_id":"12345"}}"#,
            r#"{"data":{}}"#,
            r#"{"app_id":"1234"}"#,
            r#"{"data":{"app_id":["1234"]}}"#,
        ] {
            assert_eq!(check(other), Err(ProfileError::Audience("1234".into())), "{other}");
        }
        assert!(matches!(
            check_audience(400, b"{}", "/aud", "1234"),
            Err(ProfileError::Status { status: 400, .. })
        ));
    }
}
