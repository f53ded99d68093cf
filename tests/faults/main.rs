//! The built binary under load while everything around it fails, and a checker that reads the history
//! afterwards.
//!
//! The tests are a short course on a file and one on Redis, and the checker's own. `tests/run faults
//! [minutes] [seed]` runs all courses.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

#[path = "../support"]
mod support {
    #![expect(dead_code, reason = "a vocabulary: each test binary speaks a part of it")]

    pub(crate) mod process;
    pub(crate) mod redis;
    pub(crate) mod redis_groups;
}

#[expect(dead_code, reason = "a vocabulary: each test binary speaks a part of it")]
#[path = "../support/fake_idp/keys.rs"]
mod keys;

mod chance;
mod checker;
mod checker_tests;
mod course;
mod deeds;
mod history;
mod people;
mod proxy;
mod replica;
mod requests;
mod upstream;
mod world;

use std::time::Duration;

use course::{COURSES, Course, NARROW, Report};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn course(name: &str) -> Course {
    *COURSES.iter().chain(&NARROW).find(|course| course.name == name).expect("a course of this name")
}

#[track_caller]
fn holds(report: &Report) {
    assert!(report.violations.is_empty(), "{}", report.markdown());
    assert!(report.history.events.len() > 50 && !report.history.faults.is_empty(), "{}", report.markdown());
}

/// H-14, H-22, H-31
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_course_of_kills_on_a_file() {
    holds(&course("file, killed").run(Duration::from_secs(8), number("SYMBOLON_FAULTS_SEED", 1)).await);
}

/// H-02, H-03, H-04, H-08, H-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_course_of_misfortunes_of_redis() {
    holds(&course("Redis").run(Duration::from_secs(12), number("SYMBOLON_FAULTS_SEED", 1)).await);
}

/// All courses, for `SYMBOLON_FAULTS_MINUTES` together, or those whose name contains
/// `SYMBOLON_FAULTS_COURSE`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is told: tests/run faults [minutes] [seed]"]
async fn campaign() {
    let (minutes, seed) = (number("SYMBOLON_FAULTS_MINUTES", 10), number("SYMBOLON_FAULTS_SEED", 1));
    let wanted = std::env::var("SYMBOLON_FAULTS_COURSE").unwrap_or_default();
    let courses: Vec<&Course> = COURSES.iter().filter(|course| course.name.contains(&wanted)).collect();
    let shares: u64 = courses.iter().map(|course| course.share).sum();
    let mut broken = 0;
    for course in courses {
        let report = course.run(Duration::from_secs(minutes * 60 * course.share / shares), seed).await;
        broken += report.violations.len();
        println!("{}", report.markdown());
    }
    assert_eq!(broken, 0, "promises were broken");
}

/// Bugs of `planted.patch`, and a course on which each shows.
const PLANTED: [(&str, &str); 8] = [
    ("take in two steps", "Redis, replicas killed"),
    ("refresh without version", "Redis, replicas killed"),
    ("epoch read before the write", "slow Redis"),
    ("session written back", "slow Redis"),
    ("writes sent again", "broken connections"),
    ("no fsync", "file, power cut"),
    ("replicas not awaited", "stranded writes"),
    ("what has ended is believed", "long stranded writes"),
];

/// Every planted bug is found, within a few rounds of a course.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a program with planted bugs: tests/run faults planted"]
async fn planted() {
    assert!(
        std::env::var_os("SYMBOLON_FAULTS_PROGRAM").is_some(),
        "tests/run faults planted builds the program"
    );
    let wanted = std::env::var("SYMBOLON_FAULTS_COURSE").unwrap_or_default();
    let mut missed = Vec::new();
    for (bug, name) in PLANTED.iter().filter(|(bug, _)| bug.contains(&wanted)) {
        let mut found = None;
        for seed in 1..=5 {
            let report = course(name).run_with(Some(bug), Duration::from_secs(25), seed).await;
            let rules: std::collections::BTreeSet<_> =
                report.violations.iter().map(|violation| violation.rule).collect();
            if !rules.is_empty() {
                println!("| {bug} | {name} | round {seed} | {rules:?} | {} |", report.violations[0]);
                found = Some(rules);
                break;
            }
        }
        if found.is_none() {
            println!("| {bug} | {name} | not found |");
            missed.push(bug);
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
