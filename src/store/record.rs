//! Typed records over the store, sealed, bound to their key.
//!
//! The first byte of a record, once opened, says how to read it. What lives for ever, and what people look
//! at, is JSON. What lives for hours and comes by the million is compact: the number of its shape, its fields
//! in their order ([Postcard](https://postcard.jamesmunns.com/wire-format)) without names, and last whatever
//! else was added, with tags. How both grow is told in [`crate::model::unknown`] and `CONTRIBUTING.md`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::unknown::TaggedFields;
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
    /// What else a compact record says, for when it is written again; a JSON record's type has its own.
    pub tagged: TaggedFields,
}

/// A record as JSON.
const JSON: u8 = 1;
/// A compact record: shape, fields, tagged fields.
const COMPACT: u8 = 3;

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
    ///
    /// # Errors
    /// Those of [`Records::get`]; the record is gone then, too.
    pub async fn take<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Record<T>>, StoreError> {
        self.store.take(key).await?.map(|entry| self.decode(key, &entry)).transpose()
    }

    /// The record in an entry that was read under `key`.
    ///
    /// # Errors
    /// Those of [`Records::get`].
    pub fn decode<T: DeserializeOwned>(&self, key: &Key, entry: &Entry) -> Result<Record<T>, StoreError> {
        let corrupt = || StoreError::Corrupt(key.kind());
        let plain = self.opened(key, entry)?;
        let (value, tagged) = match plain.split_first() {
            Some((&JSON, text)) => {
                must_be_known(key, text)?;
                (serde_json::from_slice(text).map_err(|_| corrupt())?, TaggedFields::default())
            }
            Some((&COMPACT, rest)) => compact(key, rest)?,
            Some((form, _)) => return Err(other_version(key, format!("form {form}"))),
            None => return Err(corrupt()),
        };
        Ok(Record { value, version: entry.version.clone(), tagged })
    }

    /// The value to put under `key`, for a record that is new.
    ///
    /// A record that has no such form, which none of ours is, gives a value that reads back as
    /// [`StoreError::Corrupt`].
    pub fn encode<T: Serialize>(&self, key: &Key, value: &T) -> Value {
        self.encode_again(key, value, &TaggedFields::default())
    }

    /// [`Records::encode`] for a compact record that was read with these tagged fields.
    pub fn encode_again<T: Serialize>(&self, key: &Key, value: &T, tagged: &TaggedFields) -> Value {
        let plain = if key.rules().is_compact() {
            postcard::to_extend(&(value, tagged), vec![COMPACT, key.rules().shape()]).unwrap_or_default()
        } else {
            let mut plain = vec![JSON];
            if serde_json::to_writer(&mut plain, value).is_ok() { plain } else { Vec::new() }
        };
        Value::sealed(self.seal.seal(key.kind(), key.to_string().as_bytes(), &plain, &self.random))
    }

    fn opened(&self, key: &Key, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        let corrupt = || StoreError::Corrupt(key.kind());
        let (rest_of_nonce, rest) =
            entry.value.split_first_chunk::<{ NONCE - STAMP }>().ok_or_else(corrupt)?;
        let mut nonce = [0; NONCE];
        for (to, from) in nonce.iter_mut().zip(entry.version.0.iter().chain(rest_of_nonce)) {
            *to = *from;
        }
        self.seal.open_parts(key.kind(), key.to_string().as_bytes(), nonce, rest).ok_or_else(corrupt)
    }
}

/// Shape, fields and tagged fields. There is one shape of every kind; a second one brings its own reader.
fn compact<T: DeserializeOwned>(key: &Key, plain: &[u8]) -> Result<(T, TaggedFields), StoreError> {
    let corrupt = || StoreError::Corrupt(key.kind());
    let (shape, fields) = plain.split_first().ok_or_else(corrupt)?;
    if *shape != key.rules().shape() {
        return Err(other_version(key, format!("shape {shape}")));
    }
    let (value, rest) = postcard::take_from_bytes::<(T, TaggedFields)>(fields).map_err(|_| corrupt())?;
    if let Some(tag) = value.1.not_understood(key.rules().known_tags()) {
        return Err(other_version(key, format!("the tag {tag}, which must be understood")));
    }
    if rest.is_empty() { Ok(value) } else { Err(corrupt()) }
}

/// Refuses a JSON record whose member `must` names what is not known here.
pub(in crate::store) fn must_be_known(key: &Key, text: &[u8]) -> Result<(), StoreError> {
    #[derive(Deserialize)]
    struct Must {
        #[serde(default)]
        must: BTreeMap<String, serde_json::Value>,
    }
    if memchr::memmem::find(text, b"\"must\"").is_none() {
        return Ok(());
    }
    let Must { must } = serde_json::from_slice(text).map_err(|_| StoreError::Corrupt(key.kind()))?;
    match must.keys().find(|name| !key.rules().known_musts().contains(&name.as_str())) {
        Some(name) => Err(other_version(key, format!("{name:?}, which must be understood"))),
        None => Ok(()),
    }
}

fn other_version(key: &Key, what: String) -> StoreError {
    StoreError::OtherVersion { kind: key.kind(), what }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
