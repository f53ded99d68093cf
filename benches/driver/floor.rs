//! The floor: a server that only redirects and signs, with axum and a prepared key, and answers of any size
//! from memory.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use axum::Router;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use symbolon::model::encoding::base64url;
use symbolon::outside::keygen::generate_one;
use tokio::net::TcpListener;

use super::Fail;

/// What a process that serves the floor says when it is ready, before its address.
pub const READY: &str = "floor at ";
/// Where the app is to which it redirects: nobody listens there.
pub const APP: &str = "http://127.0.0.1:9401/callback";
/// Largest answer of `/bare`.
const LARGEST: usize = 64 * 1024;

struct Floor {
    key: RsaKeyPair,
    random: SystemRandom,
    bare: Bytes,
}

/// Serves until the process is killed.
pub fn serve(workers: usize) -> Result<(), Fail> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stderr(), "{READY}{}", listener.local_addr()?)?;
        axum::serve(listener, routes()?).await?;
        Ok(())
    })
}

/// The floor as a task of this process; gives its address.
pub async fn serve_inside() -> Result<String, Fail> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let routes = routes()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

fn routes() -> Result<Router, Fail> {
    let made =
        generate_one(symbolon::token::keyset::Uses::Both, symbolon::model::pool::SigningAlgorithm::Rs256)?;
    let key = RsaKeyPair::from_pkcs8(made.private.expose())?;
    let floor = Floor { key, random: SystemRandom::new(), bare: Bytes::from(vec![b'x'; LARGEST]) };
    Ok(Router::new()
        .route("/authorize", get(authorize))
        .route("/callback", get(callback))
        .route("/token", post(token))
        .route("/bare/{size}", get(bare))
        .route("/sign/{times}", get(sign))
        .with_state(Arc::new(floor)))
}

/// To the provider, which `to` names; the app's part comes back as `state`.
async fn authorize(RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let of = |wanted: &str| query.split('&').find_map(|pair| pair.strip_prefix(wanted)?.strip_prefix('='));
    let (to, own, state) =
        (of("to").unwrap_or_default(), of("own").unwrap_or_default(), of("state").unwrap_or_default());
    redirect(&format!("{}?redirect_uri={own}&state={state}&nonce=n&client_id=c", decoded(to)))
}

async fn callback(Query(query): Query<HashMap<String, String>>) -> Response {
    let state = query.get("state").map(String::as_str).unwrap_or_default();
    redirect(&format!("{APP}?code=c&state={state}"))
}

/// Two tokens, or one for an app itself.
async fn token(State(floor): State<Arc<Floor>>, body: String) -> Response {
    let access_token = floor.token();
    let id_token = if body.contains("client_credentials") { String::new() } else { floor.token() };
    let body = format!(
        "{{\"access_token\":\"{access_token}\",\"id_token\":\"{id_token}\",\"refresh_token\":\"r\",\"token_type\":\"Bearer\",\"expires_in\":3600}}"
    );
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn bare(
    State(floor): State<Arc<Floor>>,
    axum::extract::Path(size): axum::extract::Path<usize>,
) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], floor.bare.slice(..size.min(LARGEST))).into_response()
}

async fn sign(
    State(floor): State<Arc<Floor>>,
    axum::extract::Path(times): axum::extract::Path<usize>,
) -> String {
    (0..times).map(|_| floor.signature(b"the header and claims of a token").len()).sum::<usize>().to_string()
}

impl Floor {
    fn token(&self) -> String {
        let claims = r#"{"sub":"4f0c2b1a-0000-4000-8000-000000000000","iss":"https://floor.example","token_use":"id","exp":1900000000}"#;
        let mut token = format!("{}.{}", base64url(r#"{"alg":"RS256","kid":"floor"}"#), base64url(claims));
        let signature = self.signature(token.as_bytes());
        token.push('.');
        token.push_str(&base64url(signature));
        token
    }

    fn signature(&self, text: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &self.random, text, &mut signature).expect("a sound key signs");
        signature
    }
}

fn redirect(to: &str) -> Response {
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn decoded(text: &str) -> String {
    text.replace("%3A", ":").replace("%2F", "/")
}
