//! Typed records over the store: JSON, sealed, bound to their key.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::outside::random::Random;

use super::key::Key;
use super::seal::Seal;
use super::{Entry, Store, StoreError, Version};

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

impl Records {
    /// Records of this store under these keys.
    pub fn new(store: Store, seal: Seal, random: Random) -> Self {
        Self { store, seal, random }
    }

    /// 16 bytes that only `text` under this seal gives, for `purpose`.
    pub fn bytes_of(&self, purpose: &str, text: &str) -> [u8; 16] {
        self.seal.bytes_of(purpose, text)
    }

    /// The live record of a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is stored was not sealed by us for this key.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Record<T>>, StoreError> {
        self.store.get(key).await?.map(|entry| self.decode(key, &entry)).transpose()
    }

    /// Reads and deletes: of any number of callers exactly one receives the record.
    pub async fn take<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.store.take(key).await?.map(|value| self.opened(key, &value)).transpose()
    }

    /// The record in an entry that was read under `key`.
    pub fn decode<T: DeserializeOwned>(&self, key: &Key, entry: &Entry) -> Result<Record<T>, StoreError> {
        Ok(Record { value: self.opened(key, &entry.value)?, version: entry.version.clone() })
    }

    /// The bytes to put under `key`.
    ///
    /// A value that is no JSON, which none of ours is, gives bytes that read back as [`StoreError::Corrupt`].
    pub fn encode<T: Serialize>(&self, key: &Key, value: &T) -> Vec<u8> {
        let plain = serde_json::to_vec(value).unwrap_or_default();
        self.seal.seal(key.kind(), key.to_string().as_bytes(), &plain, &self.random)
    }

    fn opened<T: DeserializeOwned>(&self, key: &Key, value: &[u8]) -> Result<T, StoreError> {
        let plain = self.seal.open(key.kind(), key.to_string().as_bytes(), value).ok_or(StoreError::Corrupt(key.kind()))?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt(key.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::SecretKeyBytes;
    use super::super::{Batch, Expect, Life, Outcome, Role};
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
        let batch = Batch::new(key.partition().clone()).put(&key, records.encode(&key, &"value"), life, Expect::Absent);
        assert_eq!(records.store.commit(batch).await.unwrap(), Outcome::Committed);
        assert_eq!(records.get::<String>(&key).await.unwrap().unwrap().value, "value");
        assert_eq!(records.take::<String>(&key).await.unwrap().as_deref(), Some("value"));
        assert_eq!(records.take::<String>(&key).await.unwrap(), None);
    }

    /// E-30: a sealed record moved to another person's key is refused.
    #[tokio::test]
    async fn a_record_moved_to_another_key_is_corrupt() {
        let records = records();
        let (here, there) = (Key::flow("a"), Key::flow("b"));
        let batch =
            Batch::new(there.partition().clone()).put(&there, records.encode(&here, &1), Life::Until(Timestamp::from_secs(9)), Expect::Any);
        assert_eq!(records.store.commit(batch).await.unwrap(), Outcome::Committed);
        assert_eq!(records.get::<u8>(&there).await, Err(StoreError::Corrupt("flow")));
    }
}
