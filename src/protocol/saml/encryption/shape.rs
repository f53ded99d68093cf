//! The allowed shapes of encrypted XML: one `EncryptedData`, one `EncryptedKey` in its `KeyInfo` or beside
//! it, values in place.

use super::cipher::Content;
use super::{EncryptionError, Rules};
use crate::model::encoding::base64_decode;
use crate::protocol::saml::algorithm::Hash;
use crate::protocol::saml::xml::{
    Node, attribute, children, clip, elements, is, name, ns, only_child, required_child, text_str,
};

const RSA_1_5: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const MGF1: &str = "http://www.w3.org/2009/xmlenc11#mgf1";
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
const ENCRYPTED_KEY: &str = "http://www.w3.org/2001/04/xmlenc#EncryptedKey";

/// Children of an `EncryptedKey`.
const KEY_PARTS: [(&str, &str); 6] = [
    (ns::XENC, "EncryptionMethod"),
    (ns::DS, "KeyInfo"),
    (ns::XENC, "CipherData"),
    (ns::XENC, "EncryptionProperties"),
    (ns::XENC, "ReferenceList"),
    (ns::XENC, "CarriedKeyName"),
];

/// How the content key came.
pub(super) struct KeyTransport {
    /// The digest of OAEP and of its mask; `None` is PKCS#1 1.5.
    pub oaep: Option<Hash>,
    pub cipher: Vec<u8>,
}

pub(super) struct Shape {
    /// Local name of what the plaintext must be.
    pub inside: &'static str,
    pub content: Content,
    pub cipher: Vec<u8>,
    pub transport: KeyTransport,
}

pub(super) fn read(encrypted: Node<'_, '_>, rules: Rules) -> Result<Shape, EncryptionError> {
    let inside = match encrypted.tag_name().name() {
        "EncryptedAssertion" if is(encrypted, ns::SAML, "EncryptedAssertion") => "Assertion",
        "EncryptedID" if is(encrypted, ns::SAML, "EncryptedID") => "NameID",
        _ => return Err(shape("Encrypted", "EncryptedAssertion or EncryptedID", &name(encrypted))),
    };
    if let Some(other) = elements(encrypted)
        .find(|child| !is(*child, ns::XENC, "EncryptedData") && !is(*child, ns::XENC, "EncryptedKey"))
    {
        return Err(shape("Encrypted", "EncryptedData and EncryptedKey only", &name(other)));
    }
    let data = required_child(encrypted, ns::XENC, "EncryptedData")?;
    if let Some(other) = attribute(data, "Type").filter(|value| *value != ELEMENT) {
        return Err(shape("EncryptedData", "Type Element", other));
    }
    in_sequence(
        data,
        &[
            (ns::XENC, "EncryptionMethod"),
            (ns::DS, "KeyInfo"),
            (ns::XENC, "CipherData"),
            (ns::XENC, "EncryptionProperties"),
        ],
    )?;
    let content = content_cipher(required_child(data, ns::XENC, "EncryptionMethod")?, rules)?;
    let key = encrypted_key(encrypted, data)?;
    in_sequence(key, &KEY_PARTS)?;
    let transport = KeyTransport {
        oaep: transport_algorithm(required_child(key, ns::XENC, "EncryptionMethod")?, rules)?,
        cipher: cipher_value(key, "EncryptedKey")?,
    };
    let cipher = cipher_value(data, "EncryptedData")?;
    if !content.may_have(cipher.len()) {
        return Err(shape(
            "CipherValue",
            "the length that its cipher makes",
            &format!("{} bytes", cipher.len()),
        ));
    }
    Ok(Shape { inside, content, cipher, transport })
}

fn content_cipher(method: Node<'_, '_>, rules: Rules) -> Result<Content, EncryptionError> {
    in_sequence(method, &[(ns::XENC, "KeySize")])?;
    let uri = attribute(method, "Algorithm").unwrap_or_default();
    let content = Content::from_uri(uri).ok_or_else(|| EncryptionError::Algorithm(clip(uri).into_owned()))?;
    if content.is_authenticated() || rules.cbc {
        Ok(content)
    } else {
        Err(EncryptionError::Cbc(content.uri()))
    }
}

