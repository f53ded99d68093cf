//! Whole sign-ins at an OpenID provider.

use std::time::Duration;

use serde_json::{Value, json};
use symbolon::model::fault::{Fault, Refusal};
use symbolon::model::secret::SecretString;
use symbolon::outside::upstreams::Upstreams;
use symbolon::protocol::jose::{Algorithm, KeySet, verify};
use symbolon::protocol::oidc::callback::CallbackParameters;
use symbolon::provider::deviations::TenantRule;
use symbolon::provider::settings::{ClientAuth, Endpoints};
use symbolon::user_pool::federate::finish;

use super::world::{ISSUER, NOW, World, es256, metadata, p256_pem};

async fn refusal(world: &World) -> &'static str {
    world.sign_in().await.unwrap_err().code()
}

#[tokio::test]
async fn a_person_signs_in() {
    let world = World::oidc();
    let identity = world.sign_in().await.unwrap();
    assert_eq!((identity.key.issuer.as_str(), identity.key.subject.as_str()), (ISSUER, "alice"));
    assert_eq!((identity.authenticated_at, identity.email_verified), (NOW, false));
    assert_eq!(identity.claims["name"], "Alice");
    world.sign_in().await.unwrap();
    assert_eq!(
        (world.count("/.well-known/openid-configuration"), world.count("/jwks"), world.count("/token")),
        (1, 1, 2)
    );
}

/// B-47
#[tokio::test]
async fn the_code_is_redeemed_with_the_verifier_and_the_secret_in_the_configured_place() {
    let mut world = World::oidc();
    let (_, pending) = world.begin().await.unwrap();
    world.come_back(&pending, "code=the-code").await.unwrap();
    world.provider.client_auth = ClientAuth::SecretPost("the-secret".into());
    world.sign_in().await.unwrap();
    world.provider.client_auth = ClientAuth::None;
    world.sign_in().await.unwrap();
    let sent = world.sent_to("/token");
    let (form, authorization) = &sent[0];
    assert_eq!(
        (form["code"].as_str(), form["code_verifier"].as_str()),
        ("the-code", pending.verifier.as_str())
    );
    assert_eq!(authorization.as_deref(), Some("Basic YnJva2VyOnRoZS1zZWNyZXQ="));
    assert!(!form.contains_key("client_secret"));
    assert_eq!((sent[1].0["client_secret"].as_str(), &sent[1].1), ("the-secret", &None));
    assert!(!sent[2].0.contains_key("client_secret") && sent[2].1.is_none());
    assert!(world.idp().seen.iter().all(|request| !request.url.as_str().contains("the-secret")));
}

/// B-33
#[tokio::test]
async fn a_secret_that_is_a_jwt_is_kept_and_renewed_before_it_ends() {
    let mut world = World::oidc();
    let pem = p256_pem();
    let apple = |pem: &str| ClientAuth::AppleJwt {
        key: SecretString::from(pem),
        key_id: "KEY".into(),
        team_id: "TEAM".into(),
    };
    world.provider.client_auth = apple(&pem);
    for pause in [0, 60, 2900, 100] {
        world.outside.clock.advance(Duration::from_secs(pause));
        world.sign_in().await.unwrap();
    }
    let secrets: Vec<String> =
        world.sent_to("/token").into_iter().map(|(form, _)| form["client_secret"].clone()).collect();
    assert!(secrets[0] == secrets[1] && secrets[1] == secrets[2] && secrets[2] != secrets[3]);
    let key =
        symbolon::protocol::jose::SigningKey::from_pem(Algorithm::Es256, Some("KEY".into()), &pem).unwrap();
    let keys = KeySet::from_keys(vec![key.public_key().unwrap()]);
    let claims = verify(&secrets[3], &keys, &[Algorithm::Es256]).unwrap();
    let now = world.outside.clock.now().secs();
    assert_eq!(
        Value::Object(claims),
        json!({"iss": "TEAM", "sub": "broker", "aud": ISSUER, "iat": now, "exp": now + 3600})
    );
    world.provider.client_auth = apple(&p256_pem());
    world.sign_in().await.unwrap();
    assert_ne!(
        world.sent_to("/token").pop().unwrap().0["client_secret"],
        secrets[3],
        "a new key makes a new secret"
    );
    world.provider.client_auth = apple("not a key");
    let error = world.sign_in().await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("signing_key_pem", Fault::Pool));
}

