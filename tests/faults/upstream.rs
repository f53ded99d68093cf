//! The provider: by the book, and of every bad mood on demand. It answers a code as often as it is asked, so
//! that one use is the broker's doing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use url::Url;

use crate::keys::TestKey;

/// How the provider feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Status 503 from every endpoint.
    Down,
    /// Every answer takes so many milliseconds.
    Slow(u64),
    /// Answers of 64 MiB.
    Huge,
    /// Every other request fails.
    Flapping,
}

/// A running provider.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) issuer: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    mood: Mood,
    asked: u64,
    generation: u64,
    key: TestKey,
    before: Option<TestKey>,
    codes: HashMap<String, (String, String)>,
}

/// The broker's secret here.
pub(crate) const SECRET: &str = "upstream-secret-of-the-broker";

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port());
        let inner = Inner {
            mood: Mood::Well,
            asked: 0,
            generation: 0,
            key: TestKey::ed(),
            before: None,
            codes: HashMap::new(),
        };
        let upstream = Self { issuer, inner: Arc::new(Mutex::new(inner)) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        upstream
    }

    pub(crate) fn feels(&self, mood: Mood) {
        self.inner().mood = mood;
    }

    /// Signs with a new key from now on, and publishes it beside the last one.
    pub(crate) fn rotates_keys(&self) {
        let mut inner = self.inner();
        inner.before = Some(std::mem::replace(&mut inner.key, TestKey::ed()));
        inner.generation += 1;
    }

    /// `person` signs in here and is sent back: the query for the broker's callback, and the state in it.
    pub(crate) fn authorizes(&self, request: &Url, person: &str) -> Option<(String, String)> {
        let sent = |name: &str| {
            request.query_pairs().find(|(have, _)| have == name).map(|(_, value)| value.into_owned())
        };
        let (state, nonce, code) = (sent("state")?, sent("nonce")?, Random::Real.token());
        self.inner().codes.insert(code.clone(), (person.to_owned(), nonce));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &state)
            .finish();
        Some((query, state))
    }

    /// What the mood leaves of an answer.
    async fn answer(&self, honest: Value) -> Response {
        let mood = {
            let mut inner = self.inner();
            inner.asked += 1;
            if inner.mood == Mood::Flapping && inner.asked.is_multiple_of(2) {
                Mood::Down
            } else {
                inner.mood
            }
        };
        match mood {
            Mood::Well | Mood::Flapping => json_text(&honest),
            Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Mood::Slow(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                json_text(&honest)
            }
            Mood::Huge => vec![b' '; 64 << 20].into_response(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn discovery(State(upstream): State<Upstream>) -> Response {
    let issuer = &upstream.issuer;
    let document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    upstream.answer(document).await
}

async fn jwks(State(upstream): State<Upstream>) -> Response {
    let keys = {
        let inner = upstream.inner();
        let name = |generation: u64| format!("key-{generation}");
        let before = inner.before.as_ref().map(|key| key.jwk(&name(inner.generation - 1)));
        let keys: Vec<Value> = before.into_iter().chain([inner.key.jwk(&name(inner.generation))]).collect();
        json!({ "keys": keys })
    };
    upstream.answer(keys).await
}

async fn token(State(upstream): State<Upstream>, Form(form): Form<HashMap<String, String>>) -> Response {
    let now = Clock::Real.now().secs();
    let tokens = {
        let inner = upstream.inner();
        let Some((person, nonce)) = form.get("code").and_then(|code| inner.codes.get(code)) else {
            return (StatusCode::BAD_REQUEST, json_text(&json!({ "error": "invalid_grant" })))
                .into_response();
        };
        let claims = json!({
            "iss": upstream.issuer, "aud": "broker", "sub": person, "nonce": nonce, "iat": now,
            "exp": now + 600,
            "email": format!("{person}@people.example"), "email_verified": true,
        });
        let header = json!({ "alg": "EdDSA", "kid": format!("key-{}", inner.generation) });
        let id_token = inner.key.sign("EdDSA", &header.to_string(), &claims.to_string());
        json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 600, "id_token": id_token })
    };
    upstream.answer(tokens).await
}

fn json_text(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
