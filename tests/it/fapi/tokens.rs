//! The code and what it becomes.

use serde_json::json;

use super::world::{Bank, form};
use crate::app_proof::world::{ASSERTION_TYPE, Signer};

#[tokio::test]
async fn ensure_client_id_in_token_endpoint() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let assertion = bank.world.asserted("bank", &bank.signer);
    let mut asked = Bank::redemption(&ask, &code);
    asked.extend(form(&[
        ("client_id", "other"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ]));
    bank.posts("/oauth2/token", &asked, &[("dpop", &bank.at_token())])
        .await
        .is_refused_with(400, "invalid_client");
}

/// Tokens without a key are not to be had.
#[tokio::test]
async fn ensure_holder_of_key_required() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    bank.posts_as("bank", "/oauth2/token", &Bank::redemption(&ask, &code), &[])
        .await
        .is_refused_with(400, "invalid_dpop_proof");
    let tokens = bank.redeems(&ask, &code, &bank.at_token()).await;
    let refresh = tokens.body["refresh_token"].as_str().unwrap();
    bank.refreshes(refresh, &[]).await.is_refused_with(400, "invalid_dpop_proof");
}

///
#[tokio::test]
async fn ensure_authorization_code_is_bound_to_client() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let redemption = Bank::redemption(&ask, &code);
    bank.posts_as("other", "/oauth2/token", &redemption, &[("dpop", &bank.at_token())])
        .await
        .is_refused_with(400, "invalid_grant");
}

///
#[tokio::test]
async fn attempt_reuse_authorization_code_after_one_second() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let tokens = bank.redeems(&ask, &code, &bank.at_token()).await.body;
    bank.world.clock.advance(std::time::Duration::from_secs(1));
    bank.redeems(&ask, &code, &bank.at_token()).await.is_refused_with(400, "invalid_grant");
    bank.user_info("DPoP", tokens["access_token"].as_str().unwrap())
        .await
        .is_refused_with(401, "invalid_token");
}

///
#[tokio::test]
async fn ensure_token_endpoint_fails_with_expired_auth_code() {
    let bank = Bank::new().await;
    let (early, late) = (bank.asks(), bank.asks());
    let (good, stale) = (bank.code_for(&early).await, bank.code_for(&late).await);
    bank.world.clock.advance(std::time::Duration::from_secs(59));
    assert_eq!(bank.redeems(&early, &good, &bank.at_token()).await.status, 200);
    bank.world.clock.advance(std::time::Duration::from_secs(2));
    bank.redeems(&late, &stale, &bank.at_token()).await.is_refused_with(400, "invalid_grant");
}

///
#[tokio::test]
async fn ensure_pkce_code_verifier_required() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let mut asked = Bank::redemption(&ask, &code);
    asked.retain(|(name, _)| name != "code_verifier");
    bank.posts_as("bank", "/oauth2/token", &asked, &[("dpop", &bank.at_token())])
        .await
        .is_refused_with(400, "invalid_grant");
}

///
#[tokio::test]
async fn incorrect_pkce_code_verifier_rejected() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let code = bank.code_for(&ask).await;
    let other = bank.asks();
    bank.redeems(&other, &code, &bank.at_token()).await.is_refused_with(400, "invalid_grant");
    bank.redeems(&ask, &code, &bank.at_token()).await.is_refused_with(400, "invalid_grant");
}

/// E-25: another app's refresh token, a proof by no key; the app itself may go on with a new key, as it has
/// proven who it is.
#[tokio::test]
async fn refresh_token() {
    let mut bank = Bank::new().await;
    let tokens = bank.signs_in().await;
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let asked = form(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
    bank.posts_as("other", "/oauth2/token", &asked, &[("dpop", &bank.at_token())])
        .await
        .is_refused_with(400, "invalid_grant");
    let app = bank.world.broker.app("bank");
    let again = bank.refreshes(&refresh, &[("dpop", &bank.at_token())]).await.tokens(&app).await;
    assert_eq!(again.answer["token_type"], "DPoP");
    assert_eq!(bank.user_info("DPoP", &again.access_token).await.status, 200);
    bank.dpop = Signer::ec("d2");
    let rekeyed = bank.refreshes(&refresh, &[("dpop", &bank.at_token())]).await.tokens(&app).await;
    assert_eq!(rekeyed.access["cnf"], json!({ "jkt": super::world::thumbprint(&bank.dpop) }));
    bank.user_info("DPoP", &again.access_token).await.is_refused_with(401, "invalid_token");
}

///
#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    let bank = Bank::new().await;
    let tokens = bank.signs_in().await;
    let access = tokens["access_token"].as_str().unwrap();
    for scheme in ["DPoP", "dpop", "DPOP"] {
        assert_eq!(bank.user_info(scheme, access).await.status, 200, "{scheme}");
    }
    bank.user_info("Bearer", access).await.is_refused_with(401, "invalid_token");
}
