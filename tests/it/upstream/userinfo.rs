//! Claims of the userinfo endpoint beside those of the ID token.

use serde_json::{Value, json};
use symbolon::model::fault::Refusal;
use symbolon::provider::settings::{EmailTrust, UserinfoRule};

use super::world::{ISSUER, World, es256};

async fn refusal(world: &World) -> &'static str {
    world.sign_in().await.unwrap_err().code()
}

/// B-25
#[tokio::test]
async fn userinfo_adds_claims_of_the_same_person_only() {
    let mut world = World::oidc();
    world.oidc_rules().userinfo = UserinfoRule::WhenOffered;
    let identity = world.sign_in().await.unwrap();
    assert_eq!(
        (identity.claims["email"].as_str(), identity.claims["name"].as_str()),
        (Some("alice@idp.example"), Some("Alice"))
    );
    assert_eq!(world.sent_to("/userinfo")[0].1.as_deref(), Some("Bearer the-access-token"));
    for other in [
        json!({"sub": "bob", "email": "alice@idp.example"}),
        json!({"email": "x@y.example"}),
        json!({"sub": ["alice"]}),
    ] {
        world.answer("/userinfo", 200, &other);
        assert_eq!(refusal(&world).await, "userinfo_subject_mismatch", "{other}");
    }
    world.answer("/userinfo", 302, &json!({"sub": "alice"}));
    assert_eq!(refusal(&world).await, "userinfo_status");
    world.idp().answers.insert("/userinfo", (200, "text/html", r#"{"sub":"alice"}"#.into()));
    assert_eq!(refusal(&world).await, "userinfo_content_type");
}

/// B-49: a flag speaks of the address beside it, never of one from the other source.
#[tokio::test]
async fn a_verified_flag_is_not_joined_with_another_address() {
    let mut world = World::oidc();
    world.oidc_rules().userinfo = UserinfoRule::WhenOffered;
    world.provider.email_trust = EmailTrust::Claim;
    let ours = || json!("alice@idp.example");
    for (token, userinfo, address, verified) in [
        (
            json!({"email": ours()}),
            json!({"email": "alice@other.example", "email_verified": true}),
            ours(),
            false,
        ),
        (json!({"email": ours()}), json!({"email_verified": true}), ours(), false),
        (json!({"email_verified": true}), json!({"email": ours()}), ours(), false),
        (json!({"email_verified": true}), json!({"email": ours(), "email_verified": false}), ours(), false),
        (
            json!({"email": ours(), "email_verified": true}),
            json!({"email": "alice@other.example", "email_verified": false}),
            ours(),
            true,
        ),
        (json!({"email": ours()}), json!({"email": ours(), "email_verified": true}), ours(), true),
        (json!({}), json!({"email": ours(), "email_verified": true}), ours(), true),
    ] {
        world.idp().claims = ["email", "email_verified"].map(|name| (name, token[name].clone())).to_vec();
        let mut answer = userinfo.clone();
        answer["sub"] = json!("alice");
        world.answer("/userinfo", 200, &answer);
        let identity = world.sign_in().await.unwrap();
        assert_eq!(
            (&identity.claims["email"], identity.email_verified),
            (&address, verified),
            "{token} {userinfo}"
        );
    }
}

/// B-49
#[tokio::test]
async fn proof_of_a_domain_is_not_joined_with_an_address_from_userinfo() {
    let mut world = World::oidc();
    world.oidc_rules().userinfo = UserinfoRule::WhenOffered;
    world.provider.email_trust = EmailTrust::EdovClaim;
    world.idp().claims = vec![("xms_edov", json!(true))];
    assert!(!world.sign_in().await.unwrap().email_verified);
    world.idp().claims = vec![("xms_edov", json!(true)), ("email", json!("alice@idp.example"))];
    assert!(world.sign_in().await.unwrap().email_verified);
}

/// B-13, B-25
#[tokio::test]
async fn signed_userinfo_is_the_provider_s_and_for_us() {
    let mut world = World::oidc();
    world.oidc_rules().userinfo = UserinfoRule::WhenOffered;
    let sign = |world: &World, claims: Value| {
        let token = world.idp().key.sign(None, &claims).unwrap();
        world.idp().answers.insert("/userinfo", (200, "application/jwt", token));
    };
    sign(&world, json!({"iss": ISSUER, "aud": "broker", "sub": "alice", "email": "a@b.example"}));
    assert_eq!(world.sign_in().await.unwrap().claims["email"], "a@b.example");
    sign(&world, json!({"iss": ISSUER, "aud": "other", "sub": "alice"}));
    assert_eq!(refusal(&world).await, "userinfo_foreign");
    sign(&world, json!({"iss": "https://evil.example", "aud": "broker", "sub": "alice"}));
    assert_eq!(refusal(&world).await, "userinfo_foreign");
    let forged = es256("k1").sign(None, &json!({"iss": ISSUER, "aud": "broker", "sub": "alice"})).unwrap();
    world.idp().answers.insert("/userinfo", (200, "application/jwt", forged));
    assert_eq!(refusal(&world).await, "userinfo_signature");
}
