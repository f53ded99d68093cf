//! What an access token still opens here.

use std::collections::BTreeSet;

use symbolon::model::client::Grant;
use symbolon::model::scope::Scopes;
use symbolon::user_pool::access_token_check::{AccessRefusal, living_access};
use symbolon::user_pool::client_credentials::client_credentials;
use symbolon::user_pool::introspect::introspect;
use symbolon::user_pool::user_info::{Scheme, Shown, UserInfoRefusal, user_info};

use super::desk::{Desk, outcome, refresh_token};

const BEARER: Shown<'static> =
    Shown { scheme: Scheme::Bearer, proof: None, certificate: None, method: "GET", path: "/oauth2/userInfo" };

///
#[tokio::test]
async fn userinfo_shows_the_person_as_the_directory_knows_them_now() {
    let mut desk = Desk::new().await;
    let token = desk.signed_in("spa").await.access_token;
    let mut ada = desk.ada();
    ada.attributes.set(
        symbolon::model::attributes::AttributeName::parse("email").unwrap(),
        "countess@example.com".into(),
    );
    desk.save(&ada).await;
    let claims = user_info(&desk.issuer(), &token, &BEARER).await.unwrap();
    assert_eq!((&claims["email"], &claims["email_verified"]), (&"countess@example.com".into(), &true.into()));
    assert!(!claims.contains_key("given_name"), "profile was not granted");
    desk.pool.cognito_compat = true;
    assert_eq!(user_info(&desk.issuer(), &token, &BEARER).await.unwrap()["email_verified"], "true");
}

///
#[tokio::test]
async fn userinfo_refuses_everything_but_a_living_access_token_with_openid() {
    let mut desk = Desk::new().await;
    let tokens = desk.signed_in("spa").await;
    for other in [tokens.id_token.as_deref().unwrap(), &refresh_token(&tokens), "garbage", ""] {
        assert!(
            matches!(
                user_info(&desk.issuer(), other, &BEARER).await,
                Err(UserInfoRefusal::Access(AccessRefusal::Token(_)))
            ),
            "{other}"
        );
    }
    let mut grant = desk.decided("spa");
    grant.scopes = Scopes::parse("api/read").unwrap();
    let code = desk.grants().put_code(&grant).await.unwrap();
    let narrow = desk.redeem("spa", &code).await.unwrap();
    assert!(matches!(
        user_info(&desk.issuer(), &narrow.access_token, &BEARER).await,
        Err(UserInfoRefusal::Scope)
    ));
    let machine = client_credentials(&desk.issuer(), desk.client("machine"), None).unwrap();
    assert!(matches!(
        user_info(&desk.issuer(), &machine.access_token, &BEARER).await,
        Err(UserInfoRefusal::Scope)
    ));
    desk.client_mut("spa").enabled = false;
    assert!(matches!(
        user_info(&desk.issuer(), &tokens.access_token, &BEARER).await,
        Err(UserInfoRefusal::Access(AccessRefusal::ClientRefused))
    ));
}

/// A-52, E-28
#[tokio::test]
async fn an_access_token_ends_with_its_time_its_family_and_its_person() {
    let desk = Desk::new().await;
    let token = desk.signed_in("spa").await.access_token;
    let mut ada = desk.ada();
    ada.enabled = false;
    desk.save(&ada).await;
    assert!(matches!(living_access(&desk.issuer(), &token).await, Err(AccessRefusal::UserRefused)));
    desk.save(&desk.ada()).await;
    desk.pass(3600);
    assert!(matches!(living_access(&desk.issuer(), &token).await, Err(AccessRefusal::Token(_))));
}

///
#[tokio::test]
async fn introspection_tells_ones_own_tokens_and_a_resource_server_the_pools() {
    let mut desk = Desk::new().await;
    let tokens = desk.signed_in("web").await;
    desk.client_mut("machine").introspects_pool = true;
    for token in [&tokens.access_token, &refresh_token(&tokens)] {
        for (caller, active) in [("web", true), ("other", false), ("machine", true)] {
            let answer = introspect(&desk.issuer(), desk.client(caller), token).await.unwrap();
            assert_eq!(answer["active"], active, "{caller}");
            assert!(active || answer.len() == 1, "an inactive answer says nothing more");
        }
    }
    let answer = introspect(&desk.issuer(), desk.client("web"), &tokens.access_token).await.unwrap();
    assert_eq!((&answer["sub"], &answer["client_id"]), (&desk.sub.as_str().into(), &"web".into()));
    assert_eq!(
        (&answer["username"], &answer["scope"]),
        (&"acme_ada".into(), &"openid email api/read".into())
    );
}

