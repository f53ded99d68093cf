//! What the metadata promises.

use std::collections::HashSet;

use serde_json::Value;
use symbolon::app::App;
use symbolon::outside::Outside;
use tower::ServiceExt as _;

const CONFIG: &str = r#"
[server]
public_url = "https://op.example"
[store]
state = "memory:"
directory = "memory:"
[[pool]]
id = "eu-west-1_Example01"
hosts = ["op.example"]
[[pool.client]]
id = "web"
redirect_uris = ["https://web.example/callback"]
"#;

const ISSUER: &str = "https://op.example/eu-west-1_Example01";

/// A provider that browsers know by https, with keys as they are made by default.
async fn get(urls: &[&str]) -> Vec<Value> {
    let config = symbolon::config::parse(CONFIG, "symbolon.toml", &[], &|name| Err(name.to_owned())).unwrap();
    let outside = Outside::fake(symbolon::model::time::Timestamp::from_secs(1_800_000_000), 3);
    let router = symbolon::web::router(App::build(config, outside).await.unwrap()).unwrap();
    let mut documents = Vec::new();
    for url in urls {
        let path = url.strip_prefix("https://op.example").unwrap();
        let request =
            http::Request::get(path).header("host", "op.example").body(axum::body::Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{url}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/json"), "{url}");
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
        documents.push(serde_json::from_slice(&body).unwrap());
    }
    documents
}

async fn metadata() -> Value {
    get(&[&format!("{ISSUER}/.well-known/openid-configuration")]).await.remove(0)
}

fn has(document: &Value, member: &str, value: &str) -> bool {
    document[member]
        .as_array()
        .unwrap_or_else(|| panic!("{member} is no array: {document}"))
        .iter()
        .any(|have| have == value)
}

/// A-47, A-49
#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let keys_url = format!("{ISSUER}/.well-known/jwks.json");
    let documents = get(&[&format!("{ISSUER}/.well-known/openid-configuration"), &keys_url]).await;
    let [metadata, keys] = &documents[..] else { panic!("two documents") };
    assert_eq!((&metadata["issuer"], &metadata["jwks_uri"]), (&Value::from(ISSUER), &Value::from(keys_url)));
    let members = metadata.as_object().unwrap();
    for (name, value) in
        members.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
    {
        assert!(value.as_str().is_some_and(|url| url.starts_with("https://op.example/")), "{name}: {value}");
    }
    for required in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"] {
        assert!(members.contains_key(required), "{required}");
    }
    for (member, value) in [
        ("response_types_supported", "code"),
        ("subject_types_supported", "public"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("grant_types_supported", "authorization_code"),
        ("scopes_supported", "openid"),
        ("claims_supported", "sub"),
        ("code_challenge_methods_supported", "S256"),
    ] {
        assert!(has(metadata, member, value), "{member}: {}", metadata[member]);
    }
    assert!(!has(metadata, "id_token_signing_alg_values_supported", "none"));
    assert!(
        metadata["ui_locales_supported"]
            .as_array()
            .unwrap()
            .iter()
            .all(|tag| tag.as_str().is_some_and(|tag| !tag.contains('_')))
    );
    for member in
        ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"]
    {
        assert!(metadata[member].is_boolean(), "{member}");
    }
    are_public(keys);
}

/// Each key has an id of its own and what is needed to verify, and nothing to sign with.
fn are_public(keys: &Value) {
    let keys = keys["keys"].as_array().unwrap();
    let ids: HashSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert!(!keys.is_empty() && ids.len() == keys.len(), "{keys:?}");
    for key in keys {
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&"RSA".into(), &"RS256".into(), &"sig".into()));
        assert!(
            ["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|secret| key.get(*secret).is_none()),
            "{key}"
        );
    }
}

/// A-62
#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    assert_eq!(metadata().await["end_session_endpoint"], "https://op.example/logout");
}

/// A-64
#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let metadata = metadata().await;
    assert!(metadata["end_session_endpoint"].is_string());
    assert_eq!(
        (&metadata["backchannel_logout_supported"], &metadata["backchannel_logout_session_supported"]),
        (&true.into(), &true.into())
    );
}

/// A-65
#[tokio::test]
async fn oidcc_frontchannel_logout_discovery_endpoint_verification() {
    let metadata = metadata().await;
    assert!(metadata["end_session_endpoint"].is_string());
    assert_eq!(
        (&metadata["frontchannel_logout_supported"], &metadata["frontchannel_logout_session_supported"]),
        (&true.into(), &true.into())
    );
}
