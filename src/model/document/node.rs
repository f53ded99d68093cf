//! The document as an owned tree in which every value knows its place.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::Location;

/// A value and where it stands.
pub(super) struct Node {
    pub(super) place: Location,
    pub(super) value: Value,
    /// The text of the variable that set it: what a string getter reads when the text happens to be TOML too.
    pub(super) raw: Option<String>,
}

/// A value of TOML or JSON. No `Debug`: it may be a secret.
pub(super) enum Value {
    Text(String),
    /// `None` when it does not fit 64 bits.
    Integer(Option<i64>),
    Boolean(bool),
    /// A float, a date or a null in a list, which no key takes.
    Other(&'static str),
    Array(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Value {
    /// The kind with its article, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Other(kind) => kind,
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The text of a string, or of the variable that set it.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => self.raw.as_deref(),
        }
    }
}

/// Byte offsets at which lines start.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line, counted from 1, that holds the byte at `offset`.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset).max(1)
    }
}

/// The entries of a parsed table.
pub(super) fn entries(lines: &Lines, table: DeTable<'_>) -> BTreeMap<String, Node> {
    table
        .into_iter()
        .map(|(key, value)| {
            let place = Location::Line(lines.line_at(value.span().start));
            (
                key.into_inner().into_owned(),
                Node { place, value: convert(lines, value.into_inner()), raw: None },
            )
        })
        .collect()
}

/// The members of a JSON object; one that is `null` is not there.
pub(super) fn members(object: &serde_json::Map<String, serde_json::Value>) -> BTreeMap<String, Node> {
    let there = object.iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.clone(), of_json(value))).collect()
}

fn of_json(value: &serde_json::Value) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Other("null"),
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        serde_json::Value::Number(number) if number.is_f64() => Value::Other("a float"),
        serde_json::Value::Number(number) => Value::Integer(number.as_i64()),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(of_json).collect()),
        serde_json::Value::Object(object) => Value::Table(members(object)),
    };
    Node { place: Location::File, value, raw: None }
}

/// A value read from a variable, everything in it placed there.
pub(super) fn from_variable(name: &str, text: &str) -> Node {
    let lines = Lines(Vec::new());
    let value = DeValue::parse(text)
        .map_or_else(|_| Value::Text(text.to_owned()), |value| convert(&lines, value.into_inner()));
    let mut node = Node { place: Location::File, value, raw: Some(text.to_owned()) };
    place_all(&mut node, &Location::Variable(name.to_owned()));
    node
}

fn place_all(node: &mut Node, place: &Location) {
    node.place = place.clone();
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| place_all(item, place)),
        Value::Table(entries) => entries.values_mut().for_each(|item| place_all(item, place)),
        Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {}
    }
}

fn convert(lines: &Lines, value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Boolean(flag) => Value::Boolean(flag),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(table) => Value::Table(entries(lines, table)),
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| {
                    let place = Location::Line(lines.line_at(item.span().start));
                    Node { place, value: convert(lines, item.into_inner()), raw: None }
                })
                .collect(),
        ),
    }
}
