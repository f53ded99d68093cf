//! The report of one verification: what was checked, what was expected, what came, and what to change.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration::seconds;
use super::error::SamlError;
use crate::model::fault::Refusal;
use crate::model::time::Timestamp;

/// Longest value that is kept of something received, in characters.
const LONGEST: usize = 256;

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As expected.
    Passed,
    /// Not as expected: the message is refused.
    Failed,
    /// Worth knowing; decides nothing.
    Note,
}

/// One step of a verification. Values are bounded and without control characters; signature and cipher values
/// never stand here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at, for example `Audience`.
    pub name: Cow<'static, str>,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What would pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What came; empty when nothing did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub received: String,
    /// Seconds of clock difference without whose forgiveness it would have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_used: Option<u64>,
    /// The stable code of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
    /// What to change after a failure, and who changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// All steps in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// The steps.
    pub fn list(&self) -> &[Check] {
        &self.0
    }

    /// The steps that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.0.iter().filter(|check| check.outcome == CheckOutcome::Failed)
    }

    /// The largest clock difference that was forgiven, in seconds.
    pub fn skew_used(&self) -> Option<u64> {
        self.0.iter().filter_map(|check| check.skew_used).max()
    }

    /// Something that decides nothing.
    pub fn note(&mut self, name: impl Into<Cow<'static, str>>, received: &str) {
        self.push(name.into(), CheckOutcome::Note, "", received);
    }

    pub(super) fn passed(&mut self, name: &'static str, expected: &str, received: &str) {
        self.push(name.into(), CheckOutcome::Passed, expected, received);
    }

    pub(super) fn failed(&mut self, name: &'static str, expected: &str, received: &str, error: &SamlError) {
        self.push(name.into(), CheckOutcome::Failed, expected, received);
        if let Some(check) = self.0.last_mut() {
            check.code = Some(error.code().into());
            check.hint = Some(error.hint());
        }
    }

    /// Records a decided check and hands its outcome on.
    pub(super) fn step<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        received: &str,
        outcome: Result<T, SamlError>,
    ) -> Result<T, SamlError> {
        match &outcome {
            Ok(_) => self.passed(name, expected, received),
            Err(error) => self.failed(name, expected, received, error),
        }
        outcome
    }

    fn push(&mut self, name: Cow<'static, str>, outcome: CheckOutcome, expected: &str, received: &str) {
        let (expected, received) = (shown(expected), shown(received));
        self.0.push(Check { name, outcome, expected, received, skew_used: None, code: None, hint: None });
    }
}

/// Makes every check that can be made, although one has failed: whoever repairs a connection sees all that is
/// wrong at once. The first failure is the verdict.
pub(super) struct Judge<'c> {
    pub(super) checks: &'c mut Checks,
    pub(super) now: Timestamp,
    pub(super) skew: Duration,
    first: Option<SamlError>,
}

impl<'c> Judge<'c> {
    pub(super) const fn new(checks: &'c mut Checks, now: Timestamp, skew: Duration) -> Self {
        Self { checks, now, skew, first: None }
    }

    /// Records a check that has been decided.
    pub(super) fn decide<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        received: &str,
        outcome: Result<T, SamlError>,
    ) -> Option<T> {
        match self.checks.step(name, expected, received, outcome) {
            Ok(value) => Some(value),
            Err(error) => {
                self.first.get_or_insert(error);
                None
            }
        }
    }

    /// Text that must be there and equal, to the byte.
    pub(super) fn same(
        &mut self,
        name: &'static str,
        expected: &str,
        received: Option<&str>,
        error: impl FnOnce() -> SamlError,
    ) {
        let outcome = if received == Some(expected) { Ok(()) } else { Err(error()) };
        self.decide(name, expected, received.unwrap_or_default(), outcome);
    }

    /// `at` lies not in the future: the first instant that passes is `skew` before it.
    pub(super) fn begun(
        &mut self,
        name: &'static str,
        at: Timestamp,
        error: impl FnOnce(Duration) -> SamlError,
    ) {
        self.instant(name, "not later than", (self.now, at), error);
    }

    /// `end` lies in the future: the first instant that fails is `skew` after it.
    pub(super) fn not_over(
        &mut self,
        name: &'static str,
        end: Timestamp,
        error: impl FnOnce(Duration) -> SamlError,
    ) {
        let (now, skew) = (self.now, self.skew);
        let used = (end <= now).then(|| now.since(end));
        let outcome = if now < end.plus(skew) { Ok(()) } else { Err(error(now.since(end))) };
        self.times(name, &format!("later than {}", now.utc()), end, outcome.map(|()| used));
    }

    /// `at` lies not before `earliest`, give or take `skew`.
    pub(super) fn not_before(
        &mut self,
        name: &'static str,
        (earliest, at): (Timestamp, Timestamp),
        error: impl FnOnce(Duration) -> SamlError,
    ) {
        let used = (at < earliest).then(|| earliest.since(at));
        let outcome = if at.plus(self.skew) >= earliest { Ok(used) } else { Err(error(earliest.since(at))) };
        self.times(name, &format!("not before {}", earliest.utc()), at, outcome);
    }

    /// Whether `check` would find nothing wrong; it leaves no trace.
    pub(super) fn would_pass(&self, check: impl FnOnce(&mut Judge<'_>)) -> bool {
        let mut checks = Checks::default();
        let mut probe = Judge::new(&mut checks, self.now, self.skew);
        check(&mut probe);
        probe.verdict().is_ok()
    }

    /// What was decided: the first failure, if there is one.
    pub(super) fn verdict(self) -> Result<(), SamlError> {
        self.first.map_or(Ok(()), Err)
    }

    fn instant(
        &mut self,
        name: &'static str,
        words: &str,
        (latest, at): (Timestamp, Timestamp),
        error: impl FnOnce(Duration) -> SamlError,
    ) {
        let used = (at > latest).then(|| at.since(latest));
        let outcome = if at <= latest.plus(self.skew) { Ok(used) } else { Err(error(at.since(latest))) };
        self.times(name, &format!("{words} {}", latest.utc()), at, outcome);
    }

    fn times(
        &mut self,
        name: &'static str,
        expected: &str,
        at: Timestamp,
        outcome: Result<Option<Duration>, SamlError>,
    ) {
        let used = self.decide(name, expected, &at.utc(), outcome).flatten();
        if let (Some(used), Some(check)) = (used, self.checks.0.last_mut()) {
            check.skew_used = Some(seconds(used));
        }
    }
}

/// Something received, as it may stand in a log or on a page: bounded, without control and direction
/// characters.
pub(super) fn shown(text: &str) -> String {
    if text.len() <= LONGEST && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let mut out: String =
        text.chars().take(LONGEST).map(|c| if harmful(c) { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_bounded_and_harmless() {
        assert_eq!(shown("a\nb\u{202E}c"), "a\u{FFFD}b\u{FFFD}c");
        assert_eq!(shown(&"ä".repeat(300)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_story_is_kept_as_json() {
        let mut checks = Checks::default();
        checks.passed("Audience", "a", "a");
        checks.note("OneTimeUse", "present");
        checks.failed("Destination", "https://a", "https://b", &SamlError::Unsigned);
        let json = serde_json::to_string(&checks).unwrap();
        assert!(
            json.contains(r#"{"name":"Audience","outcome":"passed","expected":"a","received":"a"}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Checks>(&json).unwrap(), checks);
        assert_eq!(checks.failures().next().unwrap().code.as_deref(), Some("saml_unsigned"));
    }
}
