//! From whom, for whom, to where, in answer to what.

use super::*;
use crate::protocol::saml::forge::{ACS, IDP, ends, refused, taken};

const AUDIENCE_ELEMENT: &str = "<saml:Audience>urn:amazon:cognito:sp:eu-1_abc</saml:Audience>";
const RESTRICTION: &str = "<saml:AudienceRestriction>\
    <saml:Audience>urn:amazon:cognito:sp:eu-1_abc</saml:Audience></saml:AudienceRestriction>";

/// Addresses that look like ours.
fn lookalikes() -> Vec<String> {
    vec![
        ACS.replace("https:", "http:"),
        ACS.replace("broker.example", "other.example"),
        ACS.replace("broker.example", "BROKER.example"),
        ACS.replace("idpresponse", "IdpResponse"),
        ACS.replace("broker.example", "broker.example:443"),
        ACS.replace("broker.example", "broker.example.evil.example"),
        format!("{ACS}/"),
        format!("{ACS}?tenant=b"),
        format!("{ACS}#x"),
        format!("{ACS} "),
        format!(" {ACS}"),
        format!("{ACS}/tenant-b"),
        ACS.strip_suffix("/saml2/idpresponse").unwrap().to_owned(),
        String::new(),
    ]
}

/// C-51
#[test]
fn a_destination_is_ours_to_the_byte() {
    for other in lookalikes() {
        refused(
            &format!("Destination=\"{ACS}\""),
            &format!("Destination=\"{other}\""),
            "saml_destination_mismatch",
        );
    }
}

/// C-51
#[test]
fn a_signed_response_has_a_destination_and_an_unsigned_one_may_lack_it() {
    for (base, code) in [
        (Base::Response, "saml_destination_missing"),
        (Base::Both, "saml_destination_missing"),
        (Base::Assertion, "accepted"),
    ] {
        let mut story = sound(base);
        story.change(&format!("Destination=\"{ACS}\""), "");
        assert_eq!(story.code(), code, "{base:?}");
    }
}

/// C-51
#[test]
fn a_recipient_is_ours_to_the_byte() {
    for other in lookalikes() {
        refused(
            &format!("Recipient=\"{ACS}\""),
            &format!("Recipient=\"{other}\""),
            "saml_recipient_mismatch",
        );
    }
    refused(&format!("Recipient=\"{ACS}\""), "", "saml_recipient_mismatch");
}

/// C-50
#[test]
fn an_audience_is_ours_to_the_byte() {
    for other in [
        "urn:amazon:cognito:sp:eu-1_ab",
        "urn:amazon:cognito:sp:eu-1_abcd",
        "urn:amazon:cognito:sp:eu-1_ABC",
        "urn:amazon:cognito:sp:eu-1_abc/",
        "urn:amazon:cognito:sp:eu-1_abc urn:x",
        "https://other.example",
        "",
    ] {
        refused(AUDIENCE, other, "saml_audience_mismatch");
    }
    refused(RESTRICTION, "", "saml_element_missing");
    refused(AUDIENCE_ELEMENT, "", "saml_audience_mismatch");
    taken(AUDIENCE_ELEMENT, "<saml:Audience>\n  urn:amazon:cognito:sp:eu-1_abc\n</saml:Audience>");
    taken(AUDIENCE_ELEMENT, &AUDIENCE_ELEMENT.replace("saml:Audience>urn", "saml:Audience>&#117;rn"));
    refused(
        AUDIENCE_ELEMENT,
        "<Audience xmlns=\"urn:x\">urn:amazon:cognito:sp:eu-1_abc</Audience>",
        "saml_audience_mismatch",
    );
    refused(
        AUDIENCE_ELEMENT,
        &AUDIENCE_ELEMENT.replace("eu-1_abc", "eu-1_abc<!---->d"),
        "saml_audience_mismatch",
    );
}

/// C-50: one of the audiences of a restriction is enough; every restriction counts.
#[test]
fn audiences_are_alternatives_and_restrictions_add_up() {
    let other = "<saml:Audience>https://other.example</saml:Audience>";
    taken(AUDIENCE_ELEMENT, &format!("{other}{AUDIENCE_ELEMENT}{other}"));
    taken(RESTRICTION, &format!("{RESTRICTION}{RESTRICTION}"));
    let foreign = format!("<saml:AudienceRestriction>{other}</saml:AudienceRestriction>");
    refused(RESTRICTION, &format!("{RESTRICTION}{foreign}"), "saml_audience_mismatch");
    refused(RESTRICTION, &format!("{foreign}{RESTRICTION}"), "saml_audience_mismatch");
}

