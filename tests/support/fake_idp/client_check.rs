//! Client authentication, checked as an honest provider does.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use super::keys::CLIENT;
use super::log::Seen;
use super::switch::Endpoint;
use super::{ClientCheck, Inner};

/// Whether the token request comes from our client; the error says why not.
pub(super) fn check(inner: &Inner, seen: &Seen) -> Result<(), String> {
    if seen.query_values("client_secret").len() + seen.query_values("code").len() > 0 {
        return Err("a secret or code in the URL".to_owned());
    }
    match inner.client_check() {
        ClientCheck::EitherSecret if seen.header("authorization").is_some() => basic(inner, seen),
        ClientCheck::EitherSecret | ClientCheck::SecretPost => post(inner, seen),
        ClientCheck::SecretBasic => basic(inner, seen),
        ClientCheck::None => same("client_id", seen.parameter("client_id"), inner.client_id()),
        ClientCheck::PrivateKeyJwt => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            same("client_assertion_type", seen.parameter("client_assertion_type"), kind)?;
            let claims = assertion(inner, &seen.parameter("client_assertion").ok_or("no client_assertion")?)?;
            same("iss", text(&claims, "iss"), inner.client_id())?;
            same("sub", text(&claims, "sub"), inner.client_id())?;
            let audience = text(&claims, "aud");
            let known = [inner.issuer(), inner.endpoint(Endpoint::Token)];
            if !audience.as_ref().is_some_and(|aud| known.contains(aud)) {
                return Err(format!("aud is {audience:?}"));
            }
            if !inner.first_use(&text(&claims, "jti").ok_or("no jti")?) {
                return Err("jti was used before".to_owned());
            }
            Ok(())
        }
        ClientCheck::AppleJwt { team_id, key_id } => {
            same("client_id", seen.parameter("client_id"), inner.client_id())?;
            let secret = seen.parameter("client_secret").ok_or("no client_secret")?;
            let header = decode_header(&secret).map_err(|error| error.to_string())?;
            same("kid", header.kid, &key_id)?;
            let claims = assertion(inner, &secret)?;
            same("iss", text(&claims, "iss"), &team_id)?;
            same("sub", text(&claims, "sub"), inner.client_id())?;
            let audience = text(&claims, "aud");
            if !audience
                .as_ref()
                .is_some_and(|aud| aud == "https://appleid.apple.com" || *aud == inner.issuer())
            {
                return Err(format!("aud is {audience:?}"));
            }
            let life = number(&claims, "exp")? - number(&claims, "iat")?;
            if life > 15_777_000 { Err("a client secret may live six months".to_owned()) } else { Ok(()) }
        }
    }
}

fn basic(inner: &Inner, seen: &Seen) -> Result<(), String> {
    use base64::Engine as _;
    let value = seen
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .ok_or("no Basic header")?;
    let decoded =
        base64::engine::general_purpose::STANDARD.decode(value).map_err(|error| error.to_string())?;
    let pair = String::from_utf8(decoded).map_err(|error| error.to_string())?;
    let (id, secret) = pair.split_once(':').ok_or("no colon")?;
    // RFC 6749 section 2.3.1: both parts are form-encoded.
    let form_decoded =
        |text: &str| url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
    same("client_id", form_decoded(id), inner.client_id())?;
    same("client_secret", form_decoded(secret), inner.client_secret())?;
    if seen.parameter("client_secret").is_some() {
        Err("two ways of authentication at once".to_owned())
    } else {
        Ok(())
    }
}

fn post(inner: &Inner, seen: &Seen) -> Result<(), String> {
    if seen.header("authorization").is_some() {
        return Err("client_secret_post was agreed".to_owned());
    }
    same("client_id", seen.parameter("client_id"), inner.client_id())?;
    same("client_secret", seen.parameter("client_secret"), inner.client_secret())
}

/// The claims of an assertion signed with the broker's key and valid now.
fn assertion(inner: &Inner, raw: &str) -> Result<Value, String> {
    let jwk = CLIENT.jwk("client");
    let part = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let key = DecodingKey::from_ec_components(&part("x"), &part("y")).map_err(|error| error.to_string())?;
    let mut rules = Validation::new(Algorithm::ES256);
    // The provider's clock is a fake one.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = decode::<Value>(raw, &key, &rules).map_err(|error| error.to_string())?.claims;
    let now = inner.clock.now().secs();
    if number(&claims, "exp")? <= now || number(&claims, "iat")? > now + 5 {
        return Err(format!("not valid at {now}: {claims}"));
    }
    Ok(claims)
}

fn text(claims: &Value, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn number(claims: &Value, name: &str) -> Result<i64, String> {
    claims.get(name).and_then(Value::as_i64).ok_or(format!("no number {name}"))
}

fn same(what: &str, have: Option<String>, want: &str) -> Result<(), String> {
    match have {
        Some(have) if have == want => Ok(()),
        other => Err(format!("{what} is {other:?}, not {want:?}")),
    }
}
