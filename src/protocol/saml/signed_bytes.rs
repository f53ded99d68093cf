//! Which bytes of a response are signed: those of the assertion's own signature, of the response around it,
//! or of both; in the clear or encrypted.

use zeroize::Zeroizing;

use super::c14n::Canonical;
use super::certificate::Certificate;
use super::duration::words;
use super::encryption::{self, Rules};
use super::error::SamlError;
use super::expected::Expected;
use super::signature::{self, SignaturePolicy};
use super::signature_wrapping;
use super::verification_report::{Checks, shown};
use super::xml::{self, Document, Node, XmlError, ns};
use crate::model::time::Timestamp;

/// How many certificates an error describes.
const DESCRIBED: usize = 4;

/// The response around the assertion: the signed copy of it where it is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a, 'i> {
    pub node: Node<'a, 'i>,
    pub signed: bool,
}

/// Verifies the signature of `node` and gives the bytes that it covers; `None` when it has none. A signature
/// that is there must verify.
pub(super) fn signature(
    node: Node<'_, '_>,
    element: &'static str,
    expected: &Expected<'_>,
    now: Timestamp,
    checks: &mut Checks,
) -> Result<Option<Canonical>, SamlError> {
    let name = if element == "Response" { "Response signature" } else { "Assertion signature" };
    let known = || describe(expected.keys);
    match signature::verify(node, expected.keys, SignaturePolicy { sha1: expected.rules.sha1 }) {
        Ok(None) => {
            checks.note(name, "none");
            Ok(None)
        }
        Ok(Some(signed)) => {
            let key = expected.keys.get(signed.key);
            let fingerprint = key.map(Certificate::fingerprint).unwrap_or_default();
            checks.passed(
                name,
                "by a certificate of the IdP",
                &format!("{} by {fingerprint}", signed.algorithm),
            );
            note_dates(key, now, checks);
            Ok(Some(signed.canonical))
        }
        Err(error) => {
            let used = claimed(node);
            let error =
                SamlError::Signature { element, error: Box::new(error), used: used.clone(), known: known() };
            checks.step(name, &known(), &used, Err(error))
        }
    }
}

/// Metadata vouches for keys, so that a certificate's dates decide nothing (C-29): an expired one locks no
/// company out, but is told.
fn note_dates(key: Option<&Certificate>, now: Timestamp, checks: &mut Checks) {
    let Some(key) = key else { return };
    if key.not_after() < now {
        checks.note("Signing certificate", &format!("expired {} ago", words(now.since(key.not_after()))));
    } else if key.not_before() > now {
        checks.note("Signing certificate", &format!("valid only in {}", words(key.not_before().since(now))));
    }
}

/// Decrypts the assertion of the response `envelope`. CBC needs a verified signature over the ciphertext or
/// the provider's permission (C-44).
pub(super) fn decrypt(
    envelope: Envelope<'_, '_>,
    expected: &Expected<'_>,
    checks: &mut Checks,
) -> Result<Zeroizing<Vec<u8>>, SamlError> {
    let encrypted = xml::required_child(envelope.node, ns::SAML, "EncryptedAssertion")?;
    let rules =
        Rules { rsa_1_5: expected.rules.rsa_1_5, cbc: envelope.signed || expected.rules.unauthenticated_cbc };
    let plaintext = encryption::decrypt(encrypted, expected.decryption, rules).map_err(SamlError::Decryption);
    checks.step("Decryption", "AES-GCM or signed AES-CBC, RSA-OAEP", &algorithms(encrypted), plaintext)
}

/// Bytes that the identity provider vouches for.
#[derive(Debug)]
pub(super) enum Proven<'a> {
    /// What its signature covers.
    Signed(Zeroizing<Canonical>),
    /// All of a message, which something around it vouches for.
    Whole(&'a [u8]),
}

