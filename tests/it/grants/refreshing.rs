//! Refreshing, whatever the rotation.

use symbolon::model::client::{Grant, Rotation};
use symbolon::model::fault::Refusal;
use symbolon::model::scope::Scopes;
use symbolon::outside::clock::Clock;
use symbolon::store::sessions;
use symbolon::token::verify;
use symbolon::user_pool::access_token_check::living_access;
use symbolon::user_pool::refresh::{Refresh, refresh};
use symbolon::user_pool::revoke::{RevokeRefusal, revoke};

use super::desk::{Desk, outcome, refresh_token};

const DAY: u64 = 24 * 3600;

/// E-27
#[tokio::test]
async fn without_rotation_a_refresh_token_stays_good_for_thirty_days_and_no_longer() {
    let desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    for _ in 0..30 {
        let tokens = desk.refresh("spa", &token).await.unwrap();
        assert_eq!(tokens.refresh_token.as_deref(), Some(token.as_str()));
        desk.pass(DAY);
    }
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "refresh_token_ended");
}

/// E-27
#[tokio::test]
async fn without_rotation_a_refresh_token_can_be_revoked() {
    let desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    revoke(&desk.issuer(), desk.client("spa"), &token).await.unwrap();
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "refresh_token_ended");
}

/// H-20: by a clock that was ahead the family was over, and there was nothing to revoke.
#[tokio::test]
async fn what_was_revoked_while_the_clock_was_wrong_stays_revoked_when_it_is_right() {
    let desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    let right = desk.clock.now();
    desk.pass(400 * DAY);
    revoke(&desk.issuer(), desk.client("spa"), &token).await.unwrap();
    let Clock::Fake(hands) = &desk.clock else { panic!("a clock set by hand") };
    hands.store(right.millis(), std::sync::atomic::Ordering::SeqCst);
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "refresh_token_ended");
}

/// E-26
#[tokio::test]
async fn a_thousand_rotations_do_not_extend_the_family() {
    let desk = Desk::rotating(10).await;
    let mut token = refresh_token(&desk.signed_in("spa").await);
    for _ in 0..999 {
        desk.pass(30 * DAY / 1000);
        token = refresh_token(&desk.refresh("spa", &token).await.unwrap());
    }
    desk.pass(30 * DAY / 1000);
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "refresh_token_ended");
}

/// E-26: a shortened lifetime counts for families that exist.
#[tokio::test]
async fn shortening_the_clients_lifetime_ends_older_families() {
    let mut desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    desk.pass(2 * 3600);
    desk.client_mut("spa").lifetimes.refresh_token = std::time::Duration::from_secs(3600);
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "refresh_token_ended");
}

/// A-31, E-25
#[tokio::test]
async fn another_clients_refresh_token_is_refused_and_stays_good_for_its_owner() {
    for desk in [Desk::new().await, Desk::rotating(10).await] {
        let token = refresh_token(&desk.signed_in("spa").await);
        assert_eq!(outcome(&desk.refresh("other", &token).await), "refresh_token_of_other_client");
        assert_eq!(outcome(&desk.refresh("spa", &token).await), "granted");
    }
}

///
#[tokio::test]
async fn fewer_scopes_are_given_for_once_and_more_are_refused_without_harm() {
    let desk = Desk::rotating(10).await;
    let token = refresh_token(&desk.signed_in("spa").await);
    let ask = async |token: &str, scope: &str| {
        refresh(&desk.issuer(), desk.client("spa"), &Refresh { token, scope: Some(scope), resource: None })
            .await
    };
    for wider in ["openid email api/read api/write", "admin", "openid \"x\""] {
        assert_eq!(ask(&token, wider).await.err().unwrap().oauth_error(), "invalid_scope", "{wider}");
    }
    let narrow = ask(&token, "api/read").await.unwrap();
    assert_eq!((narrow.scope.to_string().as_str(), narrow.id_token.is_none()), ("api/read", true));
    let access = verify::access(&narrow.access_token, &desk.pool, &desk.keys, desk.clock.now()).unwrap();
    assert_eq!(access.scopes().to_string(), "api/read");
    let whole = desk.refresh("spa", &refresh_token(&narrow)).await.unwrap();
    assert_eq!(whole.scope.to_string(), "openid email api/read");
}

/// E-25, A-58
#[tokio::test]
async fn a_refresh_re_reads_what_the_client_the_provider_and_the_person_may() {
    let mut desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    desk.client_mut("spa").scopes = Scopes::parse("openid profile").unwrap();
    assert_eq!(desk.refresh("spa", &token).await.unwrap().scope.to_string(), "openid");
    desk.client_mut("spa").providers = Some(Vec::new());
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "provider_withdrawn");
    desk.client_mut("spa").providers = None;
    let enabled = std::mem::take(&mut desk.providers);
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "provider_withdrawn");
    desk.providers = enabled;
    desk.client_mut("spa").grants.remove(&Grant::RefreshToken);
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "token_grant_not_allowed");
    desk.client_mut("spa").grants.insert(Grant::RefreshToken);
    let mut ada = desk.ada();
    ada.enabled = false;
    desk.save(&ada).await;
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "user_disabled_or_deleted");
    ada.enabled = true;
    ada.groups = vec!["editors".into()];
    desk.save(&ada).await;
    let tokens = desk.refresh("spa", &token).await.unwrap();
    let access = verify::access(&tokens.access_token, &desk.pool, &desk.keys, desk.clock.now()).unwrap();
    assert_eq!(access.claims()["cognito:groups"], serde_json::json!(["editors"]));
}

