//! Whole sign-ins at providers without ID tokens.

use std::collections::BTreeMap;

use serde_json::json;
use symbolon::model::fault::Refusal;
use symbolon::provider::deviations::TokenAudienceRule;
use symbolon::provider::settings::{ClientAuth, ProfileRule};

use super::world::{World, oauth2_provider};

fn world() -> World {
    let world = World::new(oauth2_provider());
    world.answer("/token", 200, &json!({"access_token": "the-access-token", "token_type": "bearer"}));
    world.answer("/me", 200, &json!({"id": 583_231, "login": "octocat", "email": "unproven@x.example"}));
    world
}

async fn refusal(world: &World) -> &'static str {
    world.sign_in().await.unwrap_err().code()
}

#[tokio::test]
async fn a_person_signs_in_by_a_profile_call() {
    let world = world();
    let (url, _) = world.begin().await.unwrap();
    assert!(
        url.query_pairs().all(|(name, _)| name != "nonce")
            && url.query_pairs().any(|(name, _)| name == "code_challenge")
    );
    let identity = world.sign_in().await.unwrap();
    assert_eq!((identity.key.issuer.as_str(), identity.key.subject.as_str()), ("", "583231"));
    assert_eq!(world.sent_to("/me")[0].1.as_deref(), Some("Bearer the-access-token"));
}

#[tokio::test]
async fn further_calls_are_merged_and_a_verified_address_is_picked() {
    let mut world = world();
    let rules = world.oauth2_rules();
    rules.profile.also =
        BTreeMap::from([("emails".to_owned(), "https://api.idp.example/me/emails".to_owned())]);
    rules.quirks.verified_email_list = Some("emails".into());
    world.provider.email_trust = symbolon::provider::settings::EmailTrust::VerifiedList;
    world.answer(
        "/me/emails",
        200,
        &json!([{"email": "a@x.example", "verified": false, "primary": true}, {"email": "b@x.example",
            "verified": true}]),
    );
    let identity = world.sign_in().await.unwrap();
    assert_eq!((identity.claims["email"].as_str(), identity.email_verified), (Some("b@x.example"), true));
    world.answer("/me/emails", 200, &json!([]));
    assert!(!world.sign_in().await.unwrap().claims.contains_key("email"));
    world.answer("/me/emails", 403, &json!({"message": "scope missing"}));
    assert_eq!(refusal(&world).await, "profile_status");
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let world = world();
    world.answer(
        "/token",
        200,
        &json!({"error": "bad_verification_code", "error_description": "The code is incorrect."}),
    );
    assert_eq!(refusal(&world).await, "token_refused");
    let world = self::world();
    world.answer("/me", 200, &json!({"errors": [{"message": "suspended"}]}));
    assert_eq!(refusal(&world).await, "provider_subject_unusable");
}

/// B-30
#[tokio::test]
async fn a_token_of_another_app_makes_no_identity() {
    let mut world = world();
    world.provider.client_auth = ClientAuth::SecretPost("the-secret".into());
    world.oauth2_rules().quirks.token_audience = Some(TokenAudienceRule {
        url: "https://api.idp.example/debug_token".into(),
        parameter: "input_token".into(),
        audience: "/data/app_id".into(),
        app_token: true,
    });
    world.answer("/debug_token", 200, &json!({"data": {"app_id": "broker"}}));
    world.sign_in().await.unwrap();
    let asked =
        world.idp().seen.iter().find(|request| request.url.path() == "/debug_token").unwrap().url.clone();
    assert_eq!(super::world::query(&asked, "input_token").as_deref(), Some("the-access-token"));
    assert_eq!(super::world::query(&asked, "access_token").as_deref(), Some("broker|the-secret"));
    let profiles = world.count("/me");
    world.answer("/debug_token", 200, &json!({"data": {"app_id": "another-app"}}));
    assert_eq!(refusal(&world).await, "access_token_for_another_client");
    world.answer("/debug_token", 400, &json!({}));
    assert_eq!(refusal(&world).await, "profile_status");
    assert_eq!(world.count("/me"), profiles, "its profile is not even read");
}

#[tokio::test]
async fn the_profile_call_is_made_as_the_provider_wants_it() {
    let mut world = world();
    let rules = world.oauth2_rules();
    rules.profile = ProfileRule {
        query: BTreeMap::from([("fields".to_owned(), "id,name".to_owned())]),
        token_header: Some("x-amz-access-token".into()),
        ..ProfileRule::default()
    };
    rules.quirks.appsecret_proof = true;
    world.sign_in().await.unwrap();
    let asked = world.idp().seen.iter().find(|request| request.url.path() == "/me").unwrap().clone();
    assert_eq!(super::world::query(&asked.url, "fields").as_deref(), Some("id,name"));
    assert_eq!(super::world::query(&asked.url, "appsecret_proof").unwrap().len(), 64);
    assert_eq!(asked.headers.get("x-amz-access-token").unwrap(), "the-access-token");
    assert!(asked.headers.get("authorization").is_none());
    world.provider.client_auth = ClientAuth::None;
    assert_eq!(refusal(&world).await, "client_secret_missing");
}

/// B-20
#[tokio::test]
async fn an_answer_that_names_another_site_is_refused() {
    let world = world();
    let (_, pending) = world.begin().await.unwrap();
    for iss in ["https%3A%2F%2Fevil.example", "nonsense", "https%3A%2F%2Fidp.example.evil.example"] {
        assert_eq!(
            world.come_back(&pending, &format!("code=c&iss={iss}")).await.unwrap_err().code(),
            "callback_issuer_mismatch",
            "{iss}"
        );
    }
    assert_eq!(world.count("/token"), 0);
    assert!(world.come_back(&pending, "code=c&iss=https%3A%2F%2Fidp.example%2Flogin").await.is_ok());
}

/// B-11
#[tokio::test]
async fn a_profile_without_a_usable_id_names_nobody() {
    let world = world();
    for profile in [
        json!({}),
        json!({"id": null}),
        json!({"id": ""}),
        json!({"id": "x".repeat(300)}),
        json!({"id": ["1"]}),
        json!({"id": "a\u{0}b"}),
    ] {
        world.answer("/me", 200, &profile);
        assert_eq!(refusal(&world).await, "provider_subject_unusable", "{profile}");
    }
}
