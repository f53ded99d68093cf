//! Modules about what the broker does not do at a provider. Each holds that it neither does it by halves nor
//! is led to by a provider that offers it.

use serde_json::json;

use super::suite;
use crate::support::fake_idp::{Endpoint, Switch};

fn offers(name: &str, value: serde_json::Value) -> Switch {
    Switch::Metadata(name.to_owned(), value)
}

/// A sign-in begins at an app of the broker's own, which alone knows what it wants; a provider cannot begin
/// one.
#[tokio::test]
async fn oidcc_client_test_3rd_party_init_login() {
    let mut suite = suite().await;
    for path in ["/login", "/initiate_login", "/oauth2/authorize"] {
        let url = format!("{}{path}?iss={}", suite.broker.url, suite.op.base());
        suite.visitor.opens(url).await;
        assert!((400..500).contains(&suite.visitor.page().status), "{}", suite.visitor);
    }
    assert_eq!(suite.op.count(Endpoint::Authorize), 0);
}

/// The issuer is configured; an address that somebody types does not choose another one.
async fn webfinger(hint: &str) {
    let mut suite = suite().await;
    let ask = suite.app.asks().with("login_hint", hint);
    suite.visitor.opens(ask.url()).await;
    suite.app.takes_code(&ask, suite.visitor.page());
    assert!(suite.op.log().iter().all(|seen| !seen.path.contains("webfinger")), "{:?}", suite.op.log());
}

#[tokio::test]
async fn oidcc_client_test_discovery_webfinger_acct() {
    webfinger("acct:ada@localhost").await;
}

#[tokio::test]
async fn oidcc_client_test_discovery_webfinger_url() {
    webfinger("https://localhost/ada").await;
}

/// `client_id` and its credentials are configured.
#[tokio::test]
async fn oidcc_client_test_dynamic_registration() {
    let mut suite = suite().await;
    let endpoint = format!("{}/register", suite.op.base());
    suite.accepts([offers("registration_endpoint", json!(endpoint))]).await;
    assert_eq!(suite.op.count(Endpoint::Elsewhere), 0);
}

/// The broker authenticates without a certificate, so other endpoints for those with one are not its own.
#[tokio::test]
async fn oidcc_client_test_mtls_endpoint_aliases() {
    let mut suite = suite().await;
    let endpoint = format!("{}/mtls/token", suite.op.base());
    suite.accepts([offers("mtls_endpoint_aliases", json!({ "token_endpoint": endpoint }))]).await;
    assert_eq!(suite.op.last(Endpoint::Token).path, "/token");
}

/// Everything is in the request itself, with `state`, `nonce` and PKCE to hold on to.
async fn request_object() {
    let mut suite = suite().await;
    suite
        .accepts([
            offers("request_uri_parameter_supported", json!(true)),
            offers("request_parameter_supported", json!(true)),
        ])
        .await;
    let asked = suite.op.last(Endpoint::Authorize);
    assert_eq!((asked.parameter("request"), asked.parameter("request_uri")), (None, None));
}

#[tokio::test]
async fn oidcc_client_test_request_uri_signed_none() {
    request_object().await;
}

#[tokio::test]
async fn oidcc_client_test_request_uri_signed_rs256() {
    request_object().await;
}

/// B-29: what the provider gave is used once, at the sign-in. The broker's own refresh tokens never make it
/// ask again, so no answer to that can be about somebody else.
async fn never_refreshes(deed: Option<Switch>) {
    let mut suite = suite().await;
    let first = suite.accepts([]).await;
    if let Some(deed) = deed {
        suite.op.does(deed);
    }
    let refreshed = suite.app.refreshes(&first.refresh_token).await.tokens(&suite.app).await;
    assert_eq!((&refreshed.id["sub"], &refreshed.id["iss"]), (&first.id["sub"], &first.id["iss"]));
    assert_eq!(suite.op.count(Endpoint::Token), 1);
    assert!(!suite.op.received("grant_type=refresh_token"));
}

#[tokio::test]
async fn oidcc_client_test_refresh_token() {
    never_refreshes(None).await;
}

#[tokio::test]
async fn oidcc_client_test_refresh_token_invalid_issuer() {
    never_refreshes(Some(super::claim("iss", "https://another.example"))).await;
}

#[tokio::test]
async fn oidcc_client_test_refresh_token_invalid_sub() {
    never_refreshes(Some(super::claim("sub", "person-1invalid"))).await;
}

/// The frame is a provider's script in our pages; none is ever loaded.
#[tokio::test]
async fn oidcc_client_test_session_management() {
    let mut suite = suite().await;
    let frame = format!("{}/check_session", suite.op.base());
    suite.accepts([offers("check_session_iframe", json!(frame))]).await;
    assert!(suite.op.log().iter().all(|seen| seen.path != "/check_session"));
    assert!(suite.visitor.framed().is_empty());
}
