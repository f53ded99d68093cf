//! Wrapped, doubled and misplaced elements.

use super::*;
use crate::protocol::saml::forge::refused;

const NS: &str = "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"";

#[track_caller]
fn code(xml: &str) -> &'static str {
    let mut checks = Checks::default();
    sound(Base::Both).verify(xml.as_bytes(), &mut checks).map_or_else(|error| error.code(), |_| "accepted")
}

/// The assertion of `base` as it was signed, and the same for another person without signature.
fn assertions(base: Base) -> (String, String, String) {
    let xml = sound(base).xml();
    let at = xml.find("<saml:Assertion").unwrap();
    let end = xml.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    let evil = sound(base).assertion.replace("_a1", "_evil").replace(">alice<", ">admin<");
    (xml.clone(), xml[at..end].to_owned(), evil)
}

/// C-01, C-02
#[test]
fn a_second_assertion_is_refused_wherever_it_stands() {
    for base in forge::ALL {
        let (xml, honest, evil) = assertions(base);
        let inside = evil.replace("</saml:Assertion>", &format!("{honest}</saml:Assertion>"));
        let advice = evil.replace(
            "<saml:AuthnStatement",
            &format!("<saml:Advice>{honest}</saml:Advice><saml:AuthnStatement"),
        );
        for (replacement, expected) in [
            (format!("{evil}{honest}"), "saml_not_one_assertion"),
            (format!("{honest}{evil}"), "saml_not_one_assertion"),
            (format!("{honest}<saml:EncryptedAssertion/>"), "saml_not_one_assertion"),
            (inside, "saml_element_misplaced"),
            (advice, "saml_element_misplaced"),
            (format!("<wrap xmlns=\"urn:x\">{honest}</wrap>{evil}"), "saml_element_misplaced"),
            (String::new(), "saml_not_one_assertion"),
        ] {
            assert_eq!(code(&xml.replace(&honest, &replacement)), expected, "{base:?}");
        }
    }
}

/// C-09
#[test]
fn an_assertion_hidden_in_any_place_is_refused() {
    for base in forge::ALL {
        let (xml, honest, evil) = assertions(base);
        let issuer = "<saml:Issuer>https://idp.example</saml:Issuer>";
        let at = xml.find("<samlp:Status>").unwrap();
        let (before, after) = xml.split_at(at);
        let hidden =
            [
                format!("{before}<samlp:Extensions>{evil}</samlp:Extensions>{after}"),
                format!("{before}<samlp:Extensions><x xmlns=\"urn:x\">{evil}</x></samlp:Extensions>{after}"),
                xml.replace(
                    "</samlp:Status>",
                    &format!("<samlp:StatusDetail>{evil}</samlp:StatusDetail></samlp:Status>"),
                ),
                xml.replace(
                    "<saml:AuthnStatement ",
                    &format!("<saml:Advice>{evil}</saml:Advice><saml:AuthnStatement "),
                ),
                xml.replace(">alice@example.com<", &format!(">{evil}<")),
                xml.replace(
                    "InResponseTo=\"_r1\"/>",
                    &format!("InResponseTo=\"_r1\">{evil}</saml:SubjectConfirmationData>"),
                ),
                xml.replacen("</ds:X509Data>", &format!("</ds:X509Data>{evil}"), 1),
                xml.replacen("</ds:KeyInfo>", &format!("</ds:KeyInfo><ds:Object>{evil}</ds:Object>"), 1),
                xml.replacen("</ds:KeyInfo>", &format!("</ds:KeyInfo><ds:Object>{xml}</ds:Object>"), 1)
                    .replacen("ID=\"_p1\"", "ID=\"_p2\"", 1),
            ];
        for (number, document) in hidden.iter().enumerate() {
            assert_ne!(document, &xml, "{number}");
            let found = code(document);
            assert!(
                ["saml_element_misplaced", "saml_xml_refused"].contains(&found),
                "{base:?} {number}: {found}"
            );
        }
        assert!(xml.contains(issuer) && xml.contains(&honest));
    }
}