#[tokio::test]
async fn an_assertion_is_made_for_each_request_and_for_that_endpoint_alone() {
    let mut world = World::oidc();
    let pem = p256_pem();
    world.provider.client_auth =
        ClientAuth::PrivateKeyJwt { key: pem.as_str().into(), key_id: None, algorithm: "ES256".into() };
    world.sign_in().await.unwrap();
    world.sign_in().await.unwrap();
    let key = symbolon::protocol::jose::SigningKey::from_pem(Algorithm::Es256, None, &pem).unwrap();
    let keys = KeySet::from_keys(vec![key.public_key().unwrap()]);
    let read = |(form, _): &(std::collections::BTreeMap<String, String>, _)| {
        verify(&form["client_assertion"], &keys, &[Algorithm::Es256]).unwrap()
    };
    let assertions: Vec<_> = world.sent_to("/token").iter().map(read).collect();
    assert_eq!(assertions[0]["aud"], "https://idp.example/token");
    assert_eq!(assertions[0]["exp"], NOW.secs() + 60);
    assert_ne!(assertions[0]["jti"], assertions[1]["jti"]);
}

/// B-09, B-20
#[tokio::test]
async fn an_answer_of_another_issuer_reaches_no_token_endpoint() {
    let world = World::oidc();
    let (_, pending) = world.begin().await.unwrap();
    let error = world.come_back(&pending, "code=c&iss=https%3A%2F%2Fevil.example").await.unwrap_err();
    assert_eq!((error.code(), error.oauth_error()), ("callback_issuer_mismatch", "server_error"));
    assert!(world.come_back(&pending, "code=c&iss=https%3A%2F%2Fidp.example").await.is_ok());
    let promising = World::oidc();
    let mut document = metadata();
    document["authorization_response_iss_parameter_supported"] = json!(true);
    promising.answer("/.well-known/openid-configuration", 200, &document);
    assert_eq!(refusal(&promising).await, "callback_issuer_missing");
    assert_eq!((world.count("/token"), promising.count("/token")), (1, 0));
}

/// B-10
#[tokio::test]
async fn metadata_of_another_issuer_makes_the_provider_unusable_with_a_clear_reason() {
    let world = World::oidc();
    let mut document = metadata();
    document["issuer"] = json!("https://idp.example/");
    world.answer("/.well-known/openid-configuration", 200, &document);
    let error = world.begin().await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("discovery_issuer_mismatch", Fault::Pool));
    assert!(error.hint().contains("https://idp.example/"));
}

/// B-21, B-22
#[tokio::test]
async fn credentials_and_codes_go_to_the_provider_s_own_token_endpoint() {
    let world = World::oidc();
    let mut document = metadata();
    document["authorization_endpoint"] = json!("https://honest.example/authorize");
    world.answer("/.well-known/openid-configuration", 200, &document);
    assert_eq!(world.begin().await.unwrap_err().code(), "discovery_foreign_site");
    let mut confirmed = World::oidc();
    confirmed.answer("/.well-known/openid-configuration", 200, &document);
    confirmed.oidc_rules().endpoints.authorization = Some("https://honest.example/authorize".into());
    assert_eq!(confirmed.begin().await.unwrap().0.host_str(), Some("honest.example"));
}

/// B-18
#[tokio::test]
async fn a_rotated_key_is_found_at_once() {
    let world = World::oidc();
    world.sign_in().await.unwrap();
    let next = es256("k2");
    world.idp().published.push(next.public_jwk());
    world.idp().key = next;
    world.sign_in().await.unwrap();
    assert_eq!(world.count("/jwks"), 2);
}

