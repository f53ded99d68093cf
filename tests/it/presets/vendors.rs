//! One test for each vendor: documented answers in, key and attributes out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::{Value, json};
use symbolon::model::identity::Claims;
use symbolon::model::user::ProviderType;
use symbolon::protocol::oauth2::token_request::{self, TokenError};
use symbolon::protocol::oidc::issuer::Issuer;
use symbolon::provider::quirks;
use symbolon::provider::settings::{ClientAuth, Provider, UserinfoRule};

use super::fixtures::{fixture, oidc_claims};
use super::world::{attributes, claims, identity, oauth2, oidc, p256_pem, provider, with_secret};

pub(super) fn issuer_of(provider: &Provider) -> Issuer<'_> {
    Issuer { value: &oidc(provider).issuer, aliases: &oidc(provider).quirks.issuer_aliases }
}

/// Checks key and attributes of a sign-in.
#[track_caller]
pub(super) fn signs_in(provider: &Provider, from: Claims, key: (&str, &str), expected: &Value) {
    let who = identity(provider, from, None).unwrap();
    assert_eq!((who.key.issuer.as_str(), who.key.subject.as_str()), key);
    assert_eq!(&Value::Object(attributes(provider, &who)), expected);
}

#[test]
fn google() {
    let google = with_secret("Google", "google", "hosted_domains = [\"acme.example\"]");
    assert_eq!((google.provider_type, google.label.as_str()), (ProviderType::Google, "Google"));
    assert!(!oidc(&google).request.scopes.contains(&"offline_access".to_owned()));
    assert!(issuer_of(&google).admits("accounts.google.com"));
    signs_in(
        &google,
        oidc_claims("google"),
        ("https://accounts.google.com", "110169484474386276334"),
        &json!({
            "email": "ada@acme.example", "email_verified": "true", "family_name": "Lovelace",
            "given_name": "Ada", "name": "Ada Lovelace",
            "picture": "https://lh3.googleusercontent.com/a/photo=s96-c",
        }),
    );
}

#[test]
fn google_offline_access_is_asked_for_in_googles_way() {
    let google = with_secret(
        "Google",
        "google",
        "[request.parameters]\naccess_type = \"offline\"\nprompt = \"consent\"",
    );
    assert_eq!(oidc(&google).request.parameters.get("access_type").map(String::as_str), Some("offline"));
}

#[test]
fn apple() {
    let key = p256_pem();
    let apple = provider(&format!(
        "name = \"SignInWithApple\"\nuse = \"apple\"\nclient_id = \"com.example.web\"\nteam_id \
         = \"TEAM123456\"\nkey_id = \"KEY1234567\"\nprivate_key = '''\n{key}'''"
    ));
    assert!(oidc(&apple).request.form_post);
    assert_eq!(
        (apple.provider_type, oidc(&apple).userinfo),
        (ProviderType::SignInWithApple, UserinfoRule::Never)
    );
    assert!(matches!(&apple.client_auth, ClientAuth::AppleJwt { team_id, key_id,
            .. } if team_id == "TEAM123456" && key_id == "KEY1234567"));
    let field = fixture("apple", "user").to_string();
    let who = identity(&apple, oidc_claims("apple"), Some(&field)).unwrap();
    assert_eq!(
        Value::Object(attributes(&apple, &who)),
        json!({
            "email": "dpdcnf87nu@privaterelay.appleid.com", "email_verified": "true",
            "family_name": "Lovelace", "given_name": "Ada",
        })
    );
    assert!(!who.unsigned.contains_key("email"), "no e-mail is read from what is not signed");
    assert_eq!(who.key.subject, "001234.0a1b2c3d4e5f60718293a4b5c6d7e8f9.1234");
}