/// C-10
#[test]
fn a_signature_stands_in_what_it_signs_right_after_its_issuer() {
    for base in forge::ALL {
        let xml = sound(base).xml();
        let at = xml.find("<ds:Signature ").unwrap();
        let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        let (signature, rest) = (&xml[at..end], format!("{}{}", &xml[..at], &xml[end..]));
        for document in [
            rest.replace("</samlp:Status>", &format!("</samlp:Status>{signature}")),
            rest.replace("</samlp:Response>", &format!("{signature}</samlp:Response>")),
            rest.replace("</saml:Assertion>", &format!("{signature}</saml:Assertion>")),
            rest.replace("<saml:Conditions", &format!("{signature}<saml:Conditions")),
            rest.replacen("<saml:Issuer>", &format!("{signature}<saml:Issuer>"), 1),
            rest.replace(
                "<samlp:Status>",
                &format!("<samlp:Extensions>{signature}</samlp:Extensions><samlp:Status>"),
            ),
            xml.replacen("<ds:Signature ", &format!("{}<ds:Signature ", signature.replace("_p1", "_x")), 1),
        ] {
            assert_ne!(code(&document), "accepted", "{base:?}: {document}");
        }
    }
}

/// C-12
#[test]
fn names_count_with_their_namespace() {
    for (from, to) in [
        (
            "<saml:Issuer>https://idp.example</saml:Issuer>",
            "<Issuer xmlns=\"urn:x\">https://idp.example</Issuer>",
        ),
        ("<saml:Subject>", "<Subject xmlns=\"urn:x\"/><saml:Subject>"),
        ("<saml:Subject>", "<Assertion xmlns=\"urn:x\"/><saml:Subject>"),
        ("<saml:AttributeValue>alice@example.com", "<saml:AttributeValue><Assertion xmlns=\"\"/>"),
        ("<saml:AttributeValue>alice@example.com", "<saml:AttributeValue><Signature xmlns=\"urn:x\"/>"),
        ("<samlp:Status>", "<samlp:Extensions><Response xmlns=\"urn:x\"/></samlp:Extensions><samlp:Status>"),
        ("<samlp:Status>", "<Status xmlns=\"urn:oasis:names:tc:SAML:1.0:protocol\"/><samlp:Status>"),
        ("<samlp:Status>", "text<samlp:Status>"),
        ("<saml:Subject>", "text<saml:Subject>"),
    ] {
        refused(from, to, "saml_element_misplaced");
    }
}

/// C-12: a document may be written with other prefixes.
#[test]
fn prefixes_do_not_matter() {
    let mut story = sound(Base::Both);
    for text in [&mut story.before, &mut story.assertion, &mut story.after] {
        *text = text
            .replace("samlp:", "p:")
            .replace("saml:", "")
            .replace("xmlns:samlp", "xmlns:p")
            .replace("xmlns:saml", "xmlns");
    }
    assert_eq!(story.code(), "accepted");
}

/// C-76
#[test]
fn another_message_is_no_response() {
    for (xml, expected) in [
        (format!("<samlp:LogoutResponse {NS}/>"), "saml_not_a_response"),
        (format!("<samlp:AuthnRequest {NS}/>"), "saml_not_a_response"),
        (format!("<samlp:ArtifactResolve {NS}/>"), "saml_not_a_response"),
        (sound(Base::Assertion).assertion, "saml_not_a_response"),
        (
            format!(
                "<e:Envelope \
                 xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>{}</e:Body></e:Envelope>",
                sound(Base::Both).xml()
            ),
            "saml_not_a_response",
        ),
        ("<Response xmlns=\"urn:oasis:names:tc:SAML:1.0:protocol\"/>".into(), "saml_not_a_response"),
        ("<Response/>".into(), "saml_not_a_response"),
        (format!("<samlp:response {NS}/>"), "saml_not_a_response"),
        (format!("<samlp:Response {NS}/>"), "saml_element_missing"),
        ("hello".into(), "saml_xml_refused"),
        (String::new(), "saml_xml_refused"),
    ] {
        assert_eq!(code(&xml), expected, "{xml}");
    }
}

/// C-45
#[test]
fn an_encrypted_assertion_that_is_none_is_refused() {
    let (xml, honest, evil) = assertions(Base::Assertion);
    for inner in [
        "<saml:EncryptedAssertion/>".to_owned(),
        format!("<saml:EncryptedAssertion>{evil}</saml:EncryptedAssertion>"),
    ] {
        let found = code(&xml.replace(&honest, &inner));
        assert!(["saml_decryption_refused", "saml_element_misplaced"].contains(&found), "{found}");
    }
}
