//! Elements that xmlsec1 encrypted for us.

use symbolon::model::encoding::{base64, base64_decode};
use symbolon::protocol::saml::encryption::{DecryptionKey, EncryptionError, Rules, decrypt};
use symbolon::protocol::saml::signature::SignaturePolicy;
use symbolon::protocol::saml::xml::Document;

use super::signature::check;
use super::{certificate, json, named, private_key};

const STRICT: Rules = Rules { rsa_1_5: false, cbc: false };
const LOOSE: Rules = Rules { rsa_1_5: true, cbc: true };

fn keys(names: &[&str]) -> Vec<DecryptionKey> {
    names.iter().map(|name| DecryptionKey::from_pkcs8(&private_key(name)).unwrap()).collect()
}

fn open(xml: &str, keys: &[DecryptionKey], rules: Rules) -> Result<String, EncryptionError> {
    let document = Document::parse(xml.as_bytes()).unwrap();
    decrypt(document.root(), keys, rules).map(|plain| String::from_utf8(plain.to_vec()).unwrap())
}

/// C-42, C-43, C-44: what xmlsec1 encrypted is read where the rules allow it, and only as one standalone
/// assertion or name identifier.
#[test]
fn what_others_encrypted_is_decrypted_or_refused_by_rule() {
    for one in json("encrypted.json") {
        let (name, expect, xml) =
            (one["name"].as_str().unwrap(), one["expect"].as_str().unwrap(), one["xml"].as_str().unwrap());
        let keys = keys(&[one["key"].as_str().unwrap()]);
        let (strict, loose) = (open(xml, &keys, STRICT), open(xml, &keys, LOOSE));
        match expect {
            "accept" => assert_eq!(strict.as_deref(), Ok(one["plain"].as_str().unwrap()), "{name}"),
            "cbc" => {
                assert!(matches!(strict, Err(EncryptionError::Cbc(_))), "{name}");
                assert_eq!(loose.as_deref(), Ok(one["plain"].as_str().unwrap()), "{name}");
            }
            "rsa-1_5" | "rsa-1_5 cbc" => {
                assert!(matches!(strict, Err(EncryptionError::Rsa15 | EncryptionError::Cbc(_))), "{name}");
                assert_eq!(
                    open(xml, &keys, Rules { rsa_1_5: false, ..LOOSE }),
                    Err(EncryptionError::Rsa15),
                    "{name}"
                );
                assert_eq!(loose.as_deref(), Ok(one["plain"].as_str().unwrap()), "{name}");
            }
            words => assert!(loose.as_ref().unwrap_err().to_string().starts_with(words), "{name}: {loose:?}"),
        }
    }
}

/// C-42
#[test]
fn the_inner_signature_verifies_on_the_decrypted_bytes() {
    let plain = open(&named("encrypted.json", "aes256-gcm"), &keys(&["rsa"]), STRICT).unwrap();
    assert!(check(&plain, &[certificate("rsa")], SignaturePolicy::default()).unwrap().is_some());
}

/// C-46: during a rollover any active key decrypts, in any order; a key that is no longer active does not.
#[test]
fn any_active_key_decrypts() {
    let xml = named("encrypted.json", "other-key");
    for active in [&["other"][..], &["rsa", "other"], &["other", "rsa"]] {
        open(&xml, &keys(active), STRICT).unwrap();
    }
    assert_eq!(open(&xml, &keys(&["rsa"]), STRICT), Err(EncryptionError::Failed));
    assert_eq!(open(&xml, &[], STRICT), Err(EncryptionError::NoKeys));
    assert_eq!(DecryptionKey::from_pkcs8(&private_key("p256")).unwrap_err(), EncryptionError::Key);
    assert_eq!(DecryptionKey::from_pkcs8(&private_key("rsa1024")).unwrap_err(), EncryptionError::Key);
}

