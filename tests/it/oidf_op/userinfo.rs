//! Userinfo, and which claims a scope shows.

use serde_json::{Value, json};

use super::{Suite, suite};

/// What the scope `profile` shows, as OpenID Connect Core section 5.4 lists it, but for `updated_at`, which
/// no provider is asked for.
const PROFILE: [&str; 13] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];

/// The standard claims of userinfo, and that each has the type of OpenID Connect Core section 5.1.
async fn shown(suite: &mut Suite, scope: &str) -> Vec<String> {
    let tokens = suite.completes(|ask| ask.with("scope", scope)).await;
    let claims = suite.user_info(&tokens).await;
    let mut shown = Vec::new();
    for (name, value) in claims.as_object().unwrap() {
        match name.as_str() {
            "email_verified" | "phone_number_verified" => assert!(value.is_boolean(), "{name}: {value}"),
            "sub" | "username" | "identities" => continue,
            _ => assert!(value.is_string(), "{name}: {value}"),
        }
        shown.push(name.clone());
    }
    shown.sort();
    shown
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

///
#[tokio::test]
async fn oidcc_userinfo_get() {
    let mut suite = suite().await;
    let tokens = suite.completes(|ask| ask).await;
    suite.user_info(&tokens).await;
}

///
#[tokio::test]
async fn oidcc_userinfo_post_header() {
    let mut suite = suite().await;
    let tokens = suite.completes(|ask| ask).await;
    let request =
        reqwest::Client::new().post(suite.broker.at("/oauth2/userInfo")).bearer_auth(&tokens.access_token);
    let claims: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(claims["sub"], tokens.id["sub"]);
}

///
#[tokio::test]
async fn oidcc_userinfo_post_body() {
    let mut suite = suite().await;
    let tokens = suite.completes(|ask| ask).await;
    let answer = suite.app.posts_raw("/oauth2/userInfo", &[("access_token", &tokens.access_token)]).await;
    assert_eq!((answer.status, &answer.body["sub"]), (200, &tokens.id["sub"]));
}

#[tokio::test]
async fn oidcc_scope_profile() {
    assert_eq!(shown(&mut suite().await, "openid profile").await, sorted(&PROFILE));
}

#[tokio::test]
async fn oidcc_scope_email() {
    assert_eq!(shown(&mut suite().await, "openid email").await, ["email", "email_verified"]);
}

/// Cognito has no scope `address`, so the metadata offers none and the suite skips it; asked for all the
/// same, it is refused by name.
#[tokio::test]
async fn oidcc_scope_address() {
    let mut suite = suite().await;
    let metadata =
        suite.app.gets(&format!("{}/.well-known/openid-configuration", suite.broker.issuer)).await.body;
    assert_eq!(metadata["scopes_supported"], json!(["openid", "email", "phone", "profile"]));
    let ask = suite.app.asks().with("scope", "openid address");
    suite.visitor.opens(ask.url()).await.is_refused_with("invalid_scope", &suite.app.redirect_uri);
}

#[tokio::test]
async fn oidcc_scope_phone() {
    let shown = shown(&mut suite().await, "openid phone").await;
    assert!(shown == ["phone_number"] || shown == ["phone_number", "phone_number_verified"], "{shown:?}");
}

/// With `address` in it the suite skips this one, too; all that the metadata offers is shown.
#[tokio::test]
async fn oidcc_scope_all() {
    let shown = shown(&mut suite().await, "openid profile email phone").await;
    let all = [&PROFILE[..], &["email", "email_verified", "phone_number"]].concat();
    assert_eq!(
        shown.into_iter().filter(|name| name != "phone_number_verified").collect::<Vec<_>>(),
        sorted(&all)
    );
}

/// The metadata says that `claims` is not supported, and the request succeeds. As at Cognito, `openid` alone
/// shows all attributes in both places, so `name` is there; the suite warns that it is in the ID token, too.
#[tokio::test]
async fn oidcc_claims_essential() {
    let mut suite = suite().await;
    let claims = json!({"userinfo": {"name": {"essential": true}}}).to_string();
    let tokens = suite.completes(|ask| ask.with("scope", "openid").with("claims", &claims)).await;
    assert_eq!(suite.user_info(&tokens).await["name"], "Ada Example");
    assert_eq!(tokens.id["name"], "Ada Example");
    let metadata =
        suite.app.gets(&format!("{}/.well-known/openid-configuration", suite.broker.issuer)).await.body;
    assert_eq!(metadata["claims_parameter_supported"], false);
}
