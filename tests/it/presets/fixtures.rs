//! Answers shaped like each vendor's documented ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use serde_json::Value;
use symbolon::model::identity::Claims;

use super::world::claims;

/// `tests/fixtures/providers/<vendor>/<name>.json`.
pub fn fixture(vendor: &str, name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/providers")
        .join(vendor)
        .join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

/// The claims of the ID token, over those of userinfo where the vendor has a fixture of it.
pub fn oidc_claims(vendor: &str) -> Claims {
    let mut all = match vendor {
        "gitlab" | "salesforce" | "okta" | "oidc" => claims(fixture(vendor, "userinfo")),
        _ => Claims::new(),
    };
    all.extend(claims(fixture(vendor, "id_token")));
    all
}

/// These claims with one of them replaced; null removes it.
pub fn but(mut all: Claims, name: &str, value: Value) -> Claims {
    match value {
        Value::Null => all.remove(name),
        value => all.insert(name.to_owned(), value),
    };
    all
}
