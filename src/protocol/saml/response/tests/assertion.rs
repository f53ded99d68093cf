//! Versions, conditions, contexts and attributes.

use super::*;
use crate::protocol::saml::attributes::Attribute;
use crate::protocol::saml::forge::{ends, refused, taken};

const CLASS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const VALUE: &str = "<saml:AttributeValue>alice@example.com</saml:AttributeValue>";
const EMAIL: &str = r#"<saml:Attribute Name="email"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute>"#;

/// C-76
#[test]
fn only_saml_2_0_is_spoken() {
    for part in ["ID=\"_p1\" Version=\"", "ID=\"_a1\" Version=\""] {
        for version in ["1.1", "2.1", "2", "2.00", " 2.0", ""] {
            refused(&format!("{part}2.0\""), &format!("{part}{version}\""), "saml_version_mismatch");
        }
        refused(&format!("{part}2.0\""), &part.replace(" Version=\"", ""), "saml_version_mismatch");
    }
}

/// C-58
#[test]
fn what_an_assertion_demands_is_kept_or_it_is_refused() {
    const END: &str = "</saml:Conditions>";
    let with = |condition: &str| format!("{condition}{END}");
    let mut story = sound(Base::Both);
    story.change(END, &with("<saml:OneTimeUse/>"));
    assert!(story.run().unwrap().one_time_use);
    assert!(!sound(Base::Both).run().unwrap().one_time_use);
    taken(END, &with("<saml:ProxyRestriction Count=\"0\"/>"));
    taken(
        END,
        &with(
            "<saml:ProxyRestriction><saml:Audience>https://a.example</saml:Audience></saml:ProxyRestriction>",
        ),
    );
    refused(END, &with("<saml:OneTimeUse/><saml:OneTimeUse/>"), "saml_xml_refused");
    for unknown in [
        "<saml:Condition xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"x\"/>",
        "<x:Delegation xmlns:x=\"urn:x\"/>",
        "<OneTimeUse xmlns=\"urn:x\"/>",
        "<saml:Audience>urn:amazon:cognito:sp:eu-1_abc</saml:Audience>",
        "<AudienceRestriction xmlns=\"\"/>",
    ] {
        refused(END, &with(unknown), "saml_condition_unknown");
    }
}

/// C-75
#[test]
fn a_way_of_signing_in_that_was_asked_for_is_met_exactly() {
    for (asked, code) in [
        (vec![CLASS], "accepted"),
        (vec!["urn:other", CLASS], "accepted"),
        (
            vec!["urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract"],
            "saml_authn_context_not_met",
        ),
        (vec!["urn:oasis:names:tc:SAML:2.0:ac:classes:Password"], "saml_authn_context_not_met"),
        (
            vec!["urn:oasis:names:tc:SAML:2.0:ac:classes:passwordprotectedtransport"],
            "saml_authn_context_not_met",
        ),
    ] {
        ends(code, |story| story.authn_context = asked.iter().map(|&class| class.to_owned()).collect());
    }
    ends("saml_authn_context_not_met", |story| {
        story.authn_context = vec![CLASS.into()];
        story.change(&format!("<saml:AuthnContextClassRef>{CLASS}</saml:AuthnContextClassRef>"), "");
    });
    taken(&format!(">{CLASS}<"), &format!(">\n  {CLASS}\n<"));
}

/// C-49
#[test]
fn an_assertion_says_how_the_person_signed_in() {
    let mut story = sound(Base::Response);
    let (before, rest) = story.assertion.split_once("<saml:AuthnStatement").unwrap();
    story.assertion = format!("{before}{}", rest.split_once("</saml:AuthnStatement>").unwrap().1);
    assert_eq!(story.code(), "saml_element_missing");
}

#[track_caller]
fn attributes(from: &str, to: &str) -> Vec<Attribute> {
    let mut story = sound(Base::Both);
    story.change(from, to);
    story.run().unwrap().attributes.clone()
}

#[track_caller]
fn values(to: &str) -> Vec<String> {
    attributes(VALUE, to).remove(0).values
}

fn named(name: &str, values: &[&str]) -> Attribute {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Attribute { name: name.into(), name_format: None, friendly_name: None, values }
}

