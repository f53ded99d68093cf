//! What an ID token says.

use super::{claim, suite, suite_with};
use crate::support::fake_idp::{ClientCheck, Endpoint, Switch};

#[tokio::test]
async fn oidcc_client_test() {
    let mut suite = suite().await;
    let tokens = suite.accepts([]).await;
    assert_eq!(tokens.id["cognito:username"], "Suite_person-1");
    let asked = suite.op.last(Endpoint::Authorize);
    for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
        assert_eq!(asked.parameter(name).as_deref(), Some(value));
    }
    assert!(asked.parameter("scope").unwrap().split(' ').any(|scope| scope == "openid"));
    assert_eq!(suite.op.count(Endpoint::Userinfo), 1);
}

/// The secret holds what form encoding must get right before Base64 does.
#[tokio::test]
async fn oidcc_client_test_client_secret_basic() {
    let mut suite = suite().await;
    suite.op.wants(ClientCheck::SecretBasic);
    suite.accepts([]).await;
    let sent = suite.op.last(Endpoint::Token);
    assert!(sent.header("authorization").is_some_and(|header| header.starts_with("Basic ")));
    assert_eq!(sent.parameter("client_secret"), None);
}

/// B-26
#[tokio::test]
async fn oidcc_client_test_invalid_athash() {
    suite().await.refuses_id_token(Switch::AtHashWrong, "id_token_at_hash_mismatch").await;
}

/// B-12
#[tokio::test]
async fn oidcc_client_test_invalid_aud() {
    suite().await.refuses_id_token(Switch::AudWrong, "id_token_audience_mismatch").await;
}

/// B-26: the hybrid flow is never asked for; a hash of the code that is there all the same has to fit.
#[tokio::test]
async fn oidcc_client_test_invalid_chash() {
    suite()
        .await
        .refuses_id_token(claim("c_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "id_token_c_hash_mismatch")
        .await;
}

/// B-07
#[tokio::test]
async fn oidcc_client_test_invalid_iss() {
    suite().await.refuses_id_token(claim("iss", "https://another.example"), "id_token_issuer_mismatch").await;
}

/// B-26: required where the token comes through the browser (OpenID Connect Core section 3.2.2.9), which it
/// never does here.
#[tokio::test]
async fn oidcc_client_test_missing_athash() {
    suite().await.accepts([Switch::AtHashMissing]).await;
}

/// B-12
#[tokio::test]
async fn oidcc_client_test_missing_aud() {
    suite().await.refuses_id_token(Switch::AudMissing, "id_token_claim_missing").await;
}

/// B-26: required in the hybrid flow (section 3.3.2.11), which is never asked for.
#[tokio::test]
async fn oidcc_client_test_missing_chash() {
    let mut suite = suite().await;
    suite.accepts([Switch::ClaimMissing("c_hash".to_owned())]).await;
    assert_eq!(suite.op.last(Endpoint::Authorize).parameter("response_type").as_deref(), Some("code"));
}

/// B-15
#[tokio::test]
async fn oidcc_client_test_missing_iat() {
    suite().await.refuses_id_token(Switch::ClaimMissing("iat".to_owned()), "id_token_claim_missing").await;
}

/// B-11
#[tokio::test]
async fn oidcc_client_test_missing_sub() {
    suite().await.refuses_id_token(Switch::SubMissing, "id_token_claim_missing").await;
}

/// B-04
#[tokio::test]
async fn oidcc_client_test_nonce_invalid() {
    suite().await.refuses_id_token(Switch::NonceWrong, "id_token_nonce_mismatch").await;
}

/// B-47: in the code flow, too, another one each time.
#[tokio::test]
async fn oidcc_client_test_nonce_unless_code_flow() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    let first = suite.op.last(Endpoint::Authorize).parameter("nonce").unwrap();
    suite.visitor.forgets_cookies();
    suite.accepts([]).await;
    let second = suite.op.last(Endpoint::Authorize).parameter("nonce").unwrap();
    assert!(first.len() >= 22 && first != second, "{first} {second}");
}

/// B-32: the provider's error arrives as a form and is the app's to hear.
#[tokio::test]
async fn oidcc_client_test_form_post_error() {
    let mut suite =
        suite_with(|provider| provider.with_table("[pool.provider.request]\nform_post = true")).await;
    let description = "Error response using form_post".to_owned();
    suite.op.does(Switch::Error { error: "login_required".to_owned(), description });
    suite.visitor.opens(suite.app.asks().with("prompt", "login").url()).await;
    assert_eq!(suite.op.last(Endpoint::Authorize).parameter("response_mode").as_deref(), Some("form_post"));
    let page = suite.visitor.page().clone();
    let told = page.query("error").unwrap_or_else(|| page.text());
    assert!(told.contains("login_required") || told.contains("provider_answered_error"), "{}", suite.visitor);
    assert_eq!(suite.op.count(Endpoint::Token), 0);
}
