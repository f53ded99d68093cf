//! Replay cache and counters that every replica shares: what may happen once, and what may happen so often.

use std::time::Duration;

use crate::model::time::Timestamp;

use super::{Batch, CommitOutcome, Expect, Key, Life, Store, StoreError};

/// Marks `key` as seen until `until`. Of any number of callers exactly one is told that it was the first. One
/// round trip.
///
/// # Errors
/// Those of the store. After [`StoreError::Unknown`] the mark may be there: whoever asked must be refused.
pub async fn is_first(store: &Store, key: &Key, until: Timestamp) -> Result<bool, StoreError> {
    let batch = Batch::new(key.partition()).put(key, b"1".to_vec(), Life::Until(until), Expect::Absent);
    Ok(store.commit(batch).await? == CommitOutcome::Committed)
}

/// How often [`count`] was called for `key` within its window. One round trip.
///
/// # Errors
/// Those of the store.
pub async fn counted(store: &Store, key: &Key) -> Result<i64, StoreError> {
    let entry = store.get(key).await?;
    Ok(entry.and_then(|entry| std::str::from_utf8(&entry.value).ok()?.parse().ok()).unwrap_or_default())
}

/// Counts one more for `key` and gives the sum; the window begins with its first and ends after `window`. One
/// round trip.
///
/// # Errors
/// Those of the store. After [`StoreError::Unknown`] it may be counted.
pub async fn count(store: &Store, key: &Key, window: Duration, now: Timestamp) -> Result<i64, StoreError> {
    store.increment(key, 1, now.plus(window)).await
}
