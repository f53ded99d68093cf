//! Claims beside the ID token.

use serde_json::json;

use super::suite;
use crate::support::fake_idp::{Endpoint, Switch};

fn userinfo(name: &str, value: serde_json::Value) -> Switch {
    Switch::UserinfoClaim(name.to_owned(), value)
}

/// B-39: aggregated claims are somebody else's word in a token that nobody verifies here; the sign-in goes on
/// without them.
#[tokio::test]
async fn oidcc_client_test_aggregated_claims() {
    let deeds = [
        userinfo("_claim_names", json!({"nickname": "src1"})),
        userinfo("_claim_sources", json!({"src1": {"JWT": "eyJhbGciOiJub25lIn0.eyJuaWNrbmFtZSI6ImV2ZSJ9."}})),
    ];
    assert_eq!(suite().await.accepts(deeds).await.id.get("nickname"), None);
}

/// B-39: nor is another endpoint called for them.
#[tokio::test]
async fn oidcc_client_test_distributed_claims() {
    let mut suite = suite().await;
    let endpoint = format!("{}/claims", suite.op.base());
    let deeds = [
        userinfo("_claim_names", json!({"nickname": "src1"})),
        userinfo("_claim_sources", json!({"src1": {"endpoint": endpoint, "access_token": "ksj3n283dke"}})),
    ];
    assert_eq!(suite.accepts(deeds).await.id.get("nickname"), None);
    assert_eq!(suite.op.count(Endpoint::Elsewhere), 0);
}

#[tokio::test]
async fn oidcc_client_test_scope_userinfo_claims() {
    let mut suite = suite().await;
    let tokens = suite.accepts([userinfo("nickname", json!("ada"))]).await;
    assert_eq!(tokens.id["nickname"], "ada");
    let scope = suite.op.last(Endpoint::Authorize).parameter("scope").unwrap();
    assert_eq!(scope.split(' ').collect::<Vec<_>>(), ["openid", "email", "profile"]);
}

/// The token is in the header, which every provider has to take (RFC 6750 section 2), never in the body.
#[tokio::test]
async fn oidcc_client_test_userinfo_bearer_body() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    let asked = suite.op.last(Endpoint::Userinfo);
    assert_eq!((asked.body.as_str(), asked.parameter("access_token")), ("", None));
}

#[tokio::test]
async fn oidcc_client_test_userinfo_bearer_header() {
    let mut suite = suite().await;
    suite.accepts([]).await;
    let asked = suite.op.last(Endpoint::Userinfo);
    assert!(asked.header("authorization").is_some_and(|header| header.starts_with("Bearer ")), "{asked:?}");
}

/// B-25
#[tokio::test]
async fn oidcc_client_test_userinfo_invalid_sub() {
    suite().await.refuses(Switch::UserinfoSub(json!("person-1invalid")), "userinfo_subject_mismatch").await;
}

/// B-25: signed by the provider for us, and then for somebody else.
#[tokio::test]
async fn oidcc_client_test_userinfo_signed() {
    let mut suite = suite().await;
    let us = suite.op.client_id().to_owned();
    suite.accepts([Switch::UserinfoSigned(us)]).await;
    suite.op.behaves();
    suite.visitor.forgets_cookies();
    suite.refuses(Switch::UserinfoSigned("another-client".to_owned()), "userinfo_foreign").await;
}
