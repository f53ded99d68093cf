//! Redeeming codes.

use std::time::Duration;

use symbolon::model::client::Grant;
use symbolon::user_pool::access_token_check::living_access;
use symbolon::user_pool::redeem::{Redemption, burn_unauthenticated};

use super::desk::{Desk, REDIRECT, VERIFIER, asking, outcome, refresh_token};

/// The refused attempt, then an honest one: the code must be dead.
async fn refused_and_dead(desk: &Desk, client: &str, asked: &Redemption<'_>, expected: &str) {
    let refused = desk.redeem_as(client, asked).await;
    assert_eq!(outcome(&refused), expected);
    assert_eq!(refused.err().unwrap().oauth_error(), "invalid_grant");
    assert_eq!(outcome(&desk.redeem("spa", asked.code).await), "code_spent");
}

#[tokio::test]
async fn a_code_becomes_an_id_token_an_access_token_and_a_refresh_token() {
    let desk = Desk::new().await;
    let tokens = desk.signed_in("spa").await;
    assert!(tokens.id_token.is_some() && tokens.refresh_token.is_some());
    assert_eq!((tokens.expires_in, tokens.scope.to_string().as_str()), (3600, "openid email api/read"));
    let access = living_access(&desk.issuer(), &tokens.access_token).await.unwrap();
    assert_eq!((access.claims().sub(), access.claims().client().as_str()), (Some(&desk.sub), "spa"));
}

/// at once and after 30 seconds.
#[tokio::test]
async fn a_replayed_code_is_refused_and_takes_what_it_issued_with_it() {
    for wait in [0, 30, 30 * 24 * 3600 - 1] {
        let desk = Desk::new().await;
        let code = desk.code("spa").await;
        let tokens = desk.redeem("spa", &code).await.unwrap();
        desk.pass(wait);
        assert_eq!(outcome(&desk.redeem("spa", &code).await), "code_spent", "after {wait} s");
        assert_eq!(outcome(&desk.refresh("spa", &refresh_token(&tokens)).await), "refresh_token_ended");
        assert!(living_access(&desk.issuer(), &tokens.access_token).await.is_err());
    }
}

/// a replay by another client revokes as well, and another sign-in of the same person is untouched.
#[tokio::test]
async fn a_replay_by_a_stranger_ends_that_sign_in_and_no_other() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    let (tokens, elsewhere) = (desk.redeem("spa", &code).await.unwrap(), desk.signed_in("spa").await);
    assert_eq!(outcome(&desk.redeem("other", &code).await), "code_spent");
    assert_eq!(outcome(&desk.refresh("spa", &refresh_token(&tokens)).await), "refresh_token_ended");
    assert_eq!(outcome(&desk.refresh("spa", &refresh_token(&elsewhere)).await), "granted");
}

///
#[tokio::test]
async fn another_clients_code_is_refused_and_dead() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    refused_and_dead(&desk, "other", &asking(&code), "code_of_other_client").await;
}

/// whoever fails to authenticate with a code has shown that it leaked.
#[tokio::test]
async fn a_code_presented_without_valid_credentials_is_dead() {
    let desk = Desk::new().await;
    let code = desk.code("web").await;
    burn_unauthenticated(&desk.issuer(), &code).await.unwrap();
    assert_eq!(outcome(&desk.redeem("web", &code).await), "code_spent");
}

/// but it cannot end what the honest client already has.
#[tokio::test]
async fn a_spent_code_without_credentials_ends_nothing() {
    let desk = Desk::new().await;
    let code = desk.code("web").await;
    let tokens = desk.redeem("web", &code).await.unwrap();
    burn_unauthenticated(&desk.issuer(), &code).await.unwrap();
    assert_eq!(outcome(&desk.refresh("web", &refresh_token(&tokens)).await), "granted");
}

///
#[tokio::test]
async fn a_code_lives_five_minutes() {
    let desk = Desk::new().await;
    let (early, late) = (desk.code("spa").await, desk.code("spa").await);
    desk.pass(299);
    assert_eq!(outcome(&desk.redeem("spa", &early).await), "granted");
    desk.pass(1);
    assert_eq!(outcome(&desk.redeem("spa", &late).await), "code_unknown");
}

///
#[tokio::test]
async fn the_redirect_uri_has_to_be_repeated_exactly() {
    for redirect_uri in [
        None,
        Some("https://app.example/callback/"),
        Some("https://app.example/Callback"),
        Some("https://evil.example"),
    ] {
        let desk = Desk::new().await;
        let code = desk.code("spa").await;
        let asked = Redemption { redirect_uri, ..asking(&code) };
        refused_and_dead(&desk, "spa", &asked, "code_redirect_uri_mismatch").await;
    }
}

///
#[tokio::test]
async fn a_wrong_or_malformed_verifier_is_refused_at_the_first_try() {
    let long = "a".repeat(129);
    for verifier in [
        "a".repeat(43).as_str(),
        &VERIFIER[..42],
        &long,
        &format!("{VERIFIER}="),
        &format!("{VERIFIER} "),
        "é",
    ] {
        let desk = Desk::new().await;
        let code = desk.code("spa").await;
        let asked = Redemption { code_verifier: Some(verifier), ..asking(&code) };
        refused_and_dead(&desk, "spa", &asked, "code_verifier_mismatch").await;
    }
}

