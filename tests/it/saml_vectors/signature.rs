//! Signatures by xmlsec1 and signxml: which are accepted, which are refused although they verify.

use symbolon::protocol::saml::certificate::{Certificate, CertificateError};
use symbolon::protocol::saml::signature::{SignatureError, SignaturePolicy, Signed, verify};
use symbolon::protocol::saml::xml::{Document, attribute, children, ns, text};

use super::{certificate, fixture, json, named};

/// The signature of the root.
pub(super) fn check(
    xml: &str,
    keys: &[Certificate],
    policy: SignaturePolicy,
) -> Result<Option<Signed>, SignatureError> {
    verify(Document::parse(xml.as_bytes()).unwrap().root(), keys, policy)
}

const STRICT: SignaturePolicy = SignaturePolicy { sha1: false };
const LOOSE: SignaturePolicy = SignaturePolicy { sha1: true };

/// C-10, C-14, C-18, C-28, C-32, C-33: each document is valid to xmlsec1, also with transforms, references
/// and algorithms that SAML forbids.
#[test]
fn of_all_that_xmlsec1_verifies_only_the_one_shape_is_accepted() {
    let (mut accepted, mut refused) = (0, 0);
    for document in json("signed.json") {
        let (name, key, xml) = (
            document["name"].as_str().unwrap(),
            document["key"].as_str().unwrap(),
            document["xml"].as_str().unwrap(),
        );
        let Ok(key) = Certificate::from_pem(&fixture(&format!("keys/{key}.crt.pem"))) else {
            assert_eq!(document["expect"], "certificate", "{name}");
            continue;
        };
        let strict = check(xml, std::slice::from_ref(&key), STRICT);
        let loose = check(xml, std::slice::from_ref(&key), LOOSE);
        match document["expect"].as_str().unwrap() {
            "accept" => {
                assert_eq!(strict.as_ref().unwrap().as_ref().unwrap().key, 0, "{name}");
                accepted += 1;
            }
            "sha1" => {
                assert!(matches!(strict, Err(SignatureError::Sha1(_))), "{name}: {strict:?}");
                assert!(matches!(loose, Ok(Some(_))), "{name}: {loose:?}");
            }
            "none" => assert_eq!(loose, Ok(None), "{name}"),
            words => {
                let reason = loose.unwrap_err().to_string();
                assert!(reason.starts_with(words), "{name}: {reason}");
                refused += 1;
            }
        }
    }
    assert_eq!((accepted, refused), (22, 24));
}

/// C-13: the bytes handed on are the signed ones, without the signature, and read the same.
#[test]
fn claims_come_from_the_bytes_that_were_digested() {
    let signed = check(&named("signed.json", "rsa-sha256"), &[certificate("rsa")], STRICT).unwrap().unwrap();
    let document = Document::parse_canonical(&signed.canonical).unwrap();
    assert_eq!(attribute(document.root(), "ID"), Some("_a1"));
    assert_eq!(children(document.root(), ns::DS, "Signature").count(), 0);
    let value =
        document.root().descendants().find(|node| node.tag_name().name() == "AttributeValue").unwrap();
    assert_eq!(text(value).unwrap(), "Räte & <Ämter>\r");
}

/// C-29: another key, or a certificate that only looks the same.
#[test]
fn a_signature_by_an_unknown_key_is_refused_and_the_tried_keys_are_named() {
    let xml = named("signed.json", "rsa-sha256");
    for other in ["other", "clone", "p256"] {
        let key = certificate(other);
        let Err(SignatureError::NoKeyFits { tried, count, .. }) =
            check(&xml, std::slice::from_ref(&key), STRICT)
        else {
            panic!("{other} was accepted")
        };
        assert_eq!(
            (tried, count),
            (vec![format!("{} {}", key.public_key().key_type(), key.fingerprint())], 1)
        );
    }
    assert_eq!(certificate("clone").subject(), certificate("rsa").subject());
}

/// C-29: the dates of a certificate decide nothing; metadata vouches for the key.
#[test]
fn an_expired_certificate_still_verifies_and_shows_its_dates() {
    let expired = certificate("expired");
    assert!(expired.not_after() < certificate("rsa").not_after());
    assert!(check(&named("signed.json", "rsa-sha256"), &[expired], STRICT).unwrap().is_some());
}

/// C-71: during a rollover, and across key types.
#[test]
fn any_of_several_keys_may_have_signed() {
    let keys = ["p256", "other", "rsa", "p384"].map(certificate);
    assert_eq!(check(&named("signed.json", "rsa-sha256"), &keys, STRICT).unwrap().unwrap().key, 2);
    assert_eq!(check(&named("signed.json", "p384-ecdsa-sha384"), &keys, STRICT).unwrap().unwrap().key, 3);
}

/// C-30
#[test]
fn without_a_certificate_nothing_is_accepted() {
    assert_eq!(check(&named("signed.json", "rsa-sha256"), &[], STRICT), Err(SignatureError::NoKeys));
}

/// C-28: removed, emptied, or over something that was changed.
#[test]
fn without_an_intact_signature_nothing_is_accepted() {
    let (keys, xml) = ([certificate("rsa")], named("signed.json", "rsa-sha256"));
    let (start, end) =
        (xml.find("<ds:Signature ").unwrap(), xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len());
    let without = [&xml[..start], &xml[end..]].concat();
    assert_eq!(check(&without, &keys, STRICT), Ok(None));
    let empty =
        [&xml[..start], "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>", &xml[end..]]
            .concat();
    assert!(matches!(check(&empty, &keys, STRICT), Err(SignatureError::Shape { element: "Signature", .. })));
    for (from, to) in [
        ("anna@", "root@"),
        ("Version=\"2.0\"", "Version=\"2.1\""),
        ("&#xD;", "&#xA;"),
        ("xs:string", "xs:token"),
    ] {
        let found = check(&xml.replace(from, to), &keys, STRICT);
        assert!(matches!(found, Err(SignatureError::Digest { .. })), "{from}: {found:?}");
    }
}

/// C-19, CVE-2025-54419 of its kind: the signature over `SignedInfo` decides before the digest, so a digest
/// that was made to fit helps nobody.
#[test]
fn a_changed_digest_breaks_the_signature() {
    let xml = named("signed.json", "rsa-sha256");
    let digest = xml.split("<ds:DigestValue>").nth(1).unwrap().split('<').next().unwrap();
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert!(matches!(
        check(&xml.replace(digest, empty), &[certificate("rsa")], STRICT),
        Err(SignatureError::NoKeyFits { .. })
    ));
}

/// C-32: a certificate with a weak key cannot even be configured.
#[test]
fn a_short_rsa_key_is_no_certificate() {
    let found = Certificate::from_pem(&fixture("keys/rsa1024.crt.pem"));
    assert!(matches!(found, Err(CertificateError::WeakKey { bits: 1024, .. })), "{found:?}");
}

/// C-20, C-36: a comment that was put in afterwards changes neither digest nor meaning for the signature; the
/// reader of the text refuses it in the message, and the canonical bytes do not have it.
#[test]
fn a_comment_never_splits_what_was_signed() {
    let xml = named("signed.json", "rsa-sha256").replace("anna@example.com", "anna@exam<!-- x -->ple.com");
    let document = Document::parse(xml.as_bytes()).unwrap();
    let name_id = document.root().descendants().find(|node| node.tag_name().name() == "NameID").unwrap();
    assert!(text(name_id).is_err());
    let signed = check(&xml, &[certificate("rsa")], STRICT).unwrap().unwrap();
    assert!(String::from_utf8(signed.canonical.into_bytes()).unwrap().contains(">anna@example.com<"));
}
