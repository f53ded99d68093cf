//! Batches: writes that are applied together, or not at all.

use super::key::{Key, Partition};
use super::{Expect, Life, Role, STAMP, StoreError, Version};

/// Writes inside one partition, applied all or none by [`super::Store::commit`], in their order.
#[derive(Debug, Clone)]
pub struct Batch {
    partition: Partition,
    pub(in crate::store) writes: Vec<Write>,
    misuse: Option<&'static str>,
}

/// One write.
#[derive(Debug, Clone)]
pub(in crate::store) struct Write {
    pub(in crate::store) key: Key,
    pub(in crate::store) change: Change,
}

/// What is put under a key: bytes, or a sealed record, whose random nonce is its stamp at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(Content);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Plain(Vec<u8>),
    Stamped(Vec<u8>),
}

/// What a write does.
#[derive(Debug, Clone)]
pub(in crate::store) enum Change {
    Put { value: Value, life: Life, expect: Expect },
    Delete { expect: Expect },
    Require { expect: Expect },
    Index { member: String, score: i64, life: Life },
    Unindex { member: String },
}

/// Longest index member.
const MEMBER_LIMIT: usize = 256;
/// Scores beyond this are not exact in Redis.
const SCORE_LIMIT: u64 = 1 << 53;
/// Most writes in one batch.
const WRITE_LIMIT: usize = 1000;

impl Value {
    /// What was sealed: it begins with random bytes.
    pub(in crate::store) fn sealed(bytes: Vec<u8>) -> Self {
        Self(Content::Stamped(bytes))
    }

    /// The bytes as stored, which begin with a stamp: the value's own one, or `version`.
    pub(in crate::store) fn stamped(self, version: &Version) -> Vec<u8> {
        match self.0 {
            Content::Stamped(bytes) => bytes,
            Content::Plain(bytes) => version.0.iter().copied().chain(bytes).collect(),
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Content::Stamped(bytes) => bytes.len().saturating_sub(STAMP),
            Content::Plain(bytes) => bytes.len(),
        }
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Content::Plain(bytes))
    }
}

impl Batch {
    /// An empty batch.
    pub fn new(partition: Partition) -> Self {
        Self { partition, writes: Vec::new(), misuse: None }
    }

    /// Stores a value.
    #[must_use]
    pub fn put(self, key: &Key, value: impl Into<Value>, life: Life, expect: Expect) -> Self {
        self.with(key, Change::Put { value: value.into(), life, expect })
    }

    /// Deletes a value; an absent one is no error under [`Expect::Any`].
    #[must_use]
    pub fn delete(self, key: &Key, expect: Expect) -> Self {
        self.with(key, Change::Delete { expect })
    }

    /// Checks without writing.
    #[must_use]
    pub fn require(self, key: &Key, expect: Expect) -> Self {
        self.with(key, Change::Require { expect })
    }

    /// Puts a member into an index, replacing its score and life.
    #[must_use]
    pub fn index(self, index: &Key, member: &str, score: i64, life: Life) -> Self {
        self.with(index, Change::Index { member: member.to_owned(), score, life })
    }

    /// Takes a member out of an index.
    #[must_use]
    pub fn unindex(self, index: &Key, member: &str) -> Self {
        self.with(index, Change::Unindex { member: member.to_owned() })
    }

    /// Both together; those of `other` come last.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let foreign =
            (other.partition != self.partition).then_some("two batches of different partitions as one");
        self.misuse = self.misuse.or(other.misuse).or(foreign);
        self.writes.extend(other.writes);
        self
    }

    fn with(mut self, key: &Key, change: Change) -> Self {
        if key.partition() != self.partition {
            self.misuse = Some("a batch with a key of another partition");
        }
        if key.rules().is_index() != matches!(change, Change::Index { .. } | Change::Unindex { .. }) {
            self.misuse = Some("an index written as a value, or a value as an index");
        }
        self.writes.push(Write { key: *key, change });
        self
    }

    /// The rules that hold on every engine.
    pub(in crate::store) fn check(&self, role: Role) -> Result<(), StoreError> {
        if let Some(misuse) = self.misuse {
            return Err(StoreError::Misuse(misuse));
        }
        if self.writes.len() > WRITE_LIMIT {
            return Err(StoreError::Misuse("a batch of too many writes"));
        }
        self.writes.iter().try_for_each(|write| write.check(role))
    }
}

impl Write {
    fn check(&self, role: Role) -> Result<(), StoreError> {
        match &self.change {
            Change::Put { life: Life::Forever, .. } | Change::Index { life: Life::Forever, .. }
                if role == Role::State =>
            {
                Err(StoreError::Misuse("a key without expiry in the state store"))
            }
            Change::Put { value, .. } if value.len() > self.key.size_limit() => Err(StoreError::TooLarge {
                kind: self.key.kind(),
                size: value.len(),
                limit: self.key.size_limit(),
            }),
            Change::Index { member, .. } if member.len() > MEMBER_LIMIT => {
                Err(StoreError::TooLarge { kind: self.key.kind(), size: member.len(), limit: MEMBER_LIMIT })
            }
            Change::Index { score, .. } if score.unsigned_abs() > SCORE_LIMIT => {
                Err(StoreError::Misuse("an index score beyond 2^53"))
            }
            _ => Ok(()),
        }
    }
}
