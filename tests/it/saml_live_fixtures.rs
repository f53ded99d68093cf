//! What SimpleSAMLphp and pysaml2 really answer, recorded by `tests/e2e/peers/saml-record.mjs`, at the time
//! of the recording.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use symbolon::model::fault::Refusal as _;
use symbolon::model::time::Timestamp;
use symbolon::protocol::Verified;
use symbolon::protocol::saml::assertion::Assertion;
use symbolon::protocol::saml::attributes::Attribute;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::encryption::DecryptionKey;
use symbolon::protocol::saml::error::SamlError;
use symbolon::protocol::saml::expected::{Expected, ResponseRules, ResponseTo};
use symbolon::protocol::saml::response::verify;
use symbolon::protocol::saml::verification_report::Checks;

/// An answer, and what pysaml2's service provider read in it.
#[derive(Debug, Clone, Deserialize)]
struct Recorded {
    file: String,
    certificate: String,
    idp: String,
    audience: String,
    acs: String,
    in_response_to: Option<String>,
    now: i64,
    name_id: Option<String>,
    format: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saml/recorded")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(&read("recorded.json")).expect("the recorder writes JSON")
}

fn decryption_key() -> DecryptionKey {
    let pem = x509_parser::pem::Pem::iter_from_buffer(read("sp.pem").as_bytes())
        .next()
        .expect("one block")
        .expect("PEM");
    DecryptionKey::from_pkcs8(&pem.contents).expect("an RSA key")
}

