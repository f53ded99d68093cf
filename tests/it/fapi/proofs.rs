//! DPoP proofs, good and bad.

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use super::world::{Bank, honest, thumbprint};
use crate::app_proof::world::{Signer, but};
use crate::support::fake_idp::keys::{b64, random_text, sign_hs256};

/// A code redeemed with `proof`.
async fn redeemed_with(bank: &Bank, proof: &str) -> crate::support::broker::app::TokenAnswer {
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    bank.redeems(&ask, &code, proof).await
}

#[tokio::test]
async fn check_dpop_proof_nbf_exp() {
    let bank = Bank::new().await;
    let now = bank.now();
    let good = bank.proof("POST", "/oauth2/token", json!({ "nbf": now, "exp": now + 60 }));
    assert_eq!(redeemed_with(&bank, &good).await.status, 200);
    for bad in [json!({ "exp": now - 300 }), json!({ "nbf": now + 3600 })] {
        redeemed_with(&bank, &bank.proof("POST", "/oauth2/token", bad))
            .await
            .is_refused_with(400, "invalid_dpop_proof");
    }
}

async fn issued(seconds: i64) {
    let bank = Bank::new().await;
    let proof = bank.proof("POST", "/oauth2/token", json!({ "iat": bank.now() + seconds }));
    let tokens = redeemed_with(&bank, &proof).await;
    let access = tokens.body["access_token"].as_str().unwrap();
    let at_resource =
        bank.proof("GET", "/oauth2/userInfo", but(Bank::ath(access), json!({ "iat": bank.now() + seconds })));
    assert_eq!(bank.user_info_with("DPoP", access, &at_resource).await.status, 200);
}

/// A-43
#[tokio::test]
async fn ensure_dpopproof_with_iat_10seconds_before_succeeds() {
    issued(-10).await;
}

/// A-43
#[tokio::test]
async fn ensure_dpopproof_with_iat_10seconds_after_succeeds() {
    issued(10).await;
}

/// A-45
#[tokio::test]
async fn ensure_mismatched_dpop_jkt_fails() {
    let bank = Bank::new().await;
    let proof = bank.proof("POST", "/oauth2/par", json!({}));
    let ask = bank.asks().with("dpop_jkt", &thumbprint(&Signer::ec("x")));
    bank.pushes(&ask, &[("dpop", &proof)]).await.is_refused_with(400, "invalid_dpop_proof");
    bank.pushes(&bank.asks().with("dpop_jkt", "short"), &[]).await.is_refused_with(400, "invalid_request");
}

/// A-45: the key of the proof at the pushed request has to redeem the code.
#[tokio::test]
async fn ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt() {
    let mut bank = Bank::new().await;
    let ask = bank.asks();
    let proof = bank.proof("POST", "/oauth2/par", json!({}));
    let uri = bank.pushes(&ask, &[("dpop", &proof)]).await.body["request_uri"].as_str().unwrap().to_owned();
    let browser = bank.opens(&bank.url("bank", &uri)).await;
    let code = bank.world.broker.app("bank").takes_code(&ask, browser.page());
    bank.dpop = Signer::ec("d2");
    bank.redeems(&ask, &code, &bank.at_token()).await.is_refused_with(400, "invalid_grant");
}

/// A-45
#[tokio::test]
async fn ensure_token_endpoint_fails_with_mismatched_dpop_jkt() {
    let bank = Bank::new().await;
    let ask = bank.asks().with("dpop_jkt", &thumbprint(&Signer::ec("x")));
    let code = bank.code_for(&ask).await;
    bank.redeems(&ask, &code, &bank.at_token()).await.is_refused_with(400, "invalid_grant");
}

