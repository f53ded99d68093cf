//! Traces of refused requests: one write each, a day's life, listed from the newest.
//!
//! Anybody can make requests that are refused, so only so many stories are kept in a while; beyond that the
//! log alone has them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::ids::{PoolId, ReferenceId};
use crate::model::time::Timestamp;
use crate::model::trace::{LIFE, Trace};

use super::record::Records;
use super::{Batch, Expect, Key, Life, StoreError};

/// A page that waits for its story waits no longer than this.
const PATIENCE: Duration = Duration::from_millis(700);
const HOUR: i64 = 3_600_000;
/// Hours in which living stories may lie.
const HOURS: i64 = 25;
/// Stories that are read in one round trip.
const CHUNK: usize = 50;
/// Stories that one search looks at.
const MOST_READ: usize = 2_000;
/// Stories of one refusal's code that are kept at once, and one more each time that this has passed.
const PER_CODE: Bucket = Bucket { size: 100, refill: Duration::from_secs(10) };
/// The same for all codes of a pool together.
const PER_POOL: Bucket = Bucket { size: 500, refill: Duration::from_secs(2) };

/// Stories by reference id. Clones share the limit.
#[derive(Debug, Clone)]
pub struct Traces {
    records: Records,
    spent: Arc<Mutex<HashMap<(PoolId, String), Level>>>,
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A word that the reference, code, provider or client must contain; none finds all.
    pub word: Option<String>,
    /// Only stories that ended before this.
    pub before: Option<Timestamp>,
}

impl Traces {
    /// Stories in `records`.
    pub fn new(records: Records) -> Self {
        Self { records, spent: Arc::default() }
    }

    /// Keeps a story; gives whether it was kept. It takes the place of an earlier one of the same sign-in.
    ///
    /// A store that is down or slow costs the story and a moment, nothing else.
    pub async fn keep(&self, trace: &Trace) -> bool {
        if !self.affords(trace) {
            return false;
        }
        let reason = match tokio::time::timeout(PATIENCE, self.write(trace)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store took too long".to_owned(),
        };
        tracing::warn!(code = "trace_not_kept", reference = %trace.reference, reason, "the story of a \
            refusal is in this log alone");
        false
    }

    /// The story of a reference id in any of `pools`.
    pub async fn find(
        &self,
        pools: &[PoolId],
        reference: &ReferenceId,
        now: Timestamp,
    ) -> Result<Option<Trace>, StoreError> {
        for pool in pools {
            for hour in hours(now) {
                if let Some(record) = self.records.get::<Trace>(&Key::trace(pool, hour, reference)).await? {
                    return Ok(Some(record.value));
                }
            }
        }
        Ok(None)
    }

