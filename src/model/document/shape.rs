//! What a reader asks a document for: which keys each table may have and what each may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One form of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A string that is not empty.
    Text,
    /// A secret; `<key>_file` may name a file instead.
    Secret,
    /// One of these words.
    Word(Vec<String>),
    /// `true` or `false`.
    Flag,
    /// A number from the first to the second.
    Integer(i64, i64),
    /// A duration from the first to the second.
    Duration(Duration, Duration),
    /// A list of strings that are not empty.
    Texts,
    /// A table.
    Table,
    /// A list of tables.
    Tables,
}

/// What is known of one key.
#[derive(Debug, Clone, Default)]
pub struct KeyShape {
    /// The forms that the reader takes.
    pub may_be: BTreeSet<Shape>,
    /// In how many of the tables read it had to be there.
    pub required: usize,
}

/// What is known of one table.
#[derive(Debug, Clone, Default)]
pub struct TableShape {
    /// Its keys.
    pub keys: BTreeMap<String, KeyShape>,
    /// Whether any key may stand in it; then what was asked of one goes for all.
    pub free: bool,
    /// How many such tables were read.
    pub visits: usize,
}

/// The tables that were read, by the path that a header spells: `pool.client`; the document itself is the
/// empty path.
#[derive(Debug, Clone, Default)]
pub struct Shapes(pub BTreeMap<String, TableShape>);

impl Shapes {
    /// The table at a path, which may have been looked at already.
    pub(super) fn table(&mut self, path: &str) -> &mut TableShape {
        self.0.entry(path.to_owned()).or_default()
    }
}

impl TableShape {
    /// A key of it.
    pub(super) fn key(&mut self, key: &str) -> &mut KeyShape {
        self.keys.entry(key.to_owned()).or_default()
    }
}
