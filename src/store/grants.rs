//! Authorization codes, refresh-token families and the epoch that ends them all: what apps hold, in the
//! user's partition.
//!
//! A code and a refresh token are sealed texts that name the user, so one read finds the record together with
//! the epoch, and one commit changes them together. A dump of the store mints neither.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::compact_codec::ShortFamily;
use super::record::{Record, Records};
use super::seal::Seal;
use super::{Batch, CommitOutcome, Expect, Key, Life, Partition, StoreError, Version};
use crate::model::client::LONGEST_REFRESH;
use crate::model::ids::{FamilyId, PoolId, Sub};
use crate::model::pool::Pool;
use crate::model::session::{CodeGrant, Epoch};
use crate::model::time::Timestamp;
use crate::model::unknown::TaggedFields;
use crate::outside::random::Random;
use crate::token::refresh::{Family, RefreshTicket};

/// The longest life of an access token: a family's record outlives the family by it, so that its last token
/// can be looked up.
const LAST_TOKEN: Duration = Duration::from_secs(24 * 3600);

const CODE: &str = "code";
const REFRESH: &str = "refresh";

/// The codes, families and epochs of one pool.
#[derive(Clone, Copy)]
pub struct Grants<'a> {
    /// The state store.
    pub records: &'a Records,
    /// Seals the texts that apps hold.
    pub seal: &'a Seal,
    /// Nonces and stamps.
    pub random: &'a Random,
    /// The pool; a text made for another one opens to nothing.
    pub pool: &'a Pool,
}

/// Where the record of a presented code is. Says nothing about whether the code is still good.
#[derive(Debug, Clone)]
pub struct CodeHandle {
    key: Key,
    sub: Sub,
    family: FamilyId,
}

/// What is stored for a presented code.
#[derive(Debug)]
pub enum Code {
    /// Never issued, or so old that it is forgotten.
    Unknown,
    /// Redeemed, or refused once. What it led to, if anything, is the family that its text names. Where that
    /// was ended, the code is unknown.
    Spent,
    /// Still to be redeemed.
    Fresh(Box<FreshCode>),
}

/// An unspent code, with what has to hold still while it is redeemed.
#[derive(Debug)]
pub struct FreshCode {
    /// What it stands for.
    pub grant: Box<CodeGrant>,
    /// The user's epoch as read together with the code.
    pub epoch: EpochRead,
    version: Version,
}

/// A family as read, with what has to hold still while it is changed.
#[derive(Debug)]
pub struct FamilyRead {
    /// The record.
    pub family: Family,
    /// The user's epoch as read together with it.
    pub epoch: EpochRead,
    version: Version,
    tagged: TaggedFields,
}

/// The user's epoch as read.
#[derive(Debug, Clone)]
pub struct EpochRead {
    current: Epoch,
    expect: Expect,
}

impl EpochRead {
    /// [`Epoch::covers`] of the present epoch.
    pub fn covers(&self, born: &Epoch) -> bool {
        self.current.covers(born)
    }
}

#[derive(Serialize, Deserialize)]
struct CodeText {
    #[serde(rename = "p")]
    pool: PoolId,
    #[serde(rename = "s")]
    sub: Sub,
    /// What the code will start, and its name in the store: as random as a name of its own, and what its text
    /// says is sealed.
    #[serde(rename = "f")]
    family: FamilyId,
}

/// A code that was refused or presented twice leaves a tombstone for as long as a code lives; of one that was
/// redeemed the family itself says so.
#[derive(Serialize, Deserialize)]
pub(in crate::store) enum CodeRecord {
    Fresh(Box<CodeGrant>),
    Spent,
}