/// B-19
#[tokio::test]
async fn tokens_with_unknown_keys_make_one_fetch_per_cool_down() {
    let world = World::oidc();
    world.sign_in().await.unwrap();
    for number in 0..100 {
        world.idp().key = es256(&format!("random-{number}"));
        assert_eq!(refusal(&world).await, "jws_unknown_key");
    }
    assert_eq!(world.count("/jwks"), 2);
}

/// B-04, B-05, B-12, B-16, B-24, B-26
#[tokio::test]
async fn what_a_hostile_token_says_makes_no_identity() {
    let cases = [
        ("nonce", json!("other"), "id_token_nonce_mismatch"),
        ("nonce", Value::Null, "id_token_nonce_missing"),
        ("aud", json!(["broker", "stranger"]), "id_token_audience_mismatch"),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), "id_token_at_hash_mismatch"),
        ("sub", json!(""), "id_token_subject_unusable"),
    ];
    for (name, value, code) in cases {
        let world = World::oidc();
        world.idp().claims = vec![(name, value)];
        assert_eq!(refusal(&world).await, code);
    }
    let mut world = World::oidc();
    world.oidc_rules().algorithms = vec!["RS256".into()];
    assert_eq!(refusal(&world).await, "jws_algorithm_not_allowed");
    world.oidc_rules().algorithms = vec!["HS256".into(), "none".into()];
    assert_eq!(refusal(&world).await, "jws_algorithm_not_allowed");
}

#[tokio::test]
async fn a_person_who_turns_back_is_no_failure() {
    let world = World::oidc();
    let (_, pending) = world.begin().await.unwrap();
    for (parameters, error, fault) in [
        ("error=access_denied", "access_denied", Fault::Visitor),
        ("error=user_cancelled_authorize", "access_denied", Fault::Visitor),
        ("error=login_required", "login_required", Fault::Visitor),
        ("error=temporarily_unavailable", "temporarily_unavailable", Fault::Provider),
        ("error=invalid_scope", "server_error", Fault::Pool),
        ("error=%3Cscript%3E", "server_error", Fault::Provider),
    ] {
        let refused = world.come_back(&pending, parameters).await.unwrap_err();
        assert_eq!((refused.oauth_error(), refused.fault()), (error, fault), "{parameters}");
    }
    assert_eq!(world.count("/token"), 0);
}

/// B-32
#[tokio::test]
async fn a_form_post_is_taken_only_where_it_was_asked_for() {
    let mut world = World::oidc();
    world.oidc_rules().request.form_post = true;
    world.oidc_rules().quirks.user_form_field = true;
    let (url, pending) = world.begin().await.unwrap();
    assert_eq!(super::world::query(&url, "response_mode").as_deref(), Some("form_post"));
    assert_eq!(world.come_back(&pending, "code=c").await.unwrap_err().code(), "callback_transport");
    let body = b"state=s&code=c&user=%7B%22name%22%3A%7B%22firstName%22%3A%22Alice%22%7D%2C%22email%22%3A%22evil%40x.example%22%7D";
    let parameters =
        CallbackParameters::from_form(Some("application/x-www-form-urlencoded"), None, body).unwrap();
    let identity =
        finish(world.means(), &world.provider, &pending, &parameters.answer().unwrap()).await.unwrap();
    assert_eq!(identity.unsigned["name"]["firstName"], "Alice");
    assert!(!identity.unsigned.contains_key("email") && !identity.claims.contains_key("email"));
}

/// B-37
#[tokio::test]
async fn a_provider_that_is_down_is_temporarily_unavailable_and_comes_back() {
    let world = World::oidc();
    world.idp().down = true;
    let error = world.begin().await.unwrap_err();
    assert_eq!(
        (error.code(), error.oauth_error(), error.retryable()),
        ("provider_unreachable", "temporarily_unavailable", true)
    );
    world.idp().down = false;
    world.outside.clock.advance(Duration::from_secs(5));
    world.sign_in().await.unwrap();
    world.idp().answers.insert("/jwks", (503, "text/plain", String::new()));
    world.outside.clock.advance(Duration::from_secs(3600 * 23));
    assert!(world.sign_in().await.is_ok(), "its last keys still serve");
}

