//! The report for people.

use std::fmt::Write as _;

use super::report::{CaseReport, Measured, Report};

/// Markdown.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    let _ = writeln!(text, "# Login benchmark\n\n```sh\n{}\n```\n", report.command);
    let _ = writeln!(
        text,
        "- {}, {} logical processors, {} GB, Linux {}; load average at the start {}",
        machine.processor, machine.cores, machine.memory, machine.kernel, machine.load
    );
    let redis = report.redis.as_ref().map(|version| format!(", Redis {version}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "- Symbolon {} ({}), {}, {}{redis}",
        machine.version, machine.commit, machine.rustc, machine.profile
    );
    let settings: Vec<String> =
        report.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let _ = writeln!(text, "- {}", settings.join(", "));
    let _ = writeln!(
        text,
        "- one RSA-2048 signature with a prepared key: {:.0} us of CPU, on this machine in this run",
        report.signing
    );
    let _ = writeln!(text, "\nCPU is the server's, user and kernel, per operation; medians of the rounds.\n");
    text += "| case | operation | CPU (us) | to floor | to its signatures | in a second | errors \
        |\n|---|---|---|---|---|---|---|\n";
    for measured in &report.floor {
        row(&mut text, "floor", measured);
    }
    for case in &report.cases {
        for measured in &case.modes {
            row(&mut text, &case.name, measured);
        }
    }
    shares(&mut text, report);
    latencies(&mut text, report);
    half_load(&mut text, report);
    herd(&mut text, report);
    soak(&mut text, report);
    stores(&mut text, report);
    processes(&mut text, report);
    text
}

fn row(text: &mut String, case: &str, measured: &Measured) {
    let number = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
    };
    let errors: usize = measured.errors.values().sum();
    let _ = writeln!(
        text,
        "| {case} | {} | {} | {} | {} | {:.0} | {errors} |",
        measured.mode,
        number(measured.cpu, 0),
        number(measured.to_floor, 2),
        number(measured.to_signatures, 2),
        measured.rate
    );
}

fn shares(text: &mut String, report: &Report) {
    *text += "\nWho worked for one operation (us of CPU): what a rate takes of the processors of one \
        machine.\n\n\
              | case | operation | broker | driver and provider | Redis | in a second | processors busy \
              |\n|---|---|---|---|---|---|---|\n";
    for case in &report.cases {
        for Measured { mode, shares, rate, .. } in &case.modes {
            let busy = (shares.server + shares.driver + shares.redis) * rate / 1e6;
            let _ = writeln!(
                text,
                "| {} | {mode} | {:.0} | {:.0} | {:.0} | {rate:.0} | {busy:.2} |",
                case.name, shares.server, shares.driver, shares.redis
            );
        }
    }
}

fn half_load(text: &mut String, report: &Report) {
    let all = || {
        report.cases.iter().flat_map(|case| {
            case.modes.iter().filter_map(|mode| Some((&case.name, mode.mode, mode.half_load.as_ref()?)))
        })
    };
    if all().next().is_none() {
        return;
    }
    *text += "\nAt half of the rate that saturates the case, each operation begun on time whether or not the \
        earlier ones have ended.\n\n\
              | case | operation | saturated at (in a second) | with at once | begun in a second | ended in \
              a second | operations | errors |\n\
              |---|---|---|---|---|---|---|---|\n";
    for (case, mode, half) in all() {
        let errors: usize = half.errors.values().sum();
        let _ = writeln!(
            text,
            "| {case} | {mode} | {:.0} | {} | {:.0} | {:.0} | {} | {errors} |",
            half.saturation, half.at_once, half.rate, half.reached, half.operations
        );
    }
    *text += "\nLatency of a step at that rate (ms), and of the same step of the floor.\n\n\
              | case | operation | step | p50 | p95 | p99 | floor p50 | floor p99 \
              |\n|---|---|---|---|---|---|---|---|\n";
    for (case, mode, half) in all() {
        for step in &half.latency {
            let floor = half.floor.iter().find(|floor| floor.step == step.step);
            let of =
                |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
            let _ = writeln!(
                text,
                "| {case} | {mode} | {} | {:.2} | {:.2} | {:.2} | {} | {} |",
                step.step,
                step.p50,
                step.p95,
                step.p99,
                of(floor.map(|floor| floor.p50)),
                of(floor.map(|floor| floor.p99))
            );
        }
    }
}

