//! Whom an assertion is about, and who may use it.

use super::*;
use crate::protocol::saml::forge::{ACS, ends, refused, taken};
use crate::protocol::saml::subject::NameId;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const HOLDER: &str = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key";
const PERSISTENT: &str =
    r#"<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID>"#;
const END: &str = r#"NotOnOrAfter="2026-01-31T08:05:00Z" Recipient"#;

fn confirmation() -> String {
    format!(
        r#"<saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="2026-01-31T08:05:00Z" Recipient="{ACS}" InResponseTo="_r1"/></saml:SubjectConfirmation>"#
    )
}

/// C-52
#[test]
fn only_a_bearer_confirmation_confirms() {
    refused(&confirmation(), "", "saml_no_bearer_confirmation");
    refused(BEARER, HOLDER, "saml_no_bearer_confirmation");
    refused(BEARER, "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches", "saml_no_bearer_confirmation");
    refused(BEARER, &BEARER.to_uppercase(), "saml_no_bearer_confirmation");
    refused(BEARER, "", "saml_no_bearer_confirmation");
    let bare = format!(r#"<saml:SubjectConfirmation Method="{BEARER}"/>"#);
    refused(&confirmation(), &bare, "saml_element_missing");
}

/// C-52
#[test]
fn a_bearer_confirmation_ends_and_does_not_begin() {
    refused(END, "Recipient", "saml_element_missing");
    refused(END, &format!(r#"NotBefore="2026-01-31T08:00:00Z" {END}"#), "saml_confirmation_not_before");
    refused(END, &format!(r#"NotBefore="" {END}"#), "saml_confirmation_not_before");
    refused(END, r#"NotOnOrAfter="2026-01-31T07:59:00Z" Recipient"#, "saml_expired");
    taken(END, r#"NotOnOrAfter="2026-01-31T07:59:00.001Z" Recipient"#);
    refused(END, r#"NotOnOrAfter="soon" Recipient"#, "saml_value_malformed");
    taken(END, &format!(r#"Address="203.0.113.9" {END}"#));
}

/// C-52
#[test]
fn one_good_confirmation_of_several_is_enough() {
    let good = confirmation();
    let others = [
        good.replace(BEARER, HOLDER),
        good.replace(ACS, "https://other.example/acs"),
        good.replace("08:05:00Z", "07:00:00Z"),
        good.replace("_r1", "_r2"),
        format!(r#"<saml:SubjectConfirmation Method="{BEARER}"/>"#),
    ];
    for other in &others {
        taken(&good, &format!("{other}{good}"));
        taken(&good, &format!("{good}{other}"));
    }
    refused(&good, &others.concat(), "saml_recipient_mismatch");
}

/// C-67
#[test]
fn a_name_is_kept_with_its_format_and_qualifiers() {
    let mut story = sound(Base::Both);
    story.change(
        PERSISTENT,
        r#"<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="https://idp.example" SPNameQualifier="urn:amazon:cognito:sp:eu-1_abc" SPProvidedID="7">  al &amp; ice
</saml:NameID>"#,
    );
    let expected = NameId {
        value: "al & ice".into(),
        format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".into()),
        name_qualifier: Some("https://idp.example".into()),
        sp_name_qualifier: Some(AUDIENCE.into()),
        sp_provided_id: Some("7".into()),
    };
    assert_eq!(story.run().unwrap().name_id, Some(expected));
}

/// C-67
#[test]
fn a_persistent_name_made_for_another_service_provider_is_refused() {
    for other in ["https://other.example", "", "urn:amazon:cognito:sp:eu-1_ABC"] {
        let qualified = PERSISTENT.replace(">alice", &format!(" SPNameQualifier=\"{other}\">alice"));
        refused(PERSISTENT, &qualified, "saml_name_id_qualifier_mismatch");
        taken(PERSISTENT, &qualified.replace("persistent", "transient"));
    }
}

/// C-67
#[test]
fn a_name_names_somebody() {
    for (value, code) in [
        (String::new(), "saml_name_id_unusable"),
        (" \n\t ".into(), "saml_name_id_unusable"),
        ("x".repeat(1025), "saml_name_id_unusable"),
        ("x".repeat(10_240), "saml_name_id_unusable"),
        ("a&#9;b".into(), "saml_name_id_unusable"),
        ("a&#10;b".into(), "saml_name_id_unusable"),
        ("x".repeat(1024), "accepted"),
        ("ålice@example.com".into(), "accepted"),
    ] {
        ends(code, |story| {
            story.change(">alice<", &format!(">{value}<"));
        });
    }
}

/// C-67, C-78: ADFS sends no NameID unless told to; the subject is then an attribute.
#[test]
fn an_assertion_may_name_nobody_by_name_id() {
    let mut story = sound(Base::Both);
    story.change(PERSISTENT, "");
    assert_eq!(story.run().unwrap().name_id, None);
    let mut story = sound(Base::Both);
    story.change(PERSISTENT, "<saml:NameID>alice</saml:NameID>");
    assert_eq!(story.run().unwrap().name_id.as_ref().unwrap().format, None);
}

/// C-20, C-12
#[test]
fn a_name_is_text_and_there_is_one() {
    let mut story = sound(Base::Both);
    story.change(">alice<", ">alice@good.example<!---->.evil.example<");
    assert_eq!(story.run().unwrap().name_id.as_ref().unwrap().value, "alice@good.example.evil.example");
    refused(">alice<", "><b>alice</b><", "saml_xml_refused");
    refused(PERSISTENT, &format!("{PERSISTENT}{PERSISTENT}"), "saml_element_misplaced");
    refused(PERSISTENT, "<NameID xmlns=\"urn:x\">admin</NameID>", "saml_element_misplaced");
    refused(PERSISTENT, "<saml:BaseID/>", "saml_element_misplaced");
    refused(PERSISTENT, &format!("<NameID xmlns=\"\">admin</NameID>{PERSISTENT}"), "saml_element_misplaced");
}

/// C-45
#[test]
fn a_name_that_is_encrypted_by_itself_is_refused() {
    refused(PERSISTENT, "<saml:EncryptedID/>", "saml_part_encrypted");
    refused(PERSISTENT, &format!("{PERSISTENT}<saml:EncryptedID/>"), "saml_element_misplaced");
}

#[test]
fn an_assertion_without_subject_is_refused() {
    let mut story = sound(Base::Both);
    let (before, rest) = story.assertion.split_once("<saml:Subject>").unwrap();
    story.assertion = format!("{before}{}", rest.split_once("</saml:Subject>").unwrap().1);
    assert_eq!(story.code(), "saml_element_missing");
}
