//! Ten mistakes of a provider's administrator. Each ends on a page that names the fix; here the one that an
//! administrator sees.

use super::{acme, clock, rsa_certificate};
use crate::support::browser::Browser;
use crate::support::saml_idp::{Pair, Person, Slip};
use crate::trial::{left_a_trace, link};

#[tokio::test]
async fn each_planted_mistake_ends_on_a_page_that_names_the_fix() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let foreign = Pair::new();
    let fingerprint = symbolon::protocol::saml::certificate::Certificate::from_base64(&foreign.certificate())
        .unwrap()
        .fingerprint()
        .to_owned();
    let acs = broker.at("/saml2/idpresponse");
    let cases: [(&str, Slip, &str, &str); 9] = [
        (
            "wrong ACS URL",
            Slip::Acs("https://elsewhere.example/acs".into()),
            "saml_destination_mismatch",
            &acs,
        ),
        (
            "wrong audience",
            Slip::Audience("https://elsewhere.example".into()),
            "saml_audience_mismatch",
            "urn:amazon:cognito:sp:eu-west-1_Example01",
        ),
        ("certificate rolled", Slip::KeyRolled(foreign), "saml_signature_refused", &fingerprint),
        ("clock 5 minutes off", Slip::Clock(300), "saml_from_the_future", "5 min 0 s ahead of ours"),
        ("NameID transient", Slip::Transient, "provider_subject_transient", "persistent NameID"),
        ("assertion unsigned", Slip::Unsigned, "saml_unsigned", "switches on signing"),
        (
            "encrypted for an old key",
            Slip::EncryptedFor(rsa_certificate()),
            "saml_decryption_refused",
            "reads our metadata again",
        ),
        ("HTTP-Redirect response", Slip::ByRedirect, "saml_response_by_redirect", "HTTP-POST"),
        (
            "wrong tenant",
            Slip::Issuer("https://idp.example/other-tenant".into()),
            "saml_issuer_mismatch",
            "https://idp.example/other-tenant",
        ),
    ];
    for (name, slip, code, fix) in cases {
        idp.behaves();
        idp.does(slip);
        let mut admin = Browser::new(&clock);
        admin.opens(link(&broker)).await;
        let text = admin.page().text();
        assert!(text.contains(code) && text.contains(fix), "{name}: {text}");
        let mut visitor = Browser::new(&clock);
        visitor.opens(broker.app("web").asks().at("Acme").url()).await;
        let text = visitor.page().text();
        assert!(text.contains(code) && text.contains("reference"), "{name}: {text}");
        assert!(!left_a_trace(&broker, &visitor, "Acme_ada-7").await, "{name}");
    }
}

#[tokio::test]
async fn a_missing_e_mail_attribute_is_named_with_what_came_instead() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    idp.signs_in(Person::ada().mail(&[]));
    let mut admin = Browser::new(&clock);
    admin
        .opens(link(&broker))
        .await
        .sees("The sign-in works")
        .sees("attribute email stays empty")
        .sees("displayName");
    assert!(!left_a_trace(&broker, &admin, "Acme_ada-7").await);
}

#[tokio::test]
async fn a_good_test_shows_what_came_and_what_the_mapping_makes_of_it() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let mut admin = Browser::new(&clock);
    admin
        .opens(link(&broker))
        .await
        .sees("The sign-in works")
        .sees("Acme_ada-7")
        .sees("Ada Acme")
        .sees("does not count as verified");
    admin.sees("Audience");
    assert!(!left_a_trace(&broker, &admin, "Acme_ada-7").await);
    assert_eq!(idp.log().len(), 1);
}
