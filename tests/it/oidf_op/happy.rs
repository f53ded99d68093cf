//! Requests that are answered with a code.

use std::collections::HashSet;

use super::{Suite, suite, suite_with};
use crate::support::broker::{AppUnderTest, Ask};
use crate::support::browser::Browser;

///
#[tokio::test]
async fn oidcc_server() {
    let mut suite = suite_with(|pool| pool).await;
    let tokens = suite.completes(|ask| ask).await;
    assert_eq!(jsonwebtoken::decode_header(&tokens.id_token).unwrap().alg, jsonwebtoken::Algorithm::RS256);
    suite.user_info(&tokens).await;
    let mut codes = HashSet::new();
    for _ in 0..16 {
        let ask = suite.app.asks();
        suite.visitor.opens(ask.url()).await;
        let code = suite.app.takes_code(&ask, suite.visitor.page());
        assert!(code.len() >= 22 && code.bytes().all(|byte| byte.is_ascii_graphic()), "{code}");
        assert!(codes.insert(code));
    }
}

/// Every token so far was verified against the published keys; here also that `kid` names one of them.
#[tokio::test]
async fn oidcc_idtoken_signature() {
    let mut suite = suite().await;
    let tokens = suite.completes(|ask| ask).await;
    let kid = jsonwebtoken::decode_header(&tokens.id_token).unwrap().kid.unwrap();
    let keys = suite.app.gets(&format!("{}/.well-known/jwks.json", suite.broker.issuer)).await.body;
    assert_eq!(keys["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == kid.as_str()).count(), 1);
    let (head, signature) = tokens.id_token.rsplit_once('.').unwrap();
    let mut other = signature.chars().rev().collect::<String>();
    other.truncate(signature.len());
    assert!(suite.app.verifies(&format!("{head}.{other}")).await.is_err());
}

/// The suite skips it where the metadata does not offer `none`.
#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let suite = suite().await;
    let metadata =
        suite.app.gets(&format!("{}/.well-known/openid-configuration", suite.broker.issuer)).await.body;
    assert!(
        !metadata["id_token_signing_alg_values_supported"]
            .as_array()
            .unwrap()
            .iter()
            .any(|alg| alg == "none")
    );
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let mut suite = suite().await;
    let tokens = suite.completes(|ask| ask.without("nonce")).await;
    assert_eq!(tokens.id.get("nonce"), None);
}

/// scopes and parameters in the reverse order.
#[tokio::test]
async fn oidcc_alternate_happy_flow() {
    let mut suite = suite().await;
    let reversed = |mut ask: Ask| {
        ask = ask.with("scope", "email openid");
        ask.parameters.reverse();
        ask
    };
    let tokens = suite.completes(reversed).await;
    assert_eq!(suite.user_info(&tokens).await["email"], "ada@example.org");
}

///
#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    suite().await.completes(|ask| ask.with("extra", "foobar")).await;
}

///
#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    let mut suite = suite().await;
    let ask = suite.app.asks();
    let fields: Vec<(&str, &str)> =
        ask.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let endpoint = suite.broker.at("/oauth2/authorize");
    suite.visitor.is_lured_to_post("https://web.example/", &endpoint, &fields).await.follows_all().await;
    suite.redeems(&ask).await;
}

///
#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let mut suite = suite().await;
    let Suite { app, visitor, .. } = &mut suite;
    let ask = app.asks();
    let code = code_of(app, visitor, &ask).await;
    let secret = app.secret.clone().unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &app.redirect_uri),
        ("code_verifier", &ask.verifier),
        ("client_id", &app.id),
        ("client_secret", &secret),
    ];
    app.posts_raw("/oauth2/token", &form).await.tokens(app).await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let mut suite = suite().await;
    suite.completes(|ask| ask).await;
    let metadata =
        suite.app.gets(&format!("{}/.well-known/openid-configuration", suite.broker.issuer)).await.body;
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}

async fn code_of(app: &AppUnderTest, visitor: &mut Browser, ask: &Ask) -> String {
    visitor.opens(ask.url()).await;
    app.takes_code(ask, visitor.page())
}
