//! A response explained offline: every check that can be made, although one has failed, and what to change.
//!
//! Nothing here signs anybody in: an [`Explanation`] is for reading.

mod pasted;
mod words;

use serde::Serialize;

pub use pasted::{PastedError, PastedMessage, find};

use super::assertion::Assertion;
use super::certificate::Certificate;
use super::datetime;
use super::encryption::DecryptionKey;
use super::error::SamlError;
use super::expected::{Expected, ResponseRules, ResponseTo};
use super::response;
use super::signature_wrapping::{self, Content, trimmed};
use super::signed_bytes::{self, Envelope};
use super::verification_report::{Checks, shown};
use super::xml::{self, Document, Node, ns};
use crate::model::fault::{Fault, Refusal};
use crate::model::time::Timestamp;

/// What is known of the provider. What is not known is taken from the response itself, and a note says that
/// it was not compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProviderFacts<'a> {
    /// The IdP's entity id.
    pub idp: Option<&'a str>,
    /// Our entity id towards it.
    pub audience: Option<&'a str>,
    /// Our assertion consumer service towards it.
    pub acs: Option<&'a str>,
    /// The IdP's signing certificates.
    pub keys: &'a [Certificate],
    /// Our private keys for decryption, where they are at hand.
    pub decryption: &'a [DecryptionKey],
    /// The provider's rules.
    pub rules: ResponseRules,
    /// The authentication contexts that the provider's requests ask for.
    pub authn_context: &'a [String],
    /// The ID of the request, where it is known.
    pub request: Option<&'a str>,
}

/// A verification told step by step.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// How the response was found in what was pasted, and what is odd about that.
    pub found: Vec<String>,
    /// The instant at which it was judged, and where that comes from.
    pub at: String,
    /// Whether everything that could be compared fits.
    pub accepted: bool,
    /// The code of the first failure: what a person's error page says.
    pub code: Option<&'static str>,
    /// Whose move it is after the first failure.
    pub who: Option<&'static str>,
    /// What is wrong first, for the log.
    pub error: Option<String>,
    /// What to change first.
    pub hint: Option<String>,
    /// All steps, those after the first failure included.
    pub checks: Checks,
    /// What it says of the person; after a failure of signature or decryption, nothing.
    pub person: Option<Person>,
}

/// Whom a verified response signs in.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// NameID.
    pub name_id: Option<String>,
    /// Its format.
    pub name_id_format: Option<String>,
    /// Names and values of attributes.
    pub attributes: Vec<(String, Vec<String>)>,
    /// When the assertion can no longer be accepted.
    pub acceptable_until: String,
}

/// Explains `pasted`: XML, base64, a form body, a page with the form, an address with the parameter, or a HAR
/// file. `at` is the time of the judgement; without it the response is judged at its own `IssueInstant`.
pub fn explain(
    pasted: &[u8],
    known: &ProviderFacts<'_>,
    at: Option<Timestamp>,
) -> Result<Explanation, PastedError> {
    let PastedMessage { xml, mut notes } = find(pasted)?;
    let itself = Itself::read(&xml);
    let now = at.or(itself.issued).unwrap_or(Timestamp::from_secs(0));
    let at =
        if at.is_some() { "as given" } else { "the response's own IssueInstant: clocks are not compared" };
    let at = format!("{} ({at})", now.utc());
    let keys = if known.keys.is_empty() { itself.keys.as_slice() } else { known.keys };
    let request = match known.request.or(itself.in_response_to.as_deref()) {
        Some(id) => ResponseTo::Request { id, sent: itself.issued.unwrap_or(now).min(now) },
        None => ResponseTo::Nothing { max_age: std::time::Duration::from_secs(24 * 3600) },
    };
    let expected = Expected {
        idp: known.idp.unwrap_or(&itself.issuer),
        audience: known.audience.unwrap_or(&itself.audience),
        acs: known.acs.unwrap_or(&itself.destination),
        request,
        keys,
        decryption: known.decryption,
        rules: known.rules,
        authn_context: known.authn_context,
        max_age: None,
    };
    notes.extend(not_compared(known, &itself));
    let mut checks = Checks::default();
    let outcome = response::verify(&xml, &expected, now, &mut checks);
    if let Err(error) = &outcome {
        go_on(&xml, &expected, now, error, &mut checks);
    }
    Ok(report(outcome.map(super::super::Verified::into_inner), checks, notes, at))
}

fn report(
    outcome: Result<Assertion, SamlError>,
    checks: Checks,
    found: Vec<String>,
    at: String,
) -> Explanation {
    let error = outcome.as_ref().err();
    Explanation {
        found,
        at,
        accepted: error.is_none(),
        code: error.map(Refusal::code),
        who: error.map(|error| who(error.fault())),
        error: error.map(ToString::to_string),
        hint: error.map(Refusal::hint),
        checks,
        person: outcome.ok().map(person),
    }
}

