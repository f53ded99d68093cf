//! The store: a handful of operations, one engine each for memory, a file and Redis, and typed stores above them.
//!
//! Two roles use the same operations: `state` (what may be lost at the price of signing in again; every key expires)
//! and `directory` (what may never be lost). A batch stays inside one partition, so that it stays one slot in a cluster.

use bytes::Bytes;

use crate::model::time::Timestamp;

/// A group of keys that can be changed together: one flow, one user, never a whole pool. Shared hash tag in Redis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(String);

/// A key: its partition and a name inside it. Every shape is made in [`key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    partition: Partition,
    name: String,
}

/// A random stamp given to a value at each write; never a counter, so delete and recreate does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

/// A value and the stamp of its last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stored bytes.
    pub value: Bytes,
    /// Stamp for [`Expect::Version`].
    pub version: Version,
}

/// What must hold for a batch to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// No live value.
    Absent,
    /// The value read earlier, unchanged.
    Version(Version),
}

/// How long a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Until this instant: every value in the state store.
    Until(Timestamp),
    /// Until deleted: the directory only.
    Forever,
}

/// Whether a batch was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All writes were applied and are as durable as the engine promises.
    Committed,
    /// An expectation did not hold; nothing was applied.
    Conflict,
}
