//! Client assertions under the profile.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::world::{Bank, form};
use crate::app_proof::world::{ASSERTION_TYPE, Signer, World, assertion, but, signing_client};
use crate::support::broker::app::TokenAnswer;

/// Pushes a good request with an assertion whose claims are changed.
async fn pushes(bank: &Bank, changes: Value) -> TokenAnswer {
    let mut asked = bank.asks().parameters;
    let claims = but(assertion("bank", &bank.world.broker.issuer, &bank.world.clock), changes);
    let assertion = bank.signer.asserts(&claims);
    asked.extend(form(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]));
    bank.posts("/oauth2/par", &asked, &[]).await
}

/// Redeems a good code with an assertion whose claims are changed.
async fn redeems(bank: &Bank, changes: Value) -> TokenAnswer {
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let claims = but(assertion("bank", &bank.world.broker.issuer, &bank.world.clock), changes);
    let assertion = bank.signer.asserts(&claims);
    let mut asked = Bank::redemption(&ask, &code);
    asked.extend(form(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]));
    bank.posts("/oauth2/token", &asked, &[("dpop", &bank.at_token())]).await
}

///
#[tokio::test]
async fn ensure_signed_client_assertion_with_rs256_fails() {
    let signer = Signer::rsa("r1", Algorithm::PS256);
    let world = World::with(vec![signing_client("bank", &signer).with("profile = \"fapi2\"")]).await;
    let claims = assertion("bank", &world.broker.issuer, &world.clock);
    for (algorithm, status) in [(Algorithm::RS256, 400), (Algorithm::PS256, 201)] {
        let assertion = Signer::rsa("r1", algorithm).asserts(&claims);
        let mut asked = world.broker.app("bank").asks().parameters;
        asked.extend(form(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]));
        let answer =
            crate::support::broker::app::answer(world.http.post(world.broker.at("/oauth2/par")).form(&asked))
                .await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(status == 201 || answer.body["error"] == "invalid_client", "{}", answer.body);
    }
}

#[tokio::test]
async fn ensure_client_assertion_in_token_endpoint() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let mut asked = Bank::redemption(&ask, &code);
    asked.extend(form(&[("client_id", "bank")]));
    bank.posts("/oauth2/token", &asked, &[("dpop", &bank.at_token())])
        .await
        .is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn ensure_client_assertion_with_exp_is_5_minutes_in_past_fails() {
    let bank = Bank::new().await;
    redeems(&bank, json!({ "exp": bank.now() - 300 })).await.is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn ensure_client_assertion_with_wrong_aud_fails() {
    let bank = Bank::new().await;
    redeems(&bank, json!({ "aud": "https://other.example" })).await.is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn ensure_client_assertion_with_no_sub_fails() {
    let bank = Bank::new().await;
    redeems(&bank, json!({ "sub": null })).await.is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted() {
    let bank = Bank::new().await;
    let soon = bank.now() + 8;
    assert_eq!(pushes(&bank, json!({ "nbf": soon, "iat": soon })).await.status, 201);
}

///
#[tokio::test]
async fn par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails() {
    let bank = Bank::new().await;
    pushes(&bank, json!({ "nbf": bank.now() + 61 })).await.is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn par_test_array_as_audience_fails() {
    let bank = Bank::new().await;
    pushes(&bank, json!({ "aud": [bank.world.broker.issuer] })).await.is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn par_test_par_endpoint_url_as_audience_fails() {
    let bank = Bank::new().await;
    pushes(&bank, json!({ "aud": bank.world.broker.at("/oauth2/par") }))
        .await
        .is_refused_with(400, "invalid_client");
}

///
#[tokio::test]
async fn par_test_token_endpoint_url_as_audience_fails() {
    let bank = Bank::new().await;
    pushes(&bank, json!({ "aud": bank.world.broker.at("/oauth2/token") }))
        .await
        .is_refused_with(400, "invalid_client");
}
