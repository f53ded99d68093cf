//! Modules about what the broker does not do at a provider. Each holds that it neither does it by halves nor is led to by a provider that offers it.

use serde_json::json;

use super::{Suite, suite};
use crate::support::fake_idp::{Endpoint, Switch};

fn offers(name: &str, value: serde_json::Value) -> Switch {
    Switch::Metadata(name.to_owned(), value)
}

/// A sign-in begins at an app of the broker's own, which alone knows what it wants; a provider cannot begin one.
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
    suite.accepts([offers("request_uri_parameter_supported", json!(true)), offers("request_parameter_supported", json!(true))]).await;
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

/// B-29: what the provider gave is used once, at the sign-in. The broker's own refresh tokens never make it ask again, so no answer
/// to that can be about somebody else.
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

/// B-46: a provider of OpenID Connect signs nobody out here. There is no address to which it could post, so whatever it says, nothing happens.
async fn hears_no_logout(claims: serde_json::Value) {
    let mut suite = suite().await;
    suite.accepts([]).await;
    let part = symbolon::model::encoding::base64url;
    let token = format!("{}.{}.AAAA", part(r#"{"alg":"RS256","typ":"logout+jwt"}"#), part(&claims.to_string()));
    for path in ["/backchannel_logout", "/oauth2/backchannel_logout", "/oauth2/idpresponse/Suite"] {
        let answer = suite.app.posts_raw(path, &[("logout_token", &token)]).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    is_still_signed_in(&mut suite).await;
}

async fn is_still_signed_in(suite: &mut Suite) {
    suite.visitor.opens(suite.app.asks().with("prompt", "none").url()).await;
    assert!(suite.visitor.page().query("code").is_some(), "{}", suite.visitor);
}

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

macro_rules! logout_tokens {
    ($($name:ident: $claims:tt,)*) => {$(
        #[tokio::test]
        async fn $name() {
            hears_no_logout(json!($claims)).await;
        }
    )*};
}

logout_tokens! {
    oidcc_client_test_rp_backchannel_rpinitlogout: {"sub": "person-1", "events": {EVENT: {}}},
    oidcc_client_test_rp_backchannel_rpinitlogout_alg_none: {"sub": "person-1", "events": {EVENT: {}}, "alg": "none"},
    oidcc_client_test_rp_backchannel_rpinitlogout_no_event: {"sub": "person-1"},
    oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce: {"sub": "person-1", "events": {EVENT: {}}, "nonce": "n"},
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg: {"sub": "person-1", "events": {EVENT: {}}, "alg": "HS256"},
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud: {"sub": "person-1", "events": {EVENT: {}}, "aud": "another-client"},
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event: {"sub": "person-1", "events": {"http://schemas.openid.net/event/other": {}}},
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss: {"sub": "person-1", "events": {EVENT: {}}, "iss": "https://another.example"},
}

/// Nor does a page of ours end a session because a provider's page loads it in a frame.
async fn ends_nothing_in_a_frame() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    for path in ["/frontchannel_logout", "/logout"] {
        let url = format!("{}{path}?iss={}&sid=s", suite.broker.url, suite.op.base());
        let answer = reqwest::Client::new().get(url).header("sec-fetch-dest", "iframe").send().await.unwrap();
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
    is_still_signed_in(&mut suite).await;
}

#[tokio::test]
async fn oidcc_client_test_rp_frontchannel_opinitlogout() {
    ends_nothing_in_a_frame().await;
}

#[tokio::test]
async fn oidcc_client_test_rp_frontchannel_rpinitlogout() {
    ends_nothing_in_a_frame().await;
}
