//! What `deny.toml` forbids, compared with what is built, on every push; `tests/run dependencies` asks
//! cargo-deny.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn read(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The names of all packages that this machine builds, tests included.
fn built() -> BTreeSet<String> {
    let arguments = ["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}"];
    let tree =
        Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_banned_crate_is_built() {
    let (built, rules) = (built(), read("deny.toml"));
    let denied = rules["bans"]["deny"].as_array().unwrap().iter();
    let denied: Vec<&str> = denied.map(|rule| rule["crate"].as_str().unwrap()).collect();
    assert!(built.contains("rustls") && denied.contains(&"openssl-sys"), "both lists were understood");
    let found: Vec<_> = denied.iter().filter(|name| built.contains(**name)).collect();
    assert!(found.is_empty(), "deny.toml forbids {found:?}");
}

#[test]
fn every_package_comes_from_the_registry() {
    let lock = read("Cargo.lock");
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let packages = lock["package"].as_array().unwrap().iter();
    let foreign: Vec<_> = packages
        .filter(|package| package.get("source").is_some_and(|source| source.as_str() != Some(registry)))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?} come from elsewhere");
}
