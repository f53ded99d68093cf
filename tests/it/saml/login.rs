//! People sign in through a company's SAML provider.

use std::time::Duration;

use symbolon::model::encoding::base64;
use symbolon::protocol::saml::algorithm::SignaturePolicy;
use symbolon::protocol::saml::signature;
use symbolon::protocol::saml::xml::Document;

use super::{acme, clock, saml, with};
use crate::support::broker::{Broker, client};
use crate::support::browser::Browser;
use crate::support::process::TempDir;
use crate::support::redis::Redis;
use crate::support::saml_idp::{Person, SamlIdp, Slip};

#[tokio::test]
async fn a_person_signs_in_through_acme() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let mut visitor = Browser::new(&clock);
    let tokens = visitor.signs_in(&broker.app("web"), "Acme").await;
    visitor.kept_every_cookie();
    assert_eq!(tokens.id["cognito:username"], "Acme_ada-7");
    assert_eq!(tokens.id["email"], "ada@acme.example");
    assert_eq!(tokens.id["email_verified"], false);
    assert_eq!(tokens.id["name"], "Ada Acme");
    assert_eq!(tokens.id["identities"][0]["providerType"], "SAML");
    let request = idp.last();
    assert_eq!((request.by_post, request.signed_query), (false, false));
    assert_eq!(request.attribute("AssertionConsumerServiceURL"), Some(broker.at("/saml2/idpresponse")));
    assert!(request.relay_state.as_ref().is_some_and(|text| text.len() <= 80));
    let again = visitor.signs_in(&broker.app("web"), "Acme").await;
    assert_eq!(again.id["sub"], tokens.id["sub"]);
    assert_eq!(idp.log().len(), 1, "a session needs no second sign-in");
}

#[tokio::test]
async fn a_person_signs_in_whatever_the_store() {
    let clock = clock();
    let (redis, folder) = (Redis::start(), TempDir::new());
    for url in [redis.url(), format!("file:{}", folder.path().join("data").display())] {
        let idp = SamlIdp::start(&clock).await;
        let builder = Broker::builder(&clock).pool("signing = \"ES256\"").store(&url).sealed();
        let broker = builder.client(client("web")).provider(saml("Acme", &idp)).start().await;
        let tokens = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
        assert_eq!(tokens.id["cognito:username"], "Acme_ada-7", "{url}");
    }
}

#[tokio::test]
async fn a_provider_that_takes_posts_gets_a_signed_form_that_submits_itself_or_by_a_button() {
    let clock = clock();
    let idp = SamlIdp::start_with_post(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &idp).with("sign_requests = true")).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.requests(app.asks().at("Acme").url()).await;
    let page = visitor.answers(200).clone();
    let policy = page.header("content-security-policy").unwrap();
    let script = page.body.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let digest = base64(symbolon::model::encoding::sha256(script));
    assert!(policy.contains(&format!("script-src 'sha256-{digest}'")), "{policy}");
    assert!(policy.contains(&format!("form-action 'self' https: {}", idp.base())), "{policy}");
    visitor.presses("Continue").await;
    assert!(idp.last().by_post);
    let xml = idp.last().xml;
    let document = Document::parse(xml.as_bytes()).unwrap();
    let certificates =
        &broker.app.sp_keys.of(&broker.app.pools()[0].pool.id).await.unwrap().signing_certificates;
    assert!(
        signature::verify(document.root(), certificates, SignaturePolicy::default()).unwrap().is_some(),
        "{xml}"
    );
    visitor.follows_all().await.lands_on(&app.redirect_uri);
    let redirect = SamlIdp::start(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &redirect).with("sign_requests = true")).await;
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    assert!(redirect.last().signed_query);
}

/// C-62: an address counts only inside the domains that the provider has proven.
#[tokio::test]
async fn an_address_is_verified_inside_the_providers_domains_only() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &idp).with("domains = [\"acme.example\"]")).await;
    let cases: [(&str, &[&str], bool); 4] = [
        ("inside", &["ada@acme.example"], true),
        ("outside", &["ada@victim.example"], false),
        ("below", &["ada@sub.acme.example"], false),
        ("two", &["ada@acme.example", "boss@acme.example"], false),
    ];
    for (name, addresses, verified) in cases {
        idp.signs_in(Person::called(name, "").mail(addresses));
        let tokens = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
        assert_eq!(tokens.id["email_verified"], verified, "{name}");
    }
}

/// C-49
#[tokio::test]
async fn who_must_sign_in_anew_is_asked_by_the_provider_and_the_answer_has_to_prove_it() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    assert_eq!(idp.last().attribute("ForceAuthn"), None);
    for (name, value) in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "30")] {
        clock.advance(Duration::from_secs(60));
        let ask = app.asks().at("Acme").with(name, value);
        visitor.opens(ask.url()).await;
        app.takes_code(&ask, visitor.page());
        assert_eq!(idp.last().attribute("ForceAuthn").as_deref(), Some("true"), "{name}={value}");
    }
    idp.does(Slip::OldSession(3600));
    for (name, value) in [("prompt", "login"), ("max_age", "30")] {
        clock.advance(Duration::from_secs(60));
        visitor.opens(app.asks().at("Acme").with(name, value).url()).await;
        visitor.sees("saml_authentication_too_old");
    }
}

