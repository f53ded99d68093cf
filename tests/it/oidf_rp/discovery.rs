//! What the provider's metadata says.

use serde_json::json;

use super::suite;
use crate::support::fake_idp::{Endpoint, Switch};

/// B-10
#[tokio::test]
async fn oidcc_client_test_discovery_issuer_mismatch() {
    let suite = suite().await;
    suite.op.does(Switch::MetadataIssuer("https://another.example".to_owned()));
    let mut visitor = crate::support::browser::Browser::new(&suite.clock);
    visitor.opens(suite.app.asks().url()).await.sees("discovery_issuer_mismatch");
    assert_eq!(suite.op.count(Endpoint::Authorize), 0);
}

#[tokio::test]
async fn oidcc_client_test_discovery_jwks_uri_keys() {
    let mut suite = suite().await;
    let uri = format!("{}/kQwErTyUiO/jwks", suite.op.base());
    suite.accepts([Switch::Metadata("jwks_uri".to_owned(), json!(uri))]).await;
    assert_eq!(suite.op.last(Endpoint::Jwks).path, "/kQwErTyUiO/jwks");
}

/// Endpoints are where the metadata says, not where they usually are.
#[tokio::test]
async fn oidcc_client_test_discovery_openid_config() {
    let mut suite = suite().await;
    let place = |path: &str| json!(format!("{}/moved/{path}", suite.op.base()));
    let moved = ["authorize", "token", "userinfo"].map(|path| (path, place(path)));
    let names = ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"];
    let deeds: Vec<Switch> = names
        .into_iter()
        .zip(&moved)
        .map(|(name, (_, url))| Switch::Metadata(name.to_owned(), url.clone()))
        .collect();
    suite.accepts(deeds).await;
    assert_eq!(suite.op.last(Endpoint::Discovery).path, "/.well-known/openid-configuration");
    for endpoint in [Endpoint::Authorize, Endpoint::Token, Endpoint::Userinfo] {
        assert!(suite.op.last(endpoint).path.starts_with("/moved/"), "{endpoint:?}");
    }
}
