//! What the app says to the broker, and what it checks before it believes a token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use serde_json::{Map, Value};
use url::Url;

use super::{PendingLogin, Setup};
use crate::model::secret::ExposeSecret as _;
use crate::outside::http::Request;
use crate::protocol::jose::{self, Algorithm, KeySet};

/// How much the clocks of app and broker may differ.
const SKEW: Duration = Duration::from_secs(60);

/// Tokens whose claims were checked.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) id: Map<String, Value>,
    pub(super) access: Map<String, Value>,
}

/// Redeems a code and checks the tokens against the request; the error is for the page.
pub(super) async fn redeem(setup: &Setup, code: &str, asked: &PendingLogin) -> Result<Tokens, String> {
    let form = [
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", format!("{}/callback", setup.base)),
        ("code_verifier", asked.verifier.clone()),
    ];
    let tokens = checked(setup, token_request(setup, &form).await?).await?;
    if text(&tokens.id, "nonce") == Some(&asked.nonce) {
        Ok(tokens)
    } else {
        Err("the ID token is for another sign-in".to_owned())
    }
}

/// New tokens for the same person; the error is for the page.
pub(super) async fn refresh(setup: &Setup, old: &Tokens) -> Result<Tokens, String> {
    let refresh_token = old.refresh_token.clone().ok_or("there is no refresh token")?;
    let form = [("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh_token)];
    let fresh = checked(setup, token_request(setup, &form).await?).await?;
    if text(&fresh.id, "sub") != text(&old.id, "sub") {
        return Err("the new tokens are for somebody else".to_owned());
    }
    Ok(Tokens { refresh_token: fresh.refresh_token.or_else(|| old.refresh_token.clone()), ..fresh })
}

/// The claims at userInfo.
pub(super) async fn user_info(setup: &Setup, access_token: &str) -> Result<Value, String> {
    let bearer =
        HeaderValue::from_str(&format!("Bearer {access_token}")).map_err(|error| error.to_string())?;
    let request = Request::get(url(&format!("{}/oauth2/userInfo", setup.broker))?)
        .secret_header(header::AUTHORIZATION, bearer);
    call(setup, request).await
}

async fn token_request(setup: &Setup, form: &[(&str, String)]) -> Result<Value, String> {
    let pairs: Vec<(String, String)> =
        form.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let credentials = STANDARD.encode(format!("{}:{}", setup.client_id, setup.client_secret.expose_secret()));
    let basic = HeaderValue::from_str(&format!("Basic {credentials}")).map_err(|error| error.to_string())?;
    let request = Request::form(url(&format!("{}/oauth2/token", setup.broker))?, &pairs);
    call(setup, request.secret_header(header::AUTHORIZATION, basic)).await
}

async fn call(setup: &Setup, request: Request) -> Result<Value, String> {
    let response = setup.http.send(request).await.map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&response.body).map_err(|error| error.to_string())?;
    if response.status.is_success() {
        return Ok(body);
    }
    let member = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    Err(format!("{} {} {}", response.status, member("error"), member("error_description")))
}

async fn checked(setup: &Setup, answer: Value) -> Result<Tokens, String> {
    let member = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let id_token = member("id_token").ok_or("there is no ID token")?;
    let access_token = member("access_token").ok_or("there is no access token")?;
    let published =
        call(setup, Request::get(url(&format!("{}/.well-known/jwks.json", setup.issuer))?)).await?;
    let keys = KeySet::parse(published.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let id = verify(setup, &id_token, &keys)?;
    let access = verify(setup, &access_token, &keys)?;
    if text(&id, "aud") != Some(&setup.client_id) || text(&access, "client_id") != Some(&setup.client_id) {
        return Err("the tokens are for another app".to_owned());
    }
    Ok(Tokens { refresh_token: member("refresh_token"), id_token, access_token, id, access })
}

/// Signature, issuer and expiry.
fn verify(setup: &Setup, raw: &str, keys: &KeySet) -> Result<Map<String, Value>, String> {
    let claims = jose::verify(raw, keys, &[Algorithm::Rs256]).map_err(|error| error.to_string())?;
    if text(&claims, "iss") != Some(&setup.issuer) {
        return Err("the token is from another issuer".to_owned());
    }
    let now = setup.outside.clock.now().minus(SKEW).secs();
    let expires = claims.get("exp").and_then(Value::as_i64).ok_or("the token has no expiry")?;
    if expires > now { Ok(claims) } else { Err("the token has expired".to_owned()) }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn url(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| error.to_string())
}
