//! An explanation as text for a terminal.

use std::fmt;

use super::super::verification_report::{Check, CheckOutcome};
use super::Explanation;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.found {
            writeln!(f, "  {note}")?;
        }
        writeln!(f, "  judged at {}\n", self.at)?;
        for check in self.checks.list() {
            step(check, f)?;
        }
        writeln!(f)?;
        match (&self.error, &self.hint, self.who) {
            (Some(error), Some(hint), Some(who)) => {
                writeln!(f, "Refused ({}): {error}", self.code.unwrap_or_default())?;
                writeln!(f, "To change, by {who}: {hint}")
            }
            _ => writeln!(f, "Everything that could be compared fits."),
        }?;
        let Some(person) = &self.person else { return Ok(()) };
        writeln!(
            f,
            "NameID: {} ({})",
            person.name_id.as_deref().unwrap_or("none"),
            person.name_id_format.as_deref().unwrap_or("no format")
        )?;
        for (name, values) in &person.attributes {
            writeln!(f, "{name}: {}", values.join(", "))?;
        }
        writeln!(f, "Acceptable until {}", person.acceptable_until)
    }
}

fn step(check: &Check, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mark = match check.outcome {
        CheckOutcome::Passed => "ok    ",
        CheckOutcome::Failed => "FAILED",
        CheckOutcome::Note => "note  ",
    };
    let received = if check.received.is_empty() { "nothing" } else { &check.received };
    write!(f, "{mark}  {}: {received}", check.name)?;
    if check.outcome == CheckOutcome::Failed {
        let expected = if check.expected.is_empty() { "nothing" } else { &check.expected };
        write!(f, "\n        expected {expected}\n        {}", check.hint.as_deref().unwrap_or_default())?;
    }
    if let Some(skew) = check.skew_used {
        write!(f, " (clocks differ by {skew} s, forgiven)")?;
    }
    writeln!(f)
}
