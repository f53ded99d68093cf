//! The engine in memory: for tests and for trying out; gone with the process.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::time::Timestamp;

use super::batch::{Batch, Change, Value, Write};
use super::key::Key;
use super::{CommitOutcome, Cursor, Entry, Expect, Life, StoreError, Version};

/// A map behind a lock. Clones share it.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Memory {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    values: HashMap<Key, Slot>,
    indexes: HashMap<Key, Index>,
    /// When which value or index needs a look; stale entries are skipped.
    expiries: BTreeSet<(Timestamp, Key)>,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    life: Life,
}

#[derive(Debug, Default)]
struct Index {
    order: BTreeSet<(i64, String)>,
    members: HashMap<String, (i64, Life)>,
}

/// Most expired entries removed along with one write.
const SWEEP: usize = 64;

impl Memory {
    pub(in crate::store) fn get_many(&self, keys: &[Key], now: Timestamp) -> Vec<Option<Entry>> {
        let tables = self.lock();
        keys.iter().map(|key| tables.live(key, now).map(|slot| slot.entry.clone())).collect()
    }

    pub(in crate::store) fn take(&self, key: &Key, now: Timestamp) -> Option<Entry> {
        self.lock().values.remove(key).filter(|slot| lives(slot.life, now)).map(|slot| slot.entry)
    }

    pub(in crate::store) fn commit(&self, batch: Batch, version: &Version, now: Timestamp) -> CommitOutcome {
        let mut tables = self.lock();
        tables.sweep(now);
        if !batch.writes.iter().all(|write| tables.holds(write, now)) {
            return CommitOutcome::Conflict;
        }
        for write in batch.writes {
            tables.apply(write, version);
        }
        CommitOutcome::Committed
    }

    pub(in crate::store) fn increment(
        &self,
        key: &Key,
        (by, until): (i64, Timestamp),
        version: &Version,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let mut tables = self.lock();
        tables.sweep(now);
        let (sum, life) = match tables.live(key, now) {
            None => (by, Life::Until(until)),
            Some(slot) => (counter(key, &slot.entry.value)?.saturating_add(by), slot.life),
        };
        tables.put(*key, sum.to_string().into_bytes().into(), life, version);
        Ok(sum)
    }

    pub(in crate::store) fn list(
        &self,
        index: &Key,
        after: Option<Cursor<'_>>,
        limit: usize,
        now: Timestamp,
    ) -> Vec<(i64, String)> {
        let tables = self.lock();
        let Some(index) = tables.indexes.get(index) else { return Vec::new() };
        let start = after.map_or((i64::MIN, String::new()), |(score, member)| (score, member.to_owned()));
        index
            .order
            .range(start..)
            .filter(|(score, member)| after.is_none_or(|cursor| (*score, member.as_str()) > cursor))
            .filter(|(_, member)| index.members.get(member).is_some_and(|(_, life)| lives(*life, now)))
            .take(limit)
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn live(&self, key: &Key, now: Timestamp) -> Option<&Slot> {
        self.values.get(key).filter(|slot| lives(slot.life, now))
    }

    fn holds(&self, write: &Write, now: Timestamp) -> bool {
        let (Change::Put { expect, .. } | Change::Delete { expect } | Change::Require { expect }) =
            &write.change
        else {
            return true;
        };
        let live = self.live(&write.key, now);
        match expect {
            Expect::Any => true,
            Expect::Absent => live.is_none(),
            Expect::Version(version) => live.is_some_and(|slot| slot.entry.version == *version),
        }
    }

    fn apply(&mut self, write: Write, version: &Version) {
        match write.change {
            Change::Put { value, life, .. } => self.put(write.key, value, life, version),
            Change::Delete { .. } => {
                self.values.remove(&write.key);
            }
            Change::Require { .. } => {}
            Change::Index { member, score, life } => {
                self.expire(&write.key, life);
                let index = self.indexes.entry(write.key).or_default();
                index.remove(&member);
                index.order.insert((score, member.clone()));
                index.members.insert(member, (score, life));
            }
            Change::Unindex { member } => {
                if let Some(index) = self.indexes.get_mut(&write.key) {
                    index.remove(&member);
                }
            }
        }
    }

    fn put(&mut self, key: Key, value: Value, life: Life, version: &Version) {
        self.expire(&key, life);
        if let Some(entry) = Entry::of(&value.stamped(version).into()) {
            self.values.insert(key, Slot { entry, life });
        }
    }

    fn expire(&mut self, key: &Key, life: Life) {
        if let Life::Until(until) = life {
            self.expiries.insert((until, *key));
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP {
            let Some((until, key)) = self.expiries.pop_first() else { return };
            if until > now {
                self.expiries.insert((until, key));
                return;
            }
            if self.values.get(&key).is_some_and(|slot| !lives(slot.life, now)) {
                self.values.remove(&key);
            }
            if let Some(index) = self.indexes.get_mut(&key) {
                index.retain(now);
                if index.members.is_empty() {
                    self.indexes.remove(&key);
                }
            }
        }
    }
}

impl Index {
    fn remove(&mut self, member: &str) {
        if let Some((score, _)) = self.members.remove(member) {
            self.order.remove(&(score, member.to_owned()));
        }
    }

    fn retain(&mut self, now: Timestamp) {
        self.members.retain(|_, (_, life)| lives(*life, now));
        self.order.retain(|(_, member)| self.members.contains_key(member));
    }
}

fn lives(life: Life, now: Timestamp) -> bool {
    match life {
        Life::Until(until) => now < until,
        Life::Forever => true,
    }
}

fn counter(key: &Key, value: &[u8]) -> Result<i64, StoreError> {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(StoreError::Corrupt(key.kind()))
}
