//! Whole claim objects against Cognito's contract.

use serde_json::{Value, json};
use symbolon::model::ids::{ClientId, SessionId};
use symbolon::model::scope::Scopes;
use symbolon::model::user::ProviderType;
use symbolon::token::claims;
use symbolon::token::issue::{ClientIssuance, TokenIds};

use super::world::{NOW, Visit, ada, example};

const ID_JTI: &str = "01010101-0101-4101-8101-010101010101";
const ACCESS_JTI: &str = "02020202-0202-4202-8202-020202020202";
const EVENT: &str = "03030303-0303-4303-8303-030303030303";
const FAMILY: &str = "04040404-0404-4404-8404-040404040404";
const SESSION: &str = "05050505-0505-4505-8505-050505050505";

#[test]
fn an_id_token_says_exactly_what_cognitos_says() {
    let mut visit = Visit::with_scopes("openid");
    visit.nonce = Some("n-0S6");
    assert_eq!(
        Value::Object(claims::id(&visit.issuance(), "hash")),
        json!({
            "at_hash": "hash",
            "sub": "6f8b3c1e-0f57-4c39-9a62-1a2b3c4d5e6f",
            "cognito:groups": ["admins", "staff"],
            "iss": "https://auth.example/eu-west-1_Example01",
            "cognito:username": "Google_1234",
            "nonce": "n-0S6",
            "origin_jti": FAMILY,
            "aud": "web",
            "identities": [{
                "userId": "1234", "providerName": "Google", "providerType": "Google", "issuer": null,
                "primary": "true", "dateCreated": "1642699117273"
            }],
            "event_id": EVENT,
            "token_use": "id",
            "sid": SESSION,
            "auth_time": 1_789_999_000,
            "amr": ["fed"],
            "exp": 1_790_003_600,
            "iat": 1_790_000_000,
            "jti": ID_JTI,
            "address": {"formatted": "12 St James's Square"},
            "custom:department": "engines",
            "email": "ada@example.com",
            "email_verified": true,
            "given_name": "Ada",
            "phone_number": "+441234567890",
            "phone_number_verified": false
        })
    );
}

#[test]
fn an_access_token_says_exactly_what_cognitos_says() {
    let visit = Visit::with_scopes("openid email");
    assert_eq!(
        Value::Object(claims::access(&visit.issuance())),
        json!({
            "sub": "6f8b3c1e-0f57-4c39-9a62-1a2b3c4d5e6f",
            "cognito:groups": ["admins", "staff"],
            "iss": "https://auth.example/eu-west-1_Example01",
            "version": 2,
            "client_id": "web",
            "origin_jti": FAMILY,
            "event_id": EVENT,
            "token_use": "access",
            "scope": "openid email",
            "auth_time": 1_789_999_000,
            "amr": ["fed"],
            "exp": 1_790_003_600,
            "iat": 1_790_000_000,
            "jti": ACCESS_JTI,
            "username": "Google_1234"
        })
    );
}

#[test]
fn what_does_not_apply_is_absent_not_null() {
    let mut visit = Visit::with_scopes("openid");
    visit.user.groups.clear();
    visit.user.identities.clear();
    visit.user.attributes = super::world::attributes(&[]);
    visit.sign_in.amr.clear();
    let mut issuance = visit.issuance();
    issuance.session = None;
    let (id, access) = (claims::id(&issuance, "hash"), claims::access(&issuance));
    for claim in ["cognito:groups", "identities", "nonce", "sid", "amr", "email_verified", "aud"] {
        assert!(claim == "aud" || !id.contains_key(claim), "{claim} in the ID token");
        assert!(!access.contains_key(claim), "{claim} in the access token");
    }
}

#[test]
fn a_resource_becomes_the_audience_of_the_access_token_only() {
    let mut visit = Visit::with_scopes("openid");
    visit.resource = Some("https://api.example/");
    assert_eq!(claims::access(&visit.issuance())["aud"], "https://api.example/");
    assert_eq!(claims::id(&visit.issuance(), "")["aud"], "web");
}

