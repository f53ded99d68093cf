//! Requests that are refused.

use std::time::Duration;

use super::{Suite, suite};

/// A-01
#[tokio::test]
async fn oidcc_response_type_missing() {
    let mut suite = suite().await;
    let Suite { app, visitor, .. } = &mut suite;
    visitor
        .opens(app.asks().without("response_type").url())
        .await
        .is_refused_with("invalid_request", &app.redirect_uri);
}

/// The code a second time after `wait`: refused, and what the first time gave is worth nothing any more.
async fn code_is_good_once(wait: u64) {
    let mut suite = suite().await;
    let ask = suite.app.asks();
    suite.visitor.opens(ask.url()).await;
    let code = suite.app.takes_code(&ask, suite.visitor.page());
    let tokens = suite.app.redeems(&ask, &code).await.tokens(&suite.app).await;
    suite.user_info(&tokens).await;
    suite.clock.advance(Duration::from_secs(wait));
    suite.app.redeems(&ask, &code).await.is_refused_with(400, "invalid_grant");
    assert_eq!(suite.app.user_info(&tokens.access_token).await.status, 401);
    suite.app.refreshes(&tokens.refresh_token).await.is_refused_with(400, "invalid_grant");
}

/// A-15
#[tokio::test]
async fn oidcc_codereuse() {
    code_is_good_once(0).await;
}

/// A-15
#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    code_is_good_once(30).await;
}

/// A-08
#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let mut suite = suite().await;
    let Suite { app, visitor, .. } = &mut suite;
    let unregistered = format!("{}/4f8a1c", app.redirect_uri);
    visitor.opens(app.asks().with("redirect_uri", &unregistered).url()).await.answers(400);
    visitor.sees("redirect_uri_not_registered");
    assert_eq!(visitor.page().header("location"), None);
}

/// An unsigned request object with these claims.
fn unsigned(claims: &str) -> String {
    let part = symbolon::model::encoding::base64url;
    format!("{}.{}.", part(r#"{"alg":"none"}"#), part(claims))
}

/// A-39: rejected by the error that says so, and nobody fetches it.
#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    let mut suite = suite().await;
    let Suite { app, visitor, idp, .. } = &mut suite;
    let uri = format!("{}/request.jwt", idp.base());
    visitor
        .opens(app.asks().with("request_uri", &uri).url())
        .await
        .is_refused_with("request_uri_not_supported", &app.redirect_uri);
    assert!(idp.log().is_empty());
}

/// A-40
#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let mut suite = suite().await;
    let Suite { app, visitor, .. } = &mut suite;
    let request = unsigned(r#"{"client_id":"web","response_type":"code"}"#);
    visitor
        .opens(app.asks().with("request", &request).url())
        .await
        .is_refused_with("request_not_supported", &app.redirect_uri);
}

/// A-38: what is outside is not trusted where what is inside is not read: an unregistered address is a page,
/// a registered one is told.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let mut suite = suite().await;
    let Suite { app, visitor, .. } = &mut suite;
    let request = unsigned(&format!(r#"{{"client_id":"web","redirect_uri":"{}"}}"#, app.redirect_uri));
    let invalid =
        app.asks().with("request", &request).with("redirect_uri", &format!("{}/4f8a1c", app.redirect_uri));
    visitor.opens(invalid.url()).await.answers(400);
    assert_eq!(visitor.page().header("location"), None);
    visitor
        .opens(app.asks().with("request", &request).url())
        .await
        .is_refused_with("request_not_supported", &app.redirect_uri);
}

/// A-31
#[tokio::test]
async fn oidcc_refresh_token() {
    let mut suite = suite().await;
    let first = suite.completes(|ask| ask).await;
    assert!(first.refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    suite.clock.advance(Duration::from_secs(5));
    let refreshed = suite.app.refreshes(&first.refresh_token).await.tokens(&suite.app).await;
    assert_ne!(refreshed.access_token, first.access_token);
    for claim in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(refreshed.id[claim], first.id[claim], "{claim}");
    }
    assert!(refreshed.id["iat"].as_i64() > first.id["iat"].as_i64());
    suite.user_info(&refreshed).await;
    let shop = suite.broker.app("shop");
    let of_shop = suite.visitor.signs_in(&shop, "Acme").await;
    suite.app.refreshes(&of_shop.refresh_token).await.is_refused_with(400, "invalid_grant");
    shop.refreshes(&of_shop.refresh_token).await.tokens(&shop).await;
}
