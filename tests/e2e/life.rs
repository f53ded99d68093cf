//! A person, two apps and a provider of other make, through every store and every signing algorithm: from the
//! first sign-in to the last sign-out.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::redis::{Redis, RedisOptions};
use crate::world::{App, AppSettings, Broker, Person, Settings, Upstream, claims, header, post, text};

macro_rules! cells {
    ($($store:ident: $($name:ident $algorithm:literal),+;)+) => { $(mod $store { $(
        #[tokio::test]
        async fn $name() {
            let (settings, redis) = super::$store(super::Settings::new());
            super::a_life(settings, $algorithm).await;
            drop(redis);
        }
    )+ })+ };
}

cells! {
    in_memory: with_rs256 "RS256", with_es256 "ES256", with_eddsa "EdDSA";
    in_a_file: with_rs256 "RS256", with_es256 "ES256", with_eddsa "EdDSA";
    in_redis: with_rs256 "RS256", with_es256 "ES256", with_eddsa "EdDSA";
    in_redis_over_tls_with_a_user: with_rs256 "RS256", with_es256 "ES256", with_eddsa "EdDSA";
}

fn in_memory(settings: Settings) -> (Settings, Option<Redis>) {
    (settings, None)
}

fn in_a_file(settings: Settings) -> (Settings, Option<Redis>) {
    (settings.file_store(), None)
}

fn in_redis(settings: Settings) -> (Settings, Option<Redis>) {
    let redis = Redis::start();
    (settings.redis_store(&redis), Some(redis))
}

fn in_redis_over_tls_with_a_user(settings: Settings) -> (Settings, Option<Redis>) {
    let redis = RedisOptions::default().tls().user("symbolon", "open-sesame-4711").start();
    crate::world::secrets::add("open-sesame-4711");
    (settings.redis_store(&redis), Some(redis))
}

/// What happens in every cell of the matrix.
async fn a_life(settings: Settings, algorithm: &str) {
    let upstream = Upstream::start(&settings);
    let shop = AppSettings::new("shop")
        .scope("api/read")
        .with("grants = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]")
        .with("rotation = true\nrotation_grace = \"2s\"")
        .hears_of_sign_outs()
        .behaves("id_token_signed_response_alg", algorithm);
    let forum = AppSettings::new("forum")
        .public()
        .with("rotation = true")
        .behaves("id_token_signed_response_alg", algorithm);
    let broker = settings
        .pool(&format!("signing = {algorithm:?}"))
        .client(&shop)
        .client(&forum)
        .table(&upstream.toml("Acme"))
        .table(&upstream.toml("Other"))
        .start();
    let (shop, forum) = (shop.start(&broker), forum.start(&broker));

    let mut ada = Person::new("ada");
    let tokens = ada.signs_in(&shop, "Acme").await;
    the_tokens_are_those_of_a_pool(&broker, &shop, &tokens, algorithm);
    another_app_needs_no_page(&mut ada, &forum, &tokens).await;
    let newest = refreshing_rotates(&shop, &text(&tokens, "refresh_token")).await;
    what_is_revoked_is_over(&broker, &mut ada, &shop, &forum, &newest).await;
    machines_get_tokens_too(&shop).await;
    signing_out_reaches_the_apps(&broker, &mut ada, &shop, &forum).await;
}

fn the_tokens_are_those_of_a_pool(broker: &Broker, app: &App, tokens: &Value, algorithm: &str) {
    let id = tokens.get("id_token_claims").expect("the app verified an ID token");
    assert_eq!(id.get("iss"), Some(&json!(broker.issuer)));
    assert_eq!(id.get("aud"), Some(&json!(app.id)));
    assert_eq!(id.get("token_use"), Some(&json!("id")));
    assert_eq!(id.get("cognito:username"), Some(&json!("Acme_ada")));
    assert_eq!(id.get("email"), Some(&json!("ada@example.test")));
    assert_eq!(id.pointer("/identities/0/providerName"), Some(&json!("Acme")));
    assert_eq!(id.pointer("/identities/0/userId"), Some(&json!("ada")));
    let access = claims(&text(tokens, "access_token"));
    assert_eq!(access.get("token_use"), Some(&json!("access")));
    assert_eq!(access.get("client_id"), Some(&json!(app.id)));
    assert_eq!(access.get("sub"), id.get("sub"));
    let (of_id, of_access) = (header(&text(tokens, "id_token")), header(&text(tokens, "access_token")));
    assert_eq!((of_id.get("alg"), of_access.get("alg")), (Some(&json!(algorithm)), Some(&json!(algorithm))));
    assert_ne!(of_id.get("kid"), of_access.get("kid"), "ID and access tokens have a key each");
    let userinfo = tokens.get("userinfo").expect("the app asked userInfo");
    assert_eq!(userinfo.get("sub"), id.get("sub"));
    assert_eq!(userinfo.get("email_verified"), Some(&json!(true)));
}

