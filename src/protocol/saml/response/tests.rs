//! Responses that our own key signs, one thing changed at a time, on the three bases: the Response signed,
//! the Assertion signed, both.

mod assertion;
mod encrypted;

mod place;
mod structure;
mod subject;
mod times;

use std::time::Duration;

use super::super::forge::{self, ALL, AUDIENCE, Base, NOW, Story, accepted, refused, sound};
use super::*;
use crate::model::fault::Refusal;
use crate::protocol::saml::expected::ResponseRules;
use crate::protocol::saml::verification_report::CheckOutcome;

#[test]
fn a_sound_response_signs_its_person_in_on_every_base() {
    for base in ALL {
        let mut checks = Checks::default();
        let assertion = sound(base).run_with(&mut checks).unwrap();
        assert_eq!(assertion.name_id.as_ref().unwrap().value, "alice");
        assert_eq!((assertion.id.as_str(), assertion.issuer.as_str()), ("_a1", "https://idp.example"));
        assert_eq!(assertion.session_index.as_deref(), Some("s1"));
        assert_eq!(
            assertion.authn_context.as_deref(),
            Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
        );
        assert_eq!(checks.failures().count(), 0);
        assert_eq!(checks.skew_used(), None);
        assert!(checks.list().iter().any(|check| check.name == "Audience"
            && check.outcome == CheckOutcome::Passed
            && check.received == AUDIENCE));
    }
}

/// C-28
#[test]
fn nothing_signed_proves_nothing() {
    let mut story = sound(Base::Both);
    story.base = Base::Unsigned;
    assert_eq!(story.code(), "saml_unsigned");
}

/// C-30
#[test]
fn without_certificate_everything_is_refused() {
    for base in ALL {
        let story = Story { keys: Vec::new(), ..sound(base) };
        assert_eq!(story.code(), "saml_no_signing_certificate");
    }
}

/// C-29, C-31
#[test]
fn another_key_is_refused_whatever_certificate_comes_with_it() {
    for base in ALL {
        let story = Story { keys: vec![forge::other_key().certificate().clone()], ..sound(base) };
        let error = story.run().unwrap_err();
        assert_eq!(error.code(), "saml_signature_refused");
        let hint = error.hint();
        assert!(
            hint.contains(forge::key().certificate().fingerprint()),
            "names the certificate that came: {hint}"
        );
        assert!(
            hint.contains(forge::other_key().certificate().fingerprint()),
            "names the certificate that is known: {hint}"
        );
        assert!(hint.contains("9999-12-31") || hint.contains("4096-01-01"), "names its dates: {hint}");
    }
}

/// C-13: where both are signed, both must verify.
#[test]
fn one_good_signature_does_not_excuse_a_bad_one() {
    let xml = sound(Base::Both).xml();
    let digests: Vec<usize> =
        xml.match_indices("<ds:SignatureValue>").map(|(at, found)| at + found.len()).collect();
    assert_eq!(digests.len(), 2);
    for at in digests {
        let mut broken = xml.clone().into_bytes();
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        let mut checks = Checks::default();
        let story = sound(Base::Both);
        let outcome = story.verify(&broken, &mut checks);
        assert_eq!(outcome.unwrap_err().code(), "saml_signature_refused");
    }
}

/// C-20: what a signature covers has no comments, and text is read from that.
#[test]
fn a_comment_put_into_a_signed_name_cuts_nothing() {
    for base in ALL {
        let xml = sound(base).xml().replace(">alice<", ">ali<!-- -->ce<");
        let assertion = sound(base).verify(xml.as_bytes(), &mut Checks::default()).unwrap();
        assert_eq!(assertion.name_id.as_ref().unwrap().value, "alice");
    }
}

