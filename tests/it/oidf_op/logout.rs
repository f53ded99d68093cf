//! Sign-out that apps ask for, and how other apps hear of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

use super::{SCOPES, Suite, suite, suite_with};
use crate::support::broker::client;

const HOME: &str = "https://web.example/";

fn logout(suite: &Suite, parameters: &[(&str, &str)]) -> String {
    Url::parse_with_params(&suite.broker.at("/logout"), parameters).unwrap().into()
}

/// Somebody who is signed in, with the ID token of the app.
async fn signed_in() -> (Suite, String) {
    let mut suite = suite().await;
    let tokens = suite.completes(|ask| ask).await;
    (suite, tokens.id_token)
}

/// The request is refused on a page of ours, and the person stays signed in.
async fn is_refused(mut suite: Suite, parameters: &[(&str, &str)], code: &str) {
    let url = logout(&suite, parameters);
    suite.visitor.opens(url).await.answers(400);
    suite.visitor.sees(code);
    assert!(suite.is_signed_in().await);
}

/// The person is asked, and is signed out by their yes alone.
async fn is_asked(suite: &mut Suite, parameters: &[(&str, &str)]) {
    let url = logout(suite, parameters);
    suite.visitor.opens(url).await.answers(200);
    suite.visitor.sees("Sign out?").clicks("Sign out").await;
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let (mut suite, hint) = signed_in().await;
    let url =
        logout(&suite, &[("id_token_hint", &hint), ("post_logout_redirect_uri", HOME), ("state", "f8Y0")]);
    let page = suite.visitor.opens(url).await.lands_on(HOME);
    assert_eq!(
        page.url.query_pairs().into_owned().collect::<Vec<_>>(),
        [("state".to_owned(), "f8Y0".to_owned())]
    );
    assert!(!suite.is_signed_in().await);
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let (suite, hint) = signed_in().await;
    let parameters = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", "https://web.example/4f8a1c"),
        ("state", "s"),
    ];
    is_refused(suite, &parameters, "logout_uri_not_registered").await;
}

/// one letter of the signed part is another one.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let (suite, hint) = signed_in().await;
    let parts: Vec<&str> = hint.split('.').collect();
    let claims = symbolon::model::encoding::base64url_decode(parts[1]).unwrap();
    let claims = String::from_utf8(claims).unwrap().replace("Ada", "Eve");
    let modified = format!("{}.{}.{}", parts[0], symbolon::model::encoding::base64url(claims), parts[2]);
    assert_ne!(modified, hint);
    is_refused(
        suite,
        &[("id_token_hint", &modified), ("post_logout_redirect_uri", HOME)],
        "parameter_invalid",
    )
    .await;
}

/// without a hint nothing proves that the app may, so the person is asked; then they go back, since the
/// app named itself.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let (mut suite, _hint) = signed_in().await;
    is_refused_without_client(&mut suite).await;
    is_asked(&mut suite, &[("client_id", "web"), ("post_logout_redirect_uri", HOME), ("state", "s")]).await;
    suite.visitor.lands_on("https://web.example/?state=s");
    assert!(!suite.is_signed_in().await);
}

/// An address with no app to own it is nobody's.
async fn is_refused_without_client(suite: &mut Suite) {
    let url = logout(suite, &[("post_logout_redirect_uri", HOME), ("state", "s")]);
    suite.visitor.opens(url).await.answers(400);
    assert!(suite.is_signed_in().await);
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let (mut suite, _hint) = signed_in().await;
    is_asked(&mut suite, &[]).await;
    suite.visitor.sees("Signed out");
    assert!(!suite.is_signed_in().await);
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let (mut suite, hint) = signed_in().await;
    let url = logout(&suite, &[("id_token_hint", &hint), ("state", "s")]);
    suite.visitor.opens(url).await.answers(200);
    suite.visitor.sees("Signed out");
    assert!(!suite.is_signed_in().await);
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let (mut suite, hint) = signed_in().await;
    let url = logout(&suite, &[("id_token_hint", &hint), ("post_logout_redirect_uri", HOME)]);
    assert_eq!(suite.visitor.opens(url).await.lands_on(HOME).url.as_str(), HOME);
    assert!(!suite.is_signed_in().await);
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let (mut suite, _hint) = signed_in().await;
    is_asked(&mut suite, &[("state", "s")]).await;
    suite.visitor.sees("Signed out");
    assert!(!suite.is_signed_in().await);
}

