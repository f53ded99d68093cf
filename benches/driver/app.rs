//! The app: where it sends browsers, and its calls of the token endpoint.

use std::time::{Duration, Instant};

use serde_json::Value;
use symbolon::model::encoding::{base64url, base64url_decode, sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use super::Fail;
use super::config;
use super::connection::Connection;

/// An app at one issuer.
#[derive(Debug, Clone)]
pub struct App {
    /// The authorization endpoint.
    pub authorize: Url,
    /// The token endpoint.
    pub token: Url,
    /// Provider metadata.
    pub discovery: Url,
    /// The published keys.
    pub jwks: Url,
    /// The registration.
    pub client: config::Client,
    /// Whether the tokens say something: those of the floor do not.
    pub checked: bool,
}

/// What an authorization request leaves with the app.
#[derive(Debug)]
pub struct Asked {
    /// Where the browser goes.
    pub url: Url,
    /// `state`.
    pub state: String,
    nonce: String,
    verifier: String,
}

/// A successful answer of the token endpoint.
#[derive(Debug)]
pub struct Tokens {
    /// `refresh_token`.
    pub refresh_token: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl App {
    /// An authorization request with these further parameters. `unique` tells it from every other one.
    pub fn ask(&self, unique: &str, scope: &str, further: &[(String, String)]) -> Asked {
        let digest = |what: &str| base64url(sha256(format!("{what} of {unique}")));
        let (state, nonce, verifier) = (digest("state"), digest("nonce"), digest("verifier"));
        let mut url = self.authorize.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.id)
            .append_pair("redirect_uri", &self.client.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &base64url(sha256(&verifier)))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(further);
        Asked { url, state, nonce, verifier }
    }

    /// The browser is back at the app: its code becomes tokens.
    pub async fn redeem(&self, http: &Connection, asked: &Asked, back: &Url) -> Result<Tokens, Fail> {
        let of = |wanted: &str| {
            back.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        if of("state").as_deref() != Some(&asked.state) {
            return Err(format!(
                "the app came back with {}",
                of("error").unwrap_or_else(|| "another state".into())
            )
            .into());
        }
        let code = of("code").ok_or_else(|| of("error").unwrap_or_else(|| "no code".into()))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &self.client.redirect_uri),
            ("code_verifier", &asked.verifier),
        ];
        let (answer, took) = self.call(http, &form).await?;
        if self.checked && claim(&answer, "nonce").as_deref() != Some(&asked.nonce) {
            return Err("an ID token without the nonce".into());
        }
        Ok(Tokens {
            refresh_token: answer.get("refresh_token").and_then(Value::as_str).map(str::to_owned),
            took,
        })
    }

    /// New tokens.
    pub async fn refresh(&self, http: &Connection, token: &str) -> Result<Tokens, Fail> {
        let (answer, took) =
            self.call(http, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await?;
        if self.checked && claim(&answer, "sub").is_none() {
            return Err("no new ID token".into());
        }
        Ok(Tokens { refresh_token: None, took })
    }

    /// A token for the app itself.
    pub async fn own_token(&self, http: &Connection) -> Result<Duration, Fail> {
        Ok(self.call(http, &[("grant_type", "client_credentials")]).await?.1)
    }

    async fn call(&self, http: &Connection, form: &[(&str, &str)]) -> Result<(Value, Duration), Fail> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = http.post(&self.token).basic_auth(&self.client.id, Some(&self.client.secret));
        let began = Instant::now();
        let response =
            request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await?;
        let status = response.status();
        let answer = response.bytes().await?;
        let took = began.elapsed();
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if status != 200 || answer.get("access_token").is_none() {
            let error = answer.get("error").and_then(Value::as_str).unwrap_or("no JSON error");
            return Err(format!("status {} {error}", status.as_u16()).into());
        }
        Ok((answer, took))
    }
}

/// A claim of the ID token, whose signature is not verified here: that is not what is measured.
fn claim(answer: &Value, name: &str) -> Option<String> {
    let claims = base64url_decode(answer.get("id_token")?.as_str()?.split('.').nth(1)?)?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get(name)?.as_str().map(str::to_owned)
}