impl Proven<'_> {
    /// What they say.
    pub(super) fn document(&self) -> Result<Document<'_>, XmlError> {
        match self {
            Self::Signed(canonical) => Document::parse_canonical(canonical),
            Self::Whole(bytes) => Document::parse(bytes),
        }
    }
}

/// The proven bytes of a decrypted assertion: those that its own signature covers; without one, all of them
/// if the response around the ciphertext is signed (C-40, C-42).
pub(super) fn inside<'a>(
    plaintext: &'a [u8],
    envelope: Envelope<'_, '_>,
    expected: &Expected<'_>,
    now: Timestamp,
    checks: &mut Checks,
) -> Result<Proven<'a>, SamlError> {
    let proven = inside_bytes(plaintext, envelope, expected, now, checks);
    let oracle = !envelope.signed && is_cbc(envelope.node);
    proven.map_err(|error| if oracle { SamlError::Oracle(Box::new(error)) } else { error })
}

fn inside_bytes<'a>(
    plaintext: &'a [u8],
    envelope: Envelope<'_, '_>,
    expected: &Expected<'_>,
    now: Timestamp,
    checks: &mut Checks,
) -> Result<Proven<'a>, SamlError> {
    let document =
        Document::parse(plaintext).map_err(|error| SamlError::Plaintext { reason: error.to_string() })?;
    checks.step(
        "Decrypted structure",
        "saml:Assertion",
        &signature_wrapping::qualified(document.root()),
        signature_wrapping::assertion(document.root()),
    )?;
    let id = xml::attribute(document.root(), "ID");
    if id.is_some() && envelope.node.descendants().any(|node| xml::attribute(node, "ID") == id) {
        return Err(SamlError::Plaintext { reason: "its ID is that of an element around it (C-11)".into() });
    }
    match signature(document.root(), "Assertion", expected, now, checks)? {
        Some(canonical) => Ok(Proven::Signed(Zeroizing::new(canonical))),
        None if envelope.signed => Ok(Proven::Whole(plaintext)),
        None => checks.step("Signature", "Response or Assertion", "", Err(SamlError::Unsigned)),
    }
}

/// Whether anything in the ciphertext's declaration says CBC; the exact names are for [`encryption`] to
/// judge.
fn is_cbc(envelope: Node<'_, '_>) -> bool {
    envelope.descendants().any(|node| {
        xml::is(node, ns::XENC, "EncryptionMethod")
            && xml::attribute(node, "Algorithm").is_some_and(|algorithm| algorithm.contains("cbc"))
    })
}

fn algorithms(encrypted: Node<'_, '_>) -> String {
    let methods = encrypted.descendants().filter(|node| xml::is(*node, ns::XENC, "EncryptionMethod"));
    let names: Vec<&str> = methods.filter_map(|node| xml::attribute(node, "Algorithm")).take(4).collect();
    shown(&names.join(", "))
}

/// The certificate that a signature names for itself: shown to people, never used.
fn claimed(signed: Node<'_, '_>) -> String {
    let named = xml::children(signed, ns::DS, "Signature")
        .flat_map(|signature| signature.descendants())
        .find(|node| xml::is(*node, ns::DS, "X509Certificate"))
        .and_then(|node| xml::text_str(node).ok());
    match named.map(Certificate::from_base64) {
        None => "a certificate that it does not name".into(),
        Some(Err(_)) => "an unreadable certificate".into(),
        Some(Ok(certificate)) => describe(std::slice::from_ref(&certificate)),
    }
}

/// Fingerprints, names and dates.
pub(super) fn describe(certificates: &[Certificate]) -> String {
    let describe = |certificate: &Certificate| {
        format!(
            "{} ({}, valid {} to {})",
            certificate.fingerprint(),
            shown(certificate.subject()),
            certificate.not_before().utc(),
            certificate.not_after().utc()
        )
    };
    let all: Vec<String> = certificates.iter().take(DESCRIBED).map(describe).collect();
    all.join("; ")
}