///
#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let (suite, hint) = signed_in().await;
    let parameters = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", "https://web.example/?foo=bar"),
        ("state", "s"),
    ];
    is_refused(suite, &parameters, "logout_uri_not_registered").await;
}

/// not a token at all, and one of another issuer.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (suite, _hint) = signed_in().await;
    is_refused(
        suite,
        &[("id_token_hint", "bad-id-token"), ("post_logout_redirect_uri", HOME)],
        "parameter_invalid",
    )
    .await;
    let (suite, _hint) = signed_in().await;
    let foreign = suite.idp.last_id_token();
    is_refused(
        suite,
        &[("id_token_hint", &foreign), ("post_logout_redirect_uri", HOME)],
        "parameter_invalid",
    )
    .await;
}

/// The app's end of the back channel: what was posted there.
struct Ear {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

async fn ear() -> Ear {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/backchannel_logout", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    let hear = move |body: String| {
        sink.lock().unwrap().push(body);
        std::future::ready(())
    };
    tokio::spawn(symbolon::web::server::serve(
        listener,
        Router::new().route("/backchannel_logout", post(hear)),
    ));
    Ear { url, heard }
}

///
#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let ear = ear().await;
    let app = client("hears").scopes(&SCOPES).with(&format!("backchannel_logout_uri = {:?}", ear.url));
    let mut suite = suite_with(|pool| pool.pool("signing = \"ES256\"").client(app)).await;
    suite.app = suite.broker.app("hears");
    let tokens = suite.completes(|ask| ask).await;
    let url = logout(
        &suite,
        &[
            ("id_token_hint", &tokens.id_token),
            ("post_logout_redirect_uri", "https://hears.example/"),
            ("state", "s"),
        ],
    );
    suite.visitor.opens(url).await.lands_on("https://hears.example/?state=s");
    let told = async {
        while ear.heard.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("the app is told");
    let posted = ear.heard.lock().unwrap().clone();
    assert_eq!(posted.len(), 1);
    let fields: Vec<(String, String)> = form_urlencoded::parse(posted[0].as_bytes()).into_owned().collect();
    let [(name, token)] = &fields[..] else { panic!("{fields:?}") };
    assert_eq!(name, "logout_token");
    let claims = suite.app.verifies(token).await.unwrap();
    for (claim, expected) in [
        ("iss", &tokens.id["iss"]),
        ("aud", &tokens.id["aud"]),
        ("sub", &tokens.id["sub"]),
        ("sid", &tokens.id["sid"]),
    ] {
        assert_eq!(&claims[claim], expected, "{claim}");
    }
    assert_eq!(
        claims["events"],
        serde_json::json!({"http://schemas.openid.net/event/backchannel-logout": {}})
    );
    assert!(
        claims["jti"].is_string()
            && claims["iat"].is_i64()
            && claims["exp"].as_i64() > claims["iat"].as_i64(),
        "{claims}"
    );
    assert_eq!(claims.get("nonce"), None);
    let algorithm = |token: &str| jsonwebtoken::decode_header(token).unwrap().alg;
    assert_eq!(algorithm(token), algorithm(&tokens.id_token));
    assert!(!suite.is_signed_in().await);
}

/// the frame has exactly `iss` and `sid`, and the browser ends at the app with its `state`.
#[tokio::test]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let app = client("framed")
        .scopes(&SCOPES)
        .with("frontchannel_logout_uri = \"https://framed.example/frontchannel_logout\"");
    let mut suite = suite_with(|pool| pool.pool("signing = \"ES256\"").client(app)).await;
    suite.app = suite.broker.app("framed");
    let tokens = suite.completes(|ask| ask).await;
    let url = logout(
        &suite,
        &[
            ("id_token_hint", &tokens.id_token),
            ("post_logout_redirect_uri", "https://framed.example/"),
            ("state", "s"),
        ],
    );
    let page = suite.visitor.opens(url).await.lands_on("https://framed.example/?");
    assert_eq!(page.url.query(), Some("state=s"));
    let [frame] = &suite.visitor.framed()[..] else { panic!("one frame") };
    assert!(frame.as_str().starts_with("https://framed.example/frontchannel_logout?"), "{frame}");
    let mut parameters: Vec<(String, Value)> =
        frame.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    parameters.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(
        parameters,
        [("iss".to_owned(), tokens.id["iss"].clone()), ("sid".to_owned(), tokens.id["sid"].clone())]
    );
    assert!(!suite.is_signed_in().await);
}
