//! The findings of `symbolon doctor`, for people and programs.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use crate::model::time::Timestamp;
use crate::protocol::saml::certificate::Certificate;

/// Days before the end of a TLS certificate at which it should have been renewed.
pub const TLS_DAYS: [i64; 2] = [14, 7];

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, or could not be decided; look at it.
    Warning,
    /// Sign-ins will fail, or something is open that must not be.
    Failed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// The check.
    pub check: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// What to change.
    pub fix: Option<String>,
}

/// All checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// As it should be.
    pub fn ok(subject: &str, check: &'static str, found: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), check, verdict: Verdict::Ok, found: found.into(), fix: None }
    }

    /// To be looked at.
    pub fn warning(
        subject: &str,
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Warning, fix: Some(fix.into()), ..Self::ok(subject, check, found) }
    }

    /// To be changed.
    pub fn failed(
        subject: &str,
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Failed, fix: Some(fix.into()), ..Self::ok(subject, check, found) }
    }

    /// A certificate's end: a warning from the longest of `thresholds` (days) on, and a failure afterwards.
    pub fn of_certificate(
        subject: &str,
        (check, thresholds): (&'static str, &[i64]),
        certificate: &Certificate,
        now: Timestamp,
        fix: &str,
    ) -> Self {
        let end = certificate.not_after();
        let days = end.secs().saturating_sub(now.secs()).div_euclid(86_400);
        let found = format!(
            "{} ends {} ({days} days), {}",
            certificate.subject(),
            end.utc(),
            certificate.fingerprint()
        );
        match thresholds.iter().filter(|threshold| days < **threshold).min() {
            _ if days < 0 => Self::failed(subject, check, format!("expired: {found}"), fix),
            Some(threshold) => {
                Self::warning(subject, check, format!("less than {threshold} days are left: {found}"), fix)
            }
            None => Self::ok(subject, check, found),
        }
    }
}

impl Report {
    /// Whether something has to be changed.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == Verdict::Failed)
    }

    /// One line a check, under its subject, with what to change below it.
    pub fn text(&self) -> String {
        let (mut text, mut subject) = (String::new(), "");
        for finding in &self.findings {
            if finding.subject != subject {
                let _ = writeln!(text, "{}{}", if subject.is_empty() { "" } else { "\n" }, finding.subject);
                subject = &finding.subject;
            }
            let word = match finding.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "WARNING",
                Verdict::Failed => "FAILED",
            };
            let _ = writeln!(text, "  {word:<8} {}: {}", finding.check, finding.found);
            if let Some(fix) = &finding.fix {
                let _ = writeln!(text, "           -> {fix}");
            }
        }
        let count = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        let _ = writeln!(
            text,
            "\n{} ok, {} warnings, {} failed",
            count(Verdict::Ok),
            count(Verdict::Warning),
            count(Verdict::Failed)
        );
        text
    }

    /// `{"failed", "findings": [{"subject", "check", "verdict", "found", "fix"}]}`.
    pub fn json(&self) -> String {
        json!({ "failed": self.failed(), "findings": self.findings }).to_string()
    }
}
