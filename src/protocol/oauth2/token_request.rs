//! The token request and its answer
//! ([RFC 6749 sections 4.1.3, 5](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)).

use serde_json::{Map, Value};

use super::super::json::{self, JsonError, Limits};
use crate::model::fault::{Fault, Refusal};
use crate::model::secret::SecretString;

/// Bounds for JSON documents of providers.
pub const DOCUMENT: Limits = Limits { bytes: 256 * 1024, depth: 64 };
const SHOWN: usize = 256;

/// Form of an authorization code redemption, without client authentication.
pub fn authorization_code(code: &str, redirect_uri: &str, verifier: &str) -> Vec<(String, String)> {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// What a token endpoint handed out.
#[derive(Debug)]
pub struct TokenAnswer {
    /// `access_token`.
    pub access_token: SecretString,
    /// `id_token`, unverified.
    pub id_token: Option<SecretString>,
}

/// Why there are no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// An OAuth error, whatever the status (some providers send errors with 200).
    #[error("the token endpoint refused with {error:?}: {description:?}")]
    Refused {
        /// `error`, shortened.
        error: String,
        /// `error_description`, shortened.
        description: String,
    },
    /// A status other than 200 without an OAuth error.
    #[error("the token endpoint answered with status {0}")]
    Status(u16),
    /// No acceptable JSON.
    #[error("the token endpoint's answer: {0}")]
    Json(JsonError),
    /// A member is missing or no string.
    #[error("the token endpoint's answer has no text {0:?}")]
    Member(&'static str),
    /// Neither absent nor `Bearer`.
    #[error("the token endpoint's answer has token_type {0:?}, not Bearer")]
    TokenType(String),
}

impl TokenError {
    /// Whether the provider itself is in trouble, rather than refusing this one request.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Status(429 | 500..))
    }
}

impl Refusal for TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "token_refused",
            Self::Status(_) => "token_status",
            Self::Json(_) => "token_answer_malformed",
            Self::Member(_) => "token_answer_incomplete",
            Self::TokenType(_) => "token_type_unknown",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Refused { error, .. } if error == "invalid_grant" => Fault::Visitor,
            Self::Refused { .. } => Fault::Pool,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Refused { error, .. } => match error.as_str() {
                "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => {
                    "compare client_id, the secret or key (has it expired?) and client_auth of this provider \
                     with its console"
                        .into()
                }
                "invalid_grant" => "sign in again; if it happens every time, compare the callback URL \
                    registered at the provider"
                    .into(),
                "redirect_uri_mismatch" => "register this broker's callback URL at the provider".into(),
                _ => "look up this error in the provider's documentation".into(),
            },
            Self::Status(_) => "see the provider's status page; if it persists, check the token endpoint's \
                URL"
            .into(),
            Self::Json(_) | Self::Member(_) | Self::TokenType(_) => {
                "check that the token endpoint's URL is right and that the provider follows RFC 6749 section \
                 5.1"
                .into()
            }
        }
    }

    fn retryable(&self) -> bool {
        self.is_outage()
    }

    fn expected(&self) -> Option<String> {
        Some("tokens".to_owned())
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Refused { error, .. } => Some(format!("error {error}")),
            Self::Status(status) => Some(format!("status {status}")),
            Self::TokenType(found) => Some(format!("token_type {found}")),
            Self::Json(_) | Self::Member(_) => None,
        }
    }
}

/// Reads the answer of a token endpoint. An `error` member wins over everything else, so a refusal sent with
/// status 200 is one.
pub fn parse(status: u16, body: &[u8]) -> Result<TokenAnswer, TokenError> {
    let members = match json::object(body, DOCUMENT) {
        Ok(members) => members,
        Err(_) if status != 200 => return Err(TokenError::Status(status)),
        Err(error) => return Err(TokenError::Json(error)),
    };
    if let Some(error) = members.get("error") {
        return Err(refusal(error, members.get("error_description")));
    }
    if status != 200 {
        return Err(TokenError::Status(status));
    }
    match members.get("token_type") {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(other) => return Err(TokenError::TokenType(shown(&text_of(other)))),
    }
    let access_token = text(&members, "access_token")?.ok_or(TokenError::Member("access_token"))?;
    Ok(TokenAnswer { access_token, id_token: text(&members, "id_token")? })
}