/// Single sign-on: neither a page of ours nor one upstream; `prompt=none` then is an answer, too.
async fn another_app_needs_no_page(ada: &mut Person, forum: &App, at_the_shop: &Value) {
    let pages = ada.pages_seen("/login");
    ada.opens(&forum.login(&[])).await;
    let tokens = ada.is_in(forum);
    assert_eq!(tokens.pointer("/id_token_claims/sub"), at_the_shop.pointer("/id_token_claims/sub"));
    ada.opens(&forum.login(&[("prompt", "none")])).await;
    ada.is_in(forum);
    assert_eq!(ada.pages_seen("/login"), pages, "no page was shown");

    let mut stranger = Person::new("stranger");
    stranger.opens(&forum.login(&[("prompt", "none")])).await;
    assert_eq!(text(&stranger.sees_json(), "error"), "login_required");
}

/// Rotation: parallel and second uses within the grace get the one successor; a use after it ends the family
/// (E-20).
async fn refreshing_rotates(shop: &App, first: &str) -> String {
    let (one, other) = tokio::join!(shop.refreshes(first), shop.refreshes(first));
    let second = text(&one, "refresh_token");
    assert_ne!(second, first);
    assert_eq!(second, text(&other, "refresh_token"), "both uses got the same successor");
    assert_eq!(second, text(&shop.refreshes(first).await, "refresh_token"));
    let third = text(&shop.refreshes(&second).await, "refresh_token");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    third
}

async fn what_is_revoked_is_over(broker: &Broker, ada: &mut Person, shop: &App, forum: &App, newest: &str) {
    let tokens = shop.refreshes(newest).await;
    let (access, latest) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    assert!(shop.sees_active(&access).await && shop.sees_active(&latest).await);
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    shop.may_not_refresh(newest, "invalid_grant").await;
    shop.may_not_refresh(&latest, "invalid_grant").await;
    assert!(!shop.sees_active(&latest).await, "a token used after its grace ends the family");

    ada.opens(&shop.login(&[])).await;
    let tokens = ada.is_in(shop);
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    assert!(shop.sees_active(&access).await);
    let someone_elses = post(
        &format!("{}/oauth2/revoke", broker.url),
        &[("client_id", forum.id.as_str()), ("token", &refresh)],
    )
    .await;
    assert!(someone_elses.status == 200 || someone_elses.status == 400, "{someone_elses:?}");
    assert!(shop.sees_active(&refresh).await, "one app ends no other app's tokens");
    assert_eq!(shop.does("revoke", &[("token", &refresh)]).await.status, 200);
    assert!(!shop.sees_active(&refresh).await);
    assert!(!shop.sees_active(&access).await, "what came from it ends with it");
    shop.may_not_refresh(&refresh, "invalid_grant").await;
}

async fn machines_get_tokens_too(shop: &App) {
    let answer = shop.does("client-credentials", &[("scope", "api/read")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let access = claims(&text(&answer.json(), "access_token"));
    assert_eq!(
        (access.get("client_id"), access.get("scope")),
        (Some(&json!("shop")), Some(&json!("api/read")))
    );
}

/// RP-initiated logout with a hint, Cognito's form, and logout tokens to the app (Back-Channel Logout 1.0).
async fn signing_out_reaches_the_apps(broker: &Broker, ada: &mut Person, shop: &App, forum: &App) {
    let sub = claims(&text(&ada.sees_json(), "id_token")).get("sub").cloned();
    ada.opens(&shop.logout(&[("state", "s-1")])).await;
    ada.browser.lands_on(&format!("{}/logged-out?state=s-1", shop.url));
    let heard = shop.hears_of(1).await;
    assert_eq!(heard[0].get("sub").cloned(), sub);
    assert_eq!(heard[0].get("aud"), Some(&json!("shop")));
    ada.opens(&forum.login(&[("prompt", "none")])).await;
    assert_eq!(text(&ada.sees_json(), "error"), "login_required");

    // The provider still knows them, so the choice of a provider is all that is asked.
    ada.opens(&shop.login(&[("identity_provider", "Acme")])).await;
    ada.is_in(shop);
    ada.opens(&format!("{}/logout?client_id=shop&logout_uri={}/logged-out", broker.url, shop.url)).await;
    ada.browser.lands_on(&format!("{}/logged-out", shop.url));
    assert_eq!(shop.hears_of(2).await.len(), 2);
    ada.opens(&forum.login(&[("prompt", "none")])).await;
    assert_eq!(text(&ada.sees_json(), "error"), "login_required");
}
