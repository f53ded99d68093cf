//! The [JSON Schema](https://json-schema.org/draft/2020-12) of the configuration file, for editors.
//!
//! Keys and types are what the reader asks for when it reads a specimen; defaults and descriptions are the
//! rows of the [reference](super). The schema says less than `symbolon check`: it knows no rule across keys
//! and no variable.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::model::document::{Document, KeyShape, Shape, Shapes, TableShape, show_duration};

/// Documents that lead the reader to every table and every alternative. Nothing in them need be usable.
const SPECIMEN: &str = include_str!("schema/specimen.toml");

const REFERENCE: &str = include_str!("../../docs/configuration.md");

const WHOLE: &str = "A configuration of Symbolon. `symbolon check` knows the rules between keys; variables \
    may set what the file leaves out.";

/// The schema of `symbolon.toml`.
pub fn schema() -> Value {
    let shapes = shapes();
    let rows = rows();
    let mut root = Writer { shapes: &shapes, rows: &rows }.table("", &TableShape::default());
    let mut whole = Map::new();
    whole.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    whole.insert("title".into(), json!("symbolon.toml"));
    whole.insert("description".into(), json!(WHOLE));
    whole.append(&mut root);
    Value::Object(whole)
}

/// Every table that the reader looks into, with the keys that it asks for.
pub fn shapes() -> Shapes {
    let files = |_: &str| Ok("x".to_owned());
    let document = Document::parse("specimen.toml", SPECIMEN).with_files(&files);
    drop(super::read(&document, Path::new(""), &files));
    document.shapes()
}

/// A row of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The column "default".
    pub default: String,
    /// The column "meaning".
    pub meaning: String,
}

/// The rows of the reference by the table's path and the key.
pub fn rows() -> BTreeMap<(String, String), Row> {
    let mut rows = BTreeMap::new();
    let mut table = "";
    for line in REFERENCE.lines() {
        if let Some(title) = line.strip_prefix("## `[") {
            table = title.trim_start_matches('[').split(']').next().unwrap_or_default();
        }
        let Some(cells) = line.strip_prefix("| `").and_then(|row| row.strip_suffix('|')) else { continue };
        let mut cells = cells.splitn(3, '|').map(str::trim);
        let (Some(keys), Some(default), Some(meaning)) = (cells.next(), cells.next(), cells.next()) else {
            continue;
        };
        for key in keys.split('`').step_by(2) {
            rows.insert(
                (table.to_owned(), key.to_owned()),
                Row { default: default.to_owned(), meaning: meaning.to_owned() },
            );
        }
    }
    rows
}

struct Writer<'s> {
    shapes: &'s Shapes,
    rows: &'s BTreeMap<(String, String), Row>,
}

impl Writer<'_> {
    /// The members of a schema for the table at `path`; `below` is what else is known of it.
    fn table(&self, path: &str, below: &TableShape) -> Map<String, Value> {
        let shape = self.shapes.0.get(path).unwrap_or(below);
        if shape.free {
            let any = self.any_key(path, shape);
            return Map::from_iter([("type".into(), json!("object")), ("additionalProperties".into(), any)]);
        }
        let properties: Map<String, Value> =
            shape.keys.iter().map(|(key, known)| (key.clone(), self.key(path, key, known))).collect();
        let required: Vec<&String> = shape
            .keys
            .iter()
            .filter(|(_, known)| shape.visits > 0 && known.required == shape.visits)
            .map(|(key, _)| key)
            .collect();
        let mut table = Map::from_iter([
            ("type".into(), json!("object")),
            ("additionalProperties".into(), json!(false)),
            ("properties".into(), Value::Object(properties)),
        ]);
        if !required.is_empty() {
            table.insert("required".into(), json!(required));
        }
        let secrets = shape.keys.iter().filter(|(_, known)| known.may_be.contains(&Shape::Secret));
        let once: Vec<Value> =
            secrets.map(|(key, _)| json!({ "not": { "required": [key, format!("{key}_file")] } })).collect();
        if !once.is_empty() {
            table.insert("allOf".into(), json!(once));
        }
        table
    }

    /// What any key of a free table may hold: all that the specimen's keys may.
    fn any_key(&self, path: &str, shape: &TableShape) -> Value {
        let mut all = KeyShape::default();
        let mut below = TableShape::default();
        for (key, known) in &shape.keys {
            all.may_be.extend(known.may_be.iter().cloned());
            for (key, known) in
                self.shapes.0.get(&format!("{path}.{key}")).into_iter().flat_map(|table| &table.keys)
            {
                below.keys.entry(key.clone()).or_default().may_be.extend(known.may_be.iter().cloned());
            }
        }
        // The path of no table, so that what was collected counts.
        self.forms(&format!("{path}.*"), &all.may_be, &below)
    }

    fn key(&self, path: &str, key: &str, known: &KeyShape) -> Value {
        let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let mut schema = match self.forms(&below, &known.may_be, &TableShape::default()) {
            Value::Object(schema) => schema,
            other => return other,
        };
        let own = self.rows.get(&(path.to_owned(), key.to_owned()));
        let of_file = || self.rows.get(&(path.to_owned(), key.strip_suffix("_file")?.to_owned()));
        if let Some(Row { default, meaning }) = own {
            schema.insert("description".into(), json!(meaning));
            match default_value(default) {
                Some(value) => drop(schema.insert("default".into(), value)),
                None if !default.is_empty() => {
                    drop(schema.insert("$comment".into(), json!(format!("default: {default}"))));
                }
                None => {}
            }
        } else if let Some(Row { meaning, .. }) = of_file() {
            schema.insert(
                "description".into(),
                json!(format!("A file with the value of `{}`: {meaning}", key.trim_end_matches("_file"))),
            );
        }
        Value::Object(schema)
    }

    fn forms(&self, path: &str, may_be: &BTreeSet<Shape>, below: &TableShape) -> Value {
        let words = may_be.iter().any(|shape| matches!(shape, Shape::Word(_)));
        let plain = |shape: &&Shape| !(words && **shape == Shape::Text);
        let mut forms: Vec<Value> = Vec::new();
        for shape in may_be.iter().filter(plain) {
            let form = self.form(path, shape, below);
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        match (forms.pop(), forms.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                forms.push(last);
                json!({ "anyOf": forms })
            }
            (None, _) => json!({}),
        }
    }

    fn form(&self, path: &str, shape: &Shape, below: &TableShape) -> Value {
        let text = || json!({ "type": "string", "pattern": "\\S" });
        match shape {
            Shape::Text | Shape::Secret => text(),
            Shape::Word(words) => json!({ "enum": words }),
            Shape::Flag => json!({ "type": "boolean" }),
            Shape::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
            Shape::Duration(from, to) => json!({
                "anyOf": [
                    { "type": "integer", "minimum": from.as_secs(), "maximum": to.as_secs() },
                    { "type": "string", "pattern": "^([0-9]+|([0-9]+[wdhms])+)$" },
                ],
                "$comment": format!("from {} to {}", show_duration(*from), show_duration(*to)),
            }),
            Shape::Texts => json!({ "type": "array", "items": text() }),
            Shape::Table => Value::Object(self.table(path, below)),
            Shape::Tables => json!({ "type": "array", "items": Value::Object(self.table(path, below)) }),
        }
    }
}

/// The value of a default that the reference spells as TOML does: `true`, `1200`, `"1h"`, `["openid"]`.
fn default_value(cell: &str) -> Option<Value> {
    let text = cell.strip_prefix('`')?.strip_suffix('`')?;
    serde_json::from_str(text).ok()
}