///
#[tokio::test]
async fn introspection_of_anything_dead_or_foreign_is_just_inactive() {
    let desk = Desk::rotating(0).await;
    let tokens = desk.signed_in("spa").await;
    let next = desk.refresh("spa", &refresh_token(&tokens)).await.unwrap();
    desk.pass(1);
    let tell = async |token: &str| introspect(&desk.issuer(), desk.client("spa"), token).await.unwrap();
    let inactive = serde_json::json!({"active": false});
    for dead in [tokens.id_token.as_deref().unwrap(), "garbage", "", &refresh_token(&tokens)] {
        assert_eq!(serde_json::Value::Object(tell(dead).await), inactive);
    }
    assert_eq!(tell(&refresh_token(&next)).await["active"], true);
    desk.grants().end_everything(&desk.sub, desk.clock.now()).await.unwrap();
    for dead in [&next.access_token, &refresh_token(&next)] {
        assert_eq!(serde_json::Value::Object(tell(dead).await), inactive);
    }
}

///
#[tokio::test]
async fn a_machine_has_its_custom_scopes_and_nothing_about_people() {
    let desk = Desk::new().await;
    let machine = desk.client("machine");
    let ask = |scope| client_credentials(&desk.issuer(), machine, scope);
    let tokens = ask(None).unwrap();
    assert_eq!(tokens.scope.to_string(), "api/read api/write");
    assert!(tokens.id_token.is_none() && tokens.refresh_token.is_none());
    assert_eq!(ask(Some("api/write")).unwrap().scope.to_string(), "api/write");
    for refused in ["openid", "api/read email", "api/admin", "a\"b"] {
        assert_eq!(outcome(&ask(Some(refused))), "token_scope", "{refused}");
    }
    let access = living_access(&desk.issuer(), &tokens.access_token).await.unwrap();
    assert!(access.user().is_none());
}

/// every grant for every kind of client, switched on and off.
#[tokio::test]
async fn a_grant_that_is_not_switched_on_is_refused_for_every_kind_of_client() {
    let all = [Grant::AuthorizationCode, Grant::RefreshToken, Grant::ClientCredentials];
    for id in ["spa", "web"] {
        for mask in 0..8_u8 {
            let mut desk = Desk::new().await;
            let token = refresh_token(&desk.signed_in(id).await);
            let code = desk.code(id).await;
            let on: BTreeSet<Grant> = all
                .iter()
                .enumerate()
                .filter(|(bit, _)| mask >> bit & 1 == 1)
                .map(|(_, grant)| *grant)
                .collect();
            desk.client_mut(id).grants = on.clone();
            let expect =
                |grant: Grant| if on.contains(&grant) { "granted" } else { "token_grant_not_allowed" };
            assert_eq!(outcome(&desk.refresh(id, &token).await), expect(Grant::RefreshToken));
            assert_eq!(outcome(&desk.redeem(id, &code).await), expect(Grant::AuthorizationCode));
            let machine = outcome(&client_credentials(&desk.issuer(), desk.client(id), None));
            let expected =
                if id == "spa" { "token_grant_not_allowed" } else { expect(Grant::ClientCredentials) };
            assert_eq!(machine, expected, "{id} with {on:?}");
        }
    }
}

/// what the token endpoint would refuse is nowhere called good.
#[tokio::test]
async fn a_withdrawn_provider_closes_every_door_at_once() {
    let mut desk = Desk::new().await;
    let tokens = desk.signed_in("web").await;
    desk.client_mut("web").providers = Some(Vec::new());
    assert!(matches!(
        living_access(&desk.issuer(), &tokens.access_token).await,
        Err(AccessRefusal::ProviderWithdrawn)
    ));
    for token in [&tokens.access_token, &refresh_token(&tokens)] {
        assert_eq!(introspect(&desk.issuer(), desk.client("web"), token).await.unwrap()["active"], false);
    }
    desk.client_mut("web").providers = None;
    desk.client_mut("web").grants = BTreeSet::from([Grant::AuthorizationCode]);
    assert_eq!(
        introspect(&desk.issuer(), desk.client("web"), &refresh_token(&tokens)).await.unwrap()["active"],
        false
    );
}
