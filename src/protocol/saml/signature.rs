//! Enveloped [XML signatures](https://www.w3.org/TR/xmldsig-core1/) in the one shape that SAML allows
//! ([SAML core section 5.4](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)), and
//! signatures over plain bytes.
//!
//! The shape is checked before any cryptography, the signature over `SignedInfo` before the digest. `KeyInfo`
//! is never read.

mod shape;
mod sign;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use thiserror::Error;

pub use self::sign::{SignError, SpKey, sign};
pub use super::algorithm::SignaturePolicy;
use super::algorithm::{RSA_PSS, SignatureAlgorithm};
use super::c14n::{self, Canonical, TooLong};
use super::certificate::Certificate;
use super::xml::{Node, XmlError, attribute, clip, elements, is, name, ns};
use crate::model::encoding::base64;

/// Keys that an error names.
const NAMED_KEYS: usize = 8;

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The signature element is not what the schema says.
    #[error("signature: {0}")]
    Xml(#[from] XmlError),
    /// More than one signature on one element.
    #[error("{element} has {found} signatures, one is allowed")]
    Several {
        /// Local name of the signed element.
        element: String,
        /// How many.
        found: usize,
    },
    /// The signature stands somewhere else than first or right after `Issuer`.
    #[error("the signature of {element} stands after {after}, not right after Issuer")]
    Misplaced {
        /// Local name of the signed element.
        element: String,
        /// Local name of what stands before it.
        after: String,
    },
    /// The signature does not have the one allowed shape.
    #[error("{element}: expected {expected}, found {found}")]
    Shape {
        /// Local name of the element that is wrong.
        element: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The signature is not about the element that carries it.
    #[error("the signature refers to \"{found}\", not to its parent \"{expected}\"")]
    OtherReference {
        /// `#` and the ID of the parent.
        expected: String,
        /// What came.
        found: String,
    },
    /// An algorithm that is never allowed.
    #[error("the algorithm {0} is not allowed")]
    Algorithm(String),
    /// SHA-1 without the dated permission.
    #[error("{0} uses SHA-1, which this provider has no permission for")]
    Sha1(&'static str),
    /// Nothing to verify with.
    #[error("there is no certificate to verify the signature with")]
    NoKeys,
    /// No given key made the signature.
    #[error("the {algorithm} signature was made by none of the {count} known keys ({})", tried.join(", "))]
    NoKeyFits {
        /// URI of the algorithm.
        algorithm: &'static str,
        /// How many keys were tried.
        count: usize,
        /// Type and certificate fingerprint of the first of them.
        tried: Vec<String>,
    },
    /// The element was changed after it was signed.
    #[error(
        "{element} was changed after it was signed: its digest is {found}, the signature says {expected}"
    )]
    Digest {
        /// Local name of the signed element.
        element: String,
        /// The digest in the signature, base64.
        expected: String,
        /// The digest of the element, base64.
        found: String,
    },
    /// The canonical form is out of proportion.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// What a verified signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The bytes that were digested: the element without its signature. Whoever reads claims reads these,
    /// with [`Document::parse_canonical`](super::xml::Document::parse_canonical).
    pub canonical: Canonical,
    /// Which of the given keys made the signature.
    pub key: usize,
    /// URI of the signature algorithm.
    pub algorithm: &'static str,
}

/// Verifies the signature that is a direct child of `element`, in the position that the schema gives it.
/// `None` when `element` has no signature as a child. Only the keys given here are used.
pub fn verify(
    element: Node<'_, '_>,
    keys: &[Certificate],
    policy: SignaturePolicy,
) -> Result<Option<Signed>, SignatureError> {
    let Some(signature) = find(element)? else { return Ok(None) };
    let shape = shape::read(element, signature, policy)?;
    let signed_info = c14n::exclusive(shape.signed_info, None, &shape.signed_info_prefixes)?;
    let key = verified_by(shape.algorithm, &signed_info, &shape.value, keys)?;
    let canonical = c14n::exclusive(element, Some(signature), &shape.prefixes)?;
    let digest = shape.hash.digest(&canonical);
    if canonical.is_empty() || verify_slices_are_equal(digest.as_ref(), &shape.digest).is_err() {
        return Err(SignatureError::Digest {
            element: name(element),
            expected: base64(&shape.digest),
            found: base64(digest.as_ref()),
        });
    }
    Ok(Some(Signed { canonical, key, algorithm: shape.algorithm.uri() }))
}

/// Verifies `signature` over `bytes` as the Redirect binding makes it; the index of the key that made it.
pub fn verify_raw(
    algorithm_uri: &str,
    bytes: &[u8],
    signature: &[u8],
    keys: &[Certificate],
    policy: SignaturePolicy,
) -> Result<usize, SignatureError> {
    let algorithm = SignatureAlgorithm::from_uri(algorithm_uri);
    let algorithm = algorithm.ok_or_else(|| SignatureError::Algorithm(clip(algorithm_uri).into_owned()))?;
    permitted(algorithm, policy)?;
    verified_by(algorithm, bytes, signature, keys)
}

/// The `ds:Signature` of `element`: first, or second after `saml:Issuer`.
fn find<'a, 'i>(element: Node<'a, 'i>) -> Result<Option<Node<'a, 'i>>, SignatureError> {
    let found = elements(element).filter(|child| is(*child, ns::DS, "Signature")).count();
    let mut before: Option<Node<'_, '_>> = None;
    for (place, child) in elements(element).enumerate() {
        if !is(child, ns::DS, "Signature") {
            before = Some(child);
            continue;
        }
        if found > 1 {
            return Err(SignatureError::Several { element: name(element), found });
        }
        return match before {
            None => Ok(Some(child)),
            Some(issuer) if place == 1 && is(issuer, ns::SAML, "Issuer") => Ok(Some(child)),
            Some(other) => Err(SignatureError::Misplaced { element: name(element), after: name(other) }),
        };
    }
    Ok(None)
}

fn permitted(
    algorithm: SignatureAlgorithm,
    policy: SignaturePolicy,
) -> Result<SignatureAlgorithm, SignatureError> {
    if algorithm.allowed(policy) { Ok(algorithm) } else { Err(SignatureError::Sha1(algorithm.uri())) }
}

fn verified_by(
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
    keys: &[Certificate],
) -> Result<usize, SignatureError> {
    if keys.is_empty() {
        return Err(SignatureError::NoKeys);
    }
    let fitting = keys.iter().position(|key| key.public_key().verifies(algorithm, message, signature));
    fitting.ok_or_else(|| SignatureError::NoKeyFits {
        algorithm: algorithm.uri(),
        count: keys.len(),
        tried: keys
            .iter()
            .take(NAMED_KEYS)
            .map(|key| format!("{} {}", key.public_key().key_type(), key.fingerprint()))
            .collect(),
    })
}

/// The ID of the element that a signature is about.
fn id_of<'a>(element: Node<'a, '_>) -> Result<&'a str, SignatureError> {
    attribute(element, "ID").filter(|id| !id.is_empty()).ok_or_else(|| SignatureError::Shape {
        element: "Signature",
        expected: "a parent with an ID",
        found: format!("{} without ID", name(element)),
    })
}

/// Whether `uri` is [`RSA_PSS`], whose parameters decide.
fn is_pss(uri: &str) -> bool {
    uri == RSA_PSS
}