impl Grants<'_> {
    /// Stores `grant` under a fresh code and returns the code's text.
    pub async fn put_code(&self, grant: &CodeGrant) -> Result<String, StoreError> {
        self.put_code_with(grant, self.batch(&grant.sub)).await
    }

    /// [`Grants::put_code`] together with other writes in the user's partition.
    pub async fn put_code_with(&self, grant: &CodeGrant, others: Batch) -> Result<String, StoreError> {
        let text =
            CodeText { pool: self.pool.id.clone(), sub: grant.sub.clone(), family: grant.family.clone() };
        let key = self.code_key(&text);
        let value = self.records.encode(&key, &CodeRecord::Fresh(Box::new(grant.clone())));
        let batch = self.batch(&grant.sub).put(&key, value, Life::Until(grant.expires), Expect::Absent);
        match self.records.store.commit(others.and(batch)).await? {
            CommitOutcome::Committed => Ok(self.seal.token(CODE, &text)),
            CommitOutcome::Conflict => {
                Err(StoreError::Misuse("a code or a session made twice from random bytes"))
            }
        }
    }

    /// Opens the text of a code; `None` when this pool never made it.
    pub fn open_code(&self, text: &str) -> Option<CodeHandle> {
        let text: CodeText = self.seal.open_token(CODE, text)?;
        (text.pool == self.pool.id).then(|| CodeHandle {
            key: self.code_key(&text),
            sub: text.sub,
            family: text.family,
        })
    }

    /// Reads a code, its user's epoch and whether there is its family, in one round trip.
    pub async fn load_code(&self, handle: &CodeHandle) -> Result<Code, StoreError> {
        let keys =
            [handle.key, self.epoch_key(&handle.sub), Key::grant(&self.pool.id, &handle.sub, &handle.family)];
        let (record, epoch, family) = self.with_epoch::<CodeRecord>(&keys).await?;
        Ok(match record {
            None if family => Code::Spent,
            None => Code::Unknown,
            Some(Record { value: CodeRecord::Spent, .. }) => Code::Spent,
            Some(Record { value: CodeRecord::Fresh(grant), version, .. }) => {
                Code::Fresh(Box::new(FreshCode { grant, epoch, version }))
            }
        })
    }

    /// Replaces the code by `family`, if code and epoch are as they were read. While there is a family, its
    /// code is known to be spent.
    pub async fn redeem(
        &self,
        handle: &CodeHandle,
        code: &FreshCode,
        family: &Family,
    ) -> Result<CommitOutcome, StoreError> {
        let grant_key = Key::grant(&self.pool.id, &handle.sub, &family.id);
        let batch = self
            .batch(&handle.sub)
            .delete(&handle.key, Expect::Version(code.version.clone()))
            .put(
                &grant_key,
                self.records.encode(&grant_key, &ShortFamily::of(family)),
                Life::Until(end_of(family)),
                Expect::Absent,
            )
            .require(&self.epoch_key(&handle.sub), code.epoch.expect.clone());
        self.records.store.commit(batch).await
    }

    /// Replaces the code by its tombstone without starting a family, if the code is as it was read.
    pub async fn burn(&self, handle: &CodeHandle, code: &FreshCode) -> Result<CommitOutcome, StoreError> {
        let tombstone = self.records.encode(&handle.key, &CodeRecord::Spent);
        let expect = Expect::Version(code.version.clone());
        self.records
            .store
            .commit(self.batch(&handle.sub).put(
                &handle.key,
                tombstone,
                Life::Until(code.grant.expires),
                expect,
            ))
            .await
    }

    /// The text of the token that is good now.
    pub fn refresh_token(&self, sub: &Sub, family: &Family) -> String {
        self.seal.token(REFRESH, &family.ticket(&self.pool.id, sub))
    }

    /// Opens the text of a refresh token; `None` when this pool never made it.
    pub fn open_refresh_token(&self, text: &str) -> Option<RefreshTicket> {
        self.seal.open_token::<RefreshTicket>(REFRESH, text).filter(|ticket| ticket.pool == self.pool.id)
    }

    /// Reads a family and its user's epoch, in one round trip; `None` when it ended. That it ended is said
    /// when replicas have it too: an app that hears so throws the token away, and after a fail-over somebody
    /// else could go on with it.
    pub async fn load(&self, sub: &Sub, family: &FamilyId) -> Result<Option<FamilyRead>, StoreError> {
        let held = self.read(sub, family).await?;
        if held.as_ref().is_some_and(|held| held.epoch.covers(&held.family.epoch)) {
            return Ok(held);
        }
        match self.records.confirmed() {
            Some(confirmed) => Grants { records: &confirmed, ..*self }.read(sub, family).await,
            None => Ok(held),
        }
    }

    /// Replaces the record of a family, if it and the epoch are as they were read.
    pub async fn replace(
        &self,
        sub: &Sub,
        held: &FamilyRead,
        next: &Family,
    ) -> Result<CommitOutcome, StoreError> {
        let key = Key::grant(&self.pool.id, sub, &next.id);
        let batch = self
            .batch(sub)
            .put(
                &key,
                self.records.encode_again(&key, &ShortFamily::of(next), &held.tagged),
                Life::Until(end_of(next)),
                Expect::Version(held.version.clone()),
            )
            .require(&self.epoch_key(sub), held.epoch.expect.clone());
        self.records.store.commit(batch).await
    }

    /// Ends a family: its refresh token is dead and its access tokens are refused here. Ending it twice is
    /// fine.
    pub async fn revoke(&self, sub: &Sub, family: &FamilyId) -> Result<(), StoreError> {
        let batch = self.batch(sub).delete(&Key::grant(&self.pool.id, sub, family), Expect::Any);
        match self.records.store.commit(batch).await? {
            CommitOutcome::Committed | CommitOutcome::Conflict => Ok(()),
        }
    }

    /// Ends what a spent code led to, and keeps its tombstone for whoever presents the code once more.
    pub async fn revoke_replayed(&self, handle: &CodeHandle, now: Timestamp) -> Result<(), StoreError> {
        let tombstone = self.records.encode(&handle.key, &CodeRecord::Spent);
        let batch = self
            .batch(&handle.sub)
            .delete(&Key::grant(&self.pool.id, &handle.sub, &handle.family), Expect::Any)
            .put(&handle.key, tombstone, Life::Until(now.plus(self.pool.code_lifetime)), Expect::Any);
        match self.records.store.commit(batch).await? {
            CommitOutcome::Committed | CommitOutcome::Conflict => Ok(()),
        }
    }

    /// Ends every session, code and family of the user with one write, which is remembered for the longest
    /// that any of them may live, whatever the settings of clients are now: they may be others when an old
    /// family is presented.
    pub async fn end_everything(&self, sub: &Sub, now: Timestamp) -> Result<(), StoreError> {
        let key = self.epoch_key(sub);
        let value = self.records.encode(&key, &Epoch::new(Some(self.random.stamp()), 0));
        let until = now.plus(LONGEST_REFRESH).plus(LAST_TOKEN);
        match self
            .records
            .store
            .commit(self.batch(sub).put(&key, value, Life::Until(until), Expect::Any))
            .await?
        {
            CommitOutcome::Committed | CommitOutcome::Conflict => Ok(()),
        }
    }

    async fn read(&self, sub: &Sub, family: &FamilyId) -> Result<Option<FamilyRead>, StoreError> {
        let keys = [Key::grant(&self.pool.id, sub, family), self.epoch_key(sub)];
        let (record, epoch, _) = self.with_epoch::<ShortFamily>(&keys).await?;
        let Some(Record { value, version, tagged }) = record else { return Ok(None) };
        let family = value.whole(family).ok_or(StoreError::Corrupt("grant"))?;
        Ok(Some(FamilyRead { family, epoch, version, tagged }))
    }

    /// Reads a record, the epoch and whether there is a third, in this order.
    async fn with_epoch<T: serde::de::DeserializeOwned>(
        &self,
        keys: &[Key],
    ) -> Result<(Option<Record<T>>, EpochRead, bool), StoreError> {
        let mut found = keys.iter().zip(self.records.store.get_many(keys).await?);
        let mut next = || found.next().and_then(|(key, entry)| Some((key, entry?)));
        let record = next().map(|(key, entry)| self.records.decode(key, &entry)).transpose()?;
        let epoch = next().map(|(key, entry)| self.records.decode(key, &entry)).transpose()?;
        let third = next().is_some();
        // Asked for last: what was read before a restored store was noticed is judged by what is known after.
        let generation = self.records.store.sign_out_generation(&self.pool.id).await?;
        Ok((record, epoch_read(epoch, generation), third))
    }

    fn code_key(&self, text: &CodeText) -> Key {
        Key::code(&self.pool.id, &text.sub, &text.family)
    }

    fn epoch_key(&self, sub: &Sub) -> Key {
        Key::epoch(&self.pool.id, sub)
    }

    fn batch(&self, sub: &Sub) -> Batch {
        Batch::new(Partition::user(&self.pool.id, sub))
    }
}

impl CodeHandle {
    /// The user for whom the code was made.
    pub fn sub(&self) -> &Sub {
        &self.sub
    }

    /// The family that the code starts.
    pub fn family(&self) -> &FamilyId {
        &self.family
    }
}

fn end_of(family: &Family) -> Timestamp {
    family.expires.plus(LAST_TOKEN)
}

fn epoch_read(record: Option<Record<Epoch>>, generation: u64) -> EpochRead {
    match record {
        None => EpochRead { current: Epoch::default().in_generation(generation), expect: Expect::Absent },
        Some(record) => EpochRead {
            current: record.value.in_generation(generation),
            expect: Expect::Version(record.version),
        },
    }
}