/// Verifies a recorded answer as on that day, after `change` to what is expected.
fn verified(
    answer: &Recorded,
    change: impl Fn(&mut Expected<'_>),
) -> (Result<Verified<Assertion>, SamlError>, Checks) {
    verified_after(0, answer, change)
}

fn verified_after(
    seconds: u64,
    answer: &Recorded,
    change: impl Fn(&mut Expected<'_>),
) -> (Result<Verified<Assertion>, SamlError>, Checks) {
    let keys = [Certificate::from_pem(&read(&answer.certificate)).expect("a certificate")];
    let decryption = [decryption_key()];
    let now = Timestamp::from_secs(answer.now);
    let request = match &answer.in_response_to {
        Some(id) => ResponseTo::Request { id, sent: now.minus(Duration::from_secs(30)) },
        None => ResponseTo::Nothing { max_age: Duration::from_secs(300) },
    };
    let mut expected = Expected {
        idp: &answer.idp,
        audience: &answer.audience,
        acs: &answer.acs,
        request,
        keys: &keys,
        decryption: &decryption,
        rules: ResponseRules::default(),
        authn_context: &[],
        max_age: None,
    };
    change(&mut expected);
    let mut checks = Checks::default();
    let result =
        verify(read(&answer.file).as_bytes(), &expected, now.plus(Duration::from_secs(seconds)), &mut checks);
    (result, checks)
}

/// What is refused unless a provider's rule allows it, and why; everything else is accepted.
const REFUSED: [(&str, &str); 9] = [
    ("simplesamlphp-unsigned.xml", "saml_unsigned"),
    ("pysaml2-unsigned.xml", "saml_unsigned"),
    ("simplesamlphp-rsa-sha1.xml", "saml_signature_refused"),
    ("pysaml2-rsa-sha1.xml", "saml_signature_refused"),
    ("simplesamlphp-assertion-signed-encrypted-aes128-cbc.xml", "saml_decryption_refused"),
    ("pysaml2-assertion-signed-encrypted-aes256-cbc.xml", "saml_decryption_refused"),
    ("pysaml2-both-signed-encrypted-tripledes-cbc.xml", "saml_decryption_refused"),
    ("simplesamlphp-encrypted-name-id.xml", "saml_part_encrypted"),
    ("pysaml2-cancelled.xml", "saml_status_authn_failed"),
];

fn agrees(answer: &Recorded, assertion: &Assertion) {
    let name_id = assertion.name_id.as_ref();
    assert_eq!(name_id.map(|name| &name.value), answer.name_id.as_ref(), "{}", answer.file);
    assert_eq!(name_id.and_then(|name| name.format.as_ref()), answer.format.as_ref(), "{}", answer.file);
    // pysaml2 names attributes by their friendly names where the names are URIs.
    let named = |attribute: &Attribute| {
        (attribute.friendly_name.clone().unwrap_or_else(|| attribute.name.clone()), attribute.values.clone())
    };
    let attributes: BTreeMap<_, _> = assertion.attributes.iter().map(named).collect();
    assert_eq!(Some(&attributes), answer.attributes.as_ref(), "{}", answer.file);
    assert_eq!(assertion.issuer, answer.idp);
    assert!(assertion.session_index.is_some(), "{}", answer.file);
}

#[test]
fn what_the_live_identity_providers_answer_is_read_as_another_library_reads_it_or_refused_for_a_reason() {
    let answers = recorded();
    assert!(answers.len() >= 20);
    for answer in &answers {
        let (result, checks) = verified(answer, |_| {});
        let refused = REFUSED.iter().find(|(file, _)| *file == answer.file);
        match (result, refused) {
            (Ok(assertion), None) => agrees(answer, &assertion),
            (Err(error), Some((_, code))) => assert_eq!(error.code(), *code, "{}: {error}", answer.file),
            (result, _) => panic!("{}: {:?}\n{checks:#?}", answer.file, result.map(|_| "accepted")),
        }
    }
}

#[test]
fn a_providers_rule_lets_in_what_it_names_and_nothing_else() {
    let allowed = |file: &str| {
        let mut rules = ResponseRules::default();
        (rules.sha1, rules.unauthenticated_cbc) = (file.contains("sha1"), file.contains("-cbc"));
        rules
    };
    for answer in recorded() {
        let (result, _) = verified(&answer, |expected| expected.rules = allowed(&answer.file));
        let never = ["unsigned", "tripledes", "encrypted-name-id", "cancelled"]
            .iter()
            .any(|word| answer.file.contains(word));
        assert_eq!(result.is_err(), never, "{}", answer.file);
        if let Ok(assertion) = result {
            agrees(&answer, &assertion);
        }
    }
}

#[test]
fn an_answer_meant_for_another_place_time_or_request_is_refused() {
    for answer in recorded().iter().filter(|answer| answer.file.starts_with("simplesamlphp-both-signed")) {
        let refused =
            |change: &dyn Fn(&mut Expected<'_>)| verified(answer, change).0.expect_err(&answer.file).code();
        assert_eq!(
            refused(&|expected| expected.acs = "http://127.0.0.1/elsewhere"),
            "saml_destination_mismatch"
        );
        assert_eq!(
            refused(&|expected| expected.audience = "urn:amazon:cognito:sp:other"),
            "saml_audience_mismatch"
        );
        assert_eq!(refused(&|expected| expected.idp = "https://idp.example.test"), "saml_issuer_mismatch");
        assert_eq!(
            refused(&|expected| expected.request = ResponseTo::Nothing { max_age: Duration::from_secs(300) }),
            "saml_answers_unknown_request"
        );
        assert_eq!(refused(&|expected| expected.keys = &[]), "saml_no_signing_certificate");
        assert_eq!(verified_after(3600, answer, |_| {}).0.expect_err(&answer.file).code(), "saml_expired");
        let as_if = |answer: Recorded| verified(&answer, |_| {}).0.expect_err(&answer.file).code();
        assert_eq!(
            as_if(Recorded { certificate: "pysaml2.crt".to_owned(), ..answer.clone() }),
            "saml_signature_refused"
        );
        assert_eq!(
            as_if(Recorded { in_response_to: Some("_other".to_owned()), ..answer.clone() }),
            "saml_in_response_to_mismatch"
        );
    }
}
