//! How a person is asked.

use std::time::Duration;

use super::{suite, suite_with};
use crate::support::broker::provider;
use crate::support::fake_idp::{Endpoint, FakeIdp};

#[tokio::test]
async fn oidcc_display_page() {
    suite().await.completes(|ask| ask.with("display", "page")).await;
}

#[tokio::test]
async fn oidcc_display_popup() {
    suite().await.completes(|ask| ask.with("display", "popup")).await;
}

/// the person signs in anew, at the provider, too, and `auth_time` says so.
#[tokio::test]
async fn oidcc_prompt_login() {
    let mut suite = suite().await;
    let first = suite.completes(|ask| ask).await;
    let second = suite.again(|ask| ask.with("prompt", "login")).await;
    assert!(second.id["auth_time"].as_i64() > first.id["auth_time"].as_i64());
    assert_eq!(second.id["sub"], first.id["sub"]);
    assert_eq!(suite.idp.count(Endpoint::Authorize), 2);
    assert_eq!(suite.idp.last(Endpoint::Authorize).parameter("prompt").as_deref(), Some("login"));
}

///
#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let mut suite = suite().await;
    let ask = suite.app.asks().with("prompt", "none");
    let page =
        suite.visitor.opens(ask.url()).await.is_refused_with("login_required", &suite.app.redirect_uri);
    assert_eq!(
        (page.query("state"), page.query("iss")),
        (Some(ask.state.clone()), Some(suite.broker.issuer.clone()))
    );
}

///
#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let mut suite = suite().await;
    let first = suite.completes(|ask| ask).await;
    let second = suite.again(|ask| ask.with("prompt", "none")).await;
    assert_eq!((&second.id["sub"], &second.id["auth_time"]), (&first.id["sub"], &first.id["auth_time"]));
}

///
#[tokio::test]
async fn oidcc_max_age_1() {
    let mut suite = suite().await;
    let first = suite.completes(|ask| ask).await;
    let second = suite.again(|ask| ask.with("max_age", "1")).await;
    assert!(second.id["auth_time"].as_i64() > first.id["auth_time"].as_i64());
    assert_eq!(suite.idp.count(Endpoint::Authorize), 2);
}

///
#[tokio::test]
async fn oidcc_max_age_10000() {
    let mut suite = suite().await;
    let first = suite.completes(|ask| ask.with("max_age", "15000")).await;
    let second = suite.again(|ask| ask.with("max_age", "10000")).await;
    assert_eq!((&second.id["sub"], &second.id["auth_time"]), (&first.id["sub"], &first.id["auth_time"]));
    assert_eq!(suite.idp.count(Endpoint::Authorize), 1);
}

///
#[tokio::test]
async fn oidcc_id_token_hint() {
    let mut suite = suite().await;
    let first = suite.completes(|ask| ask).await;
    let second = suite.again(|ask| ask.with("prompt", "none").with("id_token_hint", &first.id_token)).await;
    assert_eq!(second.id["sub"], first.id["sub"]);
}

/// the hint goes on to the provider.
#[tokio::test]
async fn oidcc_login_hint() {
    let mut suite = suite().await;
    suite.completes(|ask| ask.with("login_hint", "buffy@example.org")).await;
    assert_eq!(
        suite.idp.last(Endpoint::Authorize).parameter("login_hint").as_deref(),
        Some("buffy@example.org")
    );
}

/// a language without texts, then one with them.
#[tokio::test]
async fn oidcc_ui_locales() {
    let other = FakeIdp::oidc(&symbolon::outside::clock::Clock::Real).await;
    let mut suite =
        suite_with(|pool| pool.pool("signing = \"ES256\"").provider(provider("Other", &other))).await;
    for (locales, language) in [("se", "en"), ("se fr", "fr")] {
        let ask = suite.app.asks().with("ui_locales", locales);
        let page = suite.visitor.opens(ask.url()).await.answers(200);
        assert!(page.body.contains(&format!("<html lang=\"{language}\"")), "{}", page.body);
        suite.visitor.clicks("Acme").await;
        suite.redeems(&ask).await;
        suite.visitor.forgets_cookies();
        suite.clock.advance(Duration::from_secs(1));
    }
}

///
#[tokio::test]
async fn oidcc_claims_locales() {
    suite().await.completes(|ask| ask.with("claims_locales", "se")).await;
}

/// no class is promised, and none is claimed.
#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let tokens = suite().await.completes(|ask| ask.with("acr_values", "1 2")).await;
    assert_eq!(tokens.id.get("acr"), None);
}
