use serde_json::{Value, json};

use super::*;
use crate::model::encoding::{base64, base64url};
use crate::protocol::saml::binding::{Message, redirect_url};
use crate::protocol::saml::forge::{
    ACS, ALL, AUDIENCE, Base, Cipher, IDP, NOW, key, other_key, sealed, sound,
};
use crate::protocol::saml::verification_report::CheckOutcome;

fn xml() -> String {
    sound(Base::Both).xml()
}

/// base64 in lines, as mail programs and terminals break it.
fn in_lines(text: &str) -> String {
    text.as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect::<Vec<_>>()
        .join("\r\n")
}

fn encoded(text: &str) -> String {
    text.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D")
}

fn known(keys: &[Certificate]) -> ProviderFacts<'_> {
    ProviderFacts {
        idp: Some(IDP),
        audience: Some(AUDIENCE),
        acs: Some(ACS),
        keys,
        request: Some("_r1"),
        ..ProviderFacts::default()
    }
}

fn told(pasted: &str) -> Explanation {
    let keys = [key().certificate().clone()];
    explain(pasted.as_bytes(), &known(&keys), Some(NOW)).unwrap()
}

fn failures(explanation: &Explanation) -> Vec<&str> {
    explanation.checks.failures().map(|check| check.name.as_ref()).collect()
}

#[test]
fn a_response_is_found_however_it_was_pasted() {
    let (xml, plain) = (xml(), base64(xml()));
    let form = format!("RelayState=abc&SAMLResponse={}&x=y", encoded(&plain));
    for (pasted, note) in [
        (xml.clone(), "pasted as XML"),
        (format!("\u{FEFF}\n  {xml}\n"), "pasted as XML"),
        (plain.clone(), "pasted as base64"),
        (format!("\"{plain}\""), "pasted as base64"),
        (plain.trim_end_matches('=').to_owned(), "pasted as base64"),
        (in_lines(&plain), "pasted as base64"),
        (encoded(&plain), "pasted as base64"),
        (base64url(&xml), "base64url"),
        (form.clone(), "form body"),
        (format!("curl --data-raw 'SAMLResponse={}' {ACS}", encoded(&plain)), "form body"),
        (
            format!(
                "<form action=\"{ACS}\"><input type=\"hidden\" name=\"SAMLResponse\" \
                 value=\"{plain}\"/></form>"
            ),
            "page's form",
        ),
        (
            format!(
                "<form><input name=\"SAMLResponse\" type=\"hidden\" value=\"{}\"/>",
                plain.replace('+', "&#x2B;")
            ),
            "page's form",
        ),
    ] {
        let explanation = told(&pasted);
        assert!(explanation.accepted, "{note}: {explanation}");
        assert!(
            explanation.found.iter().any(|found| found.contains(note)),
            "{note}: {:?}",
            explanation.found
        );
        assert_eq!(explanation.person.unwrap().name_id.as_deref(), Some("alice"));
    }
}

#[test]
fn a_response_that_came_by_redirect_says_so() {
    let url = redirect_url("https://broker.example/saml2/idpresponse", Message::Response, &xml(), None, None)
        .unwrap();
    let explanation = told(url.as_str());
    assert!(explanation.found.iter().any(|note| note.contains("HTTP-POST")), "{:?}", explanation.found);
    assert!(explanation.accepted);
}

#[test]
fn a_recorded_browser_session_is_searched_for_the_response() {
    let plain = base64(xml());
    let entry = |url: &str, request: Value| {
        let mut request = request;
        request["url"] = json!(url);
        json!({"startedDateTime": "2026-01-31T08:00:01.000Z", "request": request})
    };
    let har = |entries: &[Value]| json!({"log": {"entries": entries}}).to_string();
    let decoded = json!({"postData": {"params": [{"name": "RelayState", "value": "x"},
        {"name": "SAMLResponse", "value": plain}]}});
    let params = json!({"postData": {"params": [{"name": "SAMLResponse", "value": encoded(&plain)}]}});
    let text = json!({"postData": {"text": format!("RelayState=x&SAMLResponse={}", encoded(&plain))}});
    let page =
        entry("https://idp.example/login", json!({"postData": {"text": "user=alice&password=secret"}}));
    for request in [decoded, params, text] {
        let explanation = told(&har(&[page.clone(), entry(ACS, request)]));
        assert!(explanation.accepted, "{explanation}");
        assert!(
            explanation.found[0].contains(ACS) && explanation.found[0].contains("2026-01-31"),
            "{:?}",
            explanation.found
        );
        assert!(!explanation.to_string().contains("secret"));
    }
    let other = base64(xml().replace("alice", "mallory"));
    let elsewhere = entry(
        "https://other.example/acs",
        json!({"postData": {"params": [{"name": "SAMLResponse", "value": other}]}}),
    );
    let ours = entry(ACS, json!({"postData": {"params": [{"name": "SAMLResponse", "value": plain}]}}));
    let explanation = told(&har(&[ours, elsewhere]));
    assert!(explanation.accepted, "the one to our address counts: {explanation}");
    assert!(explanation.found.iter().any(|note| note.contains("2 responses")));
}