/// E-28
#[tokio::test]
async fn signing_out_everywhere_ends_every_family_at_once_and_a_new_sign_in_works() {
    let desk = Desk::rotating(10).await;
    let tokens = desk.signed_in("spa").await;
    desk.grants().end_everything(&desk.sub, desk.clock.now()).await.unwrap();
    assert_eq!(outcome(&desk.refresh("spa", &refresh_token(&tokens)).await), "user_signed_out");
    assert!(living_access(&desk.issuer(), &tokens.access_token).await.is_err());
    let mut grant = desk.decided("spa");
    grant.epoch = sessions::epoch(&desk.state, &desk.pool.id, &desk.sub).await.unwrap();
    let code = desk.grants().put_code(&grant).await.unwrap();
    let again = desk.redeem("spa", &code).await.unwrap();
    assert_eq!(outcome(&desk.refresh("spa", &refresh_token(&again)).await), "granted");
}

/// E-28: the stamp outlives everything that it ends.
#[tokio::test]
async fn a_sign_out_is_remembered_for_as_long_as_any_family_could_live() {
    let mut desk = Desk::new().await;
    let ten_years = std::time::Duration::from_secs(315_360_000);
    desk.client_mut("spa").lifetimes.refresh_token = ten_years;
    let token = refresh_token(&desk.signed_in("spa").await);
    desk.grants().end_everything(&desk.sub, desk.clock.now()).await.unwrap();
    for _ in 0..9 {
        desk.clock.advance(ten_years / 10);
        assert_eq!(outcome(&desk.refresh("spa", &token).await), "user_signed_out");
    }
}

/// What a later release wrote of a person and this one must not ignore stops the refresh; another replica may
/// know it, so the app may try again, and nothing is lost.
#[tokio::test]
async fn a_person_of_whom_something_must_be_understood_gets_no_tokens_and_stays_as_stored() {
    let desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    let ada = desk.ada();
    let mut later = serde_json::json!(ada);
    later["must"] = serde_json::json!({ "reset": { "at": 7 } });
    desk.save_as_stored(&ada.sub, &later).await;
    let refused = desk.refresh("spa", &token).await.err().unwrap();
    assert_eq!((refused.code(), refused.oauth_error()), ("store_record_version", "temporarily_unavailable"));
    assert!(refused.retryable() && refused.to_string().contains("\"reset\""), "{refused}");
    assert!(refused.hint().contains("version"), "{}", refused.hint());
    desk.save(&ada).await;
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "granted");
}

/// E-28: an app whose refresh tokens live for an hour when somebody signs out everywhere, and for ten years
/// before and after, brings nothing back.
#[tokio::test]
async fn a_sign_out_is_not_undone_by_changing_the_lifetime_of_a_client() {
    let mut desk = Desk::new().await;
    let ten_years = std::time::Duration::from_secs(315_360_000);
    desk.client_mut("spa").lifetimes.refresh_token = ten_years;
    let token = refresh_token(&desk.signed_in("spa").await);
    desk.client_mut("spa").lifetimes.refresh_token = std::time::Duration::from_secs(3600);
    desk.grants().end_everything(&desk.sub, desk.clock.now()).await.unwrap();
    desk.client_mut("spa").lifetimes.refresh_token = ten_years;
    for hours in [37, 24 * 366, 24 * 3000] {
        desk.pass(hours * 3600);
        assert_eq!(outcome(&desk.refresh("spa", &token).await), "user_signed_out", "{hours} hours later");
    }
}

/// E-28, and RFC 8707: the resource of the sign-in stays, no other is given.
#[tokio::test]
async fn the_resource_survives_the_refresh_and_cannot_be_widened() {
    let desk = Desk::new().await;
    let mut grant = desk.decided("spa");
    grant.resource = Some("https://api.example".into());
    let code = desk.grants().put_code(&grant).await.unwrap();
    let token = refresh_token(&desk.redeem("spa", &code).await.unwrap());
    let tokens = desk.refresh("spa", &token).await.unwrap();
    let access = verify::access(&tokens.access_token, &desk.pool, &desk.keys, desk.clock.now()).unwrap();
    assert_eq!(access.claims()["aud"], "https://api.example");
    let other = Refresh { token: &token, scope: None, resource: Some("https://other.example") };
    assert_eq!(
        refresh(&desk.issuer(), desk.client("spa"), &other).await.err().unwrap().oauth_error(),
        "invalid_target"
    );
}

///
#[tokio::test]
async fn revoking_touches_only_ones_own_refresh_tokens() {
    let desk = Desk::new().await;
    let tokens = desk.signed_in("spa").await;
    let token = refresh_token(&tokens);
    let by = async |client: &str, token: &str| revoke(&desk.issuer(), desk.client(client), token).await;
    assert!(matches!(by("other", &token).await, Err(RevokeRefusal::ForeignToken)));
    assert!(matches!(by("spa", &tokens.access_token).await, Err(RevokeRefusal::UnsupportedTokenType)));
    assert!(by("spa", "unknown").await.is_ok());
    assert_eq!(outcome(&desk.refresh("spa", &token).await), "granted");
    assert!(by("spa", &token).await.is_ok());
    assert!(by("spa", &token).await.is_ok());
    assert!(living_access(&desk.issuer(), &tokens.access_token).await.is_err());
}

#[tokio::test]
async fn turning_rotation_on_later_rotates_the_tokens_that_are_out() {
    let mut desk = Desk::new().await;
    let token = refresh_token(&desk.signed_in("spa").await);
    desk.client_mut("spa").rotation = Rotation::On { grace: std::time::Duration::ZERO };
    let next = refresh_token(&desk.refresh("spa", &token).await.unwrap());
    assert_ne!(next, token);
    assert_eq!(outcome(&desk.refresh("spa", &next).await), "granted");
}