/// The base64 of the `nth` CipherValue, changed.
fn with_cipher(xml: &str, nth: usize, change: impl Fn(&mut Vec<u8>)) -> String {
    let (open, close) = ("<xenc:CipherValue>", "</xenc:CipherValue>");
    let start = xml.match_indices(open).nth(nth).unwrap().0 + open.len();
    let end = start + xml[start..].find(close).unwrap();
    let compact: String = xml[start..end].chars().filter(|character| !character.is_whitespace()).collect();
    let mut bytes = base64_decode(&compact).unwrap();
    change(&mut bytes);
    format!("{}{}{}", &xml[..start], base64(bytes), &xml[end..])
}

const KEY: usize = 0;
const DATA: usize = 1;

/// C-44: thousands of probes of paddings and tags see one error.
#[test]
fn probes_of_padding_see_one_error() {
    let keys = keys(&["rsa"]);
    let mut probes = 0;
    for name in ["aes256-gcm", "aes256-cbc", "rsa-1_5", "rsa-1_5-cbc"] {
        let xml = named("encrypted.json", name);
        for place in [KEY, DATA] {
            let every = if place == KEY { 32 } else { 8 };
            for at in (0..256).step_by(every) {
                for flip in [0x01, 0x80, 0xFF] {
                    let probe = with_cipher(&xml, place, |bytes| bytes[at] ^= flip);
                    assert_eq!(
                        open(&probe, &keys, LOOSE),
                        Err(EncryptionError::Failed),
                        "{name} {place} {at} {flip}"
                    );
                    probes += 1;
                }
            }
        }
    }
    assert!(probes > 400, "{probes}");
}

/// C-44: the last block of CBC, where the padding is: all values of its last byte.
#[test]
fn probes_of_the_last_block_see_one_error() {
    let (keys, xml) = (keys(&["rsa"]), named("encrypted.json", "aes128-cbc"));
    let plain = open(&xml, &keys, LOOSE).unwrap();
    for value in 1..=255 {
        let probe = with_cipher(&xml, DATA, |bytes| {
            let at = bytes.len() - 17;
            bytes[at] ^= value;
        });
        match open(&probe, &keys, LOOSE) {
            Err(error) => assert_eq!(error, EncryptionError::Failed),
            // White space around the document may be padding or not.
            Ok(other) => assert_eq!(other.trim(), plain.trim()),
        }
    }
}

/// C-45
#[test]
fn cut_and_empty_ciphertexts_are_refused() {
    let keys = keys(&["rsa"]);
    for name in ["aes128-gcm", "aes192-gcm", "aes256-gcm", "aes128-cbc", "aes192-cbc", "aes256-cbc"] {
        let xml = named("encrypted.json", name);
        for length in (0..64).chain([255, 256]) {
            open(&with_cipher(&xml, DATA, |bytes| bytes.truncate(length)), &keys, LOOSE).unwrap_err();
        }
        for length in [0, 1, 127, 255] {
            open(&with_cipher(&xml, KEY, |bytes| bytes.truncate(length)), &keys, LOOSE).unwrap_err();
        }
        open(&with_cipher(&xml, KEY, |bytes| bytes.push(0)), &keys, LOOSE).unwrap_err();
        open(&with_cipher(&xml, DATA, |bytes| bytes.truncate(bytes.len() - 1)), &keys, LOOSE).unwrap_err();
    }
}

fn part<'a>(xml: &'a str, start: &str, end: &str) -> &'a str {
    let from = xml.find(start).unwrap_or_else(|| panic!("no {start}"));
    &xml[from..xml[from..].find(end).unwrap() + from + end.len()]
}