#[test]
fn what_holds_no_response_is_told_apart() {
    for (pasted, expected) in [
        (&b"hello"[..], PastedError::Unreadable("hello".into())),
        (b"", PastedError::Unreadable(String::new())),
        (b"SAMLResponse=", PastedError::Unreadable(String::new())),
        (b"{\"log\": {}}", PastedError::NotInHar),
        (b"{\"log\": {\"entries\": [{}, 1]}}", PastedError::NotInHar),
        (b"{", PastedError::NotInHar),
        (b"\xFF\xFE<", PastedError::NotText),
    ] {
        assert_eq!(find(pasted), Err(expected), "{}", String::from_utf8_lossy(pasted));
    }
}

#[test]
fn everything_that_is_wrong_is_told_although_the_signature_fails() {
    for base in ALL {
        let mut story = sound(base);
        story
            .change(AUDIENCE, "urn:other")
            .change(&format!("Recipient=\"{ACS}\""), "Recipient=\"https://other.example\"");
        let keys = [other_key().certificate().clone()];
        let explanation = explain(story.xml().as_bytes(), &known(&keys), Some(NOW)).unwrap();
        assert_eq!(explanation.code, Some("saml_signature_refused"), "{base:?}");
        assert!(explanation.person.is_none());
        let failed = failures(&explanation);
        assert!(
            failed[0].ends_with("signature") && failed.contains(&"Recipient") && failed.contains(&"Audience"),
            "{base:?}: {failed:?}"
        );
        assert!(
            explanation
                .checks
                .list()
                .iter()
                .any(|check| check.outcome == CheckOutcome::Note && check.name == "From here on")
        );
        let text = explanation.to_string();
        assert!(
            text.contains("FAILED  Audience: urn:other") && text.contains(&format!("expected {AUDIENCE}")),
            "{text}"
        );
        assert!(
            text.contains("symbolon saml accept-key") && text.contains(key().certificate().fingerprint()),
            "{text}"
        );
    }
}

#[test]
fn an_unsigned_response_is_told_whole() {
    let mut story = sound(Base::Unsigned);
    story.change(AUDIENCE, "urn:other");
    let explanation = told(&story.xml());
    assert_eq!(explanation.code, Some("saml_unsigned"));
    assert_eq!(failures(&explanation), ["Signature", "Audience"]);
    assert_eq!(explanation.who, Some("the IdP's administrator"));
}

#[test]
fn a_refusal_by_the_idp_is_told_with_what_else_is_wrong() {
    let xml = format!(
        r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_p1" Version="2.0" IssueInstant="2026-01-31T08:00:00Z" Destination="https://other.example" InResponseTo="_r1"><saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/></samlp:Status></samlp:Response>"#
    );
    let explanation = told(&xml);
    assert_eq!(explanation.code, Some("saml_status_responder"));
    assert_eq!(failures(&explanation), ["Status", "Destination"]);
}

#[test]
fn without_provider_a_response_is_held_against_itself() {
    let mut story = sound(Base::Both);
    story
        .change("08:05:00Z", "07:30:00Z")
        .change("Conditions NotBefore=\"2026-01-31T08:00:00Z\"", "Conditions");
    let explanation = explain(story.xml().as_bytes(), &ProviderFacts::default(), None).unwrap();
    assert_eq!(failures(&explanation), ["Conditions NotOnOrAfter", "SubjectConfirmationData NotOnOrAfter"]);
    let notes = explanation.found.join("\n");
    assert!(
        notes.contains("intact, not who made it") && notes.contains(&format!("audience {AUDIENCE}")),
        "{notes}"
    );
    assert!(explanation.at.starts_with("2026-01-31T08:00:00Z (the response's own"), "{}", explanation.at);
}

#[test]
fn a_given_time_is_the_time_of_the_judgement() {
    let keys = [key().certificate().clone()];
    let late = explain(xml().as_bytes(), &known(&keys), Some(NOW.plus(std::time::Duration::from_secs(3600))))
        .unwrap();
    assert_eq!(late.code, Some("saml_expired"));
    assert!(late.hint.as_ref().unwrap().contains("55 min 0 s ago"), "{late}");
    let own = explain(xml().as_bytes(), &known(&keys), None).unwrap();
    assert!(own.accepted, "{own}");
}

#[test]
fn an_explanation_is_json_too() {
    let explanation = told(&xml());
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["accepted"], true);
    assert_eq!(json["checks"][0]["name"], "XML");
    assert_eq!(json["person"]["attributes"][0], json!(["email", ["alice@example.com"]]));
}

/// C-26
#[test]
fn a_bomb_is_explained_as_cheaply_as_it_is_refused() {
    let explanation = told(&format!("<a>{}", "<b>".repeat(100_000)));
    assert_eq!(explanation.code, Some("saml_xml_refused"));
}

#[test]
fn what_cannot_be_decrypted_is_explained_from_outside() {
    let mut story = sealed(Base::Assertion, Cipher::Gcm);
    story.change(&format!("Destination=\"{ACS}\""), "Destination=\"https://other.example\"");
    let keys = [key().certificate().clone()];
    let explanation = explain(story.xml().as_bytes(), &known(&keys), Some(NOW)).unwrap();
    assert_eq!(explanation.code, Some("saml_decryption_refused"));
    assert_eq!(failures(&explanation), ["Decryption", "Destination"]);
    let with_key = ProviderFacts { decryption: &story.decryption, ..known(&keys) };
    let explanation = explain(story.xml().as_bytes(), &with_key, Some(NOW)).unwrap();
    assert_eq!(failures(&explanation), ["Destination"]);
}
