//! The page says of every module which test it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/fapi.md");
const MODULES: usize = 62;

/// Module and where its test is, or why there is none.
fn rows() -> Vec<(&'static str, &'static str)> {
    let (_, table) = PAGE.split_once("| module, after").unwrap();
    table.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | ")).collect()
}

#[test]
fn every_module_is_a_test_or_has_a_reason() {
    let rows = rows();
    assert_eq!(rows.iter().map(|(module, _)| module).collect::<BTreeSet<_>>().len(), MODULES);
    for (module, place) in rows {
        match place.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            Some(file) => {
                let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
                let name = module.replace('-', "_").to_ascii_lowercase();
                assert!(text.contains(&format!("#[tokio::test]\nasync fn {name}() {{")), "{file} has no test {name}");
            }
            None => assert!(place.starts_with("not applicable: "), "{module}: {place}"),
        }
    }
}
