//! A pool user's attributes: names that Cognito knows or `custom:` ones, values as text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Cognito's standard attributes that a mapping may write.
pub const STANDARD: [&str; 18] = [
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "website",
    "zoneinfo",
];

/// Longest attribute value in bytes (Cognito's limit).
pub const MAX_VALUE: usize = 2048;

/// The name of a writable attribute: one of [`STANDARD`] or `custom:<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributeName(String);

/// The name is reserved for the broker or unknown to Cognito.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no attribute that a mapping may set: use a standard one such as email, given_name, or \
     custom:<name>"
)]
pub struct InvalidAttributeName(pub String);

impl AttributeName {
    /// Parses a writable attribute name. `sub`, `identities`, `cognito:…`, `updated_at` and every token claim
    /// are refused.
    pub fn parse(text: &str) -> Result<Self, InvalidAttributeName> {
        let custom = text.strip_prefix("custom:").is_some_and(|name| {
            (1..=20).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        });
        if custom || STANDARD.contains(&text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAttributeName(text.chars().take(64).collect()))
        }
    }

    /// The name as text, with its `custom:` prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AttributeName {
    type Error = InvalidAttributeName;
    fn try_from(text: String) -> Result<Self, InvalidAttributeName> {
        Self::parse(&text)
    }
}

impl From<AttributeName> for String {
    fn from(name: AttributeName) -> Self {
        name.0
    }
}

/// Attribute values by name. `email_verified` and `phone_number_verified` hold `"true"` or `"false"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<AttributeName, String>);

impl Attributes {
    /// Sets `name`, replacing an earlier value.
    pub fn set(&mut self, name: AttributeName, value: String) {
        self.0.insert(name, value);
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &AttributeName) {
        self.0.remove(name);
    }

    /// The value of the attribute called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have.as_str() == name).map(|(_, value)| value.as_str())
    }

    /// Whether the attribute called `name` holds `"true"`.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// Every attribute in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&AttributeName, &str)> {
        self.0.iter().map(|(name, value)| (name, value.as_str()))
    }

    /// Whether there is no attribute.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(AttributeName, String)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (AttributeName, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-13
    #[test]
    fn reserved_claims_are_no_attributes() {
        for reserved in [
            "sub",
            "iss",
            "aud",
            "exp",
            "identities",
            "cognito:groups",
            "cognito:username",
            "token_use",
            "custom:",
            "dev:custom:x",
        ] {
            assert!(AttributeName::parse(reserved).is_err(), "{reserved}");
        }
        assert!(AttributeName::parse("custom:department").is_ok());
    }
}
