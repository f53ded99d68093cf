//! `docs/errors.md` says what every refusal's code means, as the source does.
//!
//! After a change of a refusal: `SYMBOLON_WRITE_DOCS=1 cargo test --test it errors` writes the page anew.

mod page;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use source::Source;

/// Fewer would mean that the source was not understood.
const AT_LEAST: usize = 150;

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md")
}

#[test]
fn the_page_of_codes_is_what_the_source_says() {
    let text = page::write(&Source::read());
    if std::env::var_os("SYMBOLON_WRITE_DOCS").is_some() {
        fs::write(path(), &text).unwrap();
    }
    let held = fs::read_to_string(path()).unwrap_or_default();
    let differs =
        text.lines().zip(held.lines().chain(std::iter::repeat(""))).find(|(want, have)| want != have);
    assert!(
        held == text,
        "docs/errors.md is stale, write it anew with SYMBOLON_WRITE_DOCS=1; first at {differs:?}"
    );
}

/// By another way than the page is made: every text between quotation marks that a method called `code` can
/// give.
#[test]
fn every_code_of_the_source_is_on_the_page_and_none_is_stale() {
    let held = fs::read_to_string(path()).unwrap();
    let on_page: BTreeSet<&str> =
        held.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let in_source = source::codes_by_text();
    assert!(in_source.len() >= AT_LEAST, "{in_source:?}");
    let missing: Vec<&String> = in_source.iter().filter(|code| !on_page.contains(code.as_str())).collect();
    let stale: Vec<&&str> = on_page.iter().filter(|code| !in_source.contains(**code)).collect();
    assert!(missing.is_empty() && stale.is_empty(), "missing: {missing:?}, stale: {stale:?}");
}

#[test]
fn each_code_says_whose_move_it_is_and_what_it_means() {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    let source = Source::read();
    for refusal in &source.refusals {
        for entry in &refusal.entries {
            assert!(!entry.faults.is_empty(), "{} has no fault", entry.code);
            assert!(entry.meaning.len() > 10, "{} has no meaning", entry.code);
            *owners.entry(entry.code.as_str()).or_default() += 1;
        }
    }
    assert!(owners.len() >= AT_LEAST, "{}", owners.len());
}
