//! The endpoints behind the router: hosts, paths, methods, preflights, outages.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use symbolon::app::App;
use symbolon::config;
use symbolon::model::ids::{ClientId, SessionId};
use symbolon::model::session::{Epoch, Session};
use symbolon::model::time::Timestamp;
use symbolon::outside::Outside;
use symbolon::outside::random::Random;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::sessions::{self, SessionRef};
use symbolon::user_pool::sign_out::sign_out_everywhere;
use symbolon::web;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::call::{Answer, read};
use crate::support::asserts::hears_logout;

const STATE: &str = "memory:";
/// Nothing listens there.
const NO_REDIS: &str = "redis://127.0.0.1:1";

fn master_key() -> SecretKeyBytes {
    SecretKeyBytes::generate(&Random::fake(5))
}

async fn broker(state: &str) -> Router {
    web::router(app(state, "https://app.example/logout").await).unwrap()
}

/// A broker whose app `spa` hears of sign-outs at `logout`.
async fn app(state: &str, logout: &str) -> Arc<App> {
    let text = format!(
        r#"
[server]
public_url = "https://auth.example.com"
allow_private_upstreams = true
seal_key = "{}"
[store]
state = "{state}"
directory = "memory:"
[[pool]]
id = "eu-west-1_Example01"
name = "Example"
signing = "ES256"
[[pool.client]]
id = "machine"
secret = "correct-horse-battery-staple-1234"
scopes = ["api/read"]
grants = ["client_credentials"]
[[pool.client]]
id = "spa"
redirect_uris = ["https://app.example/callback"]
scopes = ["openid"]
cors_origins = ["https://app.example"]
backchannel_logout_uri = "{logout}"
[[pool.provider]]
name = "Acme"
use = "oidc"
issuer = "https://acme.example"
client_id = "x"
client_secret = "7Fq-0aXv3pLm9sTz"
"#,
        master_key().to_base64()
    );
    let none = |_: &str| Err("no files".to_owned());
    let config = config::parse(&text, "symbolon.toml", &[], &none)
        .map_err(|problems| format!("{:?}", problems.as_slice()))
        .unwrap();
    let outside = Outside::fake(Timestamp::from_secs(1_800_000_000), 3);
    App::build(config, outside).await.unwrap()
}

async fn send(broker: &Router, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "auth.example.com");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = broker.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    read(response).await
}

async fn get(broker: &Router, path: &str) -> Answer {
    send(broker, Method::GET, path, &[], "").await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const MACHINE: &str =
    "grant_type=client_credentials&client_id=machine&client_secret=correct-horse-battery-staple-1234";

/// A-47: every path form gives the same document, another tenant's path gives none.
#[tokio::test]
async fn the_metadata_is_found_in_every_path_form_and_only_for_this_pool() {
    let broker = broker(STATE).await;
    let document = get(&broker, "/eu-west-1_Example01/.well-known/openid-configuration").await.body;
    assert_eq!(document["issuer"], "https://auth.example.com/eu-west-1_Example01");
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/eu-west-1_Example01",
        "/.well-known/openid-configuration/eu-west-1_Example01",
        "/eu-west-1_Example01/.well-known/oauth-authorization-server",
    ] {
        assert_eq!(get(&broker, path).await.body, document, "{path}");
    }
    let keys = document["jwks_uri"].as_str().unwrap().strip_prefix("https://auth.example.com").unwrap();
    assert_eq!(get(&broker, keys).await.body["keys"].as_array().unwrap().len(), 2);
    assert_eq!(get(&broker, "/.well-known/jwks.json").await.status, 200);
    for path in ["/eu-west-1_Other/.well-known/openid-configuration", "/.well-known/openid-configuration/x"] {
        let request =
            Request::builder().uri(path).header("host", "auth.example.com").body(Body::empty()).unwrap();
        assert_eq!(broker.clone().oneshot(request).await.unwrap().status(), 404, "{path}");
    }
}

/// A-48: what the request says about hosts changes no URL; an unknown host is answered with 421.
#[tokio::test]
async fn a_hostile_host_changes_nothing() {
    let broker = broker(STATE).await;
    let path = "/.well-known/openid-configuration";
    let plain = get(&broker, path).await.body;
    let forwarded = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example"),
    ];
    assert_eq!(send(&broker, Method::GET, path, &forwarded, "").await.body, plain);
    let request = Request::builder().uri(path).header("host", "evil.example").body(Body::empty()).unwrap();
    assert_eq!(broker.clone().oneshot(request).await.unwrap().status(), 421);
}

/// A-67
#[tokio::test]
async fn a_machine_gets_its_token_over_http() {
    let broker = broker(STATE).await;
    let answer = send(&broker, Method::POST, "/oauth2/token", &[FORM], MACHINE).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let in_query = format!("/oauth2/token?{MACHINE}");
    assert_eq!(
        send(&broker, Method::POST, &in_query, &[FORM], MACHINE).await.error(),
        (400, "invalid_request")
    );
    let huge = "x".repeat(100_000);
    assert_eq!(
        send(&broker, Method::POST, "/oauth2/token", &[FORM], &huge).await.error(),
        (413, "invalid_request")
    );
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"] {
        assert_eq!(get(&broker, path).await.status, 405, "{path}");
    }
}