/// B-35, B-38
#[tokio::test]
async fn a_failing_token_endpoint_is_left_alone_while_others_serve() {
    let world = World::oidc();
    let (_, pending) = world.begin().await.unwrap();
    world.idp().answers.insert("/token", (500, "text/html", "<h1>oops</h1>".into()));
    for _ in 0..5 {
        let error = world.come_back(&pending, "code=c").await.unwrap_err();
        assert_eq!((error.code(), error.oauth_error()), ("token_status", "temporarily_unavailable"));
    }
    assert_eq!(world.come_back(&pending, "code=c").await.unwrap_err().code(), "provider_circuit_open");
    assert_eq!(world.count("/token"), 5);
    let mut other = World::oidc();
    other.upstreams = world.upstreams.clone();
    other.provider.client_id = "another".into();
    assert_eq!(refusal(&other).await, "token_status", "the breaker is that one provider's");
    world.idp().answers.clear();
    world.outside.clock.advance(Duration::from_secs(4));
    world.sign_in().await.unwrap();
}

#[tokio::test]
async fn worthless_codes_do_not_open_the_breaker() {
    let world = World::oidc();
    world.answer("/token", 400, &json!({"error": "invalid_grant", "error_description": "Bad code"}));
    for _ in 0..50 {
        let error = world.sign_in().await.unwrap_err();
        assert_eq!(
            (error.code(), error.oauth_error(), error.fault()),
            ("token_refused", "server_error", Fault::Visitor)
        );
    }
}

/// B-36, B-44
#[tokio::test]
async fn an_endpoint_that_is_missing_or_nonsense_is_named() {
    let mut world = World::oidc();
    let mut document = metadata();
    document.as_object_mut().unwrap().remove("jwks_uri");
    world.answer("/.well-known/openid-configuration", 200, &document);
    let error = world.sign_in().await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("endpoint_missing", Fault::Pool));
    assert!(error.hint().contains("jwks"));
    world.oidc_rules().endpoints.jwks = Some("http://idp.example/jwks".into());
    assert_eq!(refusal(&world).await, "endpoint_unusable");
    let deep = World::oidc();
    deep.idp().answers.insert(
        "/.well-known/openid-configuration",
        (200, "application/json", format!("{{\"a\":{}", "[".repeat(100_000))),
    );
    assert_eq!(deep.begin().await.unwrap_err().code(), "discovery_malformed");
}

/// B-40
#[tokio::test]
async fn settings_and_metadata_cannot_point_the_broker_inside() {
    let mut world = World::oidc();
    world.upstreams = Upstreams::new(&world.outside, false, None).unwrap();
    let inside = Some("https://169.254.169.254/latest/meta-data/".to_owned());
    let authorization = Some("https://idp.example/authorize".to_owned());
    world.oidc_rules().endpoints =
        Endpoints { authorization, token: inside.clone(), jwks: inside.clone(), ..Endpoints::default() };
    let error = world.sign_in().await.unwrap_err();
    assert_eq!(
        (error.code(), error.fault(), error.oauth_error()),
        ("provider_address_refused", Fault::Pool, "server_error")
    );
    world.oidc_rules().endpoints = Endpoints::default();
    world.oidc_rules().discovery_url = inside;
    assert_eq!(refusal(&world).await, "provider_address_refused");
}