fn herd(text: &mut String, report: &Report) {
    let herds: Vec<_> =
        report.cases.iter().filter_map(|case| Some((&case.name, case.herd.as_ref()?))).collect();
    if herds.is_empty() {
        return;
    }
    *text += "\nA herd: every app refreshes once, at an instant of one second by chance, and counts from \
        then on (ms).\n\n\
              | case | apps | p50 | p95 | p99 | last answer after | floor p50 | floor p99 | floor's last \
              answer after | errors |\n\
              |---|---|---|---|---|---|---|---|---|---|\n";
    for (case, herd) in herds {
        for (seen, floor) in herd.latency.iter().zip(&herd.floor) {
            let errors: usize = herd.errors.values().sum();
            let _ = writeln!(
                text,
                "| {case} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {errors} |",
                herd.apps, seen.p50, seen.p95, seen.p99, herd.took, floor.p50, floor.p99, herd.floor_took
            );
        }
    }
}

fn soak(text: &mut String, report: &Report) {
    for (case, soak) in report.cases.iter().filter_map(|case| Some((&case.name, case.soak.as_ref()?))) {
        let keys =
            soak.keys_of_a_login.map(|keys| format!(", a login left {keys:.2} keys")).unwrap_or_default();
        let _ = writeln!(
            text,
            "\nMany logins in a row, {case}: after the first tenth the broker's own memory stayed within \
             {:.1} % of its median, open descriptors \
             within {} of each other{keys}.\n\n\
             | logins | after (s) | own memory (kB) | descriptors | keys in Redis | token p99 (ms) \
             |\n|---|---|---|---|---|---|",
            soak.memory_drift * 100.0,
            soak.descriptors_drift
        );
        for sample in &soak.samples {
            let keys = sample.keys.map_or_else(|| "-".to_owned(), |keys| keys.to_string());
            let _ = writeln!(
                text,
                "| {} | {:.0} | {} | {} | {keys} | {:.2} |",
                sample.logins, sample.seconds, sample.own, sample.descriptors, sample.token_p99
            );
        }
    }
}

fn latencies(text: &mut String, report: &Report) {
    *text += "\nLatency of a step in the last round, driver on the same machine (ms).\n\n| case | operation \
        | step | p50 | p95 | p99 |\n|---|---|---|---|---|---|\n";
    for case in &report.cases {
        for measured in &case.modes {
            for step in &measured.latency {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {:.2} | {:.2} | {:.2} |",
                    case.name, measured.mode, step.step, step.p50, step.p95, step.p99
                );
            }
        }
    }
}

fn stores(text: &mut String, report: &Report) {
    let with_redis: Vec<&CaseReport> = report.cases.iter().filter(|case| !case.keys.is_empty()).collect();
    if with_redis.is_empty() {
        return;
    }
    *text += "\nCounted by Redis, one operation at a time. A round trip may carry several commands that do \
        not wait for each other.\n\n\
              | case | operation | round trips | commands | growth (bytes) |\n|---|---|---|---|---|\n";
    for case in &with_redis {
        for measured in &case.modes {
            let Some(redis) = &measured.redis else { continue };
            let _ = writeln!(
                text,
                "| {} | {} | {:.2} | {:.2} | {:.0} |",
                case.name, measured.mode, redis.reads, redis.commands, redis.bytes
            );
        }
    }
    *text += "\n| case | kind of key | keys in the sample | bytes of one |\n|---|---|---|---|\n";
    for case in &with_redis {
        for (name, kind) in &case.keys {
            let _ = writeln!(text, "| {} | {name} | {} | {:.0} |", case.name, kind.keys, kind.bytes);
        }
    }
}

fn processes(text: &mut String, report: &Report) {
    *text += "\n| case | first start (ms) | start again (ms) | idle: resident (kB) | idle: own (kB) | end: \
        own (kB) | peak (kB) | own memory of one authorize (bytes) |\n\
              |---|---|---|---|---|---|---|---|\n";
    for case in &report.cases {
        let start = |index: usize| {
            case.start.get(index).map_or_else(|| "-".to_owned(), |start| format!("{start:.0}"))
        };
        let growth = case
            .modes
            .iter()
            .find(|measured| measured.mode == "authorize")
            .and_then(|measured| measured.growth);
        let (idle, end) = (case.idle.unwrap_or_default(), case.end.unwrap_or_default());
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            case.name,
            start(0),
            start(1),
            idle.resident,
            idle.own,
            end.own,
            end.peak,
            growth.map_or_else(|| "-".to_owned(), |growth| format!("{growth:.0}"))
        );
    }
}
