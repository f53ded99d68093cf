//! The schema of the configuration is what the reader asks for and what the reference says.

use std::collections::BTreeSet;

use symbolon::config::schema::{rows, schema, shapes};
use symbolon::model::document::Shape;

/// Tables whose keys have rows of their own; those of others stand in the row of the key that holds them.
const WITH_ROWS: [&str; 4] = ["pool", "pool.branding", "pool.client", "pool.provider"];

fn has_rows(table: &str) -> bool {
    WITH_ROWS.contains(&table) || (!table.is_empty() && !table.contains('.'))
}

#[test]
fn every_key_that_the_reader_asks_for_is_in_the_reference() {
    let rows = rows();
    let mut missing = Vec::new();
    for (table, shape) in shapes().0.iter().filter(|(table, _)| has_rows(table)) {
        for (key, known) in &shape.keys {
            let holds_tables = known.may_be.contains(&Shape::Tables);
            let documented = |key: &str| rows.contains_key(&(table.clone(), key.to_owned()));
            if !holds_tables && !documented(key) && !key.strip_suffix("_file").is_some_and(documented) {
                missing.push(format!("[{table}] {key}"));
            }
        }
    }
    assert!(missing.is_empty(), "docs/configuration.md has no row for {missing:?}");
}

#[test]
fn every_row_of_the_reference_is_a_key_that_the_reader_asks_for_when_it_reads_the_specimen() {
    let shapes = shapes();
    let unknown: Vec<_> = rows()
        .into_keys()
        .filter(|(table, key)| !shapes.0.get(table).is_some_and(|shape| shape.keys.contains_key(key)))
        .collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?} are not read; does src/config/schema/specimen.toml hold their table?"
    );
    assert!(rows().len() > 100, "{} rows", rows().len());
}

#[test]
fn the_specimen_leads_the_reader_into_every_table() {
    let shapes = shapes();
    let mut unseen = Vec::new();
    for (table, shape) in &shapes.0 {
        for (key, known) in &shape.keys {
            let path = if table.is_empty() { key.clone() } else { format!("{table}.{key}") };
            let nests = known.may_be.contains(&Shape::Table) || known.may_be.contains(&Shape::Tables);
            if nests && !shapes.0.contains_key(&path) {
                unseen.push(path);
            } else if known.may_be.is_empty() {
                unseen.push(format!("{path} has no form"));
            }
        }
    }
    assert!(unseen.is_empty(), "src/config/schema/specimen.toml lacks {unseen:?}");
}

#[test]
fn the_schema_says_type_default_and_meaning() {
    let schema = schema();
    let pool = &schema["properties"]["pool"]["items"];
    assert_eq!(pool["required"], serde_json::json!(["id"]));
    assert_eq!(pool["properties"]["client"]["items"]["required"], serde_json::json!(["id"]));
    assert_eq!(pool["properties"]["provider"]["items"]["required"], serde_json::json!(["name", "use"]));
    assert_eq!(pool["additionalProperties"], false);
    let signing = &pool["properties"]["signing"];
    assert_eq!(
        (&signing["enum"], &signing["default"]),
        (&serde_json::json!(["RS256", "ES256", "EdDSA"]), &"RS256".into())
    );
    assert_eq!(schema["properties"]["server"]["properties"]["proxy_protocol"]["default"], false);
    let attribute =
        &pool["properties"]["provider"]["items"]["properties"]["attributes"]["additionalProperties"];
    let forms: BTreeSet<&str> =
        attribute["anyOf"].as_array().unwrap().iter().filter_map(|form| form["type"].as_str()).collect();
    assert_eq!(forms, BTreeSet::from(["array", "object", "string"]));
}

#[test]
fn every_key_of_the_main_tables_is_described() {
    let schema = schema();
    let pool = &schema["properties"]["pool"]["items"]["properties"];
    for table in [
        &schema["properties"]["server"],
        &schema["properties"]["store"],
        &pool["client"]["items"],
        &pool["provider"]["items"],
    ] {
        for (key, member) in table["properties"].as_object().unwrap() {
            assert!(member["description"].is_string(), "{key}: {member}");
        }
    }
}
