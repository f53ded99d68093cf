//! Discovery and the key set.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use symbolon::model::pool::{Pool, SigningAlgorithm};
use symbolon::outside::keygen;
use symbolon::token::keyset::Keyset;
use symbolon::token::pool_keys::PoolKeys;
use symbolon::web::oauth2::{discovery, jwks};

use super::call::{Answer, call, read};
use crate::grants::desk::{Desk, pool};

///
#[tokio::test]
async fn discovery_names_the_issuer_byte_for_byte_and_only_what_is_there() {
    let pool = pool();
    let answer = read(discovery::answer(&pool, None)).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    let document = answer.body;
    assert_eq!(document["issuer"], pool.issuer);
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(value.as_str().unwrap().starts_with("https://auth.example.com/"), "{name}");
        }
        if name.ends_with("_supported") {
            let typed = value.is_boolean()
                || value
                    .as_array()
                    .is_some_and(|all| !all.is_empty() && all.iter().all(serde_json::Value::is_string));
            assert!(typed, "{name}");
        }
    }
    assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["ES256"]));
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["response_types_supported"], serde_json::json!(["code"]));
}

/// A-47, E-10: the setting of a pool is what its next keys will be; what apps are told is what they meet.
#[tokio::test]
async fn discovery_names_the_algorithms_of_the_keys_that_are_there() {
    let desk = Desk::new().await;
    let changed = Pool { signing: SigningAlgorithm::EdDsa, ..desk.pool.clone() };
    let told = async |keys| {
        read(discovery::answer(&changed, keys)).await.body["id_token_signing_alg_values_supported"].clone()
    };
    assert_eq!(told(Some(&desk.keys)).await, serde_json::json!(["ES256"]));
    assert_eq!(told(None).await, serde_json::json!(["EdDSA"]));
}

///
#[test]
fn a_path_that_names_another_pool_is_not_this_one() {
    let mut pool = pool();
    for path in ["", "/", "eu-west-1_Example01", "/eu-west-1_Example01/"] {
        assert!(discovery::names(&pool, path), "{path}");
    }
    for path in ["eu-west-1_Other", "eu-west-1_example01", "eu-west-1_Example01/x", ".."] {
        assert!(!discovery::names(&pool, path), "{path}");
    }
    pool.issuer = "https://auth.example.com/tenants/one".into();
    assert!(discovery::names(&pool, "tenants/one"));
}

async fn keys_for(desk: &Desk, etag: Option<&str>) -> Answer {
    let request = etag.map_or_else(HeaderMap::new, |etag| call(&[("if-none-match", etag)], "").headers);
    read(jwks::answer(&desk.keys, &request)).await
}

/// E-11
#[tokio::test]
async fn the_key_set_is_cacheable_and_answers_304_to_who_has_it() {
    let desk = Desk::new().await;
    let whole = keys_for(&desk, None).await;
    assert_eq!(whole.header("cache-control"), "public, max-age=3600");
    assert_eq!(whole.header("access-control-allow-origin"), "*");
    let etag = whole.header("etag").to_owned();
    for same in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let answer = keys_for(&desk, Some(&same)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("etag"), &answer.body),
            (304, etag.as_str(), &serde_json::Value::Null)
        );
    }
    assert_eq!(keys_for(&desk, Some("\"another\"")).await.status, 200);
}

/// distinct `kid`, `use` and `alg` given, nothing private, the next keys published while the old ones
/// still are.
#[tokio::test]
async fn the_key_set_shows_public_keys_only_and_all_of_them_during_a_rotation() {
    let mut desk = Desk::new().await;
    let new = Keyset::wanted(&desk.pool)
        .into_iter()
        .map(|(uses, alg)| keygen::generate_one(uses, alg).unwrap())
        .collect();
    let rotated = desk.keys.set().rotate(new, desk.clock.now()).unwrap();
    desk.keys = PoolKeys::new(rotated, desk.clock.now()).unwrap();
    let document = keys_for(&desk, None).await.body;
    let keys = document["keys"].as_array().unwrap();
    let kids: BTreeSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!((keys.len(), kids.len()), (4, 4));
    for key in keys {
        assert_eq!((&key["use"], &key["alg"], &key["kty"]), (&"sig".into(), &"ES256".into(), &"EC".into()));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}
