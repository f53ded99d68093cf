//! Pushed authorization requests ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)): kept for a minute and
//! a half, good for one code.

use serde::{Deserialize, Serialize};

use super::record::Records;
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError};
use crate::model::ids::{ClientId, PoolId};
use crate::model::time::Timestamp;
use crate::outside::random::Random;

/// What an app pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The pool.
    pub pool: PoolId,
    /// The app; nobody else may use it.
    pub client: ClientId,
    /// The parameters of the authorization request.
    pub parameters: Vec<(String, String)>,
    /// Its end.
    pub expires: Timestamp,
}

/// Keeps `pushed` under a fresh handle (256 random bits) and gives the handle. One round trip.
pub async fn put(records: &Records, random: &Random, pushed: &Pushed) -> Result<String, StoreError> {
    let handle = random.token();
    let key = Key::pushed(&handle);
    let batch = Batch::new(key.partition()).put(
        &key,
        records.encode(&key, pushed),
        Life::Until(pushed.expires),
        Expect::Absent,
    );
    match records.store.commit(batch).await? {
        CommitOutcome::Committed => Ok(handle),
        CommitOutcome::Conflict => Err(StoreError::Misuse("a handle of a pushed request was used twice")),
    }
}

/// What was pushed under `handle`, left where it is: a page may be loaded again. `None` once it is over or
/// led to a code. One round trip.
pub async fn load(records: &Records, handle: &str, now: Timestamp) -> Result<Option<Pushed>, StoreError> {
    let keys = [Key::pushed(handle), Key::pushed_spent(handle)];
    let mut found = records.store.get_many(&keys).await?.into_iter();
    let (pushed, spent) = (found.next().flatten(), found.next().flatten());
    let [key, _] = &keys;
    let pushed =
        pushed.filter(|_| spent.is_none()).map(|entry| records.decode::<Pushed>(key, &entry)).transpose()?;
    Ok(pushed.map(|record| record.value).filter(|pushed| now < pushed.expires))
}

/// Marks the request under `handle` as answered with a code, remembered until `until`. Of any number of
/// callers exactly one is told that it was the first. One round trip.
pub async fn spend(records: &Records, handle: &str, until: Timestamp) -> Result<bool, StoreError> {
    let key = Key::pushed_spent(handle);
    let batch = Batch::new(key.partition()).put(&key, b"1".to_vec(), Life::Until(until), Expect::Absent);
    Ok(records.store.commit(batch).await? == CommitOutcome::Committed)
}
