//! Finds files that use each other in a circle.
//!
//! A use is an edge from one file to the file in which the named thing is written: re-exports and imports of
//! imports are followed to it. Code only for tests does not count, and neither does an edge between a module
//! and one of its own children, at any depth: a parent is made of its children.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::tree::Tree;
use super::rust_files;

mod names;
mod tree;

/// The names that one file takes from another, by file and file.
type Edges = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[test]
fn files_of_one_module_form_no_circles() {
    let files = ["src", "benches"].into_iter().flat_map(rust_files);
    let edges = Tree::read(&files.map(|file| (file.path, file.text)).collect()).edges();
    assert!(edges.len() > 100, "the uses were not understood");
    let found = circles(&edges);
    assert!(found.is_empty(), "files that use each other:\n{}", found.join("\n"));
}

#[test]
fn a_planted_circle_is_noticed() {
    let found = circles(&edges(&[
        ("src/lib.rs", "mod door; mod key;"),
        ("src/door.rs", "use crate::key::Key; pub struct Door; fn open(_: Key) {}"),
        ("src/key.rs", "pub struct Key; impl Key { fn door(&self) -> Vec<u8> { vec![crate::door::Door] } }"),
    ]));
    let text = "a circle of 2 files\n  src/door.rs -> src/key.rs: Key\n  src/key.rs -> src/door.rs: Door\n";
    assert_eq!(found, [text]);
}

#[test]
fn a_circle_hides_behind_no_other_name() {
    let house = "mod door; mod key; mod lock; pub use key::Key; use lock::Lock as Bolt;";
    let found = circles(&edges(&[
        ("src/lib.rs", "mod house;"),
        ("src/house/mod.rs", house),
        ("src/house/door.rs", "use super::{Bolt, lock}; pub fn open(_: Bolt) { lock::turn() }"),
        ("src/house/key.rs", "pub struct Key; mod cut { fn cut() { super::super::door::open() } }"),
        ("src/house/lock.rs", "use crate::house; pub struct Lock; pub fn turn() { house::Key::new() }"),
    ]));
    let text = "a circle of 3 files\n  src/house/door.rs -> src/house/lock.rs: Lock, turn\n  \
                src/house/key.rs -> src/house/door.rs: open\n  src/house/lock.rs -> src/house/key.rs: Key\n";
    assert_eq!(found, [text]);
}

#[test]
fn parents_tests_and_one_way_form_no_circle() {
    let tests = "#[cfg(test)] mod tests { use crate::house::door::open; } \
                 #[cfg(test)] use super::door; #[cfg(test)] mod forge;";
    let found = circles(&edges(&[
        ("src/lib.rs", "mod house;"),
        ("src/house.rs", "pub mod door; mod key; pub struct House; fn enter() { door::open() }"),
        ("src/house/door.rs", "use super::House; use super::key::Key; pub fn open(_: House, _: Key) {}"),
        ("src/house/key.rs", &format!("pub struct Key; {tests}")),
        ("src/house/key/forge.rs", "use crate::house::door::open;"),
    ]));
    assert_eq!(found, [] as [&str; 0]);
}

fn edges(sources: &[(&str, &str)]) -> Edges {
    let sources = sources.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    Tree::read(&sources.collect()).edges()
}

/// Each circle as a text: how many files, and who takes what from whom.
fn circles(edges: &Edges) -> Vec<String> {
    components(edges).iter().map(|circle| describe(circle, edges)).collect()
}

/// The groups of more than one file that reach each other.
fn components(edges: &Edges) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|file| (file.as_str(), reachable(file, edges))).collect();
    let both = |file: &str, other: &str| {
        let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|there| there.contains(to));
        reaches(file, other) && reaches(other, file)
    };
    let in_circles = reached.keys().filter(|file| both(file, file));
    let groups = in_circles.map(|file| reached.keys().copied().filter(|other| both(file, other)).collect());
    groups.collect::<BTreeSet<_>>().into_iter().collect()
}

fn reachable<'e>(file: &str, edges: &'e Edges) -> BTreeSet<&'e str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(from) = open.pop() {
        for to in edges.get(from).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to.as_str()) {
                open.push(to);
            }
        }
    }
    reached
}

fn describe(circle: &BTreeSet<&str>, edges: &Edges) -> String {
    let mut text = format!("a circle of {} files\n", circle.len());
    for (from, taken) in edges.iter().filter(|(from, _)| circle.contains(from.as_str())) {
        for (to, names) in taken.iter().filter(|(to, _)| circle.contains(to.as_str())) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let _ = writeln!(text, "  {from} -> {to}: {}", names.join(", "));
        }
    }
    text
}
