//! Canonical bytes are those of libxml2, which is what xmlsec1 digests.

use serde_json::Value;
use symbolon::model::encoding::base64;
use symbolon::protocol::saml::algorithm::Hash;
use symbolon::protocol::saml::c14n::exclusive;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::signature::{SignaturePolicy, verify};
use symbolon::protocol::saml::xml::{Document, Node, XmlError, attribute, children, elements, is, ns, text};

use super::{certificate, corpus, fixture, json};

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// C-36: references and white space in text and attributes, `xml:` attributes, order of attributes and
/// namespaces, default namespaces set and unset.
#[test]
fn random_documents_full_of_namespaces_have_the_canonical_bytes_of_libxml2() {
    let vectors = json("c14n.json");
    for vector in &vectors {
        let xml = vector["xml"].as_str().unwrap();
        let document = Document::parse(xml.as_bytes()).unwrap();
        let steps = vector["apex"]
            .as_array()
            .unwrap()
            .iter()
            .map(|at| usize::try_from(at.as_u64().unwrap()).unwrap());
        let apex = steps.fold(document.root(), |node, at| elements(node).nth(at).unwrap());
        let canonical = exclusive(apex, None, &strings(&vector["prefixes"])).unwrap();
        assert_eq!(String::from_utf8(canonical.into_bytes()).unwrap(), vector["expected"], "{xml}");
    }
    assert_eq!(vectors.len(), 50);
}

/// C-36: what was canonical stays so, and says the same.
#[test]
fn canonical_bytes_are_their_own_canonical_form() {
    for vector in json("c14n.json") {
        let expected = vector["expected"].as_str().unwrap();
        // Prefixes of a list may be declared and not used: only the same list repeats them.
        if vector["prefixes"].as_array().unwrap().is_empty() {
            let document = Document::parse(expected.as_bytes()).unwrap();
            assert_eq!(
                String::from_utf8(exclusive(document.root(), None, &[]).unwrap().into_bytes()).unwrap(),
                expected
            );
        }
    }
}

/// C-35: every file of the xmlsec suites that is read at all.
#[test]
fn the_interoperability_suites_have_the_canonical_bytes_of_libxml2() {
    let Some(folder) = corpus("xmlsec") else { return };
    let expected: Value = serde_json::from_str(&fixture("c14n-corpus.json")).unwrap();
    let (mut compared, mut refused) = (0, Vec::new());
    for (file, digests) in expected.as_object().unwrap() {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let document = match Document::parse(&bytes) {
            Ok(document) => document,
            Err(error) => {
                refused.push((file.as_str(), error));
                continue;
            }
        };
        assert_eq!(sha256(document.root()), digests["root"], "{file}");
        let signed = all(document.root(), "SignedInfo");
        assert_eq!(
            signed.iter().map(|node| sha256(*node)).collect::<Vec<_>>(),
            strings(&digests["SignedInfo"]),
            "{file}"
        );
        compared += 1 + signed.len();
    }
    assert!(compared > 300, "{compared} compared");
    for (file, error) in refused {
        assert!(matches!(error, XmlError::Refused { .. } | XmlError::TooLarge { .. }), "{file}: {error}");
    }
}

/// C-35: merlin-exc-c14n-one publishes the digests of one element with and without a prefix list.
#[test]
fn merlins_exclusive_digests_come_out() {
    let Some(folder) = corpus("xmlsec") else { return };
    let bytes = std::fs::read(folder.join("merlin-exc-c14n-one/exc-signature.xml")).unwrap();
    let document = Document::parse(&bytes).unwrap();
    let target = all(document.root(), "Object")
        .into_iter()
        .find(|node| attribute(*node, "Id") == Some("to-be-signed"))
        .unwrap();
    let mut compared = 0;
    for reference in all(document.root(), "Reference") {
        let transform = all(reference, "Transform")[0];
        if attribute(transform, "Algorithm") != Some(ns::EC) {
            continue;
        }
        let list = children(transform, ns::EC, "InclusiveNamespaces")
            .next()
            .and_then(|list| attribute(list, "PrefixList"))
            .unwrap_or_default();
        let prefixes: Vec<&str> = list.split_ascii_whitespace().collect();
        let digest = Hash::Sha1.digest(&exclusive(target, None, &prefixes).unwrap());
        assert_eq!(base64(digest), text(all(reference, "DigestValue")[0]).unwrap(), "PrefixList {list}");
        compared += 1;
    }
    assert_eq!(compared, 2);
}

/// C-35: no signature of the suites has the shape of SAML, so none verifies, whatever key it carries.
#[test]
fn the_rest_of_the_suites_is_refused() {
    let Some(folder) = corpus("xmlsec") else { return };
    let expected: Value = serde_json::from_str(&fixture("c14n-corpus.json")).unwrap();
    let mut tried = 0;
    for file in expected.as_object().unwrap().keys() {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let Ok(document) = Document::parse(&bytes) else { continue };
        for signature in all(document.root(), "Signature") {
            let Some(parent) = signature.parent_element() else { continue };
            let carried = all(signature, "X509Certificate")
                .into_iter()
                .filter_map(|node| Certificate::from_base64(&text(node).ok()?).ok());
            let keys: Vec<Certificate> = carried.chain([certificate("rsa")]).collect();
            assert!(
                !matches!(verify(parent, &keys, SignaturePolicy { sha1: true }), Ok(Some(_))),
                "{file} was accepted"
            );
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried} tried");
}

fn sha256(node: Node<'_, '_>) -> String {
    let digest = Hash::Sha256.digest(&exclusive(node, None, &[]).unwrap());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// The elements of XML Signature of that name, in document order.
fn all<'a, 'i>(root: Node<'a, 'i>, local: &str) -> Vec<Node<'a, 'i>> {
    root.descendants().filter(|node| is(*node, ns::DS, local)).collect()
}