#[test]
fn facebook() {
    let facebook = with_secret("Facebook", "facebook", "");
    let rules = oauth2(&facebook);
    assert_eq!(
        (facebook.provider_type, rules.request.scope_separator.as_str()),
        (ProviderType::Facebook, ",")
    );
    assert!(
        rules
            .endpoints
            .userinfo
            .as_deref()
            .is_some_and(|url| url.starts_with("https://graph.facebook.com/v")),
        "a pinned version"
    );
    assert!(rules.quirks.appsecret_proof);
    let audience = rules.quirks.token_audience.as_ref().unwrap();
    assert_eq!(fixture("facebook", "token_audience").pointer(&audience.audience), Some(&json!("client")));
    signs_in(
        &facebook,
        claims(fixture("facebook", "profile")),
        ("", "10158923471094562"),
        &json!({
            "email": "ada@mail.example", "email_verified": "false", "family_name": "Lovelace",
            "given_name": "Ada", "name": "Ada Lovelace",
            "picture": "https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=1",
        }),
    );
    signs_in(
        &facebook,
        claims(fixture("facebook", "profile_of_a_phone_account")),
        ("", "10158923471094563"),
        &json!({
            "family_name": "Hopper", "given_name": "Grace", "name": "Grace Hopper",
        }),
    );
}

