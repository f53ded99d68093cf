//! `Subject` of an assertion: whom it is about, and why its bearer may use it here
//! ([SAML Profiles section
//! 4.1.4.2](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).

use super::conditions::{instant, required_instant};
use super::error::SamlError;
use super::expected::{Expected, ResponseTo};
use super::signature_wrapping::{qualified, trimmed};
use super::verification_report::{Judge, shown};
use super::xml::{self, Node, ns};
use crate::model::time::Timestamp;

/// The confirmation method of web sign-in.
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The format whose values are made for one service provider.
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
/// The attribute that ends a confirmation.
const CONFIRMATION_END: &str = "SubjectConfirmationData/@NotOnOrAfter";
/// Longest name identifier in bytes.
const MAX_NAME_ID: usize = 1024;

/// A name identifier ([SAML Core section
/// 2.2.2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    /// The name: 1 to 1024 bytes without control characters and without white space at its ends.
    pub value: String,
    /// `Format`, a URI.
    pub format: Option<String>,
    /// `NameQualifier`: usually the IdP.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`: the service provider or group of them that the name was made for.
    pub sp_name_qualifier: Option<String>,
    /// `SPProvidedID`.
    pub sp_provided_id: Option<String>,
}

/// What a checked subject says.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    pub name_id: Option<NameId>,
    /// The latest end of a bearer confirmation.
    pub until: Option<Timestamp>,
}

/// Checks the subject: its name is usable, and one of its confirmations makes us the place and now the time
/// to use it.
pub(super) fn check(
    assertion: Node<'_, '_>,
    expected: &Expected<'_>,
    judge: &mut Judge<'_>,
) -> Result<Subject, SamlError> {
    let Some(subject) = xml::only_child(assertion, ns::SAML, "Subject")? else {
        judge.decide::<()>("Subject", "present", "", Err(SamlError::Missing { element: "Subject" }));
        return Ok(Subject::default());
    };
    let name_id = check_name_id(subject, expected.audience, judge)?;
    let until = check_confirmations(subject, expected, judge)?;
    Ok(Subject { name_id, until })
}

fn check_name_id(
    subject: Node<'_, '_>,
    audience: &str,
    judge: &mut Judge<'_>,
) -> Result<Option<NameId>, SamlError> {
    let mut names = Vec::new();
    for element in
        xml::elements(subject).filter(|element| !xml::is(*element, ns::SAML, "SubjectConfirmation"))
    {
        let named = xml::is(element, ns::SAML, "NameID") || xml::is(element, ns::SAML, "EncryptedID");
        if !named || !names.is_empty() {
            return Err(SamlError::Misplaced { element: qualified(element), parent: "saml:Subject".into() });
        }
        names.push(element);
    }
    let Some(element) = names.first().copied() else {
        judge.checks.note("NameID", "none: the subject must come from an attribute");
        return Ok(None);
    };
    let readable = xml::is(element, ns::SAML, "NameID");
    let name_id =
        if readable { read_name_id(element) } else { Err(SamlError::Encrypted { element: "EncryptedID" }) };
    let received = name_id.as_ref().map(|name_id| name_id.value.clone()).unwrap_or_default();
    let Some(name_id) = judge.decide("NameID", "1 to 1024 bytes", &received, name_id) else {
        return Ok(None);
    };
    let made_for = name_id.sp_name_qualifier.as_deref();
    if name_id.format.as_deref() == Some(PERSISTENT) && made_for.is_some() {
        let error = || SamlError::NameIdQualifier {
            expected: audience.to_owned(),
            found: shown(made_for.unwrap_or_default()),
        };
        judge.same("NameID SPNameQualifier", audience, made_for, error);
    }
    Ok(Some(name_id))
}

/// Reads a `NameID`.
pub(super) fn read_name_id(element: Node<'_, '_>) -> Result<NameId, SamlError> {
    let value = trimmed(xml::text_str(element)?);
    let problem = match value {
        "" => Some("empty"),
        _ if value.len() > MAX_NAME_ID => Some("longer than 1024 bytes"),
        _ if value.chars().any(char::is_control) => Some("text with control characters"),
        _ => None,
    };
    let qualifier = |name: &str| match xml::attribute(element, name) {
        Some(text) if text.len() > MAX_NAME_ID => {
            Err(SamlError::NameId { problem: "qualified by more than 1024 bytes" })
        }
        other => Ok(other.map(str::to_owned)),
    };
    match problem {
        Some(problem) => Err(SamlError::NameId { problem }),
        None => Ok(NameId {
            value: value.to_owned(),
            format: qualifier("Format")?,
            name_qualifier: qualifier("NameQualifier")?,
            sp_name_qualifier: qualifier("SPNameQualifier")?,
            sp_provided_id: qualifier("SPProvidedID")?,
        }),
    }
}

