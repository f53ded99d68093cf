//! A trace as text for a terminal and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Step, Trace};

/// The story for a person, the way out first.
pub fn text(trace: &Trace) -> String {
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = write_all(&mut text, trace);
    text
}

fn write_all(text: &mut String, trace: &Trace) -> std::fmt::Result {
    let outcome = &trace.outcome;
    writeln!(text, "{} was refused at {}: {}", trace.reference, trace.ended.utc(), outcome.code)?;
    let named = [
        ("pool", Some(trace.pool.as_str())),
        ("app", trace.client.as_deref()),
        ("provider", trace.provider.as_deref()),
    ];
    for (name, value) in named {
        writeln!(text, "  {name:<9} {}", value.unwrap_or("-"))?;
    }
    writeln!(text, "\nWhat happened\n  {}", outcome.cause)?;
    for (name, value) in [("expected", &outcome.expected), ("came", &outcome.received)] {
        if let Some(value) = value {
            writeln!(text, "  {name:<9} {value}")?;
        }
    }
    writeln!(text, "\nWhat to change, by {}\n  {}", outcome.fault.who(), outcome.hint)?;
    if outcome.retryable {
        writeln!(text, "  It may also work by itself later.")?;
    }
    writeln!(text, "\nStep by step")?;
    for step in &trace.steps {
        writeln!(text, "  {:>8} ms  {}", after(trace, step), step.name)?;
        for detail in &step.details {
            writeln!(text, "               {}: {}", detail.name, detail.value)?;
        }
    }
    writeln!(text, "  {:>8} ms  refused: {}", trace.ended.since(trace.started).as_millis(), outcome.code)
}

/// `{reference, pool, client, provider, started, ended, outcome, steps}`; instants are RFC 3339, `after_ms`
/// counts from `started`.
pub fn json(trace: &Trace) -> Value {
    let step = |step: &Step| {
        let details: Vec<_> =
            step.details.iter().map(|detail| json!({ "name": detail.name, "value": detail.value })).collect();
        json!({ "at": step.at.utc(), "after_ms": after(trace, step), "name": step.name, "details": details })
    };
    json!({
        "reference": trace.reference.as_str(),
        "pool": trace.pool.as_str(),
        "client": trace.client,
        "provider": trace.provider,
        "started": trace.started.utc(),
        "ended": trace.ended.utc(),
        "outcome": {
            "code": trace.outcome.code,
            "fault": trace.outcome.fault,
            "who": trace.outcome.fault.who(),
            "cause": trace.outcome.cause,
            "expected": trace.outcome.expected,
            "received": trace.outcome.received,
            "hint": trace.outcome.hint,
            "retryable": trace.outcome.retryable,
        },
        "steps": trace.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

/// Milliseconds from the beginning to a step.
fn after(trace: &Trace, step: &Step) -> u64 {
    u64::try_from(step.at.since(trace.started).as_millis()).unwrap_or(u64::MAX)
}