/// The one `EncryptedKey`: in the `KeyInfo` of `data`, or beside `data` and named by a `RetrievalMethod` or
/// by nothing.
fn encrypted_key<'a, 'i>(
    encrypted: Node<'a, 'i>,
    data: Node<'a, 'i>,
) -> Result<Node<'a, 'i>, EncryptionError> {
    let info = only_child(data, ns::DS, "KeyInfo")?;
    let inside = info.into_iter().flat_map(|info| children(info, ns::XENC, "EncryptedKey"));
    let mut all = inside.chain(children(encrypted, ns::XENC, "EncryptedKey"));
    let key = all.next().ok_or_else(|| shape("EncryptedData", "one EncryptedKey", "none"))?;
    let anywhere = encrypted.descendants().filter(|node| is(*node, ns::XENC, "EncryptedKey")).count();
    if all.next().is_some() || anywhere > 1 {
        return Err(shape("EncryptedData", "one EncryptedKey", "several"));
    }
    let retrieval = info.map(|info| only_child(info, ns::DS, "RetrievalMethod")).transpose()?.flatten();
    if let Some(method) = retrieval {
        let uri = attribute(method, "URI").unwrap_or_default();
        let of_key = attribute(method, "Type").is_none_or(|kind| kind == ENCRYPTED_KEY)
            && elements(method).next().is_none();
        if !of_key || attribute(key, "Id").is_none() || uri.strip_prefix('#') != attribute(key, "Id") {
            return Err(shape("RetrievalMethod", "the EncryptedKey beside it", uri));
        }
    }
    Ok(key)
}

/// The digest of OAEP, `None` for the permitted PKCS#1 1.5.
fn transport_algorithm(method: Node<'_, '_>, rules: Rules) -> Result<Option<Hash>, EncryptionError> {
    in_sequence(
        method,
        &[(ns::XENC, "KeySize"), (ns::XENC, "OAEPparams"), (ns::DS, "DigestMethod"), (ns::XENC11, "MGF")],
    )?;
    let uri = attribute(method, "Algorithm").unwrap_or_default();
    match uri {
        RSA_1_5 if rules.rsa_1_5 => return Ok(None),
        RSA_1_5 => return Err(EncryptionError::Rsa15),
        OAEP_MGF1P | OAEP => {}
        other => return Err(EncryptionError::Algorithm(clip(other).into_owned())),
    }
    if let Some(label) = only_child(method, ns::XENC, "OAEPparams")?
        .filter(|label| text_str(*label).is_ok_and(|text| !text.trim().is_empty()))
    {
        return Err(shape("EncryptionMethod", "no OAEPparams", &name(label)));
    }
    let digest = match only_child(method, ns::DS, "DigestMethod")? {
        Some(digest) => attribute(digest, "Algorithm").unwrap_or_default(),
        None => Hash::Sha1.uri(),
    };
    let mask = match only_child(method, ns::XENC11, "MGF")? {
        Some(mask) if uri == OAEP => {
            attribute(mask, "Algorithm").unwrap_or_default().strip_prefix(MGF1).unwrap_or_default()
        }
        _ => "sha1",
    };
    match (Hash::from_uri(digest), mask) {
        (Some(hash @ Hash::Sha1), "sha1")
        | (Some(hash @ Hash::Sha256), "sha256")
        | (Some(hash @ Hash::Sha384), "sha384")
        | (Some(hash @ Hash::Sha512), "sha512") => Ok(Some(hash)),
        _ => Err(EncryptionError::Algorithm(format!(
            "RSA-OAEP with the digest {} and MGF1 of {}",
            clip(digest),
            clip(mask)
        ))),
    }
}

fn cipher_value(of: Node<'_, '_>, element: &'static str) -> Result<Vec<u8>, EncryptionError> {
    let data = required_child(of, ns::XENC, "CipherData")?;
    in_sequence(data, &[(ns::XENC, "CipherValue")])?;
    let value = required_child(data, ns::XENC, "CipherValue")?;
    let compact: String =
        text_str(value)?.chars().filter(|character| !matches!(character, ' ' | '\t' | '\r' | '\n')).collect();
    match base64_decode(&compact) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(shape(
            element,
            "a CipherValue of base64",
            if compact.is_empty() { "nothing" } else { "something else" },
        )),
    }
}

/// Children of `parent` are those of `sequence`, in its order, each at most once: what nobody reads, nobody
/// may hide there.
fn in_sequence(parent: Node<'_, '_>, sequence: &[(&str, &str)]) -> Result<(), EncryptionError> {
    let mut remaining = sequence;
    for child in elements(parent) {
        let place = remaining.iter().position(|(namespace, local)| is(child, namespace, local));
        let Some(place) = place else {
            return Err(shape(
                "EncryptedData",
                "the elements of XML encryption in their order",
                &name(child),
            ));
        };
        remaining = remaining.get(place + 1..).unwrap_or_default();
    }
    Ok(())
}

fn shape(element: &'static str, expected: &'static str, found: &str) -> EncryptionError {
    EncryptionError::Shape { element, expected, found: clip(found).into_owned() }
}
