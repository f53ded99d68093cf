//! How a client proves who it is, in `[[pool.client]]`.

use super::uri;
use crate::model::document::{Invalid, Table};
use crate::model::proof::{AssertionAlgorithm, AssertionRules, Authentication, ClientKeySource, ClientProof};
use crate::protocol::jose::KeySet;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    PrivateKeyJwt,
}

const METHODS: [(&str, Method); 1] = [("private_key_jwt", Method::PrivateKeyJwt)];

/// Reads how the client proves who it is. `has_secret`: it is given one.
pub(super) fn read(table: &Table<'_>, has_secret: bool) -> ClientProof {
    let method = table.one_of("client_auth", &METHODS);
    if method.is_some() && has_secret {
        table.problem("client_auth", "the client has a secret as well", "remove the secret: one method authenticates a client");
    }
    let rules = assertion_rules(table, method);
    let authentication = match method {
        Some(Method::PrivateKeyJwt) => Authentication::PrivateKeyJwt(rules),
        None => Authentication::Secret,
    };
    ClientProof { authentication, ..ClientProof::default() }
}

/// Whether the client names a method to authenticate other than a secret.
pub(super) fn has_method(table: &Table<'_>) -> bool {
    table.has("client_auth")
}

fn assertion_rules(table: &Table<'_>, method: Option<Method>) -> AssertionRules {
    let parse = |text: &str| {
        let known = AssertionAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        known.ok_or_else(|| Invalid::new(format!("{text:?} is not accepted"), "write PS256, ES256, EdDSA or RS256"))
    };
    let algorithms = table.parsed_list("assertion_algorithms", parse);
    if algorithms.as_ref().is_some_and(Vec::is_empty) {
        table.problem("assertion_algorithms", "the list is empty", "name an algorithm, or remove the key");
    }
    let token_endpoint_as_audience = table.boolean("token_endpoint_as_audience").unwrap_or(false);
    if token_endpoint_as_audience {
        let fix = "remove it once the app sends the issuer as aud";
        table.warn("token_endpoint_as_audience", "assertions made for another server that names this token endpoint count here", fix);
    }
    let keys = keys(table, method);
    if method != Some(Method::PrivateKeyJwt) {
        for key in ["assertion_algorithms", "token_endpoint_as_audience", "jwks", "jwks_file", "jwks_uri"] {
            if table.has(key) {
                table.problem(key, "the client signs nothing", "add client_auth = \"private_key_jwt\", or remove the key");
            }
        }
    }
    let algorithms = algorithms.unwrap_or_else(|| AssertionAlgorithm::ALL.to_vec());
    AssertionRules { keys, algorithms, token_endpoint_as_audience }
}

/// Exactly one of `jwks`, `jwks_file` and `jwks_uri`.
fn keys(table: &Table<'_>, method: Option<Method>) -> ClientKeySource {
    let (text, file, uri) = (table.string("jwks"), table.file("jwks_file"), table.parsed("jwks_uri", uri::endpoint));
    let given = ["jwks", "jwks_file", "jwks_uri"].into_iter().filter(|key| table.has(key)).collect::<Vec<_>>();
    match given.as_slice() {
        [] if method == Some(Method::PrivateKeyJwt) => {
            table.problem("client_auth", "the client has no public keys", "add jwks, jwks_file or jwks_uri");
        }
        [] | [_] => {}
        [.., last] => table.problem(last, "keys are given in more than one place", "keep one of jwks, jwks_file and jwks_uri"),
    }
    if let Some(uri) = uri {
        return ClientKeySource::Fetched(uri);
    }
    let key = if table.has("jwks") { "jwks" } else { "jwks_file" };
    let text = text.or(file).unwrap_or_default();
    if table.has(key) && !text.is_empty() {
        check(table, key, &text);
    }
    ClientKeySource::Given(text)
}

fn check(table: &Table<'_>, key: &str, text: &str) {
    match KeySet::parse(text.as_bytes()) {
        Err(error) => table.problem(key, error.to_string(), "write a JSON Web Key Set with the app's public keys"),
        Ok(set) => {
            for skipped in set.skipped() {
                let kid = skipped.kid.as_deref().unwrap_or("without kid");
                table.problem(key, format!("key {kid}: {}", skipped.reason), "keep public keys for signatures only");
            }
            if set.keys().is_empty() && set.skipped().is_empty() {
                table.problem(key, "the set holds no key", "write a JSON Web Key Set with the app's public keys");
            }
        }
    }
}
