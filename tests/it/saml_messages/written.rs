//! What we write: authentication requests and our metadata.

use std::collections::BTreeSet;

use symbolon::model::encoding::base64;
use symbolon::protocol::saml::binding::Binding;
use symbolon::protocol::saml::metadata::{MetadataRules, parse};
use symbolon::protocol::saml::request::{AuthnRequest, message_id};
use symbolon::protocol::saml::signature::{SignaturePolicy, sign, verify};
use symbolon::protocol::saml::sp_metadata::SpMetadata;
use symbolon::protocol::saml::xml::{
    Document, Node, attribute, children, elements, ns, required_child, text,
};

use super::world::{idp_key, idp_keys, new_key, now};

const HOSTILE: &str = "x\"/><samlp:Evil a='&lt;'>\r\n\t]]>\u{0}é";

fn request<'a>(id: &'a str, text: &'a str, classes: &'a [String]) -> AuthnRequest<'a> {
    AuthnRequest {
        id,
        issue_instant: now(),
        destination: text,
        issuer: text,
        acs_url: text,
        force_authn: true,
        is_passive: false,
        name_id_format: Some(text),
        authn_context: classes,
    }
}

fn names(node: Node<'_, '_>) -> Vec<String> {
    elements(node).map(|element| element.tag_name().name().to_owned()).collect()
}

/// C-74
#[test]
fn ids_are_unguessable_and_fit_xml() {
    let mut random = [0; 32];
    random[0] = 0xf5;
    assert_eq!(message_id(random), format!("_f5{}", "0".repeat(62)));
    let ids: BTreeSet<String> =
        (0..32).map(|bit| message_id(std::array::from_fn(|at| u8::from(at == bit)))).collect();
    assert_eq!(ids.len(), 32, "every byte counts");
}

/// C-74
#[test]
fn a_request_says_what_was_asked_for() {
    let classes =
        ["urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract".to_owned(), "urn:x".to_owned()];
    let id = message_id([7; 32]);
    let xml = request(&id, "https://x.example/", &classes).to_xml();
    let document = Document::parse(xml.as_bytes()).unwrap();
    let root = document.root();
    for (name, value) in [
        ("ID", id.as_str()),
        ("Version", "2.0"),
        ("IssueInstant", "2026-11-21T07:01:00Z"),
        ("Destination", "https://x.example/"),
        ("ForceAuthn", "true"),
        ("ProtocolBinding", Binding::Post.uri()),
        ("AssertionConsumerServiceURL", "https://x.example/"),
    ] {
        assert_eq!(attribute(root, name), Some(value));
    }
    assert_eq!(attribute(root, "IsPassive"), None);
    assert_eq!(
        names(root),
        ["Issuer", "NameIDPolicy", "RequestedAuthnContext"],
        "in this order, and no Scoping"
    );
    let policy = required_child(root, ns::SAMLP, "NameIDPolicy").unwrap();
    assert_eq!(
        (attribute(policy, "Format"), attribute(policy, "AllowCreate")),
        (Some("https://x.example/"), Some("true"))
    );
    let context = required_child(root, ns::SAMLP, "RequestedAuthnContext").unwrap();
    assert_eq!(attribute(context, "Comparison"), Some("exact"));
    let asked: Vec<String> =
        children(context, ns::SAML, "AuthnContextClassRef").map(|class| text(class).unwrap()).collect();
    assert_eq!(asked, classes);
    let transient = AuthnRequest {
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
        is_passive: true,
        force_authn: false,
        ..request(&id, "x", &[])
    };
    let xml = transient.to_xml();
    assert!(
        !xml.contains("AllowCreate")
            && !xml.contains("ForceAuthn")
            && !xml.contains("RequestedAuthnContext")
            && xml.contains(" IsPassive=\"true\"")
    );
}

/// C-74
#[test]
fn nothing_in_a_request_becomes_xml() {
    let classes = [HOSTILE.to_owned()];
    let xml = request("_1", HOSTILE, &classes).to_xml();
    let document = Document::parse(xml.as_bytes()).unwrap();
    assert_eq!(names(document.root()), ["Issuer", "NameIDPolicy", "RequestedAuthnContext"]);
    let kept = HOSTILE.replace('\u{0}', "\u{fffd}");
    assert_eq!(attribute(document.root(), "Destination"), Some(kept.as_str()));
    assert_eq!(text(required_child(document.root(), ns::SAML, "Issuer").unwrap()).unwrap(), kept);
}

/// C-74
#[test]
fn a_signed_request_verifies_and_has_its_signature_after_the_issuer() {
    let xml = sign(&request("_1", "https://x.example/?a=1&b=2", &[]).to_xml(), "_1", idp_key()).unwrap();
    let document = Document::parse(xml.as_bytes()).unwrap();
    assert_eq!(names(document.root()), ["Issuer", "Signature", "NameIDPolicy"]);
    assert!(verify(document.root(), &idp_keys(), SignaturePolicy::default()).unwrap().is_some());
    let changed = xml.replace("ForceAuthn=\"true\"", "ForceAuthn=\"false\"");
    assert!(
        verify(Document::parse(changed.as_bytes()).unwrap().root(), &idp_keys(), SignaturePolicy::default())
            .is_err()
    );
}

fn sp_metadata(text: &str, cbc: bool) -> String {
    let keys = [new_key("new").certificate().clone(), idp_key().certificate().clone()];
    let metadata = SpMetadata {
        entity_id: text,
        acs_url: text,
        slo_url: Some(text),
        signing: &keys,
        encryption: &keys,
        signs_requests: true,
        wants_signed_assertions: false,
        cbc,
        name_id_formats: &[text.to_owned()],
    };
    metadata.to_xml()
}

#[test]
fn our_metadata_shows_every_key_while_one_replaces_another() {
    let xml = sp_metadata("https://login.acme.example/saml2/logout", false);
    let document = Document::parse(xml.as_bytes()).unwrap();
    let role = required_child(document.root(), ns::MD, "SPSSODescriptor").unwrap();
    assert_eq!(
        (attribute(role, "AuthnRequestsSigned"), attribute(role, "WantAssertionsSigned")),
        (Some("true"), Some("false"))
    );
    let uses: Vec<_> =
        children(role, ns::MD, "KeyDescriptor").map(|key| attribute(key, "use").unwrap()).collect();
    assert_eq!(uses, ["signing", "signing", "encryption", "encryption"]);
    assert!(xml.contains(&base64(idp_key().certificate().der())));
    assert_eq!(
        names(role)[4..],
        ["SingleLogoutService", "SingleLogoutService", "NameIDFormat", "AssertionConsumerService"],
        "in the order of the schema"
    );
    let acs = required_child(role, ns::MD, "AssertionConsumerService").unwrap();
    assert_eq!(
        ["Binding", "index", "isDefault"].map(|name| attribute(acs, name).unwrap()),
        ["urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "0", "true"]
    );
    assert!(!xml.contains("-cbc") && sp_metadata("x", true).contains("aes128-cbc"));
    let refused = parse(xml.as_bytes(), &MetadataRules::default(), now()).unwrap_err();
    assert!(refused.to_string().contains("this is SP metadata"), "pasted where an IdP's belongs: {refused}");
}

/// C-74
#[test]
fn nothing_in_our_metadata_becomes_xml() {
    let xml = sp_metadata(HOSTILE, false);
    let document = Document::parse(xml.as_bytes()).unwrap();
    assert_eq!(attribute(document.root(), "entityID"), Some(HOSTILE.replace('\u{0}', "\u{fffd}").as_str()));
    assert_eq!(names(document.root()), ["SPSSODescriptor"]);
}
