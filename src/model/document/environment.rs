//! Variables over a document: double underscores separate keys, numbers count in lists.

use std::cmp::Ordering;

use super::node::{Node, Value, from_variable};
use super::{Location, Problem};

/// Writes every variable with `prefix` into the tree; returns those that fit nowhere.
pub(super) fn overlay(root: &mut Node, prefix: &str, variables: &[(String, String)]) -> Vec<Problem> {
    let mut ours: Vec<(Vec<String>, &str, &str)> = variables
        .iter()
        .filter_map(|(name, text)| {
            let path = name.strip_prefix(prefix)?;
            Some((path.split("__").map(str::to_ascii_lowercase).collect(), name.as_str(), text.as_str()))
        })
        .collect();
    ours.sort_by(|(left, ..), (right, ..)| natural(left, right));
    ours.into_iter()
        .filter_map(|(path, name, text)| {
            let (message, fix) = set(root, &path, from_variable(name, text)).err()?;
            Some(Problem {
                file: String::new(),
                place: Location::Variable(name.to_owned()),
                key: String::new(),
                message,
                fix,
            })
        })
        .collect()
}

/// Shorter paths first, numbers by value: `POOL__2` before `POOL__10`.
fn natural(left: &[String], right: &[String]) -> Ordering {
    let key = |part: &String| (part.parse::<usize>().ok(), part.clone());
    left.iter().map(key).cmp(right.iter().map(key))
}

fn set(node: &mut Node, path: &[String], value: Node) -> Result<(), (String, String)> {
    let Some((part, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    if part.is_empty() {
        return Err((
            "a part of the name is empty".to_owned(),
            "separate keys with exactly two underscores".to_owned(),
        ));
    }
    let place = value.place.clone();
    match &mut node.value {
        Value::Table(entries) => {
            let child = entries.entry(part.clone()).or_insert_with(|| blank(rest, place));
            set(child, rest, value)
        }
        Value::Array(items) => {
            let index: usize = part.parse().map_err(|_| not_an_index(part, items.len()))?;
            if index == items.len() {
                items.push(blank(rest, place));
            }
            let count = items.len();
            let item = items.get_mut(index).ok_or_else(|| not_an_index(part, count))?;
            set(item, rest, value)
        }
        other => {
            let kind = other.kind();
            Err((
                format!("the key before {part:?} holds {kind}, not a table or list"),
                "remove the last part of the name".to_owned(),
            ))
        }
    }
}

/// What a path needs where the document has nothing yet: a list before a number, else a table.
fn blank(rest: &[String], place: Location) -> Node {
    let list = rest.first().is_some_and(|part| part.parse::<usize>().is_ok());
    let value = if list { Value::Array(Vec::new()) } else { Value::Table(std::collections::BTreeMap::new()) };
    Node { place, value, raw: None }
}

fn not_an_index(part: &str, count: usize) -> (String, String) {
    (
        format!("{part:?} is no position in a list of {count}"),
        format!("use a number from 0 to {count}; {count} adds an entry"),
    )
}