/// C-66
#[test]
fn attributes_of_one_name_are_one_in_document_order() {
    let second = r#"<saml:Attribute Name="email" NameFormat="urn:x" FriendlyName="role"><saml:AttributeValue>b</saml:AttributeValue><saml:AttributeValue>c</saml:AttributeValue></saml:Attribute>"#;
    let merged = attributes(EMAIL, &format!("{EMAIL}<saml:Attribute Name=\"role\"/>{second}"));
    assert_eq!(merged, [named("email", &["alice@example.com", "b", "c"]), named("role", &[])]);
    let statement = format!("{EMAIL}</saml:AttributeStatement><saml:AttributeStatement>{second}");
    assert_eq!(attributes(EMAIL, &statement), [named("email", &["alice@example.com", "b", "c"])]);
}

/// C-66
#[test]
fn a_friendly_name_names_nothing() {
    let read = attributes(
        EMAIL,
        r#"<saml:Attribute Name="urn:oid:1" FriendlyName="email"><saml:AttributeValue>x</saml:AttributeValue></saml:Attribute>"#,
    );
    assert_eq!((read[0].name.as_str(), read[0].friendly_name.as_deref()), ("urn:oid:1", Some("email")));
}

/// C-66, C-20
#[test]
fn values_are_whole() {
    let value = |inner: &str| format!("<saml:AttributeValue>{inner}</saml:AttributeValue>");
    assert_eq!(values(&value("\n  a &amp;&lt; <![CDATA[b]]>\n")), ["a &< b"]);
    assert_eq!(values("<saml:AttributeValue/>"), [""]);
    assert_eq!(values(&value("AAEC/w==")), ["AAEC/w=="]);
    assert_eq!(values(&(value("a") + &value("b") + &value("a"))), ["a", "b", "a"]);
    let nil =
        "<saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/>";
    assert_eq!(values(&(value("a") + nil)), ["a"]);
    assert_eq!(values(&value("alice@good.example<!---->.evil.example")), ["alice@good.example.evil.example"]);
}

/// C-66
#[test]
fn xml_in_a_value_is_a_name_or_left_out() {
    let value = |inner: &str| format!("<saml:AttributeValue>{inner}</saml:AttributeValue>");
    assert_eq!(values(&value("\n<saml:NameID NameQualifier=\"q\">t-1</saml:NameID>\n")), ["t-1"]);
    assert_eq!(values(&(value("<x xmlns=\"urn:x\">admin</x>") + &value("b"))), ["b"]);
    assert_eq!(values(&value("a<saml:NameID>admin</saml:NameID>")), [] as [&str; 0]);
    assert_eq!(values(&value("<saml:NameID>a</saml:NameID><saml:NameID>b</saml:NameID>")), [] as [&str; 0]);
    assert_eq!(values(&value("<saml:NameID>a<!-- -->b</saml:NameID>")), ["ab"]);
    let mut checks = Checks::default();
    let mut story = sound(Base::Both);
    story.change(VALUE, &value("<x xmlns=\"urn:x\">admin</x>"));
    story.run_with(&mut checks).unwrap();
    assert!(checks.list().iter().any(|check| check.name.contains("left out") && check.received == "email"));
}

/// C-66, C-45, C-12
#[test]
fn attributes_are_what_the_schema_says() {
    refused(EMAIL, &format!("{EMAIL}<saml:EncryptedAttribute/>"), "saml_part_encrypted");
    refused(EMAIL, &EMAIL.replace(" Name=\"email\"", ""), "saml_element_missing");
    refused(EMAIL, &EMAIL.replace("\"email\"", "\"\""), "saml_element_missing");
    refused(EMAIL, &EMAIL.replace("email\"", &format!("{}\"", "x".repeat(1025))), "saml_value_malformed");
    refused(EMAIL, &format!("{EMAIL}<Attribute xmlns=\"urn:x\" Name=\"role\"/>"), "saml_element_misplaced");
    refused(
        VALUE,
        &format!("{VALUE}<AttributeValue xmlns=\"\">admin</AttributeValue>"),
        "saml_element_misplaced",
    );
}

/// C-66, C-26
#[test]
fn attributes_are_bounded() {
    let many: Vec<String> = (0..501).map(|n| format!("<saml:Attribute Name=\"a{n}\"/>")).collect();
    refused(EMAIL, &many.concat(), "saml_too_many");
    refused(VALUE, &"<saml:AttributeValue/>".repeat(5001), "saml_too_many");
    taken(VALUE, &"<saml:AttributeValue/>".repeat(2000));
}
