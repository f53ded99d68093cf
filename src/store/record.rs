//! Typed records over the store, sealed, bound to their key.
//!
//! The first byte of a record, once opened, says how to read it. What lives for hours and comes by the
//! million is short: fields in their order ([Postcard](https://postcard.jamesmunns.com/wire-format)), without
//! names. What lives for ever is JSON, because its shape grows.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::outside::random::Random;

use super::batch::Value;
use super::key::Key;
use super::seal::{NONCE, Seal};
use super::{Entry, STAMP, Store, StoreError, Version};

/// Reads and writes typed records. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records {
    /// The store underneath, for batches, indexes and counters.
    pub store: Store,
    seal: Seal,
    random: Random,
}

/// A record and the stamp of its last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<T> {
    /// The record.
    pub value: T,
    /// Stamp for [`super::Expect::Version`].
    pub version: Version,
}

/// A record as JSON.
const JSON: u8 = 1;
/// A record as its fields in order. A change of any such record's shape is another number.
const COMPACT: u8 = 2;

impl Records {
    /// Records of this store under these keys.
    pub fn new(store: Store, seal: Seal, random: Random) -> Self {
        Self { store, seal, random }
    }

    /// The same over [`Store::confirmed`].
    pub fn confirmed(&self) -> Option<Self> {
        self.store.confirmed().map(|store| Self { store, ..self.clone() })
    }

    /// 16 bytes that only `text` under this seal gives, for `purpose`.
    pub fn bytes_of(&self, purpose: &str, text: &str) -> [u8; 16] {
        self.seal.bytes_of(purpose, text)
    }

    /// The live record of a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is stored was not sealed by us for this key,
    /// [`StoreError::OtherVersion`] when we do not know its shape.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Record<T>>, StoreError> {
        self.store.get(key).await?.map(|entry| self.decode(key, &entry)).transpose()
    }

    /// Reads and deletes: of any number of callers exactly one receives the record.
    pub async fn take<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.store.take(key).await?.map(|entry| self.opened(key, &entry)).transpose()
    }

    /// The record in an entry that was read under `key`.
    pub fn decode<T: DeserializeOwned>(&self, key: &Key, entry: &Entry) -> Result<Record<T>, StoreError> {
        Ok(Record { value: self.opened(key, entry)?, version: entry.version.clone() })
    }

    /// The value to put under `key`.
    ///
    /// A record that has no such form, which none of ours is, gives a value that reads back as
    /// [`StoreError::Corrupt`].
    pub fn encode<T: Serialize>(&self, key: &Key, value: &T) -> Value {
        let plain = if key.rules().is_compact() {
            postcard::to_extend(value, vec![COMPACT]).unwrap_or_default()
        } else {
            let mut plain = vec![JSON];
            if serde_json::to_writer(&mut plain, value).is_ok() { plain } else { Vec::new() }
        };
        Value::sealed(self.seal.seal(key.kind(), key.to_string().as_bytes(), &plain, &self.random))
    }

    fn opened<T: DeserializeOwned>(&self, key: &Key, entry: &Entry) -> Result<T, StoreError> {
        let corrupt = || StoreError::Corrupt(key.kind());
        let (rest_of_nonce, rest) =
            entry.value.split_first_chunk::<{ NONCE - STAMP }>().ok_or_else(corrupt)?;
        let mut nonce = [0; NONCE];
        for (to, from) in nonce.iter_mut().zip(entry.version.0.iter().chain(rest_of_nonce)) {
            *to = *from;
        }
        let plain =
            self.seal.open_parts(key.kind(), key.to_string().as_bytes(), nonce, rest).ok_or_else(corrupt)?;
        match plain.split_first() {
            Some((&JSON, text)) => serde_json::from_slice(text).map_err(|_| corrupt()),
            Some((&COMPACT, fields)) => match postcard::take_from_bytes(fields) {
                Ok((value, [])) => Ok(value),
                _ => Err(corrupt()),
            },
            Some(_) => Err(StoreError::OtherVersion(key.kind())),
            None => Err(corrupt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::SecretKeyBytes;
    use super::super::{Batch, CommitOutcome, Expect, Life, Role};
    use super::*;
    use crate::model::time::Timestamp;
    use crate::outside::clock::Clock;

    fn records() -> Records {
        let store = Store::memory(Role::State, Clock::fake(Timestamp::from_secs(0)), Random::Real);
        Records::new(store, Seal::new(&SecretKeyBytes::generate(&Random::fake(1))), Random::Real)
    }

    #[tokio::test]
    async fn a_record_reads_back_once_it_is_taken_it_is_gone() {
        let records = records();
        let key = Key::flow("a");
        let life = Life::Until(Timestamp::from_secs(9));
        let batch =
            Batch::new(key.partition()).put(&key, records.encode(&key, &"value"), life, Expect::Absent);
        assert_eq!(records.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
        assert_eq!(records.get::<String>(&key).await.unwrap().unwrap().value, "value");
        assert_eq!(records.take::<String>(&key).await.unwrap().as_deref(), Some("value"));
        assert_eq!(records.take::<String>(&key).await.unwrap(), None);
    }

    /// E-30: a sealed record moved to another person's key is refused.
    #[tokio::test]
    async fn a_record_moved_to_another_key_is_corrupt() {
        let records = records();
        let (here, there) = (Key::flow("a"), Key::flow("b"));
        let batch = Batch::new(there.partition()).put(
            &there,
            records.encode(&here, &1),
            Life::Until(Timestamp::from_secs(9)),
            Expect::Any,
        );
        assert_eq!(records.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
        assert_eq!(records.get::<u8>(&there).await, Err(StoreError::Corrupt("flow")));
    }
}
