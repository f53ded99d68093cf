//! People of companies that speak SAML sign in: SimpleSAMLphp and pysaml2 through the built broker.

use serde_json::{Value, json};

use crate::support::redis::Redis;
use crate::support::saml_peers::Make::{self, Pysaml2, SimpleSamlPhp};
use crate::world::company::SP_ENTITY_ID;
use crate::world::{App, AppSettings, Broker, Company, Person, Settings, get, post, text};

macro_rules! cells {
    ($($name:ident: $make:ident $store:ident;)+) => { $(
        #[tokio::test]
        async fn $name() {
            a_company_pastes_one_metadata_url($make, $store).await;
        }
    )+ };
}

cells! {
    people_of_simplesamlphp_sign_in_with_everything_in_memory: SimpleSamlPhp in_memory;
    people_of_simplesamlphp_sign_in_with_a_file: SimpleSamlPhp in_a_file;
    people_of_simplesamlphp_sign_in_with_redis: SimpleSamlPhp in_redis;
    people_of_pysaml2_sign_in_with_everything_in_memory: Pysaml2 in_memory;
    people_of_pysaml2_sign_in_with_a_file: Pysaml2 in_a_file;
    people_of_pysaml2_sign_in_with_redis: Pysaml2 in_redis;
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

/// Four lines of the operator, a URL to our metadata for the company's administrator, and their people sign
/// in.
async fn a_company_pastes_one_metadata_url(make: Make, store: fn(Settings) -> (Settings, Option<Redis>)) {
    let (settings, _redis) = store(Settings::new());
    let acme = Company::start(make, &settings, "Acme");
    assert!(acme.toml().lines().count() <= 4);
    let (shop, forum) = (AppSettings::new("shop"), AppSettings::new("forum"));
    let broker = settings.client(&shop).client(&forum).table(&acme.toml()).start();
    let (shop, forum) = (shop.start(&broker), forum.start(&broker));

    let mut ada = Person::new("ada");
    let tokens = ada.signs_in_by(&acme, &shop).await;
    let id = tokens.get("id_token_claims").expect("the app verified an ID token");
    assert_eq!(id.get("iss"), Some(&json!(broker.issuer)));
    assert_eq!(id.get("email"), Some(&json!("ada@example.test")));
    assert_eq!(id.get("email_verified"), Some(&json!(false)), "nobody has proven the company's domain");
    assert_eq!(
        (id.get("given_name"), id.get("family_name")),
        (Some(&json!("Ada")), Some(&json!("Lovelace")))
    );
    assert_eq!(id.pointer("/identities/0/providerName"), Some(&json!("Acme")));
    assert_eq!(id.pointer("/identities/0/providerType"), Some(&json!("SAML")));
    assert!(text(id, "cognito:username").starts_with("Acme_"));

    ada.opens(&forum.login(&[])).await;
    assert_eq!(ada.is_in(&forum).pointer("/id_token_claims/sub"), id.get("sub"), "another app needs no page");
    let again = Person::new("ada").signs_in_by(&acme, &shop).await;
    assert_eq!(again.pointer("/id_token_claims/sub"), id.get("sub"), "another browser, the same person");
    let ben = Person::new("ben").signs_in_by(&acme, &shop).await;
    assert_ne!(ben.pointer("/id_token_claims/sub"), id.get("sub"));
    assert_eq!(ben.pointer("/id_token_claims/family_name"), Some(&json!("Müller")));
    assert_eq!(ben.pointer("/id_token_claims/name"), Some(&json!("Ben & <Co>")));
}

/// One company, one app.
fn company(make: Make, idp: Value, lines: &str) -> (Company, Broker, App) {
    let settings = Settings::new();
    let acme = Company::start_with(make, &settings, "Acme", idp);
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&acme.toml_with(lines)).start();
    let shop = shop.start(&broker);
    (acme, broker, shop)
}

#[tokio::test]
async fn requests_go_by_redirect_or_post_and_are_signed_where_the_provider_wants_it() {
    for (lines, wanted, binding, signed) in [
        ("", false, "GET", false),
        ("", true, "GET", true),
        ("sign_requests = true", false, "GET", true),
        ("request_binding = \"post\"", false, "POST", false),
        ("request_binding = \"post\"", true, "POST", true),
    ] {
        let (acme, _broker, shop) = company(Pysaml2, json!({ "wants_signed_requests": wanted }), lines);
        Person::new("ada").signs_in_by(&acme, &shop).await;
        let seen = acme.saw("AuthnRequest").await;
        assert_eq!(
            (seen[0].get("binding"), seen[0].get("signed")),
            (Some(&json!(binding)), Some(&json!(signed))),
            "{lines} {seen:#?}"
        );
    }
    let strict = json!({ "sp": { "validate.authnrequest": true }, "idp": { "validate.authnrequest": true,
        "redirect.validate": true } });
    for lines in ["", "request_binding = \"post\""] {
        let (acme, _broker, shop) = company(SimpleSamlPhp, strict.clone(), lines);
        Person::new("ada").signs_in_by(&acme, &shop).await;
    }
}

