//! Our client authentication at a provider's token endpoint
//! ([RFC 6749 section 2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3), [RFC
//! 7523](https://www.rfc-editor.org/rfc/rfc7523)).

use std::time::Duration;

use serde::Serialize;
use url::form_urlencoded::byte_serialize;

use crate::model::encoding::base64;
use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::time::Timestamp;

/// Life of a `private_key_jwt` assertion: one request.
const ASSERTION_LIFE: Duration = Duration::from_secs(60);
/// Life of a client secret in JWT form; Apple accepts up to 15,777,000 s, but short-lived ones lose little
/// when they leak.
pub const SECRET_JWT_LIFE: Duration = Duration::from_secs(3600);
/// A client secret in JWT form is used for this long, well short of its life, so that none expires on its way
/// (B-33).
pub const SECRET_JWT_USE: Duration = Duration::from_secs(3000);

/// What proves the client, ready for one request.
#[derive(Debug)]
pub enum Credentials {
    /// `client_secret_basic`.
    Basic(SecretString),
    /// `client_secret_post`; also a secret in JWT form.
    Post(SecretString),
    /// `private_key_jwt`: the signed assertion.
    Assertion(SecretString),
    /// Public client.
    None,
}

/// Adds client authentication to the token request `form`; the `Authorization` header is returned if the
/// method uses one.
pub fn authenticate(
    client_id: &str,
    credentials: &Credentials,
    form: &mut Vec<(String, String)>,
) -> Option<SecretString> {
    let mut add = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
    match credentials {
        Credentials::Basic(secret) => {
            // RFC 6749 section 2.3.1: both parts are form-urlencoded before they are joined.
            let part = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = base64(format!("{}:{}", part(client_id), part(secret.expose_secret())));
            return Some(format!("Basic {pair}").into());
        }
        Credentials::Post(secret) => {
            add("client_id", client_id);
            add("client_secret", secret.expose_secret());
        }
        Credentials::Assertion(jwt) => {
            add("client_id", client_id);
            add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            add("client_assertion", jwt.expose_secret());
        }
        Credentials::None => add("client_id", client_id),
    }
    None
}

/// Claims of a client assertion or of a client secret in JWT form.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct AssertionClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// Claims of a `private_key_jwt` assertion. Its audience is the token endpoint to which it is sent, as one
/// string: an assertion that a provider tricks the broker into making is of no use anywhere else.
pub fn private_key_jwt<'a>(
    client_id: &'a str,
    token_endpoint: &'a str,
    jti: String,
    now: Timestamp,
) -> AssertionClaims<'a> {
    let (iat, exp) = (now.secs(), now.plus(ASSERTION_LIFE).secs());
    AssertionClaims { iss: client_id, sub: client_id, aud: token_endpoint, iat, exp, jti: Some(jti) }
}

/// Claims of a client secret in JWT form as Apple defines it; `audience` is the provider's issuer.
pub fn secret_jwt<'a>(
    team_id: &'a str,
    client_id: &'a str,
    audience: &'a str,
    now: Timestamp,
) -> AssertionClaims<'a> {
    let (iat, exp) = (now.secs(), now.plus(SECRET_JWT_LIFE).secs());
    AssertionClaims { iss: team_id, sub: client_id, aud: audience, iat, exp, jti: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(credentials: &Credentials) -> (Option<String>, Vec<(String, String)>) {
        let mut form = Vec::new();
        let header = authenticate("my app", credentials, &mut form);
        (header.map(|header| header.expose_secret().to_owned()), form)
    }

    #[test]
    fn basic_encodes_both_parts_as_forms_and_puts_nothing_into_the_body() {
        let (header, form) = form(&Credentials::Basic("p:w+1%".into()));
        assert_eq!(header.unwrap(), format!("Basic {}", base64("my+app:p%3Aw%2B1%25")));
        assert!(form.is_empty());
    }

    /// B-47
    #[test]
    fn the_secret_is_sent_in_the_configured_way_only() {
        let (header, body) = form(&Credentials::Post("s3cret".into()));
        assert_eq!(header, None);
        assert_eq!(body, [("client_id".into(), "my app".into()), ("client_secret".into(), "s3cret".into())]);
        let (header, body) = form(&Credentials::None);
        assert_eq!((header, body), (None, vec![("client_id".into(), "my app".into())]));
        let (header, body) = form(&Credentials::Assertion("a.b.c".into()));
        assert_eq!(header, None);
        assert!(body.iter().all(|(name, _)| name != "client_secret"));
        assert!(body.contains(&("client_assertion".into(), "a.b.c".into())));
    }

    #[test]
    fn an_assertion_is_for_one_endpoint_and_one_minute() {
        let claims =
            private_key_jwt("app", "https://idp.example/token", "j1".into(), Timestamp::from_secs(1000));
        let value = serde_json::to_value(&claims).unwrap();
        let expected = serde_json::json!({"iss": "app", "sub": "app", "aud": "https://idp.example/token",
            "iat": 1000, "exp": 1060, "jti": "j1"});
        assert_eq!(value, expected);
    }
}
