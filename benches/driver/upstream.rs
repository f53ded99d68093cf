//! The provider: its browser side is a function of the driver, its token endpoint a server that the broker
//! calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use symbolon::model::encoding::{base64url, base64url_decode};
use symbolon::outside::keygen::generate_one;
use symbolon::protocol::jose::{Algorithm, SigningKey, left_half_hash};
use tokio::net::TcpListener;
use url::Url;

use super::Fail;
use super::saml::SamlProvider;

/// The broker's id at the provider.
pub const CLIENT_ID: &str = "broker-at-the-provider";
/// Its secret.
pub const CLIENT_SECRET: &str = "secret-at-the-provider";

/// A running provider.
#[derive(Clone)]
pub struct Upstream {
    /// Issuer of its ID tokens, and what its URLs begin with.
    pub issuer: String,
    /// The same provider by SAML.
    pub saml: Arc<SamlProvider>,
    key: Arc<SigningKey>,
}

/// What a code stands for; the code is this in the clear, so nothing is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Code {
    subject: String,
    nonce: String,
    client: String,
}

#[derive(Debug, Deserialize)]
struct TokenForm {
    code: String,
}

impl Upstream {
    /// Listens at `listen`.
    pub async fn start(listen: &str) -> Result<Self, Fail> {
        let listener = TcpListener::bind(listen.parse::<SocketAddr>()?).await?;
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let made = generate_one(
            symbolon::token::keyset::Uses::Both,
            symbolon::model::pool::SigningAlgorithm::Rs256,
        )?;
        let key =
            SigningKey::from_pkcs8_der(Algorithm::Rs256, Some("provider".into()), made.private.expose())?;
        let upstream = Self { saml: Arc::new(SamlProvider::new(&issuer)?), issuer, key: Arc::new(key) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/saml/metadata", get(saml_metadata))
            .with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(upstream)
    }

    /// Whether the browser has arrived here.
    pub fn is_at(&self, url: &Url) -> bool {
        url.as_str().starts_with(&self.issuer)
    }

    /// `subject` signs in: where the provider sends the browser next.
    pub fn signs_in(url: &Url, subject: &str) -> Result<Url, Fail> {
        let of = |wanted: &str| {
            url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let code = Code {
            subject: subject.to_owned(),
            nonce: of("nonce").unwrap_or_default(),
            client: of("client_id").unwrap_or_default(),
        };
        let code = base64url(serde_json::to_vec(&code)?);
        let mut back = Url::parse(&of("redirect_uri").ok_or("the broker sent no redirect_uri")?)?;
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &of("state").unwrap_or_default());
        Ok(back)
    }
}

async fn metadata(State(upstream): State<Upstream>) -> Response {
    let issuer = &upstream.issuer;
    answer(&json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn keys(State(upstream): State<Upstream>) -> Response {
    answer(&json!({"keys": [upstream.key.public_jwk()]}))
}

async fn token(State(upstream): State<Upstream>, Form(form): Form<TokenForm>) -> Response {
    match tokens(&upstream, &form.code) {
        Ok(tokens) => answer(&tokens),
        Err(error) => (axum::http::StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

fn tokens(upstream: &Upstream, code: &str) -> Result<Value, Fail> {
    let code: Code = serde_json::from_slice(&base64url_decode(code).ok_or("no code of this provider")?)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let access_token = "access-token-of-the-provider";
    let claims = json!({
        "iss": upstream.issuer,
        "sub": code.subject,
        "aud": code.client,
        "iat": now,
        "exp": now + 3600,
        "nonce": code.nonce,
        "at_hash": left_half_hash(Algorithm::Rs256, access_token),
        "email": format!("{}@people.example", code.subject),
        "email_verified": true,
        "name": format!("Person {}", code.subject),
        "given_name": "Person",
        "family_name": code.subject,
    });
    let id_token = upstream.key.sign(None, &claims)?;
    Ok(json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 3600,
            "id_token": id_token}))
}

async fn saml_metadata(State(upstream): State<Upstream>) -> Response {
    ([(header::CONTENT_TYPE, "application/samlmetadata+xml")], upstream.saml.metadata()).into_response()
}

fn answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