/// The expected value was computed with another implementation of HMAC-SHA256.
#[test]
fn facebook_proof_of_the_app_secret() {
    let proof = quirks::appsecret_proof("key", "The quick brown fox jumps over the lazy dog");
    assert_eq!(proof, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

#[test]
fn facebook_limited_login() {
    let facebook = with_secret("Facebook", "facebook-limited", "");
    assert_eq!(facebook.provider_type, ProviderType::Facebook);
    assert_eq!(
        oidc(&facebook).endpoints.jwks.as_deref(),
        Some("https://limited.facebook.com/.well-known/oauth/openid/jwks/")
    );
    signs_in(
        &facebook,
        oidc_claims("facebook-limited"),
        ("https://www.facebook.com", "10158923471094562"),
        &json!({
            "email": "ada@mail.example", "email_verified": "false", "family_name": "Lovelace",
            "given_name": "Ada", "name": "Ada Lovelace",
            "picture": "https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=1",
        }),
    );
}

#[test]
fn amazon() {
    let amazon = with_secret("LoginWithAmazon", "amazon", "");
    let rules = oauth2(&amazon);
    assert_eq!(
        (amazon.provider_type, rules.profile.token_header.as_deref()),
        (ProviderType::LoginWithAmazon, Some("x-amz-access-token"))
    );
    let audience = rules.quirks.token_audience.as_ref().unwrap();
    assert_eq!(
        (audience.app_token, fixture("amazon", "token_audience").pointer(&audience.audience)),
        (false, Some(&json!("client")))
    );
    signs_in(
        &amazon,
        claims(fixture("amazon", "profile")),
        ("", "amzn1.account.K2LI23KL2LK2"),
        &json!({
            "email": "ada@mail.example", "email_verified": "false", "name": "Ada Lovelace",
        }),
    );
}

#[test]
fn github() {
    let github = with_secret("GitHub", "github", "organisations = [\"acme\"]");
    let rules = oauth2(&github);
    assert_eq!(rules.profile.also.keys().collect::<Vec<_>>(), ["emails", "orgs"]);
    assert!(rules.request.scopes.contains(&"read:org".to_owned()));
    let mut all = claims(fixture("github", "profile"));
    all.extend(claims(json!({"emails": fixture("github", "emails"), "orgs": fixture("github", "orgs")})));
    signs_in(
        &github,
        all,
        ("", "583231"),
        &json!({
            "email": "ada@mail.example", "email_verified": "true", "name": "Ada \
                Lovelace", "picture": "https://avatars.githubusercontent.com/u/583231?v=4",
            "preferred_username": "ada", "profile": "https://github.com/ada",
            "website": "https://ada.example",
        }),
    );
    let refused = token_request::parse(200, fixture("github", "token_error_in_ok").to_string().as_bytes());
    assert!(matches!(refused, Err(TokenError::Refused { error, .. }) if error == "bad_verification_code"));
}

#[test]
fn github_enterprise_server() {
    let github = with_secret(
        "GitHub",
        "github",
        "base_url = \"https://github.acme.example/\"\norganisations = [\"acme\"]",
    );
    let rules = oauth2(&github);
    let urls = [&rules.endpoints.authorization, &rules.endpoints.token, &rules.endpoints.userinfo]
        .map(|url| url.as_deref().unwrap());
    assert_eq!(
        urls,
        [
            "https://github.acme.example/login/oauth/authorize",
            "https://github.acme.example/login/oauth/access_token",
            "https://github.acme.example/api/v3/user",
        ]
    );
    assert_eq!(rules.profile.also["emails"], "https://github.acme.example/api/v3/user/emails?per_page=100");
    assert_eq!(rules.profile.also["orgs"], "https://github.acme.example/api/v3/user/orgs?per_page=100");
}

#[test]
fn linkedin() {
    let linkedin = with_secret("LinkedIn", "linkedin", "");
    assert!(quirks::nonce_may_be_absent(oidc(&linkedin)));
    assert!(issuer_of(&linkedin).admits("https://www.linkedin.com"));
    signs_in(
        &linkedin,
        oidc_claims("linkedin"),
        ("https://www.linkedin.com/oauth", "782bbtaQ"),
        &json!({
            "email": "ada@mail.example", "email_verified": "true", "family_name": "Lovelace",
            "given_name": "Ada", "name": "Ada Lovelace",
            "picture": "https://media.licdn.com/dms/image/photo.jpg",
        }),
    );
}

#[test]
fn gitlab() {
    let gitlab = with_secret("GitLab", "gitlab", "");
    signs_in(
        &gitlab,
        oidc_claims("gitlab"),
        ("https://gitlab.com", "1234567"),
        &json!({
            "email": "ada@mail.example", "email_verified": "true", "name": "Ada \
                Lovelace", "nickname": "ada", "picture": "https://secure.gravatar.com/avatar/1",
            "preferred_username": "ada", "profile": "https://gitlab.com/ada",
            "website": "https://ada.example",
        }),
    );
    let own = with_secret("GitLab", "gitlab", "base_url = \"https://git.acme.example\"");
    assert_eq!(
        oidc(&own).discovery_url.as_deref(),
        Some("https://git.acme.example/.well-known/openid-configuration")
    );
}

#[test]
fn slack() {
    let slack =
        with_secret("Slack", "slack", "[attributes]\n\"custom:team\" = \"https://slack.com/team_id\"");
    signs_in(
        &slack,
        oidc_claims("slack"),
        ("https://slack.com", "U0R7MFMJM"),
        &json!({
            "custom:team": "T0RR", "email": "ada@acme.example", "email_verified": "true", "locale": "en-US",
            "name": "ada",
        }),
    );
}

#[test]
fn discord() {
    let discord = with_secret("Discord", "discord", "");
    signs_in(
        &discord,
        claims(fixture("discord", "profile")),
        ("", "80351110224678912"),
        &json!({
            "email": "ada@mail.example", "email_verified": "true", "locale": "en-GB", "name": "Ada",
            "preferred_username": "ada",
        }),
    );
}

#[test]
fn x() {
    let x = with_secret("X", "x", "");
    assert!(matches!(x.client_auth, ClientAuth::SecretBasic(_)));
    signs_in(
        &x,
        claims(fixture("x", "profile")),
        ("", "2244994945"),
        &json!({
            "name": "Ada Lovelace", "picture": "https://pbs.twimg.com/profile_images/1/a_normal.jpg",
                    "preferred_username": "ada",
        }),
    );
}

#[test]
fn salesforce() {
    let salesforce = with_secret("Salesforce", "salesforce", "");
    let subject = "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P";
    signs_in(
        &salesforce,
        oidc_claims("salesforce"),
        ("https://login.salesforce.com", subject),
        &json!({
            "email": "ada@acme.example", "email_verified": "true", "family_name": "Lovelace",
            "given_name": "Ada", "name": "Ada Lovelace", "nickname": "ada",
            "picture": "https://acme.my.salesforce.com/profilephoto/005/F",
            "preferred_username": "ada@acme.example", "zoneinfo": "Europe/London",
        }),
    );
    let own = with_secret("Salesforce", "salesforce", "base_url = \"https://acme.my.salesforce.com\"");
    assert_eq!(oidc(&own).issuer, "https://acme.my.salesforce.com");
}

#[test]
fn okta() {
    let okta = with_secret(
        "Okta",
        "okta",
        "base_url = \"https://acme.okta.com\"\n[groups.map]\nEngineering = \"engineers\"",
    );
    signs_in(
        &okta,
        oidc_claims("okta"),
        ("https://acme.okta.com", "00uid4BxXw6I6TV4m0g3"),
        &json!({
            "email": "ada@acme.example", "email_verified": "true", "family_name": "Lovelace",
            "given_name": "Ada", "locale": "en-GB", "name": "Ada Lovelace",
            "nickname": "Ada", "preferred_username": "ada@acme.example", "zoneinfo": "Europe/London",
        }),
    );
    assert_eq!(symbolon::provider::quirks::pool_groups(&okta.groups, &oidc_claims("okta")), ["engineers"]);
    let custom = with_secret(
        "Okta",
        "okta",
        "base_url = \"https://acme.okta.com\"\nissuer = \"https://acme.okta.com/oauth2/default\"",
    );
    assert_eq!(
        oidc(&custom).discovery_url.as_deref(),
        Some("https://acme.okta.com/oauth2/default/.well-known/openid-configuration")
    );
}

#[test]
fn auth0() {
    let auth0 = with_secret("Auth0", "auth0", "base_url = \"https://acme.eu.auth0.com\"");
    assert_eq!(
        oidc(&auth0).discovery_url.as_deref(),
        Some("https://acme.eu.auth0.com/.well-known/openid-configuration")
    );
    signs_in(
        &auth0,
        oidc_claims("auth0"),
        ("https://acme.eu.auth0.com/", "auth0|5f7c8ec7c33c6c004bbafe82"),
        &json!({
            "email": "ada@mail.example", "email_verified": "false", "name": "Ada \
                Lovelace", "nickname": "ada", "picture": "https://s.gravatar.com/avatar/1.png",
        }),
    );
}

#[test]
fn keycloak() {
    let keycloak = with_secret(
        "Keycloak",
        "keycloak",
        "issuer = \"https://keycloak.example.com/realms/acme\"\n[groups.map]\n\"/staff\" = \"staff\"",
    );
    signs_in(
        &keycloak,
        oidc_claims("keycloak"),
        ("https://keycloak.example.com/realms/acme", "f:5b4d7a8e:ada"),
        &json!({
            "email": "ada@acme.example", "email_verified": "true", "family_name": "Lovelace",
            "given_name": "Ada", "name": "Ada Lovelace", "preferred_username": "ada",
        }),
    );
    assert_eq!(
        symbolon::provider::quirks::pool_groups(&keycloak.groups, &oidc_claims("keycloak")),
        ["staff"]
    );
}

#[test]
fn any_openid_connect_provider() {
    let acme = provider(
        "name = \"Acme\"\nuse = \"oidc\"\nissuer = \"https://acme.example\"\nclient_id \
         = \"client\"\nclient_secret = \"secret\"",
    );
    assert_eq!(acme.label, "Acme");
    signs_in(
        &acme,
        oidc_claims("oidc"),
        ("https://acme.example", "248289761001"),
        &json!({
            "address": r#"{"locality":"London","country":"GB"}"#, "email": "janedoe@example.com",
            "email_verified": "true", "family_name": "Doe",
            "given_name": "Jane", "name": "Jane Doe", "preferred_username": "j.doe",
        }),
    );
}

#[test]
fn any_oauth2_provider() {
    let acme = with_secret(
        "Acme",
        "oauth2",
        "subject = \"/account/number\"\nscopes = [\"me\"]\n[endpoints]\nauthorization \
         = \"https://acme.example/authorize\"\ntoken = \"https://acme.example/token\"\nuserinfo \
         = \"https://acme.example/me\"\n[attributes]\nemail = \"/account/mail\"\nname = \"display\"",
    );
    signs_in(
        &acme,
        claims(fixture("oauth2", "profile")),
        ("", "7"),
        &json!({"email": "ada@mail.example", "email_verified": "false", "name": "Ada"}),
    );
}
