//! OAuth scopes ([RFC 6749 section 3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of scope tokens in the order in which they were asked for, without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

/// The text holds a character that no scope token may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scope token {0:?} holds a character outside %x21 / %x23-5B / %x5D-7E")]
pub struct InvalidScope(pub String);

impl Scopes {
    /// Parses a space-separated list; an empty text is the empty set.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let mut scopes = Self::default();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if !token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(InvalidScope(token.to_owned()));
            }
            if !scopes.contains(token) {
                scopes.0.push(token.to_owned());
            }
        }
        Ok(scopes)
    }

    /// Whether `scope` is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|have| have == scope)
    }

    /// Whether every scope of `self` is in `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.contains(scope))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_duplicates_are_dropped() {
        let scopes = Scopes::parse("openid  email openid").unwrap();
        assert_eq!(scopes.to_string(), "openid email");
    }

    #[test]
    fn control_characters_quotes_and_backslashes_are_refused() {
        for bad in ["a\"b", "a\\b", "a\tb", "é"] {
            assert!(Scopes::parse(bad).is_err(), "{bad}");
        }
    }
}