/// C-45
#[test]
fn the_key_stands_once_and_in_its_place() {
    let (keys, xml) = (keys(&["rsa"]), named("encrypted.json", "aes256-gcm"));
    let key = part(&xml, "<xenc:EncryptedKey", "</xenc:EncryptedKey>");
    let namespaces =
        "xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    let standing = key.replacen("<xenc:EncryptedKey", &format!("<xenc:EncryptedKey {namespaces}"), 1);
    let beside = |info: &str, key: &str| {
        xml.replacen(part(&xml, "<xenc:EncryptedKey", "</xenc:EncryptedKey>"), info, 1)
            .replace("</saml:EncryptedAssertion>", &format!("{key}</saml:EncryptedAssertion>"))
    };
    let retrieval = |uri: &str| {
        format!("<ds:RetrievalMethod Type=\"http://www.w3.org/2001/04/xmlenc#EncryptedKey\" URI=\"{uri}\"/>")
    };
    for info in ["", &retrieval("#_k1")] {
        open(&beside(info, &standing), &keys, STRICT).unwrap();
    }
    for uri in ["#_k2", "", "#", "http://127.0.0.1/key", "file:///key", "_k1"] {
        assert!(
            matches!(
                open(&beside(&retrieval(uri), &standing), &keys, STRICT),
                Err(EncryptionError::Shape { .. })
            ),
            "{uri}"
        );
    }
    for broken in [
        beside("", ""),
        xml.replacen(key, &format!("{key}{}", key.replace("_k1", "_k2")), 1),
        beside(&key.replace("_k1", "_k2"), &standing),
        xml.replacen(key, &format!("<ds:X>{key}</ds:X>"), 1),
        xml.replace("xmlenc#Element", "xmlenc#Content"),
        xml.replace("</saml:EncryptedAssertion>", "<saml:Assertion/></saml:EncryptedAssertion>"),
        xml.replace("saml:EncryptedAssertion", "saml:EncryptedAttribute"),
        xml.replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:other"),
        xml.replacen(
            "<xenc:CipherData>",
            "<xenc:CipherReference URI=\"http://127.0.0.1\"/><xenc:CipherData>",
            2,
        )
        .replace("xenc:CipherValue", "xenc:Other"),
        xml.replacen(part(&xml, "<xenc:EncryptionMethod", "/>"), "", 1),
    ] {
        let found = open(&broken, &keys, LOOSE);
        assert!(
            matches!(found, Err(EncryptionError::Shape { .. } | EncryptionError::Xml(_))),
            "{found:?}: {broken}"
        );
    }
}

/// C-45: an encrypted name identifier is not an assertion, nor the other way round.
#[test]
fn the_plaintext_is_what_its_wrapper_says() {
    let (keys, xml) = (keys(&["rsa"]), named("encrypted.json", "name-id"));
    open(&xml, &keys, STRICT).unwrap();
    assert_eq!(
        open(&xml.replace("EncryptedID", "EncryptedAssertion"), &keys, STRICT),
        Err(EncryptionError::Failed)
    );
    let assertion = named("encrypted.json", "aes128-gcm").replace("EncryptedAssertion", "EncryptedID");
    assert_eq!(open(&assertion, &keys, STRICT), Err(EncryptionError::Failed));
}

/// C-44: combinations that are not supported are named, not guessed.
#[test]
fn other_algorithms_are_refused() {
    let (keys, xml) = (keys(&["rsa"]), named("encrypted.json", "aes256-gcm"));
    for (from, to) in [
        ("xmlenc11#aes256-gcm", "xmlenc11#aes512-gcm"),
        ("xmlenc11#aes256-gcm", ""),
        ("xmlenc#rsa-oaep-mgf1p", "xmlenc#rsa-oaep"),
        ("xmlenc#rsa-oaep-mgf1p", "xmlenc#kw-aes256"),
    ] {
        assert!(
            matches!(open(&xml.replacen(from, to, 1), &keys, LOOSE), Err(EncryptionError::Algorithm(_))),
            "{to}"
        );
    }
    let method = part(
        &xml,
        "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"",
        ">",
    );
    let with = |inside: &str| {
        let short = xml.replacen(
            method,
            &format!("{}{inside}</xenc:EncryptionMethod>", method.replace("/>", ">")),
            1,
        );
        open(&short, &keys, LOOSE)
    };
    let sha = |name: &str| format!("<ds:DigestMethod Algorithm=\"{name}\"/>");
    assert!(with(&sha("http://www.w3.org/2000/09/xmldsig#sha1")).is_ok());
    assert!(matches!(
        with(&sha("http://www.w3.org/2001/04/xmlenc#sha256")),
        Err(EncryptionError::Algorithm(_))
    ));
    assert!(matches!(with("<xenc:OAEPparams>AAAA</xenc:OAEPparams>"), Err(EncryptionError::Shape { .. })));
}
