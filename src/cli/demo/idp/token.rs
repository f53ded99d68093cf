//! Codes to tokens, tokens to userinfo.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::{Granted, Idp, Kind, json_answer, keep};
use crate::cli::demo::fields::Fields;
use crate::model::encoding::{base64_decode, base64url, sha256};
use crate::model::secret::{ExposeSecret as _, same_secret};
use crate::protocol::jose::{self, Algorithm, KeySet, left_half_hash};

const CODE_LIFETIME: Duration = Duration::from_secs(300);
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// Six months: the longest life of a client secret at Apple.
const LONGEST_SECRET: i64 = 15_777_000;

pub(super) async fn post(State(idp): State<Arc<Idp>>, headers: HeaderMap, body: String) -> Response {
    match exchange(&idp, &headers, &Fields::parse(&body)) {
        Ok(answer) => json_answer(StatusCode::OK, &answer),
        Err((error, description)) => {
            let status =
                if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            json_answer(status, &json!({"error": error, "error_description": description}))
        }
    }
}

type Refused = (&'static str, &'static str);

fn exchange(idp: &Idp, headers: &HeaderMap, fields: &Fields) -> Result<Value, Refused> {
    if !is_client(idp, headers, fields) {
        return Err(("invalid_client", "The client did not prove who it is."));
    }
    if fields.get("grant_type") != Some("authorization_code") {
        return Err(("unsupported_grant_type", "Only authorization_code."));
    }
    let granted = fields.get("code").and_then(|code| idp.memory().codes.remove(code));
    let granted = granted
        .filter(|granted| idp.now().since(granted.at) < CODE_LIFETIME)
        .ok_or(("invalid_grant", "No such code."))?;
    if fields.get("redirect_uri") != Some(&idp.setup.redirect_uri) {
        return Err(("invalid_grant", "The redirect_uri differs."));
    }
    let challenge = fields.get("code_verifier").map(|verifier| base64url(sha256(verifier)));
    if challenge != granted.ask.challenge {
        return Err(("invalid_grant", "The code_verifier does not fit."));
    }
    let access_token = idp.random();
    let id_token = idp
        .setup
        .key
        .sign(None, &id_token(idp, &granted, &access_token))
        .map_err(|_| ("server_error", "No signature."))?;
    let scope = granted.ask.scope.clone();
    keep(&mut idp.memory().access_tokens, access_token.clone(), Granted { at: idp.now(), ..granted });
    Ok(json!({"access_token": access_token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME.as_secs(),
            "scope": scope, "id_token": id_token}))
}

fn id_token(idp: &Idp, granted: &Granted, access_token: &str) -> Map<String, Value> {
    let now = idp.now();
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), json!(idp.setup.base));
    claims.insert("aud".to_owned(), json!(idp.setup.client_id));
    claims.insert("iat".to_owned(), json!(now.secs()));
    claims.insert("exp".to_owned(), json!(now.plus(TOKEN_LIFETIME).secs()));
    claims.insert("at_hash".to_owned(), json!(left_half_hash(Algorithm::Rs256, access_token)));
    claims.extend(granted.ask.nonce.as_ref().map(|nonce| ("nonce".to_owned(), json!(nonce))));
    if idp.is_apple() {
        claims.insert("auth_time".to_owned(), json!(granted.at.secs()));
        claims.extend(granted.person.apple_claims());
    } else {
        claims.insert("azp".to_owned(), json!(idp.setup.client_id));
        claims.extend(granted.person.google_claims());
    }
    claims
}

fn is_client(idp: &Idp, headers: &HeaderMap, fields: &Fields) -> bool {
    match &idp.setup.kind {
        Kind::Google { secret } => {
            let (id, given) = basic(headers).unwrap_or_else(|| {
                (
                    fields.owned("client_id").unwrap_or_default(),
                    fields.owned("client_secret").unwrap_or_default(),
                )
            });
            id == idp.setup.client_id && same_secret(given, secret.expose_secret())
        }
        Kind::Apple { keys, key_id, team_id } => {
            let secret = fields.get("client_secret").unwrap_or_default();
            fields.get("client_id") == Some(&idp.setup.client_id)
                && is_apple_secret(idp, secret, keys, (key_id, team_id))
        }
    }
}

/// The rules of Apple's "Creating a client secret".
fn is_apple_secret(idp: &Idp, secret: &str, keys: &KeySet, (key_id, team_id): (&str, &str)) -> bool {
    let named = jose::unverified_header(secret).is_ok_and(|header| header.kid.as_deref() == Some(key_id));
    let Ok(claims) = jose::verify(secret, keys, &[Algorithm::Es256]) else { return false };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let now = idp.now().secs();
    named
        && text("iss") == Some(team_id)
        && text("sub") == Some(&idp.setup.client_id)
        && text("aud")
            .is_some_and(|audience| audience == idp.setup.base || audience == "https://appleid.apple.com")
        && number("iat") <= now
        && number("exp") > now
        && number("exp") - number("iat") <= LONGEST_SECRET
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(base64_decode(value)?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Google's userinfo; Apple has none.
pub(super) async fn userinfo(State(idp): State<Arc<Idp>>, headers: HeaderMap) -> Response {
    if idp.is_apple() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let granted = token.and_then(|token| idp.memory().access_tokens.get(token).cloned());
    match granted.filter(|granted| idp.now().since(granted.at) < TOKEN_LIFETIME) {
        Some(granted) => json_answer(StatusCode::OK, &Value::Object(granted.person.google_claims())),
        None => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")])
            .into_response(),
    }
}
