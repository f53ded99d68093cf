//! A made-up provider with the ways of Google or Apple, on loopback.

mod authorize;
mod token;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::pages::{self, Pages};
use super::people::{AT_APPLE, AT_GOOGLE, Person};
use crate::model::secret::SecretString;
use crate::model::time::Timestamp;
use crate::outside::Outside;
use crate::protocol::jose::{KeySet, SigningKey};

/// Unfinished sign-ins, codes and access tokens that are kept at most.
const MOST: usize = 1000;

/// Whose ways the provider has.
pub(super) enum Kind {
    /// RS256, userinfo, `hd`, a client secret.
    Google {
        /// The broker's secret here.
        secret: SecretString,
    },
    /// `form_post`, a client secret that is an ES256 JWT, the name once and unsigned, no userinfo.
    Apple {
        /// The public half of the broker's key.
        keys: KeySet,
        /// `kid` of that key.
        key_id: String,
        /// `iss` of the client secret.
        team_id: String,
    },
}

/// What a demo provider is made of.
pub(super) struct Setup {
    pub(super) kind: Kind,
    /// `http://127.0.0.1:<port>`: issuer and base of every URL.
    pub(super) base: String,
    pub(super) key: SigningKey,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) outside: Outside,
    pub(super) pages: Pages,
}

/// A demo provider and what it remembers.
pub(super) struct Idp {
    setup: Setup,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Sign-ins that wait for a choice, by the id in the page's form.
    waiting: HashMap<String, Ask>,
    codes: HashMap<String, Granted>,
    access_tokens: HashMap<String, Granted>,
    /// Subjects whose name was handed out: Apple does so once.
    introduced: HashSet<&'static str>,
}

/// A checked authorization request.
#[derive(Clone)]
struct Ask {
    state: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
    scope: String,
}

/// An authorization request and who said yes to it.
#[derive(Clone)]
struct Granted {
    ask: Ask,
    person: &'static Person,
    at: Timestamp,
}

impl Idp {
    /// The provider's routes. Requests for any host but its own loopback address are refused.
    pub(super) fn router(setup: Setup) -> Router {
        let idp = Arc::new(Self { setup, memory: Mutex::default() });
        Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route(idp.path("/authorize"), get(authorize::get))
            .route(idp.path("/choose"), post(authorize::choose))
            .route(idp.path("/token"), post(token::post))
            .route(idp.path("/keys"), get(keys))
            .route("/userinfo", get(token::userinfo))
            .route("/style.css", get(pages::style))
            .layer(middleware::from_fn_with_state(idp.clone(), own_host))
            .with_state(idp)
    }

    fn is_apple(&self) -> bool {
        matches!(self.setup.kind, Kind::Apple { .. })
    }

    fn path(&self, end: &'static str) -> &'static str {
        match (end, self.is_apple()) {
            ("/authorize", true) => "/auth/authorize",
            ("/authorize", false) => "/o/oauth2/v2/auth",
            ("/choose", _) => "/choose",
            ("/token", true) => "/auth/token",
            ("/keys", true) => "/auth/keys",
            ("/keys", false) => "/oauth2/v3/certs",
            (other, _) => other,
        }
    }

    fn people(&self) -> &'static [Person] {
        if self.is_apple() { &AT_APPLE } else { &AT_GOOGLE }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn random(&self) -> String {
        self.setup.outside.random.token()
    }

    fn now(&self) -> Timestamp {
        self.setup.outside.clock.now()
    }
}

/// Adds an entry, and forgets everything first when somebody fills the memory.
fn keep<T>(entries: &mut HashMap<String, T>, key: String, value: T) {
    if entries.len() >= MOST {
        entries.clear();
    }
    entries.insert(key, value);
}

/// A page of another site that resolves to loopback has another `Host` (DNS rebinding).
async fn own_host(State(idp): State<Arc<Idp>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| idp.setup.base.strip_prefix("http://") == Some(host)) {
        next.run(request).await
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    }
}

async fn discovery(State(idp): State<Arc<Idp>>) -> Response {
    let base = &idp.setup.base;
    let url = |end| format!("{base}{}", idp.path(end));
    let auth_methods: &[&str] =
        if idp.is_apple() { &["client_secret_post"] } else { &["client_secret_post", "client_secret_basic"] };
    let mut metadata = json!({
        "issuer": base,
        "authorization_endpoint": url("/authorize"),
        "token_endpoint": url("/token"),
        "jwks_uri": url("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": [if idp.is_apple() { "pairwise" } else { "public" }],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", if idp.is_apple() { "name" } else { "profile" }],
        "token_endpoint_auth_methods_supported": auth_methods,
        "code_challenge_methods_supported": ["S256"],
    });
    if let Some(members) = metadata.as_object_mut() {
        if idp.is_apple() {
            members.insert("response_modes_supported".to_owned(), json!(["query", "fragment", "form_post"]));
        } else {
            members.insert("userinfo_endpoint".to_owned(), json!(format!("{base}/userinfo")));
        }
    }
    json_answer(StatusCode::OK, &metadata)
}

async fn keys(State(idp): State<Arc<Idp>>) -> Response {
    json_answer(StatusCode::OK, &json!({"keys": [idp.setup.key.public_jwk()]}))
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")],
        value.to_string(),
    )
        .into_response()
}
