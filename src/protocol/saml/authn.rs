//! `AuthnStatement`: how and when the person signed in
//! ([SAML Core section 2.7.2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use super::conditions::{instant, required_instant};
use super::error::SamlError;
use super::expected::Expected;
use super::signature_wrapping::trimmed;
use super::verification_report::{Judge, shown};
use super::xml::{self, Node, ns};
use crate::model::time::Timestamp;

/// Longest `SessionIndex` in bytes.
const MAX_INDEX: usize = 1024;

/// A checked statement.
#[derive(Debug, Clone)]
pub(super) struct Authn {
    pub instant: Timestamp,
    pub session_index: Option<String>,
    pub session_not_on_or_after: Option<Timestamp>,
    pub context: Option<String>,
}

/// Checks the statement about the latest authentication; of several, the earliest end of session counts.
pub(super) fn check(
    assertion: Node<'_, '_>,
    expected: &Expected<'_>,
    judge: &mut Judge<'_>,
) -> Result<Option<Authn>, SamlError> {
    let mut latest: Option<Authn> = None;
    let mut ends: Option<Timestamp> = None;
    for statement in xml::children(assertion, ns::SAML, "AuthnStatement") {
        let authn = read(statement)?;
        ends = [ends, authn.session_not_on_or_after].into_iter().flatten().min();
        if latest.as_ref().is_none_or(|other| other.instant < authn.instant) {
            latest = Some(authn);
        }
    }
    let found = latest.map(|authn| Authn { session_not_on_or_after: ends, ..authn });
    let received = if found.is_some() { "present" } else { "" };
    let found = found.ok_or(SamlError::Missing { element: "AuthnStatement" });
    let Some(authn) = judge.decide("AuthnStatement", "present", received, found) else { return Ok(None) };
    check_times(&authn, expected, judge);
    check_context(&authn, expected.authn_context, judge);
    Ok(Some(authn))
}

fn read(statement: Node<'_, '_>) -> Result<Authn, SamlError> {
    const INDEX: &str = "AuthnStatement/@SessionIndex";
    let session_index = match xml::attribute(statement, "SessionIndex") {
        Some(index) if index.len() > MAX_INDEX => {
            return Err(SamlError::Malformed { element: INDEX, found: shown(index) });
        }
        index => index.map(str::to_owned),
    };
    let context = match xml::only_child(statement, ns::SAML, "AuthnContext")? {
        Some(context) => xml::only_child(context, ns::SAML, "AuthnContextClassRef")?,
        None => None,
    };
    Ok(Authn {
        instant: required_instant(statement, "AuthnInstant", "AuthnStatement/@AuthnInstant")?,
        session_index,
        session_not_on_or_after: instant(
            statement,
            "SessionNotOnOrAfter",
            "AuthnStatement/@SessionNotOnOrAfter",
        )?,
        context: context.map(xml::text_str).transpose()?.map(|class| trimmed(class).to_owned()),
    })
}

/// C-49
fn check_times(authn: &Authn, expected: &Expected<'_>, judge: &mut Judge<'_>) {
    const ELEMENT: &str = "AuthnStatement/@AuthnInstant";
    judge.begun("AuthnInstant", authn.instant, |by| SamlError::Future { element: ELEMENT, by });
    if let Some(max_age) = expected.max_age {
        let earliest = expected.request.sent().unwrap_or(judge.now).minus(max_age);
        judge.not_before("AuthnInstant", (earliest, authn.instant), |by| SamlError::AuthnTooOld {
            by: by + max_age,
        });
    }
    if let Some(end) = authn.session_not_on_or_after {
        judge.not_over("SessionNotOnOrAfter", end, |by| SamlError::Over {
            element: "AuthnStatement/@SessionNotOnOrAfter",
            by,
        });
    }
}

/// What was asked for is compared as `exact`: to the byte (C-75).
fn check_context(authn: &Authn, asked: &[String], judge: &mut Judge<'_>) {
    let found = authn.context.as_deref();
    if asked.is_empty() {
        return judge.checks.note("AuthnContext", found.unwrap_or("none"));
    }
    let wanted = asked.join(" or ");
    let met = found.is_some_and(|found| asked.iter().any(|asked| asked == found));
    let error =
        || SamlError::AuthnContext { expected: shown(&wanted), found: shown(found.unwrap_or_default()) };
    judge.decide("AuthnContext", &wanted, found.unwrap_or_default(), if met { Ok(()) } else { Err(error()) });
}