/// At most 256 characters of a provider's text without control characters: fit for a log line.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

fn refusal(error: &Value, description: Option<&Value>) -> TokenError {
    // Facebook sends an object: {"error":{"message":…,"type":…}}.
    let (error, description) = match error {
        Value::Object(inner) => (inner.get("type").unwrap_or(error), inner.get("message")),
        _ => (error, description),
    };
    TokenError::Refused {
        error: shown(&text_of(error)),
        description: description.map(|text| shown(&text_of(text))).unwrap_or_default(),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(members: &Map<String, Value>, name: &'static str) -> Result<Option<SecretString>, TokenError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.as_str().into())),
        Some(_) => Err(TokenError::Member(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::ExposeSecret;

    #[test]
    fn tokens_are_read() {
        let answer =
            parse(200, br#"{"access_token":"at","token_type":"bearer","id_token":"a.b.c","scope":"x"}"#)
                .unwrap();
        assert_eq!(answer.access_token.expose_secret(), "at");
        assert_eq!(answer.id_token.unwrap().expose_secret(), "a.b.c");
        assert!(parse(200, br#"{"access_token":"at"}"#).unwrap().id_token.is_none());
    }

    #[test]
    fn an_error_is_one_whatever_the_status_says() {
        for status in [200, 400, 500] {
            let error = parse(
                status,
                br#"{"error":"bad_verification_code","error_description":"It expired.","access_token":"at"}"#,
            )
            .unwrap_err();
            assert_eq!(
                error,
                TokenError::Refused {
                    error: "bad_verification_code".into(),
                    description: "It expired.".into()
                }
            );
        }
        let error = parse(400, br#"{"error":{"message":"Bad code","type":"OAuthException","code":100}}"#)
            .unwrap_err();
        assert_eq!(
            error,
            TokenError::Refused { error: "OAuthException".into(), description: "Bad code".into() }
        );
    }

    /// B-34
    #[test]
    fn an_answer_without_tokens_is_refused() {
        assert_eq!(parse(500, b"<html>").unwrap_err(), TokenError::Status(500));
        assert_eq!(parse(302, br#"{"access_token":"at"}"#).unwrap_err(), TokenError::Status(302));
        assert!(matches!(parse(200, b"access_token=at"), Err(TokenError::Json(_))));
        for body in ["{}", r#"{"access_token":""}"#, r#"{"access_token":7}"#, r#"{"access_token":null}"#] {
            assert_eq!(
                parse(200, body.as_bytes()).unwrap_err(),
                TokenError::Member("access_token"),
                "{body}"
            );
        }
        assert_eq!(
            parse(200, br#"{"access_token":"at","id_token":[]}"#).unwrap_err(),
            TokenError::Member("id_token")
        );
        assert!(matches!(
            parse(200, br#"{"access_token":"at","token_type":"mac"}"#),
            Err(TokenError::TokenType(_))
        ));
    }

    /// B-03
    #[test]
    fn a_long_or_multi_line_description_is_cut_to_one_line() {
        let body = serde_json::json!({"error": "x", "error_description": format!("a\r\nSet-Cookie: \
                b\u{0}{}", "y".repeat(100_000))})
        .to_string();
        let Err(TokenError::Refused { description, .. }) = parse(400, body.as_bytes()) else {
            panic!("not refused")
        };
        assert!(description.chars().count() == SHOWN && !description.chars().any(char::is_control));
    }

    /// B-36, E-38
    #[test]
    fn deep_and_ambiguous_answers_are_refused() {
        let deep = format!(r#"{{"access_token":"at","x":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
        assert!(matches!(parse(200, deep.as_bytes()), Err(TokenError::Json(JsonError::TooDeep { .. }))));
        assert!(matches!(
            parse(200, br#"{"access_token":"a","access_token":"b"}"#),
            Err(TokenError::Json(JsonError::Duplicate(_)))
        ));
    }
}