/// One bearer confirmation that fits is enough (C-52); what is wrong with the others decides nothing. When
/// none fits, the first bearer's problems are the verdict.
fn check_confirmations(
    subject: Node<'_, '_>,
    expected: &Expected<'_>,
    judge: &mut Judge<'_>,
) -> Result<Option<Timestamp>, SamlError> {
    let mut methods = Vec::new();
    let mut bearers = Vec::new();
    for confirmation in xml::children(subject, ns::SAML, "SubjectConfirmation") {
        let method = xml::attribute(confirmation, "Method").unwrap_or_default();
        methods.push(method);
        if method == BEARER {
            bearers.push(confirmation);
        }
    }
    let found = if methods.is_empty() { "nothing".to_owned() } else { shown(&methods.join(" ")) };
    let outcome = if bearers.is_empty() { Err(SamlError::NoBearer { found: found.clone() }) } else { Ok(()) };
    judge.decide("SubjectConfirmation", BEARER, &found, outcome);
    let mut until = None;
    let mut fits = None;
    for bearer in &bearers {
        let data = xml::only_child(*bearer, ns::SAML, "SubjectConfirmationData")?;
        if let Some(data) = data {
            until = until.max(instant(data, "NotOnOrAfter", CONFIRMATION_END)?);
        }
        let alone = bearers.len() == 1;
        fits = fits.or_else(|| {
            data.filter(|data| alone || judge.would_pass(|probe| check_bearer(*data, expected, probe)))
        });
    }
    match fits.map(Some).or_else(|| {
        bearers.first().map(|bearer| xml::children(*bearer, ns::SAML, "SubjectConfirmationData").next())
    }) {
        Some(Some(data)) => check_bearer(data, expected, judge),
        Some(None) => {
            let error = SamlError::Missing { element: "SubjectConfirmationData" };
            judge.decide::<()>("SubjectConfirmationData", "present", "", Err(error));
        }
        None => {}
    }
    Ok(until)
}

/// `Address` is not compared: it is the address that the IdP saw, which behind IPv6, mobile networks and VPNs
/// is not the one that we see.
fn check_bearer(data: Node<'_, '_>, expected: &Expected<'_>, judge: &mut Judge<'_>) {
    let recipient = xml::attribute(data, "Recipient");
    let other = || SamlError::Recipient { expected: expected.acs.to_owned(), found: recipient.map(shown) };
    judge.same("Recipient", expected.acs, recipient, other);
    match required_instant(data, "NotOnOrAfter", CONFIRMATION_END) {
        Ok(end) => judge.not_over("SubjectConfirmationData NotOnOrAfter", end, |by| SamlError::Over {
            element: CONFIRMATION_END,
            by,
        }),
        Err(error) => {
            judge.decide::<()>("SubjectConfirmationData NotOnOrAfter", "present", "", Err(error));
        }
    }
    if let Some(begin) = xml::attribute(data, "NotBefore") {
        judge.decide::<()>(
            "SubjectConfirmationData NotBefore",
            "",
            begin,
            Err(SamlError::ConfirmationNotBefore),
        );
    }
    check_in_response_to(data, &expected.request, "SubjectConfirmationData/@InResponseTo", judge);
    if let Some(address) = xml::attribute(data, "Address") {
        judge.checks.note("SubjectConfirmationData Address", address);
    }
}

/// The answer to a request names it; what came unasked names none (C-55, C-56).
pub(super) fn check_in_response_to(
    node: Node<'_, '_>,
    request: &ResponseTo<'_>,
    element: &'static str,
    judge: &mut Judge<'_>,
) {
    let found = xml::attribute(node, "InResponseTo");
    match request {
        ResponseTo::Request { id, .. } => {
            let other =
                || SamlError::OtherRequest { element, expected: (*id).to_owned(), found: found.map(shown) };
            judge.same(element, id, found, other);
        }
        ResponseTo::Nothing { .. } => {
            let outcome =
                found.map_or(Ok(()), |found| Err(SamlError::Solicited { element, found: shown(found) }));
            judge.decide(element, "", found.unwrap_or_default(), outcome);
        }
    }
}
