//! Duplicate values where each may be used once.

use std::collections::BTreeMap;

use crate::model::document::{Spot, Table};

/// Refuses a value that was used before, naming where.
pub(super) struct Unique {
    what: &'static str,
    seen: BTreeMap<String, Spot>,
}

impl Unique {
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, seen: BTreeMap::new() }
    }

    /// Whether nobody used `value` before.
    pub(super) fn claim(&mut self, table: &Table<'_>, value: &str, spot: Spot) -> bool {
        if let Some(first) = self.seen.get(value) {
            let message = format!("the {} {value:?} is already used by {}", self.what, first.key);
            table.problem_at(&spot, message, format!("give each its own {}", self.what));
            return false;
        }
        self.seen.insert(value.to_owned(), spot);
        true
    }
}
