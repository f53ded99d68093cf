//! Sending the browser off, and back to the provider's sign-out.

use std::time::Duration;

use serde_json::json;
use symbolon::model::fault::{Fault, Refusal};
use symbolon::model::identity::UpstreamSession;
use symbolon::model::ids::ProviderName;
use symbolon::provider::settings::RequestRules;
use symbolon::user_pool::end_session::end_session_url;

use super::world::{CALLBACK, NOW, World, query};

fn eager() -> World {
    let mut world = World::oidc();
    let request = &mut world.oidc_rules().request;
    *request = RequestRules {
        login_hint: true,
        max_age: true,
        prompts: vec!["login".into(), "none".into()],
        ..request.clone()
    };
    world
}

/// B-47
#[tokio::test]
async fn every_sign_in_has_its_own_state_nonce_and_challenge() {
    let world = World::oidc();
    let (first, pending) = world.begin().await.unwrap();
    let (second, _) = world.begin().await.unwrap();
    for name in ["state", "nonce", "code_challenge"] {
        let values = (query(&first, name).unwrap(), query(&second, name).unwrap());
        assert!(values.0 != values.1 && values.0.len() >= 43, "{name}");
    }
    assert_eq!(query(&first, "code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(query(&first, "redirect_uri").as_deref(), Some(CALLBACK));
    assert_eq!(query(&first, "nonce").as_deref(), Some(pending.nonce.as_str()));
    assert!(!first.as_str().contains(&pending.verifier) && !first.as_str().contains("the-secret"));
    assert_eq!((pending.sent, pending.form_post, pending.max_age), (NOW, false, None));
}

/// B-48
#[tokio::test]
async fn the_app_s_wishes_are_forwarded_where_the_provider_understands_them() {
    let ask = |request: &mut serde_json::Value| {
        request["login_hint"] = json!("a@b.example&redirect_uri=https://evil.example");
        request["max_age"] = json!(120);
        request["prompt"]["consent"] = json!(true);
    };
    let (url, pending) = eager().begin_with(ask).await.unwrap();
    assert_eq!(query(&url, "login_hint").as_deref(), Some("a@b.example&redirect_uri=https://evil.example"));
    assert_eq!(url.query_pairs().filter(|(name, _)| name == "redirect_uri").count(), 1);
    assert_eq!((query(&url, "max_age").as_deref(), query(&url, "prompt")), (Some("120"), None));
    assert_eq!(pending.max_age, Some(Duration::from_secs(120)));
    let (url, pending) = World::oidc().begin_with(ask).await.unwrap();
    for name in ["login_hint", "max_age", "prompt"] {
        assert_eq!(query(&url, name), None, "{name}");
    }
    assert_eq!(pending.max_age, None);
}

/// D-13: a shared browser, and a provider that would let the last person in again without a word.
#[tokio::test]
async fn a_provider_that_knows_one_way_to_ask_is_asked_that_way() {
    let mut world = eager();
    let mut prompt = async |known: &str, asked: &str| {
        world.oidc_rules().request.prompts = vec![known.into()];
        let (url, _) = world.begin_with(|request| request["prompt"][asked] = json!(true)).await.unwrap();
        query(&url, "prompt")
    };
    assert_eq!(prompt("select_account", "login").await.as_deref(), Some("select_account"));
    assert_eq!(prompt("login", "select_account").await.as_deref(), Some("login"));
    assert_eq!(prompt("consent", "login").await, None);
    assert_eq!(prompt("login", "consent").await, None);
}

#[tokio::test]
async fn a_fresh_sign_in_is_asked_for_so_that_the_answer_proves_it() {
    let world = eager();
    let (url, pending) = world.begin_with(|request| request["prompt"]["login"] = json!(true)).await.unwrap();
    assert_eq!(
        (query(&url, "prompt").as_deref(), query(&url, "max_age").as_deref()),
        (Some("login"), Some("0"))
    );
    world.idp().claims = vec![("auth_time", json!(NOW.secs() - 3600))];
    let error = world.come_back(&pending, "code=c").await.unwrap_err();
    assert_eq!((error.code(), error.oauth_error()), ("id_token_authentication_too_old", "access_denied"));
    world.idp().claims = vec![("auth_time", json!(NOW.secs() + 5))];
    let identity = world.come_back(&pending, "code=c").await.unwrap();
    assert_eq!(identity.authenticated_at, NOW.plus(Duration::from_secs(5)));
}

#[tokio::test]
async fn a_disabled_provider_sends_nobody_anywhere() {
    let mut world = World::oidc();
    let (_, pending) = world.begin().await.unwrap();
    world.provider.enabled = false;
    assert_eq!(world.begin().await.unwrap_err().code(), "provider_disabled");
    let error = world.come_back(&pending, "code=c").await.unwrap_err();
    assert_eq!((error.code(), error.fault(), world.count("/token")), ("provider_disabled", Fault::Pool, 0));
}

/// B-20
#[tokio::test]
async fn an_answer_is_only_taken_for_the_provider_that_was_asked() {
    let mut world = World::oidc();
    let (_, pending) = world.begin().await.unwrap();
    world.provider.name = ProviderName::parse("Evil").unwrap();
    assert_eq!(world.come_back(&pending, "code=c").await.unwrap_err().code(), "provider_mix_up");
    assert_eq!(world.count("/token"), 0);
}

#[tokio::test]
async fn signing_out_at_the_provider_is_offered_only_where_it_is_configured() {
    let mut world = World::oidc();
    let session = UpstreamSession {
        provider: world.provider.name.clone(),
        sid: None,
        subject: "alice".into(),
        saml: None,
    };
    let back = "https://auth.example/logout";
    assert_eq!(end_session_url(&world.upstreams, &world.provider, &session, back, "st").await, None);
    world.provider.end_session = true;
    let url = end_session_url(&world.upstreams, &world.provider, &session, back, "st").await.unwrap();
    assert_eq!((url.path(), query(&url, "post_logout_redirect_uri").as_deref()), ("/logout", Some(back)));
    assert_eq!(
        (query(&url, "client_id").as_deref(), query(&url, "state").as_deref()),
        (Some("broker"), Some("st"))
    );
    let other = UpstreamSession { provider: ProviderName::parse("Other").unwrap(), ..session.clone() };
    assert_eq!(end_session_url(&world.upstreams, &world.provider, &other, back, "st").await, None);
    let down = World::oidc();
    down.idp().down = true;
    assert_eq!(end_session_url(&down.upstreams, &world.provider, &session, back, "st").await, None);
}