#[tokio::test]
async fn ensure_dpopproof_at_par_endpoint_binding_success() {
    let bank = Bank::new().await;
    let ask = bank.asks().with("dpop_jkt", &thumbprint(&bank.dpop));
    let proof = bank.proof("POST", "/oauth2/par", json!({}));
    let uri = bank.pushes(&ask, &[("dpop", &proof)]).await.body["request_uri"].as_str().unwrap().to_owned();
    let browser = bank.opens(&bank.url("bank", &uri)).await;
    let code = bank.world.broker.app("bank").takes_code(&ask, browser.page());
    assert_eq!(bank.redeems(&ask, &code, &bank.at_token()).await.status, 200);
    bank.pushes(&bank.asks(), &[("dpop", &bank.at_token())]).await.is_refused_with(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn ensure_dpop_auth_code_binding_success() {
    let bank = Bank::new().await;
    let ask = bank.asks().with("dpop_jkt", &thumbprint(&bank.dpop));
    let code = bank.code_for(&ask).await;
    assert_eq!(bank.redeems(&ask, &code, &bank.at_token()).await.status, 200);
}

/// Every proof that a request to `url` must not be believed with.
fn bad_proofs(bank: &Bank, method: &str, path: &str, more: &Value) -> Vec<(&'static str, String)> {
    let url = bank.world.broker.at(path);
    let (header, claims) = honest(&bank.dpop, method, &url, bank.now());
    let claims = but(claims, more.clone());
    let now = bank.now();
    let signs = |header: &Header, claims: &Value| bank.dpop.signs(header, claims);
    let fresh = |changes: Value| but(but(claims.clone(), json!({ "jti": random_text() })), changes);
    let mut bad: Vec<(&'static str, String)> = Vec::new();
    for (name, changes) in [
        ("no jti", json!({"jti": null})),
        ("empty jti", json!({"jti": ""})),
        ("jti is a number", json!({"jti": 7})),
        ("huge jti", json!({"jti": "x".repeat(300)})),
        ("no htm", json!({"htm": null})),
        ("wrong htm", json!({"htm": "PUT"})),
        ("htm in lower case", json!({"htm": method.to_ascii_lowercase()})),
        ("no htu", json!({"htu": null})),
        ("htu elsewhere", json!({"htu": "https://other.example/oauth2/token"})),
        ("htu with another path", json!({"htu": format!("{url}/")})),
        ("htu is no URL", json!({"htu": "token"})),
        ("no iat", json!({"iat": null})),
        ("iat is text", json!({"iat": now.to_string()})),
        ("an hour old", json!({"iat": now - 3600})),
        ("an hour ahead", json!({"iat": now + 3600})),
    ] {
        bad.push((name, signs(&header, &fresh(changes))));
    }
    bad.push(("no typ", signs(&Header { typ: None, ..header.clone() }, &fresh(json!({})))));
    bad.push(("typ JWT", signs(&Header { typ: Some("JWT".into()), ..header.clone() }, &fresh(json!({})))));
    bad.push(("no jwk", signs(&Header { jwk: None, ..header.clone() }, &fresh(json!({})))));
    let other = honest(&Signer::ec("x"), method, &url, now).0;
    bad.push(("another key's jwk", signs(&Header { jwk: other.jwk, ..header.clone() }, &fresh(json!({})))));
    let rsa = Signer::rsa("r", Algorithm::RS256);
    bad.push(("RS256", rsa.signs(&honest(&rsa, method, &url, now).0, &fresh(json!({})))));
    let jwk = serde_json::to_value(&header.jwk).unwrap();
    let by_hand =
        |header: Value| bank.dpop.key.sign("ES256", &header.to_string(), &fresh(json!({})).to_string());
    bad.push((
        "private jwk",
        by_hand(
            json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": but(jwk.clone(), json!({"d": b64([1; 32])}))}),
        ),
    ));
    bad.push(("no alg", by_hand(json!({"typ": "dpop+jwt", "jwk": jwk}))));
    bad.push((
        "crit",
        by_hand(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk, "crit": ["x"], "x": 1})),
    ));
    let secret =
        json!({"typ": "dpop+jwt", "alg": "HS256", "jwk": {"kty": "oct", "k": b64("secret")}}).to_string();
    bad.push(("symmetric jwk", sign_hs256(b"secret", &secret, &fresh(json!({})).to_string())));
    let none = json!({"typ": "dpop+jwt", "alg": "none", "jwk": jwk}).to_string();
    bad.push(("alg none", format!("{}.{}.", b64(none), b64(fresh(json!({})).to_string()))));
    let good = signs(&header, &fresh(json!({})));
    bad.push(("broken signature", format!("{}AAAA", &good[..good.len() - 4])));
    bad.push(("no JWT", "not-a-jwt".to_owned()));
    bad.push(("empty", String::new()));
    bad
}

/// A-42, A-43, A-44
#[tokio::test]
async fn dpop_negative_tests() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    for (name, proof) in bad_proofs(&bank, "POST", "/oauth2/token", &json!({})) {
        let answer = bank.redeems(&ask, &code, &proof).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (400, &json!("invalid_dpop_proof")),
            "{name}: {}",
            answer.body
        );
    }
    let (one, two) = (bank.at_token(), bank.at_token());
    let twice = bank
        .posts_as("bank", "/oauth2/token", &Bank::redemption(&ask, &code), &[("dpop", &one), ("dpop", &two)])
        .await;
    twice.is_refused_with(400, "invalid_dpop_proof");
    let tokens = bank.redeems(&ask, &code, &one).await;
    assert_eq!(tokens.status, 200, "none of these spent the code: {}", tokens.body);
    bank.refreshes(tokens.body["refresh_token"].as_str().unwrap(), &[("dpop", &one)])
        .await
        .is_refused_with(400, "invalid_dpop_proof");
    let access = tokens.body["access_token"].as_str().unwrap();
    for (name, proof) in bad_proofs(&bank, "GET", "/oauth2/userInfo", &Bank::ath(access)) {
        let answer = bank.user_info_with("DPoP", access, &proof).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.body);
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("DPoP "), "{name}");
    }
    for changes in [json!({}), json!({"ath": "x"}), Bank::ath("another token")] {
        let proof = bank.proof("GET", "/oauth2/userInfo", changes);
        bank.user_info_with("DPoP", access, &proof).await.is_refused_with(401, "invalid_dpop_proof");
    }
    let stranger = Bank { world: bank.world, signer: bank.signer, dpop: Signer::ec("x") };
    stranger.user_info("DPoP", access).await.is_refused_with(401, "invalid_token");
    let bank = Bank { dpop: bank.dpop, ..stranger };
    let bare = bank.world.http.get(bank.world.broker.at("/oauth2/userInfo"));
    let without =
        crate::support::broker::app::answer(bare.header("authorization", format!("DPoP {access}"))).await;
    without.is_refused_with(401, "invalid_dpop_proof");
    bank.user_info("Bearer", access).await.is_refused_with(401, "invalid_token");
    bank.world.broker.app("bank").user_info(access).await.is_refused_with(401, "invalid_token");
    let url = bank.world.broker.at("/oauth2/userInfo");
    for htu in [format!("{url}?a=b#c"), url.replacen("http://127", "HTTP://127", 1)] {
        let proof = bank.proof(
            "GET",
            "/oauth2/userInfo",
            but(Bank::ath(access), json!({ "htu": htu, "other": [1] })),
        );
        assert_eq!(bank.user_info_with("DPoP", access, &proof).await.status, 200, "{htu}");
    }
}