/// A-68
#[tokio::test]
async fn a_preflight_opens_the_endpoints_to_registered_origins_only_and_authorize_to_none() {
    let broker = broker(STATE).await;
    let ask = async |path: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        send(&broker, Method::OPTIONS, path, &headers, "").await
    };
    for path in ["/oauth2/token", "/oauth2/userInfo", "/oauth2/revoke"] {
        let answer = ask(path, "https://app.example").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            (204, "https://app.example")
        );
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert!(answer.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(ask(path, "https://evil.example").await.header("access-control-allow-origin"), "");
    }
    for path in ["/oauth2/authorize", "/oauth2/introspect", "/login"] {
        assert_eq!(
            ask(path, "https://app.example").await.header("access-control-allow-origin"),
            "",
            "{path}"
        );
    }
}

/// E-11, H-01: without the state store, documents are served and everything that needs it asks to come again.
#[tokio::test]
async fn without_the_state_store_documents_are_served_and_tokens_answer_503() {
    let desk = crate::grants::desk::Desk::new().await;
    let broker = broker(NO_REDIS).await;
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        assert_eq!(get(&broker, path).await.status, 200, "{path}");
    }
    assert_eq!(send(&broker, Method::POST, "/oauth2/token", &[FORM], MACHINE).await.status, 200);
    let seal = Seal::new(&master_key());
    let ticket = symbolon::token::refresh::Family::start(
        desk.decided("spa"),
        "n".into(),
        std::time::Duration::from_secs(1),
        desk.clock.now(),
    )
    .ticket(&desk.pool.id, &desk.sub);
    let token = seal.token("refresh", &ticket);
    let body = format!("grant_type=refresh_token&client_id=spa&refresh_token={token}");
    let answer = send(&broker, Method::POST, "/oauth2/token", &[FORM], &body).await;
    assert_eq!(answer.error(), (503, "temporarily_unavailable"));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.body.to_string().contains("127.0.0.1"), "nothing internal is told");
    let answer =
        send(&broker, Method::POST, "/oauth2/revoke", &[FORM], &format!("client_id=spa&token={token}")).await;
    assert_eq!(answer.error(), (503, "temporarily_unavailable"));
}

/// E-28, A-64: one write signs a person out everywhere, and the apps of their sessions hear of it.
#[tokio::test]
async fn signing_out_everywhere_ends_the_session_and_tells_its_apps() {
    let desk = crate::grants::desk::Desk::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = app(STATE, &format!("http://{}/logout", listener.local_addr().unwrap())).await;
    let pool = &app.pool(&desk.pool.id).unwrap().pool;
    let now = app.outside.clock.now();
    let session = Session {
        id: SessionId::from_random([6; 16]),
        sid: SessionId::from_random([7; 16]),
        sub: desk.sub.clone(),
        sign_in: desk.decided("spa").sign_in,
        last_used: now,
        expires: now.plus(Duration::from_secs(3600)),
        epoch: Epoch::default(),
        clients: vec![ClientId::parse("spa").unwrap(), ClientId::parse("machine").unwrap()],
        upstream: None,
    };
    let cookie = sessions::create(&app.state, &app.seal, pool, &session).await.unwrap();
    let reference = SessionRef::open(&app.seal, &pool.id, &cookie).unwrap();
    assert!(sessions::load(&app.state, pool, &reference, now).await.unwrap().is_some());
    sign_out_everywhere(&app, pool, &desk.sub).await.unwrap();
    assert!(sessions::load(&app.state, pool, &reference, now).await.unwrap().is_none());
    hears_logout(&listener, "/logout").await;
}

/// A-47: an issuer may have a path of several segments, and its metadata stands below it.
#[tokio::test]
async fn a_deep_issuer_has_its_metadata_below_it() {
    let id = "id = \"eu-west-1_A\"";
    let text =
        crate::sample::TWO_POOLS.replace(id, &format!("{id}\nissuer = \"https://a.test/tenants/one\""));
    let outside =
        symbolon::outside::Outside::fake(symbolon::model::time::Timestamp::from_secs(1_800_000_000), 3);
    let config = symbolon::config::parse(&text, "symbolon.toml", &[], &|name| Err(name.to_owned())).unwrap();
    let router = symbolon::web::router(App::build(config, outside).await.unwrap()).unwrap();
    let status = async |path: &str| {
        let request = Request::builder().uri(path).header("host", "a.test").body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    };
    assert_eq!(status("/tenants/one/.well-known/openid-configuration").await, 200);
    assert_eq!(status("/tenants/one/.well-known/jwks.json").await, 200);
    for path in [
        "/tenants/two/.well-known/openid-configuration",
        "/tenants/one/.well-known/x",
        "/tenants/one",
        "/login/x.css/y",
    ] {
        assert_eq!(status(path).await, 404, "{path}");
    }
}