#[tokio::test]
async fn assertions_may_be_encrypted_to_the_key_in_our_metadata() {
    let php = |more: Value| {
        let mut sp = json!({ "assertion.encryption": true });
        sp.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        json!({ "sp": sp })
    };
    let signed_inside = json!({ "saml20.sign.response": false, "saml20.sign.assertion": true });
    for (make, idp, lines) in [
        (SimpleSamlPhp, php(json!({})), ""),
        (SimpleSamlPhp, php(signed_inside), "cbc_without_signature = true"),
        (Pysaml2, json!({ "encrypt": "aes256-gcm" }), ""),
        (Pysaml2, json!({ "encrypt": "aes128-gcm", "sign": ["assertion"] }), ""),
        (Pysaml2, json!({ "encrypt": "aes128-cbc", "sign": ["response"] }), ""),
    ] {
        let (acme, _broker, shop) = company(make, idp.clone(), lines);
        let tokens = Person::new("ada").signs_in_by(&acme, &shop).await;
        assert_eq!(tokens.pointer("/id_token_claims/email"), Some(&json!("ada@example.test")), "{idp}");
    }
}

#[tokio::test]
async fn what_is_unsigned_signed_with_sha1_or_encrypted_weakly_is_refused_with_a_reference() {
    for (make, idp, code) in [
        (Pysaml2, json!({ "sign": [] }), "saml_unsigned"),
        (
            SimpleSamlPhp,
            json!({ "sp": { "saml20.sign.response": false, "saml20.sign.assertion": false } }),
            "saml_unsigned",
        ),
        (Pysaml2, json!({ "signature": "rsa-sha1" }), "saml_signature_refused"),
        (Pysaml2, json!({ "encrypt": "tripledes-cbc" }), "saml_decryption_refused"),
        (Pysaml2, json!({ "encrypt": "aes128-cbc", "sign": ["assertion"] }), "saml_decryption_refused"),
        (Pysaml2, json!({ "name_id": "transient" }), "provider_subject_transient"),
    ] {
        let (acme, broker, shop) = company(make, idp, "");
        let mut ada = Person::new("ada");
        ada.opens(&shop.login(&[])).await;
        ada.identifies_themself_at(&acme).await;
        ada.is_refused(&broker, code);
    }
}

#[tokio::test]
async fn an_identity_provider_with_another_key_than_its_metadata_had_is_refused_with_a_reference() {
    for make in [SimpleSamlPhp, Pysaml2] {
        let (mut acme, broker, shop) = company(make, json!({}), "");
        Person::new("ada").signs_in_by(&acme, &shop).await;
        acme.idp.starts_again_with_another_key(json!({}));
        let mut ben = Person::new("ben");
        ben.opens(&shop.login(&[])).await;
        ben.identifies_themself_at(&acme).await;
        ben.is_refused(&broker, "saml_signature_refused");
        ben.opens(&shop.login(&[("prompt", "none")])).await;
        assert_eq!(text(&ben.sees_json(), "error"), "login_required", "a refused answer leaves no session");
    }
}

#[tokio::test]
async fn a_person_who_cancels_is_back_at_the_app() {
    let (_acme, _broker, shop) = company(Pysaml2, json!({}), "");
    let mut ada = Person::new("ada");
    ada.opens(&shop.login(&[])).await.clicks("Cancel").await;
    ada.clicks("Back to The app shop").await;
    assert_eq!(text(&ada.sees_json(), "error"), "access_denied");
}

#[tokio::test]
async fn an_app_that_wants_a_fresh_sign_in_gets_one_from_the_company() {
    for make in [SimpleSamlPhp, Pysaml2] {
        let (acme, _broker, shop) = company(make, json!({}), "");
        let mut ada = Person::new("ada");
        ada.signs_in_by(&acme, &shop).await;
        ada.opens(&shop.login(&[("prompt", "login")])).await;
        assert!(
            ada.browser.page().url.as_str().starts_with(acme.idp.origin()),
            "the company asks again: {}",
            ada.browser
        );
        ada.identifies_themself_at(&acme).await.is_in(&shop);
    }
}

#[tokio::test]
async fn a_sign_in_that_begins_at_the_company_is_refused_unless_the_operator_wants_it() {
    for make in [SimpleSamlPhp, Pysaml2] {
        let (acme, broker, _shop) = company(make, json!({}), "");
        let mut ada = Person::new("ada");
        ada.opens(&acme.idp.initiates(SP_ENTITY_ID, "")).await;
        ada.identifies_themself_at(&acme).await;
        ada.is_refused(&broker, "saml_idp_initiated_off");
    }
}