/// a verifier of 42 characters is refused even when its digest is the challenge.
#[tokio::test]
async fn a_short_verifier_is_refused_though_it_matches() {
    use symbolon::model::encoding::{base64url, sha256};
    let desk = Desk::new().await;
    let mut grant = desk.decided("spa");
    grant.code_challenge = Some(base64url(sha256(&VERIFIER[..42])));
    let code = desk.grants().put_code(&grant).await.unwrap();
    let asked = Redemption { code_verifier: Some(&VERIFIER[..42]), ..asking(&code) };
    refused_and_dead(&desk, "spa", &asked, "code_verifier_mismatch").await;
}

///
#[tokio::test]
async fn a_challenge_without_a_verifier_is_refused() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    refused_and_dead(
        &desk,
        "spa",
        &Redemption { code_verifier: None, ..asking(&code) },
        "code_verifier_missing",
    )
    .await;
}

///
#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let desk = Desk::new().await;
    let mut grant = desk.decided("web");
    grant.code_challenge = None;
    let code = desk.grants().put_code(&grant).await.unwrap();
    refused_and_dead(&desk, "web", &asking(&code), "code_verifier_unasked").await;
}

#[tokio::test]
async fn a_confidential_client_may_do_without_pkce_and_a_public_one_may_not() {
    for (client, expected) in [("web", "granted"), ("spa", "code_verifier_missing")] {
        let desk = Desk::new().await;
        let mut grant = desk.decided(client);
        grant.code_challenge = None;
        let code = desk.grants().put_code(&grant).await.unwrap();
        assert_eq!(
            outcome(&desk.redeem_as(client, &Redemption { code_verifier: None, ..asking(&code) }).await),
            expected
        );
    }
}

/// E-02: sealed for one pool, opened at another that shares the store and the master key.
#[tokio::test]
async fn a_code_of_another_pool_and_any_other_text_are_unknown() {
    let mut desk = Desk::new().await;
    let (code, tokens) = (desk.code("spa").await, desk.signed_in("spa").await);
    let refresh = refresh_token(&tokens);
    for text in ["x", "null", refresh.as_str(), tokens.access_token.as_str(), &code[1..], &format!("{code}A")]
    {
        assert_eq!(outcome(&desk.redeem("spa", text).await), "code_unknown", "{text}");
    }
    desk.pool.id = symbolon::model::ids::PoolId::parse("eu-west-1_Other").unwrap();
    assert_eq!(outcome(&desk.redeem("spa", &code).await), "code_unknown");
    assert_eq!(outcome(&desk.refresh("spa", &refresh).await), "refresh_token_unknown");
}

/// E-28
#[tokio::test]
async fn a_code_does_not_survive_the_sign_out_that_came_after_its_decision() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    desk.grants().end_everything(&desk.sub, desk.clock.now()).await.unwrap();
    refused_and_dead(&desk, "spa", &asking(&code), "user_signed_out").await;
}

///
#[tokio::test]
async fn disabled_people_and_withdrawn_providers_are_refused() {
    let mut desk = Desk::new().await;
    let codes = [desk.code("spa").await, desk.code("spa").await];
    let mut ada = desk.ada();
    ada.enabled = false;
    desk.save(&ada).await;
    assert_eq!(outcome(&desk.redeem("spa", &codes[0]).await), "user_disabled_or_deleted");
    desk.save(&desk.ada()).await;
    desk.client_mut("spa").providers = Some(Vec::new());
    assert_eq!(outcome(&desk.redeem("spa", &codes[1]).await), "provider_withdrawn");
}

#[tokio::test]
async fn without_the_refresh_grant_there_is_no_refresh_token_and_the_access_token_still_counts() {
    let mut desk = Desk::new().await;
    desk.client_mut("spa").grants.remove(&Grant::RefreshToken);
    let tokens = desk.signed_in("spa").await;
    assert_eq!(tokens.refresh_token, None);
    desk.clock.advance(Duration::from_secs(3599));
    assert!(living_access(&desk.issuer(), &tokens.access_token).await.is_ok());
}

#[tokio::test]
async fn a_resource_other_than_the_one_asked_for_is_an_invalid_target() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    let asked =
        Redemption { resource: Some("https://api.example"), redirect_uri: Some(REDIRECT), ..asking(&code) };
    assert_eq!(desk.redeem_as("spa", &asked).await.err().unwrap().oauth_error(), "invalid_target");
}

/// A-60, E-30: what the app holds is nowhere in the store, and says nothing in clear.
#[tokio::test]
async fn codes_and_refresh_tokens_are_opaque_urlsafe_and_all_different() {
    let desk = Desk::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let code = desk.code("spa").await;
        assert!(
            code.len() < 512 && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        );
        assert!(seen.insert(code));
    }
}