/// C-48: conditions are what an audience stands in.
#[test]
fn an_assertion_without_conditions_is_for_everybody_and_so_for_nobody() {
    let mut story = sound(Base::Both);
    let (before, rest) = story.assertion.split_once("<saml:Conditions").unwrap();
    story.assertion = format!("{before}{}", rest.split_once("</saml:Conditions>").unwrap().1);
    assert_eq!(story.code(), "saml_element_missing");
}

/// C-53
#[test]
fn both_issuers_are_the_idp() {
    let (issuer, split) = (format!("<saml:Issuer>{IDP}</saml:Issuer>"), ["Response", "Assertion"]);
    let other = |name: &str| format!("<saml:Issuer>{name}</saml:Issuer>");
    for (to, code) in [
        (String::new(), "saml_element_missing"),
        (other("https://idp.example/"), "saml_issuer_mismatch"),
        (other("https://IDP.example"), "saml_issuer_mismatch"),
        (other("http://idp.example"), "saml_issuer_mismatch"),
        (other("https://other.example"), "saml_issuer_mismatch"),
        (other(""), "saml_issuer_mismatch"),
        (
            issuer.replace(
                "<saml:Issuer>",
                "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">",
            ),
            "saml_issuer_format",
        ),
        (
            issuer.replace(
                "<saml:Issuer>",
                "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">",
            ),
            "accepted",
        ),
        (other(&format!("\n\t {IDP}\r\n")), "accepted"),
    ] {
        for part in split {
            ends(code, |story| {
                let text = if part == "Response" { &mut story.before } else { &mut story.assertion };
                *text = text.replace(&issuer, &to);
            });
        }
        refused_or_taken(&issuer, &to, code);
    }
    ends("saml_issuer_mismatch", |story| story.idp = "https://idp.example.org");
}

#[track_caller]
fn refused_or_taken(from: &str, to: &str, code: &str) {
    if code == "accepted" { taken(from, to) } else { refused(from, to, code) }
}

/// C-55
#[test]
fn an_answer_names_its_request_in_both_places() {
    let (response, confirmation) = (
        format!("Destination=\"{ACS}\" InResponseTo=\"_r1\""),
        format!("Recipient=\"{ACS}\" InResponseTo=\"_r1\""),
    );
    for part in [response.as_str(), confirmation.as_str()] {
        for other in ["_r2", "_R1", "_r1 ", "", "_r"] {
            refused(part, &part.replace("_r1", other), "saml_in_response_to_mismatch");
        }
    }
    refused("InResponseTo=\"_r1\"", "InResponseTo=\"_r2\"", "saml_in_response_to_mismatch");
    refused(&confirmation, &format!("Recipient=\"{ACS}\""), "saml_in_response_to_mismatch");
    refused(&response, &format!("Destination=\"{ACS}\""), "saml_unsolicited");
    refused(" InResponseTo=\"_r1\"", "", "saml_unsolicited");
}

fn unsolicited(story: &mut Story) {
    story.unsolicited = Some(Duration::from_secs(300));
    story.change(" InResponseTo=\"_r1\"", "");
}

/// C-56
#[test]
fn what_nobody_asked_for_names_no_request() {
    ends("accepted", unsolicited);
    let response = format!("Destination=\"{ACS}\"");
    let confirmation = format!("Recipient=\"{ACS}\"");
    for part in [response.as_str(), confirmation.as_str()] {
        for id in ["_r1", "_r2", ""] {
            ends("saml_answers_unknown_request", |story| {
                unsolicited(story);
                story.change(part, &format!("{part} InResponseTo=\"{id}\""));
            });
        }
    }
    ends("saml_answers_unknown_request", |story| story.unsolicited = Some(Duration::from_secs(300)));
}

/// C-56
#[test]
fn what_nobody_asked_for_is_young() {
    for (age, code) in [(60, "accepted"), (120, "accepted"), (121, "saml_too_old")] {
        ends(code, |story| {
            unsolicited(story);
            story.unsolicited = Some(Duration::from_secs(60));
            story.now = NOW.plus(Duration::from_secs(age));
        });
    }
    let mut story = sound(Base::Both);
    unsolicited(&mut story);
    story.unsolicited = Some(Duration::from_secs(60));
    assert_eq!(story.run().unwrap().acceptable_until, NOW.plus(Duration::from_secs(60 + 121)));
}
