//! An assertion whose bytes are proven, checked and read
//! ([SAML Core section 2.3.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use std::time::Duration;

use super::attributes::{self, Attribute};
use super::authn::{self, Authn};
use super::conditions::{self, required_instant};
use super::error::SamlError;
use super::expected::{Expected, MAX_SKEW};
use super::signature_wrapping::trimmed;
use super::subject::{self, NameId};
use super::verification_report::{Judge, shown};
use super::xml::{self, Node, ns};
use crate::model::time::Timestamp;

/// Longest `ID` in bytes.
const MAX_ID: usize = 256;
/// The format of an entity id; also what an issuer without a format is.
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// What a verified assertion says. Text is whole, without XML white space at its ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    /// `ID`, unique at the IdP: the key of the replay mark.
    pub id: String,
    /// The IdP's entity id.
    pub issuer: String,
    /// Whom it is about, if it says so by a NameID.
    pub name_id: Option<NameId>,
    /// What it says about them, in its order.
    pub attributes: Vec<Attribute>,
    /// When the person authenticated.
    pub authn_instant: Timestamp,
    /// The session at the IdP, for single logout.
    pub session_index: Option<String>,
    /// When a session that rests on it must end.
    pub session_not_on_or_after: Option<Timestamp>,
    /// How the person authenticated: `AuthnContextClassRef`.
    pub authn_context: Option<String>,
    /// From when on no clock lets it be accepted again: the life of the replay mark.
    pub acceptable_until: Timestamp,
    /// Whether its issuer demands that it be used once. Every assertion is, here.
    pub one_time_use: bool,
}

/// Checks a proven assertion and reads it. `Err` is what made reading impossible; what merely fits not is the
/// judge's to tell.
pub(super) fn check(
    node: Node<'_, '_>,
    expected: &Expected<'_>,
    judge: &mut Judge<'_>,
) -> Result<Option<Assertion>, SamlError> {
    check_version(node, "Assertion/@Version", judge);
    let id = check_id(node, "Assertion/@ID", judge);
    check_issuer(node, "Assertion/Issuer", expected.idp, judge)?;
    let issued = required_instant(node, "IssueInstant", "Assertion/@IssueInstant")?;
    check_issued(issued, "Assertion/@IssueInstant", expected, judge);
    let conditions = conditions::check(node, expected.audience, judge)?;
    let subject = subject::check(node, expected, judge)?;
    let authn = authn::check(node, expected, judge)?;
    let attributes = attributes::read(node, judge)?;
    let (Some(id), Some(Authn { instant, session_index, session_not_on_or_after, context })) = (id, authn)
    else {
        return Ok(None);
    };
    let ends = [conditions.until, subject.until, session_not_on_or_after];
    let oldest = issued.plus(expected.request.max_age());
    let acceptable_until =
        ends.into_iter().flatten().fold(oldest, Ord::min).plus(MAX_SKEW + Duration::from_secs(1));
    Ok(Some(Assertion {
        id: id.to_owned(),
        issuer: expected.idp.to_owned(),
        name_id: subject.name_id,
        attributes,
        authn_instant: instant,
        session_index,
        session_not_on_or_after,
        authn_context: context,
        acceptable_until,
        one_time_use: conditions.one_time_use,
    }))
}

/// Only SAML 2.0 is spoken (C-76).
pub(super) fn check_version(node: Node<'_, '_>, element: &'static str, judge: &mut Judge<'_>) {
    let version = xml::attribute(node, "Version");
    judge.same(element, "2.0", version, || SamlError::Version {
        element,
        found: shown(version.unwrap_or_default()),
    });
}

/// The ID, which is there and no longer than any real one.
pub(super) fn check_id<'a>(
    node: Node<'a, '_>,
    element: &'static str,
    judge: &mut Judge<'_>,
) -> Option<&'a str> {
    let outcome = match xml::attribute(node, "ID") {
        None | Some("") => Err(SamlError::Missing { element }),
        Some(id) if id.len() > MAX_ID => Err(SamlError::Malformed { element, found: shown(id) }),
        Some(id) => Ok(id),
    };
    let received = xml::attribute(node, "ID").unwrap_or_default();
    judge.decide(element, "1 to 256 bytes", received, outcome)
}

/// The IdP, to the byte; only XML white space at the ends is forgiven, which pretty-printing IdPs add (C-53).
pub(super) fn check_issuer(
    node: Node<'_, '_>,
    element: &'static str,
    idp: &str,
    judge: &mut Judge<'_>,
) -> Result<(), SamlError> {
    let Some(issuer) = xml::only_child(node, ns::SAML, "Issuer")? else {
        judge.decide::<()>(element, idp, "", Err(SamlError::Missing { element }));
        return Ok(());
    };
    let found = trimmed(xml::text_str(issuer)?);
    let other = || SamlError::Issuer { element, expected: idp.to_owned(), found: shown(found) };
    judge.same(element, idp, Some(found), other);
    if let Some(format) = xml::attribute(issuer, "Format").filter(|format| *format != ENTITY) {
        let error = SamlError::IssuerFormat { element, found: shown(format) };
        judge.decide::<()>(element, ENTITY, format, Err(error));
    }
    Ok(())
}

/// Issued after it was asked for, or lately if it was not, and not in the future (C-77).
pub(super) fn check_issued(
    issued: Timestamp,
    element: &'static str,
    expected: &Expected<'_>,
    judge: &mut Judge<'_>,
) {
    judge.begun(element, issued, |by| SamlError::Future { element, by });
    if let Some(sent) = expected.request.sent() {
        judge.not_before(element, (sent, issued), |by| SamlError::BeforeRequest { element, by });
    }
    let oldest = judge.now.minus(expected.request.max_age());
    judge.not_before(element, (oldest, issued), |by| SamlError::TooOld { element, by });
}
