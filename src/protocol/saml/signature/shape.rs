//! The one shape of a signature: one reference to the parent, the enveloped transform, exclusive
//! canonicalization.

use super::{SignatureError, id_of, is_pss, permitted};
use crate::model::encoding::base64_decode;
use crate::protocol::saml::algorithm::{Hash, SignatureAlgorithm, SignaturePolicy};
use crate::protocol::saml::c14n::EXCLUSIVE;
use crate::protocol::saml::xml::{Node, attribute, clip, elements, is, name, ns, text_str};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const MGF1: &str = "http://www.w3.org/2007/05/xmldsig-more#MGF1";
/// Prefixes of a `PrefixList`.
const MAX_PREFIXES: usize = 32;
/// Bytes of a `PrefixList`.
const MAX_PREFIX_LIST: usize = 1024;
/// Characters of a `SignatureValue`: RSA 8192 with room for line breaks.
const MAX_VALUE: usize = 4096;

/// What a signature of the right shape says.
pub(super) struct Shape<'a, 'i> {
    pub signed_info: Node<'a, 'i>,
    pub signed_info_prefixes: Vec<&'a str>,
    pub algorithm: SignatureAlgorithm,
    pub prefixes: Vec<&'a str>,
    pub hash: Hash,
    pub digest: Vec<u8>,
    pub value: Vec<u8>,
}

pub(super) fn read<'a, 'i>(
    parent: Node<'a, 'i>,
    signature: Node<'a, 'i>,
    policy: SignaturePolicy,
) -> Result<Shape<'a, 'i>, SignatureError> {
    let mut parts = Parts::of(signature, "Signature", "SignedInfo, SignatureValue and KeyInfo only")?;
    let signed_info = parts.next("SignedInfo")?;
    let value = parts.next("SignatureValue")?;
    parts.skip("KeyInfo");
    parts.end()?;

    let mut parts =
        Parts::of(signed_info, "SignedInfo", "CanonicalizationMethod, SignatureMethod and one Reference")?;
    let method = parts.next("CanonicalizationMethod")?;
    let algorithm = parts.next("SignatureMethod")?;
    let reference = parts.next("Reference")?;
    parts.end()?;

    let signed_info_prefixes = exclusive(method, "CanonicalizationMethod")?;
    let algorithm = permitted(signature_algorithm(algorithm)?, policy)?;
    refers_to(reference, parent)?;

    let mut parts = Parts::of(reference, "Reference", "Transforms, DigestMethod and DigestValue")?;
    let transforms = parts.next("Transforms")?;
    let hash = digest_method(parts.next("DigestMethod")?, policy)?;
    let digest = base64_of(parts.next("DigestValue")?, "DigestValue")?;
    parts.end()?;
    if digest.len() != hash.length() {
        return Err(shape(
            "DigestValue",
            "a digest as long as its algorithm makes it",
            &format!("{} bytes", digest.len()),
        ));
    }
    let prefixes = transforms_of(transforms)?;
    Ok(Shape {
        signed_info,
        signed_info_prefixes,
        algorithm,
        prefixes,
        hash,
        digest,
        value: base64_of(value, "SignatureValue")?,
    })
}

/// The child elements of a part of the signature, which must come in their order and with nothing between
/// them.
struct Parts<'a, 'i> {
    left: std::iter::Peekable<std::vec::IntoIter<Node<'a, 'i>>>,
    element: &'static str,
    expected: &'static str,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn of(node: Node<'a, 'i>, element: &'static str, expected: &'static str) -> Result<Self, SignatureError> {
        const MOST: usize = 8;
        if let Some(foreign) = node.children().find(|child| !child.is_element() && !is_space(*child)) {
            return Err(shape(element, expected, if foreign.is_comment() { "a comment" } else { "text" }));
        }
        let found: Vec<_> = elements(node).take(MOST).collect();
        Ok(Self { left: found.into_iter().peekable(), element, expected })
    }

    fn next(&mut self, local: &str) -> Result<Node<'a, 'i>, SignatureError> {
        match self.left.next() {
            Some(node) if is(node, ns::DS, local) => Ok(node),
            other => Err(self.unexpected(other)),
        }
    }

    fn skip(&mut self, local: &str) {
        self.left.next_if(|node| is(*node, ns::DS, local));
    }

    fn end(&mut self) -> Result<(), SignatureError> {
        match self.left.next() {
            None => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    fn unexpected(&self, found: Option<Node<'_, '_>>) -> SignatureError {
        shape(self.element, self.expected, &found.map_or_else(|| "nothing more".to_owned(), name))
    }
}

fn is_space(node: Node<'_, '_>) -> bool {
    node.is_text() && node.text().unwrap_or_default().bytes().all(|byte| byte.is_ascii_whitespace())
}

fn refers_to(reference: Node<'_, '_>, parent: Node<'_, '_>) -> Result<(), SignatureError> {
    let id = id_of(parent)?;
    match attribute(reference, "URI") {
        Some(uri) if uri.strip_prefix('#') == Some(id) => Ok(()),
        other => Err(SignatureError::OtherReference {
            expected: format!("#{}", clip(id)),
            found: other.map_or_else(|| "nothing".to_owned(), |uri| clip(uri).into_owned()),
        }),
    }
}

/// Exactly the enveloped transform, then exclusive canonicalization; the prefixes of the latter.
fn transforms_of<'a>(transforms: Node<'a, '_>) -> Result<Vec<&'a str>, SignatureError> {
    let mut parts =
        Parts::of(transforms, "Transforms", "enveloped-signature, then exclusive canonicalization")?;
    let enveloped = parts.next("Transform")?;
    let canonicalization = parts.next("Transform")?;
    parts.end()?;
    match attribute(enveloped, "Algorithm") {
        // xml-crypto repeats the prefix list here, where it means nothing.
        Some(ENVELOPED) if elements(enveloped).all(|child| is(child, ns::EC, "InclusiveNamespaces")) => {}
        other => return Err(shape("Transform", "enveloped-signature", other.unwrap_or_default())),
    }
    exclusive(canonicalization, "Transform")
}

/// `node` names exclusive canonicalization; its prefix list.
fn exclusive<'a>(node: Node<'a, '_>, element: &'static str) -> Result<Vec<&'a str>, SignatureError> {
    let algorithm = attribute(node, "Algorithm").unwrap_or_default();
    if algorithm != EXCLUSIVE {
        return Err(shape(element, EXCLUSIVE, algorithm));
    }
    let mut content = elements(node);
    let Some(list) = content.next() else { return Ok(Vec::new()) };
    if content.next().is_some() || !is(list, ns::EC, "InclusiveNamespaces") {
        return Err(shape(element, "at most one InclusiveNamespaces", &name(list)));
    }
    let list = attribute(list, "PrefixList").unwrap_or_default();
    let prefixes: Vec<_> = list.split_ascii_whitespace().take(MAX_PREFIXES + 1).collect();
    if list.len() > MAX_PREFIX_LIST || prefixes.len() > MAX_PREFIXES {
        return Err(shape("InclusiveNamespaces", "at most 32 prefixes", list));
    }
    Ok(prefixes)
}