fn person(assertion: Assertion) -> Person {
    let (name_id, name_id_format) = match assertion.name_id {
        Some(name_id) => (Some(shown(&name_id.value)), name_id.format.as_deref().map(shown)),
        None => (None, None),
    };
    let attributes = assertion.attributes.into_iter();
    Person {
        name_id,
        name_id_format,
        attributes: attributes
            .map(|one| (shown(&one.name), one.values.iter().map(|value| shown(value)).collect()))
            .collect(),
        acceptable_until: assertion.acceptable_until.utc(),
    }
}

const fn who(fault: Fault) -> &'static str {
    match fault {
        Fault::Visitor => "the person who signs in",
        Fault::App => "the app's developer",
        Fault::Provider => "the IdP's administrator",
        Fault::Pool => "the pool's administrator, here",
        Fault::Us => "the operator of this broker",
    }
}

/// What a response says of itself, unproven: it stands in where nothing is known.
#[derive(Debug, Default)]
struct Itself {
    issued: Option<Timestamp>,
    issuer: String,
    audience: String,
    destination: String,
    in_response_to: Option<String>,
    keys: Vec<Certificate>,
}

impl Itself {
    fn read(xml: &[u8]) -> Self {
        let Ok(document) = Document::parse(xml) else { return Self::default() };
        let root = document.root();
        let first = |namespace, local| root.descendants().find(|node| xml::is(*node, namespace, local));
        let text = |node: Option<Node<'_, '_>>| {
            node.and_then(|node| xml::text_str(node).ok()).map(trimmed).unwrap_or_default().to_owned()
        };
        let recipient =
            || first(ns::SAML, "SubjectConfirmationData").and_then(|data| xml::attribute(data, "Recipient"));
        let certificates = root
            .descendants()
            .filter(|node| xml::is(*node, ns::DS, "Signature"))
            .flat_map(|signature| signature.descendants());
        let certificates = certificates
            .filter(|node| xml::is(*node, ns::DS, "X509Certificate"))
            .filter_map(|node| xml::text_str(node).ok());
        Self {
            issued: xml::attribute(root, "IssueInstant").and_then(datetime::parse),
            issuer: text(first(ns::SAML, "Issuer")),
            audience: text(first(ns::SAML, "Audience")),
            destination: xml::attribute(root, "Destination")
                .or_else(recipient)
                .unwrap_or_default()
                .to_owned(),
            in_response_to: xml::attribute(root, "InResponseTo").map(str::to_owned),
            keys: certificates.take(8).filter_map(|text| Certificate::from_base64(text).ok()).collect(),
        }
    }
}

fn not_compared(known: &ProviderFacts<'_>, itself: &Itself) -> Vec<String> {
    let mut notes = Vec::new();
    for (missing, name, own) in [
        (known.idp.is_none(), "issuer", itself.issuer.as_str()),
        (known.audience.is_none(), "audience", itself.audience.as_str()),
        (known.acs.is_none(), "ACS URL", itself.destination.as_str()),
    ] {
        if missing {
            notes.push(format!("not compared, because no provider was given: {name} {}", shown(own)));
        }
    }
    if known.keys.is_empty() {
        notes.push(
            "the signature was checked with the certificate in the response itself: that shows whether it is \
             intact, not who made it"
                .into(),
        );
    }
    if known.request.is_none() && itself.in_response_to.is_some() {
        notes.push("not compared: whether the request that it answers was ours".into());
    }
    notes
}

/// Makes the checks that [`response::verify`] did not reach, on what the message says although it is not
/// proven.
fn go_on(xml: &[u8], expected: &Expected<'_>, now: Timestamp, stopped: &SamlError, checks: &mut Checks) {
    if checks.list().iter().any(|check| check.name == "Response/@Version") {
        return;
    }
    let Ok(document) = Document::parse(xml) else { return };
    let Ok(contents) = signature_wrapping::response(document.root()) else { return };
    checks.note("From here on", "what the message says, although it is not proven");
    let envelope = Envelope { node: document.root(), signed: false };
    if matches!(stopped, SamlError::Status { .. }) {
        drop(signed_bytes::signature(document.root(), "Response", expected, now, checks));
    }
    match contents.first() {
        Some(Content::Plain(node)) => {
            if !checks.list().iter().any(|check| check.name == "Assertion signature") {
                drop(signed_bytes::signature(*node, "Assertion", expected, now, checks));
            }
            drop(response::judge(envelope, *node, expected, now, checks));
        }
        Some(Content::Encrypted) if !matches!(stopped, SamlError::Decryption(_)) => {
            // Offline there is nobody to learn from a refusal.
            let rules = ResponseRules { unauthenticated_cbc: true, ..expected.rules };
            let expected = Expected { rules, ..*expected };
            let plaintext = signed_bytes::decrypt(envelope, &expected, checks).ok();
            let inside = plaintext.as_deref().and_then(|bytes| Document::parse(bytes).ok());
            match inside {
                Some(inside) => drop(response::judge(envelope, inside.root(), &expected, now, checks)),
                None => response::judge_envelope(envelope, &expected, now, checks),
            }
        }
        _ => response::judge_envelope(envelope, expected, now, checks),
    }
}

#[cfg(test)]
mod tests;