/// C-49
#[tokio::test]
async fn a_session_ends_with_the_providers() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    idp.signs_in(Person { session: Some(Duration::from_secs(600)), ..Person::ada() });
    visitor.signs_in(&app, "Acme").await;
    clock.advance(Duration::from_secs(599));
    visitor.opens(app.asks().with("prompt", "none").url()).await;
    assert!(visitor.page().query("code").is_some(), "{visitor}");
    clock.advance(Duration::from_secs(1));
    visitor
        .opens(app.asks().with("prompt", "none").url())
        .await
        .is_refused_with("login_required", &app.redirect_uri);
}

#[tokio::test]
async fn a_new_certificate_is_found_when_an_answer_is_signed_with_it() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &idp).with("new_keys = \"trust\"")).await;
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    idp.rotates_keys();
    clock.advance(Duration::from_secs(120));
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
}

/// C-67
#[tokio::test]
async fn the_qualifiers_of_a_name_tell_people_apart() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let first = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    idp.signs_in(Person { qualifiers: format!(" NameQualifier=\"{}\"", idp.entity_id()), ..Person::ada() });
    let same = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    assert_eq!(first.id["sub"], same.id["sub"], "the provider's own name goes without saying");
    idp.signs_in(Person {
        qualifiers: " NameQualifier=\"https://other.example\"".to_owned(),
        ..Person::ada()
    });
    let other = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    assert_ne!(first.id["sub"], other.id["sub"]);
}

#[tokio::test]
async fn the_administrator_of_a_provider_reads_our_metadata() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let provider = saml("Acme", &idp)
        .with("sp_entity_id = \"https://old.example/sp\"")
        .with("acs_url = \"https://old.example/acs\"");
    let broker = with(&clock, client("web"), provider).await;
    let mut admin = Browser::new(&clock);
    for path in ["/saml2/metadata/Acme", "/saml2/metadata?identity_provider=Acme"] {
        let page = admin.opens(broker.at(path)).await.answers(200).clone();
        assert_eq!(page.header("content-type"), Some("application/samlmetadata+xml"));
        assert!(
            page.body.contains("entityID=\"https://old.example/sp\"")
                && page.body.contains("https://old.example/acs"),
            "{}",
            page.body
        );
    }
    let usual = admin.opens(broker.at("/saml2/metadata")).await.answers(200).clone();
    assert!(usual.body.contains("urn:amazon:cognito:sp:eu-west-1_Example01"), "{}", usual.body);
    assert!(usual.body.contains(&broker.at("/saml2/idpresponse")), "{}", usual.body);
    admin.opens(broker.at("/saml2/metadata/Nobody")).await.answers(404);
}

#[tokio::test]
async fn a_message_as_large_as_any_is_taken_and_a_larger_one_refused() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let mut person = Person::ada();
    person.attributes.push((
        "groups".to_owned(),
        (0..900).map(|number| format!("group-{number}-{}", "x".repeat(150))).collect(),
    ));
    idp.signs_in(person);
    let mut visitor = Browser::new(&clock);
    visitor.signs_in(&broker.app("web"), "Acme").await;
    for size in [256 * 1024 + 1, 600 * 1024] {
        let large = base64(vec![b' '; size]);
        let fields = [("SAMLResponse", large.as_str())];
        visitor.is_lured_to_post(idp.base(), &broker.at("/saml2/idpresponse"), &fields).await;
        assert!([413, 502].contains(&visitor.page().status), "{visitor}");
    }
}

/// C-46
#[tokio::test]
async fn an_assertion_encrypted_for_our_key_is_read_before_and_after_the_key_is_replaced() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let pool = &broker.app.pools()[0].pool.id;
    let old = broker.app.sp_keys.of(pool).await.unwrap().encryption_certificate.der().to_vec();
    idp.does(Slip::EncryptedFor(old.clone()));
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    broker.app.sp_keys.rotate(pool, true).await.unwrap();
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    let new = broker.app.sp_keys.of(pool).await.unwrap().encryption_certificate.der().to_vec();
    assert_ne!(old, new);
    idp.behaves();
    idp.does(Slip::EncryptedFor(new));
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    // The signing key is no decryption key.
    let signing = broker.app.sp_keys.of(pool).await.unwrap().signing_certificates[0].der().to_vec();
    idp.behaves();
    idp.does(Slip::EncryptedFor(signing));
    Browser::new(&clock)
        .opens(broker.app("web").asks().at("Acme").url())
        .await
        .sees("saml_decryption_refused");
}

#[tokio::test]
async fn names_as_long_as_any_fit_into_a_session() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let long = |letter: &str| letter.repeat(500);
    idp.signs_in(Person {
        name_id: long("n").split_at(250).0.to_owned(),
        qualifiers: format!(" NameQualifier=\"{}\"", long("q")),
        session_index: long("s"),
        ..Person::ada()
    });
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    idp.signs_in(Person { session_index: "s".repeat(900), ..Person::ada() });
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
}
