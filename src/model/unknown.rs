//! What a stored record carries that this release does not know: kept when the record is written again.
//!
//! During an upgrade two releases share one store. The older one must not drop what the newer one wrote when
//! it changes a record, and must not ignore what it has to understand: that is marked, by a tag with the high
//! bit in a compact record, by the member `must` in a JSON record, and whoever does not know it refuses the
//! record. The idea is that of critical extensions
//! ([RFC 5280 section 4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Members of a JSON record, beside those that its type names.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownMembers(BTreeMap<String, serde_json::Value>);

/// The last field of a compact record: tagged values, in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaggedFields(Vec<(u16, Vec<u8>)>);

impl UnknownMembers {
    /// These, and those of `other` that are not among them.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut all = other.0.clone();
        all.extend(self.0.clone());
        Self(all)
    }
}

/// The bit of a tag that says: whoever does not know this tag must refuse the record.
pub const MUST: u16 = 0x8000;

impl TaggedFields {
    /// These fields.
    pub fn new(fields: Vec<(u16, Vec<u8>)>) -> Self {
        Self(fields)
    }

    /// A tag that must be understood and is not among `known`.
    pub fn not_understood(&self, known: &[u16]) -> Option<u16> {
        self.0.iter().map(|(tag, _)| *tag).find(|tag| tag & MUST != 0 && !known.contains(tag))
    }
}

/// The names only: what they hold may be secret.
impl fmt::Debug for UnknownMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The tags only: what they hold may be secret.
impl fmt::Debug for TaggedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(tag, _)| tag)).finish()
    }
}
