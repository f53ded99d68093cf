//! The schema of the configuration, judged by somebody else's validator.

use serde_json::{Value, json};

use crate::support::peers::schema_errors;
use crate::world::broker::symbolon;

fn schema() -> Value {
    let output = symbolon().args(["check", "--schema"]).output().expect("symbolon runs");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn examples() -> Vec<Value> {
    let pages = ["README.md", "docs/providers.md", "docs/saml.md", "docs/operations.md"];
    let text: String = pages
        .iter()
        .map(|page| {
            std::fs::read_to_string(format!("{}/{page}", env!("CARGO_MANIFEST_DIR"))).expect("a page")
        })
        .collect::<Vec<_>>()
        .join("\n");
    let blocks = text.split("\n```").filter_map(|block| block.strip_prefix("toml\n"));
    blocks.map(|block| in_a_pool(&block.parse::<toml::Table>().expect("TOML"))).collect()
}

/// A block that shows providers or apps alone stands in a pool.
fn in_a_pool(block: &toml::Table) -> Value {
    let mut document = serde_json::to_value(block).expect("JSON");
    match document.get_mut("pool") {
        Some(Value::Object(pool)) => {
            pool.insert("id".into(), json!("eu-west-1_Example01"));
            let pool = Value::Object(pool.clone());
            json!({ "pool": [pool] })
        }
        _ => document,
    }
}

#[test]
fn every_configuration_shown_is_valid_under_the_schema() {
    let examples = examples();
    assert!(examples.len() >= 20, "{}", examples.len());
    for (example, errors) in examples.iter().zip(schema_errors(&schema(), &examples)) {
        assert!(errors.is_empty(), "{errors:#?}\n{example:#}");
    }
}

#[test]
fn what_the_reader_refuses_by_its_form_the_schema_refuses_too() {
    let pool = |more: Value| {
        let mut pool = json!({ "id": "eu-west-1_Example01" });
        pool.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "pool": [pool] })
    };
    let wrong = [
        json!({ "servre": {} }),
        json!({ "server": { "listn": "127.0.0.1:1" } }),
        json!({ "server": { "proxy_protocol": "yes" } }),
        json!({ "server": { "public_url": "" } }),
        json!({ "server": { "seal_key": "a", "seal_key_file": "b" } }),
        json!({ "limits": { "address": -1 } }),
        json!({ "pool": {} }),
        json!({ "pool": [{}] }),
        pool(json!({ "signing": "HS256" })),
        pool(json!({ "code_lifetime": "soon" })),
        pool(json!({ "code_lifetime": 3 })),
        pool(json!({ "client": [{ "id": "web", "redirect_uris": "https://app.example/" }] })),
        pool(json!({ "provider": [{ "name": "Google" }] })),
        pool(json!({ "provider": [{ "name": "Acme", "use": "oidc", "endpoints": { "tokn": "x" } }] })),
        pool(json!({ "provider": [{ "name": "Acme", "use": "oidc",
                "attributes": { "name": { "konstant": "x" } } }] })),
        pool(json!({ "provider": [{ "name": "Acme", "use": "oidc", "groups": { "map": { "a": 1 } } }] })),
    ];
    for (document, errors) in wrong.iter().zip(schema_errors(&schema(), &wrong)) {
        assert!(!errors.is_empty(), "accepted: {document}");
        let text = toml::to_string(document).expect("TOML");
        let read = symbolon::config::parse(&text, "symbolon.toml", &[], &|_| Err("no such file".to_owned()));
        assert!(read.is_err(), "the reader takes what the schema refuses: {document}");
    }
}