fn signature_algorithm(method: Node<'_, '_>) -> Result<SignatureAlgorithm, SignatureError> {
    let uri = attribute(method, "Algorithm").unwrap_or_default();
    if is_pss(uri) {
        return Ok(SignatureAlgorithm::RsaPss(pss_hash(method)?));
    }
    let algorithm =
        SignatureAlgorithm::from_uri(uri).ok_or_else(|| SignatureError::Algorithm(clip(uri).into_owned()))?;
    match elements(method).next() {
        None => Ok(algorithm),
        Some(parameter) => Err(shape("SignatureMethod", "no parameters", &name(parameter))),
    }
}

fn digest_method(method: Node<'_, '_>, policy: SignaturePolicy) -> Result<Hash, SignatureError> {
    let uri = attribute(method, "Algorithm").unwrap_or_default();
    let hash = Hash::from_uri(uri).ok_or_else(|| SignatureError::Algorithm(clip(uri).into_owned()))?;
    if let Some(parameter) = elements(method).next() {
        return Err(shape("DigestMethod", "no parameters", &name(parameter)));
    }
    if hash.allowed(policy) { Ok(hash) } else { Err(SignatureError::Sha1(hash.uri())) }
}

/// The digest of `rsa-pss` ([RFC 9231 section 2.3.9](https://www.rfc-editor.org/rfc/rfc9231#section-2.3.9)):
/// SHA-2, the same for MGF1, a salt of its length, trailer 1. Absent parameters mean SHA-256.
fn pss_hash(method: Node<'_, '_>) -> Result<Hash, SignatureError> {
    let wrong = |found: &str| {
        shape("RSAPSSParams", "SHA-2, MGF1 with the same digest, a salt as long, trailer 1", found)
    };
    let mut content = elements(method);
    let Some(parameters) = content.next() else { return Ok(Hash::Sha256) };
    if content.next().is_some() || !is(parameters, ns::DSIG_MORE, "RSAPSSParams") {
        return Err(wrong(&name(parameters)));
    }
    let sha2 = |node: Node<'_, '_>| {
        Hash::from_uri(attribute(node, "Algorithm").unwrap_or_default()).filter(|hash| *hash != Hash::Sha1)
    };
    let number = |node: Node<'_, '_>| text_str(node).ok().and_then(|text| text.trim().parse::<usize>().ok());
    let mut hash = Hash::Sha256;
    for (place, parameter) in elements(parameters).enumerate() {
        let more = |local| is(parameter, ns::DSIG_MORE, local);
        if place == 0 && is(parameter, ns::DS, "DigestMethod") {
            hash = sha2(parameter)
                .ok_or_else(|| wrong(attribute(parameter, "Algorithm").unwrap_or_default()))?;
        } else if more("MaskGenerationFunction") && attribute(parameter, "Algorithm") == Some(MGF1) {
            let digests = elements(parameter)
                .map(|digest| is(digest, ns::DS, "DigestMethod").then(|| sha2(digest)).flatten());
            if !digests.eq([Some(hash)]) {
                return Err(wrong("another mask generation function"));
            }
        } else if !(more("SaltLength") && number(parameter) == Some(hash.length())
            || more("TrailerField") && number(parameter) == Some(1))
        {
            return Err(wrong(&name(parameter)));
        }
    }
    Ok(hash)
}

fn base64_of(node: Node<'_, '_>, element: &'static str) -> Result<Vec<u8>, SignatureError> {
    let text = text_str(node)?;
    if text.len() > MAX_VALUE {
        return Err(shape(element, "at most 4096 characters", &format!("{} characters", text.len())));
    }
    let compact: String = text.split_ascii_whitespace().collect();
    match base64_decode(&compact) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(shape(element, "base64", text)),
    }
}

fn shape(element: &'static str, expected: &'static str, found: &str) -> SignatureError {
    let found = if found.is_empty() { "nothing".to_owned() } else { clip(found).into_owned() };
    SignatureError::Shape { element, expected, found }
}