/// C-54
#[test]
fn anything_but_success_is_refused_although_the_assertion_is_sound() {
    const SUCCESS: &str = r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>"#;
    let code = |outer: &str, inner: &str| {
        format!(
            r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{outer}"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{inner}"/></samlp:StatusCode>"#
        )
    };
    for (status, expected) in [
        (code("Responder", "AuthnFailed"), "saml_status_authn_failed"),
        (code("Responder", "NoAuthnContext"), "saml_status_no_authn_context"),
        (code("Responder", "RequestDenied"), "saml_status_request_denied"),
        (code("Responder", "NoPassive"), "saml_status_no_passive"),
        (code("Requester", "InvalidNameIDPolicy"), "saml_status_invalid_name_id_policy"),
        (code("Requester", "UnknownPrincipal"), "saml_status"),
        (code("Success", "PartialLogout"), "saml_status"),
        (SUCCESS.replace("Success", "Requester"), "saml_status_requester"),
        (SUCCESS.replace("Success", "Responder"), "saml_status_responder"),
        (SUCCESS.replace("Success", "success"), "saml_status"),
        (SUCCESS.replace("urn:oasis:names:tc:SAML:2.0:status:Success", "Success"), "saml_status"),
        (String::new(), "saml_element_missing"),
        (SUCCESS.replace("samlp:", "saml:"), "saml_element_missing"),
        (format!("{SUCCESS}{SUCCESS}"), "saml_xml_refused"),
    ] {
        refused(SUCCESS, &status, expected);
    }
    refused(&format!("<samlp:Status>{SUCCESS}</samlp:Status>"), "", "saml_element_missing");
}

#[test]
fn the_words_of_the_idp_reach_its_administrator_bounded_and_clean() {
    let long = format!("no&#x9;seat {}", "x".repeat(5000));
    let status = format!(
        r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:RequestDenied"/></samlp:StatusCode><samlp:StatusMessage>{long}</samlp:StatusMessage>"#
    );
    let mut story = sound(Base::Response);
    story.change(r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>"#, &status);
    let error = story.run().unwrap_err();
    let hint = error.hint();
    assert!(hint.contains("assigns the person") && hint.contains("no\u{FFFD}seat xxx"), "{hint}");
    assert!(hint.len() < 600 && error.to_string().len() < 600);
}

#[test]
fn every_problem_is_told_although_the_first_decides() {
    let mut story = sound(Base::Both);
    story
        .change(AUDIENCE, "urn:someone:else")
        .change("Destination=\"https://broker.example/", "Destination=\"https://other.example/");
    let mut checks = Checks::default();
    let error = story.run_with(&mut checks).unwrap_err();
    assert_eq!(error.code(), "saml_destination_mismatch");
    let failed: Vec<&str> = checks.failures().map(|check| check.name.as_ref()).collect();
    assert_eq!(failed, ["Destination", "Audience"]);
    assert!(
        checks.failures().all(|check| check.hint.as_ref().is_some_and(|hint| hint.contains("administrator")))
    );
}

/// C-57: the mark lives as long as the assertion could be accepted.
#[test]
fn a_replay_mark_outlives_its_assertion() {
    let end = sound(Base::Both).run().unwrap().acceptable_until;
    assert!(end > NOW.plus(Duration::from_secs(300 + 120)), "{end:?}");
    for late in [300 + 60, 300 + 119, 300 + 120, 300 + 121, 3600] {
        let now = NOW.plus(Duration::from_secs(late));
        let story = Story {
            now,
            rules: ResponseRules { skew: MAX_SKEW, ..ResponseRules::default() },
            ..sound(Base::Both)
        };
        assert!(now < end || story.run().is_err(), "{late}");
    }
}

#[test]
fn a_forgiven_clock_difference_is_recorded() {
    let mut story = sound(Base::Assertion);
    story.now = NOW.minus(Duration::from_secs(47));
    story.sent = story.now.minus(Duration::from_secs(5));
    let mut checks = Checks::default();
    story.run_with(&mut checks).unwrap();
    assert_eq!(checks.skew_used(), Some(47));
    accepted(|story| story.now = NOW.plus(Duration::from_secs(1)));
}