#[test]
fn scopes_split_the_attributes_and_openid_alone_shows_all() {
    let shown = |scopes: &str| -> Vec<String> {
        let attributes = claims::attributes(&ada(), &Scopes::parse(scopes).unwrap());
        attributes.keys().cloned().collect()
    };
    let profile = ["address", "custom:department", "given_name"];
    let email = ["email", "email_verified"];
    let phone = ["phone_number", "phone_number_verified"];
    assert_eq!(shown("openid").len(), 7);
    assert_eq!(shown("openid orders/read").len(), 7);
    assert_eq!(shown("openid email"), email);
    assert_eq!(shown("openid phone"), phone);
    assert_eq!(shown("openid profile"), profile);
    assert_eq!(shown("openid phone email"), [email, phone].concat());
    assert_eq!(shown("email"), [""; 0]);
}

#[test]
fn only_saml_identities_name_their_issuer() {
    let mut visit = Visit::with_scopes("openid");
    visit.user.identities[0].provider_type = ProviderType::Saml;
    visit.user.identities[0].primary = false;
    let identity = &claims::id(&visit.issuance(), "")["identities"][0];
    assert_eq!(identity["issuer"], "https://accounts.google.com");
    assert_eq!(identity["primary"], "false");
}

#[test]
fn a_machines_token_has_the_app_as_subject_and_no_person() {
    let pool = example();
    let ids = TokenIds::from_random([[1; 16], [2; 16], [3; 16]]);
    let claims = claims::client(&ClientIssuance {
        pool: &pool,
        client: pool.client("web").unwrap(),
        scopes: &Scopes::parse("orders/read").unwrap(),
        confirmation: None,
        now: NOW,
        ids,
    });
    assert_eq!(
        Value::Object(claims),
        json!({
            "sub": "web", "token_use": "access", "scope": "orders/read", "auth_time": 1_790_000_000,
            "iss": "https://auth.example/eu-west-1_Example01", "exp": 1_790_003_600, "iat": 1_790_000_000,
            "version": 2, "jti": ACCESS_JTI, "client_id": "web"
        })
    );
}

#[test]
fn a_logout_token_names_the_event_and_never_a_nonce() {
    let session = SessionId::from_random([5; 16]);
    let claims = claims::logout(
        &example(),
        &ClientId::parse("web").unwrap(),
        (&ada().sub, Some(&session)),
        NOW,
        ACCESS_JTI,
    );
    assert_eq!(
        Value::Object(claims),
        json!({
            "iss": "https://auth.example/eu-west-1_Example01", "sub": "6f8b3c1e-0f57-4c39-9a62-1a2b3c4d5e6f",
            "aud": "web",
            "iat": 1_790_000_000, "exp": 1_790_000_120, "jti": ACCESS_JTI, "sid": SESSION,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}}
        })
    );
}

#[test]
fn user_info_has_true_booleans_and_cognitos_strings_on_request() {
    let mut pool = example();
    let scopes = Scopes::parse("openid email").unwrap();
    let plain = claims::user_info(&pool, &ada(), &scopes);
    assert_eq!(plain["email_verified"], true);
    assert_eq!(plain["identities"][0]["primary"], "true");
    pool.cognito_compat = true;
    assert_eq!(
        Value::Object(claims::user_info(&pool, &ada(), &scopes)),
        json!({
            "sub": "6f8b3c1e-0f57-4c39-9a62-1a2b3c4d5e6f",
            "identities": "[{\"userId\":\"1234\",\"providerName\":\"Google\",\"providerType\":\"Google\",\"issuer\":null,\"primary\":true,\"dateCreated\":1642699117273}]",
            "email": "ada@example.com",
            "email_verified": "true",
            "username": "Google_1234"
        })
    );
}
