//! Encrypted assertions, signed inside, outside, both or not at all.

use super::*;
use crate::protocol::saml::forge::{Cipher, encrypt, other_decryption_key, sealed};

/// C-42: both orders, and both at once.
#[test]
fn an_encrypted_assertion_is_read_where_either_signature_vouches_for_it() {
    for base in ALL {
        let mut checks = Checks::default();
        let assertion = sealed(base, Cipher::Gcm).run_with(&mut checks).unwrap();
        assert_eq!(assertion.name_id.as_ref().unwrap().value, "alice", "{base:?}");
        assert!(
            checks
                .list()
                .iter()
                .any(|check| check.name == "Decryption" && check.outcome == CheckOutcome::Passed)
        );
    }
}

/// C-44: CBC where the signature of the Response covers the ciphertext, and else by permission only.
#[test]
fn cbc_needs_a_signature_over_the_ciphertext_or_a_permission() {
    for (base, code) in
        [(Base::Response, "accepted"), (Base::Both, "accepted"), (Base::Assertion, "saml_decryption_refused")]
    {
        let mut story = sealed(base, Cipher::Cbc);
        assert_eq!(story.code(), code, "{base:?}");
        story.rules.unauthenticated_cbc = true;
        assert_eq!(story.code(), "accepted", "{base:?}");
    }
    let hint = sealed(Base::Assertion, Cipher::Cbc).run().unwrap_err().hint();
    assert!(hint.contains("cbc_without_signature") && hint.contains("AES-GCM"), "{hint}");
}

/// C-40
#[test]
fn encryption_vouches_for_nobody() {
    for cipher in [Cipher::Gcm, Cipher::Cbc] {
        let mut story = sealed(Base::Unsigned, cipher);
        story.rules.unauthenticated_cbc = true;
        let expected = if cipher == Cipher::Gcm { "saml_unsigned" } else { "saml_decryption_refused" };
        assert_eq!(story.code(), expected);
    }
}

/// C-41
#[test]
fn an_encrypted_assertion_beside_a_signed_one_is_refused() {
    let evil = encrypt(&sound(Base::Unsigned).assertion.replace(">alice<", ">admin<"), Cipher::Gcm);
    for base in ALL {
        let xml = sound(base).xml();
        for document in [
            xml.replace("<saml:Assertion ", &format!("{evil}<saml:Assertion ")),
            xml.replace("</samlp:Response>", &format!("{evil}</samlp:Response>")),
        ] {
            let outcome = sealed(base, Cipher::Gcm).verify(document.as_bytes(), &mut Checks::default());
            assert_eq!(outcome.unwrap_err().code(), "saml_not_one_assertion", "{base:?}");
        }
    }
}

/// C-43
#[test]
fn what_is_encrypted_is_one_assertion() {
    let sound_one = sound(Base::Unsigned).assertion;
    for plaintext in [
        String::new(),
        "alice".into(),
        format!("{sound_one}{sound_one}"),
        format!("{sound_one}x"),
        format!("<!DOCTYPE a>{sound_one}"),
        format!("</saml:EncryptedAssertion>{sound_one}"),
        sound(Base::Both).xml(),
        sound_one.replace("<saml:Subject>", &format!("<saml:Advice>{sound_one}</saml:Advice><saml:Subject>")),
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">alice</saml:NameID>".into(),
    ] {
        for cipher in [Cipher::Gcm, Cipher::Cbc] {
            let mut story = sound(Base::Response);
            story.assertion = encrypt(&plaintext, cipher);
            story.decryption = sealed(Base::Response, cipher).decryption;
            let code = story.code();
            assert!(
                ["saml_decryption_refused", "saml_element_misplaced"].contains(&code),
                "{code}: {plaintext}"
            );
        }
    }
}

/// C-44: nothing after the decryption of unauthenticated CBC tells why.
#[test]
fn refusals_of_unauthenticated_cbc_look_alike() {
    let sound_one = sound(Base::Unsigned).assertion;
    let mut seen = Vec::new();
    for plaintext in [
        sound_one.clone(),
        "x".into(),
        sound_one.replace("saml:Subject", "saml:Object"),
        sound(Base::Assertion).xml(),
    ] {
        let mut story = sound(Base::Unsigned);
        story.assertion = encrypt(&plaintext, Cipher::Cbc);
        story.decryption = sealed(Base::Unsigned, Cipher::Cbc).decryption;
        story.rules.unauthenticated_cbc = true;
        let error = story.run().unwrap_err();
        seen.push((error.code(), error.fault(), error.retryable()));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

/// C-46
#[test]
fn any_active_key_decrypts_and_no_other() {
    let mut story = sealed(Base::Both, Cipher::Gcm);
    story.decryption.insert(0, other_decryption_key());
    assert_eq!(story.code(), "accepted");
    story.decryption.truncate(1);
    assert_eq!(story.code(), "saml_decryption_refused");
    assert!(story.run().unwrap_err().hint().contains("reads our metadata again"));
    story.decryption.clear();
    assert_eq!(story.code(), "saml_decryption_refused");
}

/// C-20, C-13: of a response that is signed around the ciphertext, the plaintext is what was encrypted, to
/// the byte.
#[test]
fn every_rule_holds_inside_too() {
    for base in ALL {
        let mut story = sealed(base, Cipher::Gcm);
        story.change(AUDIENCE, "urn:other");
        assert_eq!(story.code(), "saml_audience_mismatch", "{base:?}");
        let mut story = sealed(base, Cipher::Gcm);
        story.keys = vec![forge::other_key().certificate().clone()];
        assert_eq!(story.code(), "saml_signature_refused", "{base:?}");
    }
    let mut story = sealed(Base::Response, Cipher::Gcm);
    story.change(">alice<", ">alice<!-- -->.evil<");
    assert_eq!(story.code(), "saml_xml_refused");
}
