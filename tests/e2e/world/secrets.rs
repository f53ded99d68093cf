//! What was handed out in this run of the tests and must show up in no log and no store.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Members and parameters whose values are secrets, wherever they stand.
const NAMES: [&str; 11] = [
    "access_token",
    "id_token",
    "refresh_token",
    "code",
    "code_verifier",
    "client_secret",
    "client_assertion",
    "id_token_hint",
    "logout_token",
    "relay",
    "RelayState",
];
/// Shorter texts would be found by chance.
const SHORTEST: usize = 12;

/// Remembers a secret.
pub(crate) fn add(secret: &str) {
    if secret.len() >= SHORTEST {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
}

/// Remembers every token, code and e-mail address in JSON or in the query of a URL.
pub(crate) fn learn(text: &str) {
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        learn_json(&value);
    }
    if let Ok(url) = url::Url::parse(text) {
        url.query_pairs()
            .filter(|(name, _)| NAMES.contains(&name.as_ref()))
            .for_each(|(_, value)| add(&value));
    }
}

fn learn_json(value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(secret) if NAMES.contains(&name.as_str()) || name == "email" => add(secret),
                    _ => learn_json(value),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(learn_json),
        _ => {}
    }
}

/// The secrets that occur in `text`.
pub(crate) fn found_in(text: &str) -> Vec<String> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect()
}

/// How many secrets are known.
pub(crate) fn count() -> usize {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).len()
}
