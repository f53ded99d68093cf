//! userInfo, revocation and introspection.

use super::call::{FORM, basic, call, form};
use crate::grants::desk::{Desk, SECRET, refresh_token};

///
#[tokio::test]
async fn userinfo_takes_the_token_from_the_header_in_any_case_or_from_a_form_body() {
    let desk = Desk::new().await;
    let token = desk.signed_in("spa").await.access_token;
    for good in [
        call(&[("authorization", &format!("Bearer {token}"))], ""),
        call(&[("authorization", &format!("bEARER {token}"))], ""),
        form(&format!("access_token={token}")),
    ] {
        let answer = desk.ask_userinfo(&good).await;
        assert_eq!((answer.status.as_u16(), &answer.body["email_verified"]), (200, &true.into()));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    }
}

///
#[tokio::test]
async fn userinfo_does_not_look_into_the_query_and_refuses_two_tokens() {
    let desk = Desk::new().await;
    let token = desk.signed_in("spa").await.access_token;
    let mut in_query = call(&[], "");
    in_query.query = Some(format!("access_token={token}"));
    let answer = desk.ask_userinfo(&in_query).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("www-authenticate")),
        (401, "Bearer realm=\"eu-west-1_Example01\"")
    );
    let header = format!("Bearer {token}");
    for bad in [
        call(&[FORM, ("authorization", &header)], &format!("access_token={token}")),
        call(&[("authorization", &header), ("authorization", &header)], ""),
        call(&[("authorization", "Bearer ")], ""),
        call(&[("authorization", "Basic YTpi")], ""),
        form(&format!("access_token={token}&access_token={token}")),
    ] {
        assert_eq!(desk.ask_userinfo(&bad).await.error(), (400, "invalid_request"));
    }
}

///
#[tokio::test]
async fn userinfo_answers_401_for_a_bad_token_and_403_without_openid() {
    let desk = Desk::new().await;
    let tokens = desk.signed_in("spa").await;
    let ask = async |token: &str| {
        desk.ask_userinfo(&call(&[("authorization", &format!("Bearer {token}"))], "")).await
    };
    for bad in [tokens.id_token.as_deref().unwrap(), &refresh_token(&tokens), "garbage", "a.b.c"] {
        let answer = ask(bad).await;
        assert_eq!(answer.error(), (401, "invalid_token"));
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
    }
    let machine = desk.ask_token(&basic(&format!("machine:{SECRET}"), "grant_type=client_credentials")).await;
    let answer = ask(machine.body["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.error(), (403, "insufficient_scope"));
    assert!(answer.header("www-authenticate").contains("scope=\"openid\""));
}

///
#[tokio::test]
async fn revoking_a_refresh_token_ends_its_access_tokens_here() {
    let desk = Desk::new().await;
    let tokens = desk.signed_in("web").await;
    let (token, access) =
        (refresh_token(&tokens), call(&[("authorization", &format!("Bearer {}", tokens.access_token))], ""));
    let by = async |credentials: &str, body: &str| desk.ask_revoke(&basic(credentials, body)).await;
    let (web, other) = (format!("web:{SECRET}"), format!("other:{SECRET}"));
    assert_eq!(by(&other, &format!("token={token}")).await.error(), (400, "unauthorized_client"));
    assert_eq!(by(&web, "token_type_hint=refresh_token").await.error(), (400, "invalid_request"));
    let refused = by(&web, &format!("token={}&token_type_hint=access_token", tokens.access_token)).await;
    assert_eq!(refused.error(), (400, "unsupported_token_type"));
    assert_eq!(desk.ask_userinfo(&access).await.status, 200);
    for _ in 0..2 {
        let answer = by(&web, &format!("token={token}&token_type_hint=access_token")).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &serde_json::Value::Null));
    }
    assert_eq!(by(&web, "token=unknown").await.status, 200);
    assert_eq!(desk.ask_userinfo(&access).await.error(), (401, "invalid_token"));
    let answer = desk.ask_introspect(&basic(&web, &format!("token={}", tokens.access_token))).await;
    assert_eq!(answer.body, serde_json::json!({"active": false}));
}

///
#[tokio::test]
async fn introspection_describes_a_living_token_to_its_own_client() {
    let desk = Desk::new().await;
    let tokens = desk.signed_in("web").await;
    let ask = async |who: &str, token: &str| {
        desk.ask_introspect(&basic(&format!("{who}:{SECRET}"), &format!("token={token}"))).await
    };
    let answer = ask("web", &tokens.access_token).await;
    assert_eq!((&answer.body["active"], &answer.body["client_id"]), (&true.into(), &"web".into()));
    assert_eq!(answer.header("cache-control"), "no-store");
    for (who, token) in
        [("other", tokens.access_token.as_str()), ("web", tokens.id_token.as_deref().unwrap()), ("web", "x")]
    {
        let answer = ask(who, token).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, serde_json::json!({"active": false})));
    }
    let missing = desk.ask_introspect(&basic(&format!("web:{SECRET}"), "")).await;
    assert_eq!(missing.error(), (400, "invalid_request"));
}
