//! The token endpoint.

use symbolon::model::client::Grant;

use super::call::{FORM, basic, call, form};
use crate::grants::desk::{Desk, REDIRECT, SECRET, VERIFIER};

fn redemption(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}"
    )
}

/// the answer of a sign-in, of a refresh, and their headers.
#[tokio::test]
async fn an_app_redeems_its_code_and_refreshes() {
    let desk = Desk::rotating(10).await;
    let code = desk.code("spa").await;
    let answer = desk.ask_token(&form(&redemption(&code))).await;
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&"Bearer".into(), &3600.into()));
    assert_eq!(answer.body["scope"], "openid email api/read");
    assert!(answer.body["access_token"].is_string() && answer.body["id_token"].is_string());
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let token = answer.body["refresh_token"].as_str().unwrap();
    let refreshed =
        desk.ask_token(&form(&format!("grant_type=refresh_token&client_id=spa&refresh_token={token}"))).await;
    assert_eq!(refreshed.status, 200);
    assert_ne!(refreshed.body["refresh_token"], token);
}

/// errors are JSON, uncached, with the description under both names, and repeat nothing that was sent.
#[tokio::test]
async fn errors_are_uncached_json_and_echo_no_secret() {
    let desk = Desk::new().await;
    let answer = desk
        .ask_token(&form(
            "grant_type=authorization_code&client_id=spa&code=s3cr3t-c0de&code_verifier=s3cr3t-v",
        ))
        .await;
    assert_eq!(answer.error(), (400, "invalid_grant"));
    assert_eq!(answer.body["error_description"], answer.body["error_message"]);
    assert!(!answer.body.to_string().contains("s3cr3t"));
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
}

/// nothing is decided, so the code is still good afterwards.
#[tokio::test]
async fn each_parameter_sent_twice_is_an_invalid_request() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    for name in ["grant_type", "client_id", "code", "redirect_uri", "code_verifier"] {
        let answer = desk.ask_token(&form(&format!("{}&{name}=x", redemption(&code)))).await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{name}");
    }
    for name in ["scope", "state", "unknown", "client_secret", "refresh_token"] {
        let answer = desk.ask_token(&form(&format!("{}&{name}=x&{name}=x", redemption(&code)))).await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{name}");
    }
    assert_eq!(desk.ask_token(&form(&redemption(&code))).await.status, 200);
}

///
#[tokio::test]
async fn two_resources_are_an_invalid_target() {
    let desk = Desk::new().await;
    let answer = desk
        .ask_token(&form("grant_type=refresh_token&client_id=spa&resource=https://a&resource=https://b"))
        .await;
    assert_eq!(answer.error(), (400, "invalid_target"));
}

/// an unknown parameter changes nothing.
#[tokio::test]
async fn an_unknown_parameter_is_ignored() {
    let desk = Desk::new().await;
    let code = desk.code("spa").await;
    assert_eq!(
        desk.ask_token(&form(&format!("{}&audience=x&aws_client_metadata=", redemption(&code)))).await.status,
        200
    );
}

#[tokio::test]
async fn a_body_that_is_no_form_is_an_invalid_request() {
    let desk = Desk::new().await;
    for bad in [
        call(&[], "grant_type=client_credentials"),
        call(&[("content-type", "application/json")], "{}"),
        call(&[("content-type", "multipart/form-data")], "x"),
        form("grant_type=%zz"),
        form(""),
    ] {
        assert_eq!(desk.ask_token(&bad).await.error(), (400, "invalid_request"));
    }
    let huge = format!("client_id=spa&x={}", "a".repeat(70_000));
    assert_eq!(desk.ask_token(&form(&huge)).await.error(), (413, "invalid_request"));
}

///
#[tokio::test]
async fn each_grant_answers_for_itself() {
    let desk = Desk::new().await;
    for (body, expected) in [
        ("client_id=spa", "invalid_request"),
        ("client_id=spa&grant_type=authorization_code", "invalid_request"),
        ("client_id=spa&grant_type=refresh_token", "invalid_request"),
        ("client_id=spa&grant_type=refresh_token&refresh_token=x", "invalid_grant"),
        ("client_id=spa&grant_type=client_credentials", "unauthorized_client"),
        ("client_id=spa&grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("client_id=spa&grant_type=implicit", "unsupported_grant_type"),
        (
            "client_id=spa&grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
            "unsupported_grant_type",
        ),
    ] {
        assert_eq!(desk.ask_token(&form(body)).await.error(), (400, expected), "{body}");
    }
}

/// switched off means unauthorized_client, with or without the grant's own parameters.
#[tokio::test]
async fn a_grant_that_is_off_is_unauthorized_before_anything_else_is_looked_at() {
    let mut desk = Desk::new().await;
    for (id, credentials) in [("spa", String::new()), ("web", format!("&client_secret={SECRET}"))] {
        desk.client_mut(id).grants.clear();
        for grant in [Grant::AuthorizationCode, Grant::RefreshToken, Grant::ClientCredentials] {
            for rest in ["", "&code=x&refresh_token=x&scope=api/read"] {
                let body = format!("client_id={id}{credentials}&grant_type={}{rest}", grant.as_str());
                assert_eq!(
                    desk.ask_token(&form(&body)).await.error(),
                    (400, "unauthorized_client"),
                    "{body}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_machine_receives_an_access_token_for_its_custom_scopes_and_nothing_else() {
    let desk = Desk::new().await;
    let answer = desk
        .ask_token(&basic(&format!("machine:{SECRET}"), "grant_type=client_credentials&scope=api/read"))
        .await;
    assert_eq!((answer.status.as_u16(), &answer.body["scope"]), (200, &"api/read".into()));
    assert!(answer.body.get("id_token").is_none() && answer.body.get("refresh_token").is_none());
    let refused = desk
        .ask_token(&basic(&format!("machine:{SECRET}"), "grant_type=client_credentials&scope=openid"))
        .await;
    assert_eq!(refused.error(), (400, "invalid_scope"));
}

/// the whole way, with a code that came with wrong credentials first.
#[tokio::test]
async fn a_code_sent_with_a_wrong_secret_is_dead_for_the_right_one() {
    let desk = Desk::new().await;
    let code = desk.code("web").await;
    let body =
        format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}");
    assert_eq!(desk.ask_token(&basic("web:wrong", &body)).await.error(), (401, "invalid_client"));
    assert_eq!(desk.ask_token(&basic(&format!("web:{SECRET}"), &body)).await.error(), (400, "invalid_grant"));
}

/// only a registered origin may read the answer, a refusal as well as tokens, and never with
/// credentials.
#[tokio::test]
async fn only_registered_origins_may_read_answers() {
    let desk = Desk::new().await;
    for (origin, allowed) in [
        ("https://spa.example", "https://spa.example"),
        ("https://evil.example", ""),
        ("null", ""),
        ("https://spa.example.evil", ""),
        ("http://spa.example", ""),
    ] {
        let asked = call(&[FORM, ("origin", origin)], "client_id=spa&token=x");
        let bearer = call(&[("origin", origin)], "");
        for answer in
            [desk.ask_token(&asked).await, desk.ask_revoke(&asked).await, desk.ask_userinfo(&bearer).await]
        {
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert_eq!(answer.header("vary"), "Origin");
        }
        assert_eq!(desk.ask_introspect(&asked).await.header("access-control-allow-origin"), "");
        let preflight = symbolon::web::cors::preflight(&desk.pool, &asked.headers, "POST");
        assert_eq!(preflight.contains_key("access-control-allow-methods"), !allowed.is_empty());
    }
}