/// C-56: accepted, it ends at the app with a code that the app can redeem; sent a second time it counts for
/// nothing.
#[tokio::test]
async fn a_sign_in_that_begins_at_the_company_ends_at_the_app_once() {
    for make in [SimpleSamlPhp, Pysaml2] {
        let lines = "idp_initiated = \"accept\"\nidp_initiated_client = \"shop\"";
        let (acme, broker, shop) = company(make, json!({}), lines);
        let mut ada = Person::new("ada");
        ada.opens(&acme.idp.initiates(SP_ENTITY_ID, "https://evil.example/")).await;
        ada.identifies_themself_at(&acme).await;
        let page = ada.browser.lands_on(&format!("{}/callback?", shop.url));
        let code = page.query("code").expect("a code");
        let (callback, secret) = (format!("{}/callback", shop.url), shop.secret.clone().expect("a secret"));
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("client_id", "shop"),
            ("client_secret", &secret),
        ];
        let answer = post(&format!("{}/oauth2/token", broker.url), &fields).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().get("id_token").is_some());

        let posted = ada
            .browser
            .trail()
            .iter()
            .find(|page| page.body.contains("name=\"SAMLResponse\""))
            .cloned()
            .expect("the company's form");
        let response = form_value(&posted.body, "SAMLResponse");
        let mut eve = Person::new("eve");
        let there = format!("{}/saml2/idpresponse", broker.url);
        eve.browser
            .is_lured_to_post(acme.idp.origin(), &there, &[("SAMLResponse", &response)])
            .await
            .follows_all()
            .await;
        eve.is_refused(&broker, "saml_replayed");
    }
}

fn form_value(html: &str, name: &str) -> String {
    let (_, after) = html.split_once(&format!("name=\"{name}\" value=\"")).expect("the field");
    after.split('"').next().expect("a value").to_owned()
}

/// Turned into a sign-in that the app begins: the identity of the unasked-for answer is not used.
#[tokio::test]
async fn a_sign_in_that_begins_at_the_company_can_be_begun_again_by_the_app() {
    for make in [SimpleSamlPhp, Pysaml2] {
        let settings = Settings::new();
        let acme = Company::start(make, &settings, "Acme");
        let shop = AppSettings::new("shop");
        let shop = {
            let line = format!("initiate_login_uri = \"{}/login\"", shop.url());
            shop.with(&line)
        };
        let lines = "idp_initiated = \"restart\"\nidp_initiated_client = \"shop\"";
        let broker = settings.client(&shop).table(&acme.toml_with(lines)).start();
        let shop = shop.start(&broker);
        let mut ada = Person::new("ada");
        ada.opens(&acme.idp.initiates(SP_ENTITY_ID, "")).await;
        ada.identifies_themself_at(&acme).await.goes_on_from(&acme).await;
        assert_eq!(ada.is_in(&shop).pointer("/id_token_claims/email"), Some(&json!("ada@example.test")));
    }
}

#[tokio::test]
async fn a_sign_in_that_begins_at_a_company_whose_metadata_cannot_be_read_says_so() {
    let lines = "idp_initiated = \"accept\"\nidp_initiated_client = \"shop\"\nsign_requests = true";
    let (mut acme, broker, _shop) = company(Pysaml2, json!({ "automatic": "ada" }), lines);
    let mut ada = Person::new("ada");
    ada.browser.requests(acme.idp.initiates(SP_ENTITY_ID, "")).await;
    acme.idp.kill();
    ada.browser.follows_all().await;
    ada.is_refused(&broker, "provider_unreachable");
}

#[tokio::test]
async fn two_companies_of_one_pool_keep_their_people_apart() {
    let settings = Settings::new();
    let (acme, globex) =
        (Company::start(Pysaml2, &settings, "Acme"), Company::start(SimpleSamlPhp, &settings, "Globex"));
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&acme.toml()).table(&globex.toml()).start();
    let shop = shop.start(&broker);
    let one = Person::new("ada").signs_in_by(&acme, &shop).await;
    let other = Person::new("ada").signs_in_by(&globex, &shop).await;
    assert_ne!(one.pointer("/id_token_claims/sub"), other.pointer("/id_token_claims/sub"));

    // Globex answers a request that went to Acme.
    let mut eve = Person::new("ada");
    eve.opens(&shop.login(&[("identity_provider", "Acme")])).await;
    let asked =
        eve.browser.trail().iter().find_map(|page| page.query("RelayState")).expect("a request by redirect");
    eve.opens(&globex.idp.initiates(SP_ENTITY_ID, &asked)).await;
    eve.identifies_themself_at(&globex).await;
    eve.is_refused(&broker, "saml_signature_refused");
    let metadata = get(&format!("{}/saml2/metadata/Globex", broker.url)).await;
    assert!(metadata.status == 200 && metadata.body.contains(SP_ENTITY_ID), "{metadata:?}");
}
