//! The login benchmark does what it measures: floor and broker, every mode, a few times. Nothing is timed
//! here.

use clap::Parser as _;

#[path = "../../benches/driver/mod.rs"]
#[expect(dead_code, reason = "the benchmark itself serves the floor from a process of its own")]
mod driver;

use driver::mode::Mode;
use driver::options::Options;
use driver::report::{CaseReport, Report};

use crate::support::process::TempDir;

#[track_caller]
fn run(arguments: &[&str]) -> Report {
    let few = ["login", "--count", "2", "--rounds", "2", "--concurrency", "2", "--floor-inside"];
    let options = Options::try_parse_from(few.iter().chain(arguments)).expect("options of the benchmark");
    driver::run(&options, env!("CARGO_BIN_EXE_symbolon")).expect("the benchmark runs")
}

/// H-45, H-48
#[test]
fn the_login_benchmark_does_every_operation_at_floor_and_broker() {
    let further = ["--users", "4", "--herd", "50", "--soak", "100"];
    let report = run(&[
        &["--store", "memory,redis", "--pools", "2", "--providers", "3", "--signing", "ES256"],
        &further[..],
    ]
    .concat());
    let folder = TempDir::new();
    let path = folder.path().join("report");
    driver::publish(&report, path.to_str()).expect("no operation failed");
    let text = std::fs::read_to_string(path.with_extension("md")).expect("the report");
    assert!(text.contains("| memory ES256, 3 providers, 2 pools | oidc |"), "{text}");
    assert_eq!(report.floor.len(), Mode::ALL.len());
    for case in &report.cases {
        let modes: Vec<&str> = case.modes.iter().map(|measured| measured.mode).collect();
        assert_eq!(modes, Mode::ALL.map(Mode::as_str), "{}", case.name);
    }
    let counted = |mode: Mode| {
        let with_redis = report
            .cases
            .iter()
            .flat_map(|case| &case.modes)
            .filter(|measured| measured.mode == mode.as_str());
        with_redis.filter_map(|measured| measured.redis.as_ref()).map(|redis| redis.reads).collect::<Vec<_>>()
    };
    assert!(
        matches!(counted(Mode::Oidc)[..], [reads] if reads > 1.0),
        "Redis counts the round trips of a login"
    );
    report.cases.iter().for_each(everybody_was_answered_and_nothing_stayed_but_what_lives);
}

fn everybody_was_answered_and_nothing_stayed_but_what_lives(case: &CaseReport) {
    let (herd, soak) = (case.herd.as_ref().expect("a herd"), case.soak.as_ref().expect("many logins"));
    assert_eq!((herd.apps, herd.latency.len(), herd.floor.len()), (50, 1, 1));
    assert_eq!(soak.samples.last().map(|sample| sample.logins), Some(100));
    assert!(soak.descriptors_drift <= 8, "{:?}", soak.samples);
    assert_eq!(soak.keys_of_a_login.is_some(), case.name.starts_with("redis"));
    let keys = soak.keys_of_a_login.unwrap_or(2.0);
    assert!((1.5..=2.5).contains(&keys), "session and grant: {keys}");
}

#[test]
fn the_login_benchmark_knows_users_who_were_there_before() {
    let report = run(&["--mode", "oidc", "--store", "file", "--seeded", "20", "--signing", "ES256,EdDSA"]);
    assert_eq!((report.errors().len(), report.cases.len()), (0, 2));
}
