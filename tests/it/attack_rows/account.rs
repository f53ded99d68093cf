//! Which rows of the catalogue a test carries, and why the others have none. `tests/run` shows the account at
//! its end.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::architecture::{case_id, rust_files, security_cases};

const LEFT: &str = include_str!("../../cases-left.toml");

#[derive(Deserialize)]
struct Left {
    left: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    why: String,
    cases: Vec<String>,
}

/// Each row has a test that carries its id, or a reason why not in `tests/cases-left.toml`, and never both.
#[test]
fn every_case_has_a_test_or_a_reason() {
    let covered = covered();
    let reasons: Left = toml::from_str(LEFT).unwrap();
    let mut left = BTreeSet::new();
    for reason in &reasons.left {
        assert!(reason.why.len() > 20, "{:?} is no reason", reason.why);
        for case in &reason.cases {
            assert!(case_id(case).as_ref() == Some(case), "{case} is no case");
            assert!(left.insert(case.clone()), "{case} is explained twice");
            assert!(
                !covered.contains(case),
                "a test carries {case} now: take it out of tests/cases-left.toml"
            );
        }
    }
    if let Some(known) = security_cases() {
        let silent: Vec<&String> =
            known.iter().filter(|case| !covered.contains(*case) && !left.contains(*case)).collect();
        assert!(silent.is_empty(), "neither a test nor a reason: {silent:?}");
        let unknown: Vec<&String> = left.difference(&known).collect();
        assert!(unknown.is_empty(), "there are no such cases: {unknown:?}");
    } else {
        println!(
            "cases: the catalogue does not lie beside this repository, so that every row is named below was \
             not checked"
        );
    }
    report(&covered, &reasons);
}

fn report(covered: &BTreeSet<String>, reasons: &Left) {
    let mut groups: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in covered {
        groups.entry(&case[..1]).or_default().0 += 1;
    }
    for case in reasons.left.iter().flat_map(|reason| &reason.cases) {
        groups.entry(&case[..1]).or_default().1 += 1;
    }
    for (group, (have, left)) in groups {
        println!("cases: {group}: {have} covered, {left} left");
    }
    for Reason { why, cases } in &reasons.left {
        println!("cases: left {}: {why}", cases.join(" "));
    }
}

/// Ids above a test, or above what a table of tests lists.
fn covered() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in ["src", "tests"]
        .into_iter()
        .flat_map(rust_files)
        .filter(|file| !file.path.starts_with("tests/support/"))
    {
        let table =
            ["tests/it/store/contract.rs", "tests/it/saml_corpus/mod.rs"].contains(&file.path.as_str());
        let mut above = Vec::new();
        for line in file.text.lines().map(str::trim_start) {
            if let Some(comment) = line.strip_prefix("///") {
                above.extend(ids(comment));
            } else if line.starts_with("#[") {
                if line.contains("test]") || line.contains("test(") {
                    found.extend(above.drain(..));
                }
            } else if table {
                found.extend(above.drain(..));
                found.extend(ids(line).into_iter().filter(|_| line.starts_with('"')));
            } else {
                above.clear();
            }
        }
    }
    found
}

/// The ids that a text names; `E-20..E-24` names all between.
fn ids(text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(case_id).collect();
    for (from, to) in text.split_whitespace().filter_map(|word| word.split_once("..")) {
        let number = |id: &str| id.get(2..4).and_then(|digits| digits.parse::<u8>().ok());
        if let (Some(group), Some(from), Some(to)) = (from.get(..1), number(from), number(to)) {
            found.extend((from..=to).map(|number| format!("{group}-{number:02}")));
        }
    }
    found
}

#[test]
fn a_range_names_what_lies_between() {
    assert_eq!(ids(" E-20..E-22, and B-01: this"), ["E-20", "E-22", "B-01", "E-20", "E-21", "E-22"]);
    assert!(ids("AES-256").is_empty());
}
