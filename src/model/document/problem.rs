//! What is wrong, where, and what to write instead.

use std::fmt;

use crate::model::attributes::InvalidAttributeName;
use crate::model::ids::InvalidId;
use crate::model::scope::InvalidScope;

/// Where a problem lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// The file as a whole.
    File,
    /// A line, counted from 1.
    Line(usize),
    /// An environment variable.
    Variable(String),
}

/// One thing that is wrong. Sorts by file, then by line; variables come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as the operator named it.
    pub file: String,
    /// Where in it, or which variable.
    pub place: Location,
    /// The key: `pool[0].client[1].redirect_uris[0]`; empty for a syntax error.
    pub key: String,
    /// What is wrong, without any secret.
    pub message: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for Problem {
    /// `symbolon.toml:12: pool[0].id: …; fix: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Location::File => write!(f, "{}: ", self.file)?,
            Location::Line(line) => write!(f, "{}:{line}: ", self.file)?,
            Location::Variable(name) => write!(f, "{name}: ")?,
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; fix: {}", self.message, self.fix)
    }
}

/// At least one problem, sorted; `Display` is one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts the problems.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        Self(problems)
    }

    /// The problems in the order of their lines.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// The problems in the order of their lines.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// A place kept for a problem that shows only later, when values are compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Where.
    pub place: Location,
    /// The key.
    pub key: String,
}

/// Why a value does not fit, and what would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub fix: String,
}

impl Invalid {
    /// A reason and its remedy.
    pub fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into() }
    }
}

impl From<InvalidId> for Invalid {
    fn from(error: InvalidId) -> Self {
        Self::new(format!("{} {:?} is not valid", error.kind, error.text), format!("it {}", error.rule))
    }
}

impl From<InvalidScope> for Invalid {
    fn from(error: InvalidScope) -> Self {
        Self::new(error.to_string(), "use printable ASCII without spaces, quotes and backslashes")
    }
}

impl From<InvalidAttributeName> for Invalid {
    fn from(error: InvalidAttributeName) -> Self {
        let InvalidAttributeName(name) = error;
        Self::new(
            format!("{name:?} is no attribute that a mapping may set"),
            "use a standard attribute such as email or given_name, or custom:<name>",
        )
    }
}

/// The known word that is closest to `word`: one that holds it or is held by it, else the fewest edits away.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let holds = |candidate: &str| {
        word.len() > 2 && candidate.len() > 2 && (candidate.contains(word) || word.contains(candidate))
    };
    known
        .into_iter()
        .min_by_key(|candidate| (!holds(candidate), strsim::damerau_levenshtein(word, candidate)))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_what_was_meant() {
        for (word, known, meant) in [
            ("listn", ["listen", "public_url"], "listen"),
            ("secret", ["request", "client_secret"], "client_secret"),
            ("redirect_uri", ["redirect_uris", "resources"], "redirect_uris"),
        ] {
            assert_eq!(nearest(word, known), Some(meant), "{word}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
