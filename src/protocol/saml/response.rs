//! A SAML response, verified ([SAML Profiles section
//! 4.1.4](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! Structure first, then status, then signatures; claims are read from the bytes that a signature covers and
//! from nothing else (C-13). All checks after that are made although one has failed, so that whoever repairs
//! a connection sees all that is wrong at once.

use super::super::Verified;
use super::assertion::{self, Assertion};
use super::conditions::required_instant;
use super::error::SamlError;
use super::expected::{Expected, MAX_SKEW, ResponseTo};
use super::signature_wrapping::{self, Content};
use super::signed_bytes::{self, Envelope};
use super::status;
use super::subject::check_in_response_to;
use super::verification_report::{Checks, Judge, shown};
use super::xml::{self, Document, Node, ns};
use crate::model::time::Timestamp;

/// Verifies `xml`, a response as it came by POST after base64. `checks` receives the story of the
/// verification, whatever its end. Whoever accepts the assertion leaves a replay mark under its
/// [`id`](Assertion::id) until [`acceptable_until`](Assertion::acceptable_until).
pub fn verify(
    xml: &[u8],
    expected: &Expected<'_>,
    now: Timestamp,
    checks: &mut Checks,
) -> Result<Verified<Assertion>, SamlError> {
    let document = Document::parse(xml).map_err(SamlError::from);
    let document = checks.step("XML", "a strict document", &format!("{} bytes", xml.len()), document)?;
    let root = document.root();
    let contents = checks.step(
        "Structure",
        "samlp:Response",
        &signature_wrapping::qualified(root),
        signature_wrapping::response(root),
    )?;
    status::check(root, checks)?;
    let one = contents.first().copied().ok_or(SamlError::AssertionCount { found: 0 });
    let content = checks.step("Assertion", "one", &contents.len().to_string(), one)?;
    let keys = if expected.keys.is_empty() { Err(SamlError::NoKeys) } else { Ok(()) };
    checks.step("Signing certificates", "at least one", &expected.keys.len().to_string(), keys)?;
    let signed = signed_bytes::signature(root, "Response", expected, now, checks)?;
    let copy = signed.as_ref().map(Document::parse_canonical).transpose()?;
    let envelope = Envelope { node: copy.as_ref().map_or(root, Document::root), signed: signed.is_some() };
    match content {
        Content::Plain(node) => {
            let inner = signed_bytes::signature(node, "Assertion", expected, now, checks)?;
            let inner = inner.as_ref().map(Document::parse_canonical).transpose()?;
            let proven = match &inner {
                Some(inner) => inner.root(),
                None if envelope.signed => xml::required_child(envelope.node, ns::SAML, "Assertion")?,
                None => {
                    return checks.step("Signature", "Response or Assertion", "", Err(SamlError::Unsigned));
                }
            };
            judge(envelope, proven, expected, now, checks)
        }
        Content::Encrypted => {
            let plaintext = signed_bytes::decrypt(envelope, expected, checks)?;
            let proven = signed_bytes::inside(&plaintext, envelope, expected, now, checks)?;
            judge(envelope, proven.document()?.root(), expected, now, checks)
        }
    }
    .map(Verified::new)
}

/// All checks after the proof of origin, of an assertion whose bytes are proven.
pub(super) fn judge(
    envelope: Envelope<'_, '_>,
    assertion: Node<'_, '_>,
    expected: &Expected<'_>,
    now: Timestamp,
    checks: &mut Checks,
) -> Result<Assertion, SamlError> {
    let mut judge = Judge::new(checks, now, expected.rules.skew.min(MAX_SKEW));
    let read = check_envelope(envelope, expected, &mut judge)
        .and_then(|()| assertion::check(assertion, expected, &mut judge));
    let read = match read {
        Ok(read) => read,
        Err(error) => judge.decide("Assertion", "as the SAML schema says", "", Err(error)),
    };
    judge.verdict()?;
    read.ok_or(SamlError::Missing { element: "Assertion" })
}

/// The checks of the response itself, where it has no assertion to check.
pub(super) fn judge_envelope(
    envelope: Envelope<'_, '_>,
    expected: &Expected<'_>,
    now: Timestamp,
    checks: &mut Checks,
) {
    let mut judge = Judge::new(checks, now, expected.rules.skew.min(MAX_SKEW));
    if let Err(error) = check_envelope(envelope, expected, &mut judge) {
        judge.decide::<()>("Response", "as the SAML schema says", "", Err(error));
    }
}

/// The attributes of the response itself, signed or not: an unsigned one proves nothing, but one that
/// contradicts itself is refused.
fn check_envelope(
    envelope: Envelope<'_, '_>,
    expected: &Expected<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), SamlError> {
    let node = envelope.node;
    assertion::check_version(node, "Response/@Version", judge);
    assertion::check_id(node, "Response/@ID", judge);
    assertion::check_issuer(node, "Response/Issuer", expected.idp, judge)?;
    check_destination(envelope, expected.acs, judge);
    match (expected.request, xml::attribute(node, "InResponseTo")) {
        (ResponseTo::Request { id, .. }, None) => {
            judge.same("Response/@InResponseTo", id, None, || SamlError::Unsolicited);
        }
        _ => check_in_response_to(node, &expected.request, "Response/@InResponseTo", judge),
    }
    let issued = required_instant(node, "IssueInstant", "Response/@IssueInstant")?;
    assertion::check_issued(issued, "Response/@IssueInstant", expected, judge);
    Ok(())
}

/// Ours to the byte; a signed response must have one, or it could be sent on from another service provider
/// ([SAML Bindings section 3.5.5.2](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf),
/// C-51).
fn check_destination(envelope: Envelope<'_, '_>, acs: &str, judge: &mut Judge<'_>) {
    let found = xml::attribute(envelope.node, "Destination");
    if found.is_none() && !envelope.signed {
        return judge.checks.note("Destination", "none: the response is not signed, the Recipient counts");
    }
    judge.same("Destination", acs, found, || SamlError::Destination {
        expected: acs.to_owned(),
        found: found.map(shown),
    });
}

#[cfg(test)]
mod tests;