/// B-08
#[tokio::test]
async fn only_allowed_tenants_of_a_multi_tenant_issuer_sign_in() {
    const OURS: &str = "9122040d-6c67-4c5b-b112-36a304b66dad";
    const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let mut world = World::oidc();
    let template = format!("{ISSUER}/{{tenantid}}/v2.0");
    world.oidc_rules().issuer.clone_from(&template);
    let rule = |allowed: &[&str]| {
        Some(TenantRule {
            allowed: allowed.iter().map(|id| (*id).to_owned()).collect(),
            refused: vec![PERSONAL.into()],
        })
    };
    world.oidc_rules().quirks.tenant = rule(&[OURS]);
    let mut document = metadata();
    document["issuer"] = json!(template);
    world.answer("/.well-known/openid-configuration", 200, &document);
    let of = |iss: &str, tid: &str| vec![("iss", json!(format!("{ISSUER}/{iss}/v2.0"))), ("tid", json!(tid))];
    world.idp().claims = of(OURS, OURS);
    assert_eq!(world.sign_in().await.unwrap().key.issuer, format!("{ISSUER}/{OURS}/v2.0"));
    for (iss, tid, code) in [
        (PERSONAL, PERSONAL, "provider_tenant_refused"),
        (
            "11111111-6c67-4c5b-b112-36a304b66dad",
            "11111111-6c67-4c5b-b112-36a304b66dad",
            "provider_tenant_refused",
        ),
        (PERSONAL, OURS, "id_token_issuer_mismatch"),
        ("common", "common", "id_token_issuer_mismatch"),
    ] {
        world.idp().claims = of(iss, tid);
        assert_eq!(refusal(&world).await, code, "{iss} {tid}");
    }
    world.oidc_rules().quirks.tenant = rule(&[]);
    world.idp().claims = of(PERSONAL, PERSONAL);
    let error = world.sign_in().await.unwrap_err();
    assert_eq!((error.code(), error.oauth_error()), ("provider_tenant_refused", "access_denied"));
}

/// B-17, B-39
#[tokio::test]
async fn no_url_that_a_token_names_is_ever_called() {
    let mut world = World::oidc();
    world.oidc_rules().quirks.groups_overage = true;
    let sources = json!({"src1": {"endpoint": "https://graph.example/memberOf", "access_token": "t"}});
    world.idp().claims = vec![
        ("_claim_names", json!({"groups": "src1"})),
        ("_claim_sources", sources),
        ("picture", json!("https://169.254.169.254/x.svg")),
        ("jku", json!("https://evil.example/jwks")),
    ];
    world.sign_in().await.unwrap();
    let paths: Vec<String> = world.idp().seen.iter().map(|request| request.url.path().to_owned()).collect();
    assert_eq!(paths, ["/.well-known/openid-configuration", "/token", "/jwks"]);
}

/// B-28
#[tokio::test]
async fn a_key_set_may_hold_rubbish_beside_the_key_but_only_so_much() {
    let world = World::oidc();
    let rubbish = [
        json!({"kty": "oct", "k": "AAAA", "kid": "k1"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQ", "kid": "weak"}),
        json!({"kty": "?"}),
    ];
    let key = world.idp().key.public_jwk();
    world.idp().published = rubbish.into_iter().chain([key.clone()]).collect();
    world.sign_in().await.unwrap();
    for keys in [
        format!("{{\"keys\":[{}]}}", vec!["{}"; 100_000].join(",")),
        format!("{{\"keys\":[{key}],\"keys\":[]}}"),
        "[]".into(),
        String::new(),
    ] {
        let world = World::oidc();
        world.idp().answers.insert("/jwks", (200, "application/json", keys));
        assert_eq!(refusal(&world).await, "keys_malformed");
    }
}

/// B-34
#[tokio::test]
async fn whatever_the_token_endpoint_does_the_app_hears_one_clean_word() {
    for (status, body, code, word) in [
        (500, "<html>stack trace</html>", "token_status", "temporarily_unavailable"),
        (429, "slow down", "token_status", "temporarily_unavailable"),
        (302, "", "token_status", "server_error"),
        (200, "<html>", "token_answer_malformed", "server_error"),
        (200, r#"{"access_token":"a"}"#, "id_token_missing", "server_error"),
        (200, r#"{"access_token":"a\r\nb","id_token":"x"}"#, "jws_not_compact", "server_error"),
        (401, r#"{"error":"invalid_client"}"#, "token_refused", "server_error"),
    ] {
        let world = World::oidc();
        world.idp().answers.insert("/token", (status, "application/json", body.to_owned()));
        let error = world.sign_in().await.unwrap_err();
        assert_eq!((error.code(), error.oauth_error()), (code, word), "{status} {body}");
        assert!(!error.hint().is_empty());
    }
}
