//! The page says of every module which test it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/fapi.md");
const MODULES: usize = 62;

/// Module and where its test is, or why there is none, under the `n`th heading of a table.
fn rows(n: usize) -> Vec<(&'static str, &'static str)> {
    let table = PAGE.split("| module, after").nth(n).unwrap();
    table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
        .collect()
}

#[test]
fn every_module_is_a_test_or_has_a_reason() {
    let (all, by_certificate) = (rows(1), rows(2));
    let modules: BTreeSet<_> = all.iter().map(|(module, _)| module).collect();
    assert_eq!(modules.len(), MODULES);
    assert!(!by_certificate.is_empty() && by_certificate.iter().all(|(module, _)| modules.contains(module)));
    for (module, place) in all.into_iter().chain(by_certificate) {
        match place.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            Some(file) => {
                let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
                let name = module.replace('-', "_").to_ascii_lowercase();
                assert!(
                    text.contains(&format!("#[tokio::test]\nasync fn {name}() {{")),
                    "{file} has no test {name}"
                );
            }
            None => assert!(place.starts_with("not applicable: "), "{module}: {place}"),
        }
    }
}