    /// At most `limit` stories of a pool that fit `search`, the newest first.
    pub async fn list(
        &self,
        pool: &PoolId,
        search: &Search,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Trace>, StoreError> {
        let (mut found, mut read) = (Vec::new(), 0);
        for hour in hours(search.before.unwrap_or(now).min(now)) {
            let index = Key::traces_index(pool, hour);
            let mut after: Option<String> = None;
            loop {
                let page = self.records.store.list(&index, after.as_deref(), CHUNK).await?;
                read += page.members.len();
                found.extend(
                    self.read(pool, hour, &page.members)
                        .await?
                        .into_iter()
                        .filter(|trace| search.fits(trace)),
                );
                if found.len() >= limit || read >= MOST_READ {
                    found.truncate(limit);
                    return Ok(found);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn read(&self, pool: &PoolId, hour: i64, members: &[String]) -> Result<Vec<Trace>, StoreError> {
        let references = members.iter().filter_map(|member| ReferenceId::parse(member).ok());
        let keys: Vec<Key> = references.map(|reference| Key::trace(pool, hour, &reference)).collect();
        let entries = self.records.store.get_many(&keys).await?;
        let living = keys
            .iter()
            .zip(entries)
            .filter_map(|(key, entry)| Some(self.records.decode::<Trace>(key, &entry?)));
        // One that was sealed with another key is not listed; the others are.
        Ok(living.filter_map(Result::ok).map(|record| record.value).collect())
    }

    async fn write(&self, trace: &Trace) -> Result<(), StoreError> {
        let hour = hour(trace.ended);
        let key = Key::trace(&trace.pool, hour, &trace.reference);
        let index = Key::traces_index(&trace.pool, hour);
        let life = Life::Until(trace.ended.plus(LIFE));
        let batch = Batch::new(key.partition())
            .put(&key, self.records.encode(&key, trace), life, Expect::Any)
            .index(&index, trace.reference.as_str(), trace.ended.millis().saturating_neg(), life);
        // Nothing is expected, so nothing conflicts.
        self.records.store.commit(batch).await.map(drop)
    }

    /// Takes a place for a story of this code and of this pool, if both have one left.
    fn affords(&self, trace: &Trace) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let of_code = (trace.pool.clone(), trace.outcome.code.clone());
        let of_pool = (trace.pool.clone(), String::new());
        let level =
            |key: &(PoolId, String), bucket: Bucket| bucket.after(spent.get(key).copied(), trace.ended);
        match (level(&of_code, PER_CODE), level(&of_pool, PER_POOL)) {
            (Some(code), Some(pool)) => {
                spent.insert(of_code, code);
                spent.insert(of_pool, pool);
                true
            }
            _ => false,
        }
    }
}

impl Search {
    fn fits(&self, trace: &Trace) -> bool {
        let Some(word) = self.word.as_deref().map(str::to_ascii_lowercase) else {
            return self.in_time(trace);
        };
        let texts = [
            Some(trace.reference.as_str()),
            Some(&trace.outcome.code),
            trace.provider.as_deref(),
            trace.client.as_deref(),
        ];
        self.in_time(trace)
            && texts.into_iter().flatten().any(|text| text.to_ascii_lowercase().contains(&word))
    }

    fn in_time(&self, trace: &Trace) -> bool {
        self.before.is_none_or(|before| trace.ended < before)
    }
}

/// Places that are taken one by one and come back with time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    size: u32,
    refill: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    taken: u32,
    at: Timestamp,
}

impl Bucket {
    /// The level with one more place taken; `None` when all are.
    fn after(self, level: Option<Level>, now: Timestamp) -> Option<Level> {
        let Level { taken, at } = level.unwrap_or(Level { taken: 0, at: now });
        let back = u32::try_from(now.since(at).as_millis() / self.refill.as_millis()).unwrap_or(u32::MAX);
        let taken = taken.saturating_sub(back);
        // Parts of a refill count on: the instant moves by whole ones, unless the clock was set back.
        let at = if now < at || taken == 0 { now } else { at.plus(self.refill.saturating_mul(back)) };
        (taken < self.size).then_some(Level { taken: taken + 1, at })
    }
}

fn hour(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR)
}

/// Hours from the present one back to the oldest with living stories.
fn hours(now: Timestamp) -> impl Iterator<Item = i64> {
    let present = hour(now);
    (0..HOURS).map(move |back| present - back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_places_and_then_one_at_a_time() {
        let bucket = Bucket { size: 3, refill: Duration::from_secs(10) };
        let at = |secs| Timestamp::from_secs(secs);
        let mut level = None;
        for _ in 0..3 {
            level = bucket.after(level, at(100));
            assert!(level.is_some());
        }
        assert!(bucket.after(level, at(109)).is_none());
        level = bucket.after(level, at(111));
        assert!(level.is_some(), "one came back");
        assert!(bucket.after(level, at(119)).is_none());
        assert!(bucket.after(level, at(120)).is_some(), "the second came back on time");
        assert!(bucket.after(level, at(50)).is_none(), "a clock that was set back gives nothing away");
    }
}
