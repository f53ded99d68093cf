//! The broker with a clock that is set by hand, two pools, and providers that are a function; browsers hold
//! cookies.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use symbolon::app::App;
use symbolon::model::encoding::{base64url, base64url_decode};
use symbolon::model::ids::Sub;
use symbolon::model::time::Timestamp;
use symbolon::outside::Outside;
use symbolon::outside::clock::Clock;
use symbolon::outside::http::{Http, Request as Call, Response as Reply};
use symbolon::outside::upstreams::Upstreams;
use symbolon::protocol::jose::{Algorithm, SigningKey};
use symbolon::store::grants::Grants;
use tower::ServiceExt as _;
use url::Url;

const CONFIG: &str = include_str!("symbolon.toml");
pub const POOLS: [&str; 2] = ["a.test", "b.test"];
pub const PROVIDERS: [&str; 3] = ["Honest", "Evil", "Formal"];
/// Client id and secret.
pub const CLIENTS: [(&str, Option<&str>); 2] =
    [("web", None), ("shop", Some("correct-horse-battery-staple"))];

/// What a provider's token endpoint will say about a code: the code holds it.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub issuer: String,
    pub subject: String,
    pub audience: String,
    pub nonce: String,
    pub issued: i64,
    pub forged: bool,
}

/// A browser: its cookies by host.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    cookies: HashMap<(String, String), String>,
}

impl Browser {
    pub fn forget(&mut self, host: &str, name: &str) {
        self.cookies.remove(&(host.to_owned(), name.to_owned()));
    }

    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.cookies.get(&(host.to_owned(), name.to_owned())).cloned()
    }

    pub fn give(&mut self, host: &str, name: &str, value: &str) {
        self.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
    }

    /// Another browser, which has at `to` what this one has at `from`.
    pub fn copied(&self, from: &str, to: &str) -> Self {
        let mut copy = Self::default();
        for ((_, name), value) in self.cookies.iter().filter(|((at, _), _)| at == from) {
            copy.give(to, name, value);
        }
        copy
    }

    fn header(&self, host: &str) -> String {
        let own = self.cookies.iter().filter(|((at, _), _)| at == host);
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// An answer of the broker.
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<Url>,
    pub body: Vec<u8>,
}

/// The status, where it leads, and of a page its code.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let code = body.split("Code: ").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or(&body);
        write!(f, "{} {:?} {code}", self.status, self.location.as_ref().map(Url::as_str))
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A parameter of the address that the browser is sent to.
    pub fn sent(&self, name: &str) -> Option<String> {
        let location = self.location.as_ref()?;
        location.query_pairs().find(|(have, _)| have == name).map(|(_, value)| value.into_owned())
    }
}

pub struct World {
    app: Arc<App>,
    router: Router,
    pub clock: Clock,
}

impl World {
    pub async fn new(seed: u64) -> Self {
        let outside = Outside::fake(Timestamp::from_secs(1_800_000_000), seed);
        let config = symbolon::config::parse(CONFIG, "symbolon.toml", &[], &|name| {
            Err(format!("{name} is not there"))
        })
        .unwrap();
        let upstreams = Upstreams::with_http(&outside, false, providers());
        let clock = outside.clock.clone();
        let app: Arc<App> = App::build_with(config, outside, upstreams).await.unwrap();
        Self { router: symbolon::web::router(app.clone()).unwrap(), clock, app }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn sign_out_everywhere(&self, pool: usize, sub: &str) {
        let pool = &self.app.pools()[pool].pool;
        let grants =
            Grants { records: &self.app.state, seal: &self.app.seal, random: &self.app.outside.random, pool };
        grants.end_everything(&Sub::parse(sub).unwrap(), self.now()).await.unwrap();
    }

    pub async fn get(&self, browser: &mut Browser, host: &str, path: &str) -> Answer {
        self.send(browser, host, Request::get(path), Body::empty()).await
    }

    /// A form POST from the broker's own site or from an app's server.
    pub async fn post(&self, browser: &mut Browser, host: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(browser, host, request, Body::from(body)).await
    }

    async fn send(
        &self,
        browser: &mut Browser,
        host: &str,
        request: http::request::Builder,
        body: Body,
    ) -> Answer {
        let request = request
            .header(header::HOST, host)
            .header(header::COOKIE, browser.header(host))
            .body(body)
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                browser.forget(host, name);
            } else {
                browser.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
            }
        }
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let base = Url::parse(&format!("https://{host}/")).unwrap();
        let location = location.map(|location| base.join(location).unwrap());
        Answer {
            status: answer.status(),
            location,
            body: answer.into_body().collect().await.unwrap().to_bytes().to_vec(),
        }
    }
}

/// The code under which a provider's token endpoint makes `assertion`.
pub fn upstream_code(assertion: &Assertion) -> String {
    let Assertion { issuer, subject, audience, nonce, issued, forged } = assertion;
    base64url(
        json!({ "iss": issuer, "sub": subject, "aud": audience, "nonce": nonce, "iat": issued,
        "auth_time": issued, "exp": issued + 600, "forged": forged })
        .to_string(),
    )
}

/// Three providers at `https://<name>.test`, each with a key of its own.
fn providers() -> Http {
    let keys: Vec<(String, Vec<u8>)> = PROVIDERS.iter().map(|name| (issuer(name), ed25519())).collect();
    let stranger = ed25519();
    Http::fake(move |call: &Call| {
        let issuer = format!("https://{}", call.url.host_str().unwrap_or_default());
        let (_, key) =
            keys.iter().find(|(have, _)| *have == issuer).expect("only configured providers are called");
        let answer = match call.url.path() {
            "/.well-known/openid-configuration" => metadata(&issuer),
            "/jwks" => {
                json!({ "keys": [SigningKey::from_pkcs8_der(Algorithm::EdDsa, Some("k".into()),
                    key).unwrap().public_jwk()] })
            }
            "/token" => token(call, key, &stranger),
            other => panic!("nobody asks for {other}"),
        };
        let headers = http::HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]);
        Ok(Reply { status: StatusCode::OK, headers, body: answer.to_string().into() })
    })
}

pub fn issuer(provider: &str) -> String {
    format!("https://{}.test", provider.to_lowercase())
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    })
}

fn token(call: &Call, key: &[u8], stranger: &[u8]) -> Value {
    let form: HashMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
    let mut claims: Value = serde_json::from_slice(&base64url_decode(&form["code"]).unwrap()).unwrap();
    let forged = claims.as_object_mut().unwrap().remove("forged") == Some(json!(true));
    let header = Header { kid: Some("k".to_owned()), ..Header::new(jsonwebtoken::Algorithm::EdDSA) };
    let id_token = jsonwebtoken::encode(
        &header,
        &claims,
        &EncodingKey::from_ed_der(if forged { stranger } else { key }),
    )
    .unwrap();
    json!({ "access_token": "upstream", "token_type": "Bearer", "id_token": id_token })
}

fn ed25519() -> Vec<u8> {
    aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref().to_vec()
}
