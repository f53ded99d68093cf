//! `Conditions` of an assertion ([SAML Core section
//! 2.5](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use super::datetime;
use super::error::SamlError;
use super::signature_wrapping::{qualified, trimmed};
use super::verification_report::{Judge, shown};
use super::xml::{self, Node, ns};
use crate::model::time::Timestamp;

/// What the conditions of an assertion leave for later.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    /// The end of the assertion's validity.
    pub until: Option<Timestamp>,
    /// It may be used once. Every assertion is, here.
    pub one_time_use: bool,
}

/// Checks the conditions: there are some, they hold now, they name `audience`, and none is unknown.
pub(super) fn check(
    assertion: Node<'_, '_>,
    audience: &str,
    judge: &mut Judge<'_>,
) -> Result<Conditions, SamlError> {
    let Some(conditions) = xml::only_child(assertion, ns::SAML, "Conditions")? else {
        judge.decide::<()>("Conditions", "present", "", Err(SamlError::Missing { element: "Conditions" }));
        return Ok(Conditions::default());
    };
    let begin = instant(conditions, "NotBefore", "Conditions/@NotBefore")?;
    let until = instant(conditions, "NotOnOrAfter", "Conditions/@NotOnOrAfter")?;
    if let Some(begin) = begin {
        judge.begun("Conditions NotBefore", begin, |by| SamlError::Future {
            element: "Conditions/@NotBefore",
            by,
        });
    }
    if let Some(until) = until {
        judge.not_over("Conditions NotOnOrAfter", until, |by| SamlError::Over {
            element: "Conditions/@NotOnOrAfter",
            by,
        });
    }
    if let (Some(begin), Some(until)) = (begin, until)
        && begin >= until
    {
        let (begin, end) = (begin.utc(), until.utc());
        let error = SamlError::Reversed { begin: begin.clone(), end: end.clone() };
        judge.decide::<()>("Conditions period", &format!("later than {begin}"), &end, Err(error));
    }
    check_audience(conditions, audience, judge)?;
    check_known(conditions, judge)?;
    let one_time_use = xml::only_child(conditions, ns::SAML, "OneTimeUse")?.is_some();
    Ok(Conditions { until, one_time_use })
}

/// Every restriction names us (AND); one of its audiences is enough (OR). Compared to the byte, without XML
/// white space at the ends (C-50).
fn check_audience(conditions: Node<'_, '_>, audience: &str, judge: &mut Judge<'_>) -> Result<(), SamlError> {
    let mut restrictions = 0;
    for restriction in xml::children(conditions, ns::SAML, "AudienceRestriction") {
        restrictions += 1;
        let mut audiences = Vec::new();
        for element in xml::children(restriction, ns::SAML, "Audience") {
            audiences.push(trimmed(xml::text_str(element)?));
        }
        let found = shown(&audiences.join(" "));
        let error = || SamlError::Audience { expected: audience.to_owned(), found: found.clone() };
        let outcome = if audiences.contains(&audience) { Ok(()) } else { Err(error()) };
        judge.decide("Audience", audience, &found, outcome);
    }
    if restrictions == 0 {
        judge.decide::<()>(
            "Audience",
            audience,
            "",
            Err(SamlError::Missing { element: "AudienceRestriction" }),
        );
    }
    Ok(())
}

/// A condition that is not understood makes the assertion invalid (C-58). We issue no assertions, so
/// `ProxyRestriction` is always kept.
fn check_known(conditions: Node<'_, '_>, judge: &mut Judge<'_>) -> Result<(), SamlError> {
    for condition in xml::elements(conditions) {
        let saml = condition.tag_name().namespace() == Some(ns::SAML);
        match condition.tag_name().name() {
            "AudienceRestriction" if saml => {}
            "OneTimeUse" if saml => judge.checks.note("OneTimeUse", "kept: every assertion is accepted once"),
            "ProxyRestriction" if saml => {
                judge.checks.note("ProxyRestriction", "kept: no assertion is made from this one");
            }
            _ => {
                let found = qualified(condition);
                let error = SamlError::UnknownCondition { found: found.clone() };
                judge.decide::<()>(
                    "Condition",
                    "AudienceRestriction, OneTimeUse or ProxyRestriction",
                    &found,
                    Err(error),
                );
            }
        }
    }
    xml::only_child(conditions, ns::SAML, "ProxyRestriction")?;
    Ok(())
}

/// The instant in the attribute `name`, if there is one.
pub(super) fn instant(
    node: Node<'_, '_>,
    name: &str,
    element: &'static str,
) -> Result<Option<Timestamp>, SamlError> {
    let Some(text) = xml::attribute(node, name) else { return Ok(None) };
    datetime::parse(text).map(Some).ok_or_else(|| SamlError::Malformed { element, found: shown(text) })
}

/// The instant in the attribute `name`, which must be there.
pub(super) fn required_instant(
    node: Node<'_, '_>,
    name: &str,
    element: &'static str,
) -> Result<Timestamp, SamlError> {
    instant(node, name, element)?.ok_or(SamlError::Missing { element })
}
