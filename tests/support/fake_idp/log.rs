//! What the provider received.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::switch::Endpoint;

/// One request, as received.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) endpoint: Endpoint,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The raw query, without the question mark.
    pub(crate) query: String,
    /// Headers by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    /// The values of a query parameter.
    pub(crate) fn query_values(&self, name: &str) -> Vec<String> {
        values(&self.query, name)
    }

    /// The values of a form field.
    pub(crate) fn form_values(&self, name: &str) -> Vec<String> {
        values(&self.body, name)
    }

    /// A parameter of the query or of the form, whichever has it first.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.query_values(name).into_iter().chain(self.form_values(name)).next()
    }

    /// A header by lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The token of an `Authorization: Bearer` header (or GitHub's older `token`).
    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token "))
    }

    /// Whether `text` occurs anywhere in the request, plain or percent-decoded.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let decoded = |raw: &str| {
            form_urlencoded::parse(raw.as_bytes())
                .any(|(name, value)| name.contains(text) || value.contains(text))
        };
        self.path.contains(text)
            || self.query.contains(text)
            || self.body.contains(text)
            || self.headers.values().any(|value| value.contains(text))
            || decoded(&self.query)
            || decoded(&self.body)
    }
}

fn values(encoded: &str, name: &str) -> Vec<String> {
    form_urlencoded::parse(encoded.as_bytes())
        .filter(|(have, _)| have == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}
