//! Presets: the files in `providers/`, and what a pool lays over them.

mod fixtures;
mod microsoft;
mod problems;
mod refusals;
mod saml;
mod vendors;
pub mod world;

use std::collections::BTreeSet;
use std::path::Path;

use symbolon::provider::preset::{EMBEDDED, Presets};

#[test]
fn every_file_in_the_folder_is_embedded_and_every_embedded_file_parses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let embedded: BTreeSet<String> = EMBEDDED.iter().map(|(name, _)| format!("{name}.toml")).collect();
    assert_eq!(files, embedded);
    if let Err(problems) = Presets::embedded() {
        panic!("{problems}");
    }
}
