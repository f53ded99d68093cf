//! Sign-out generations: how everybody is signed out at once, and how a restored store is noticed.
//!
//! Each session, code and refresh-token family carries in its epoch the sign-out generation in which it
//! began; what began in an earlier one is over. One record of the state store counts how often everybody was
//! signed out, of all pools or of one, and each process knows it from at most [`FRESH`] ago, so that a check
//! costs no round trip.
//!
//! In a Redis the record also has a beat that goes on with time. A server that comes back with a beat far
//! behind what this process has seen has lost more than a fail-over may lose: somebody put an older snapshot
//! in its place, or emptied it. What was spent or revoked since might be good again there, so the first
//! process that notices begins another generation, before it answers anybody from that server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::must_be_known;
use super::{Batch, CommitOutcome, Engine, Entry, Expect, Key, Life, Store, StoreError};
use crate::model::encoding::{base64url, sha256};
use crate::model::ids::PoolId;
use crate::model::unknown::UnknownMembers;
use crate::outside::clock::{Clock, Stopwatch};

/// How old what a process knows may be.
pub const FRESH: Duration = Duration::from_secs(2);
/// The same for a cluster while the node with the record does not answer: the other nodes are served
/// meanwhile.
const UNREACHABLE: Duration = Duration::from_secs(15);
/// How long whoever asks is told of the last failure and does not try again.
const FAILED: Duration = Duration::from_millis(500);
/// How often a process looks by itself, so that nobody who asks has to wait for it.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two beats of all processes together.
const BEAT: u32 = 5;
/// Looks after a beat that failed: a server that is cut off must not run ahead of the one that takes its
/// place.
const REST: u32 = 60;
/// Beats that a fail-over may lose: a minute.
const MOST_LOST: u64 = 12;
/// Longer than any grant lives.
const KEPT: Duration = Duration::from_secs(20 * 366 * 24 * 3600);
const ATTEMPTS: usize = 8;

/// What a process knows of the record. Shared by the clones of a store.
#[derive(Debug, Default)]
pub(in crate::store) struct SignOutGenerations {
    held: Mutex<Observed>,
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Observed {
    known: Option<LastRead>,
    /// The most that was ever seen.
    seen: Generations,
    failed: Option<(Stopwatch, StoreError)>,
}

#[derive(Debug)]
struct LastRead {
    count: Arc<Generations>,
    asked: Stopwatch,
    /// Connections made until then: a later one may lead to other data.
    connections: u64,
}

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Generations {
    beat: u64,
    everyone: u64,
    /// By digests of their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pools: BTreeMap<String, u64>,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    unknown: UnknownMembers,
}

impl Store {
    /// The present sign-out generation of a pool. No round trip while it is known.
    ///
    /// # Errors
    /// Those of the store when it has to be asked; then nobody may be let in by what is older.
    pub async fn sign_out_generation(&self, pool: &PoolId) -> Result<u64, StoreError> {
        Ok(self.generations_within(FRESH).await?.of(pool))
    }

    /// After what time every process on this store obeys [`Store::sign_everybody_out`].
    pub fn obeyed_within(&self) -> Duration {
        match &self.engine {
            Engine::Redis(redis) if redis.is_cluster() => UNREACHABLE,
            _ => FRESH,
        }
    }

    /// Makes every session, code and refresh token worthless that was made before, of one pool or of all: at
    /// once for this process, after [`Store::obeyed_within`] for every other.
    ///
    /// # Errors
    /// Those of the store; then it is not done, or it is not known whether it is: asking again is safe.
    pub async fn sign_everybody_out(&self, pool: Option<&PoolId>) -> Result<(), StoreError> {
        let count = |count: &mut Generations| match pool {
            None => count.everyone = count.everyone.saturating_add(1),
            Some(pool) => {
                let one = count.pools.entry(name(pool)).or_default();
                *one = one.saturating_add(1);
            }
        };
        self.change_generations(count).await.map(drop)
    }

    /// Looks at the record of a Redis again and again, so that others need not, and lets its beat go on.
    /// Never ends there; other stores need none.
    pub async fn keep_watch(&self) {
        if !matches!(self.engine, Engine::Redis(_)) {
            return;
        }
        let (mut last, mut rest) = (0, 0);
        loop {
            tokio::time::sleep(LOOK).await;
            // While the store is down, whoever needs it hears of that.
            let Ok(count) = self.generations_within(Duration::ZERO).await else { continue };
            rest = u32::saturating_sub(rest, 1);
            if rest > 0 {
                continue;
            }
            // When another process was first, it has the turn.
            (last, rest) = if count.beat == last {
                self.beat().await.map_or((last, REST), |beat| (beat, BEAT))
            } else {
                (count.beat, BEAT)
            };
        }
    }

    /// Lets the beat go on; gives it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn beat(&self) -> Result<u64, StoreError> {
        Ok(self.change_generations(|count| count.beat = count.beat.saturating_add(1)).await?.beat)
    }

    async fn generations_within(&self, age: Duration) -> Result<Arc<Generations>, StoreError> {
        if let Some(count) = self.sign_out_generations.known(age, self.connections()) {
            return Ok(count);
        }
        let _turn = self.sign_out_generations.reading.lock().await;
        if let Some(count) = self.sign_out_generations.known(age, self.connections()) {
            return Ok(count);
        }
        let read = match self.sign_out_generations.failure() {
            Some(error) => Err(error),
            None => self
                .change_generations(|_| {})
                .await
                .inspect_err(|error| self.sign_out_generations.fail(error.clone())),
        };
        read.or_else(|error| {
            self.sign_out_generations.known(self.obeyed_within(), self.connections()).ok_or(error)
        })
    }

    /// Reads the record, sets right what a restored store forgot, and writes it if there is anything to
    /// change.
    async fn change_generations(
        &self,
        change: impl Fn(&mut Generations),
    ) -> Result<Arc<Generations>, StoreError> {
        let key = Key::sign_out_generations();
        for _ in 0..ATTEMPTS {
            let (asked, connections) = (self.clock.stopwatch(), self.connections());
            let entry = self.get(&key).await?;
            let found = entry.as_ref().map_or_else(|| Ok(Generations::default()), Generations::of_entry)?;
            let (mut count, forgotten) = self.sign_out_generations.set_right(&found);
            change(&mut count);
            if count != found {
                let life = Life::Until(self.clock.now().plus(KEPT));
                let expect = entry.map_or(Expect::Absent, |entry| Expect::Version(entry.version));
                let text = serde_json::to_vec(&count).unwrap_or_default();
                if self.commit(Batch::new(key.partition()).put(&key, text, life, expect)).await?
                    == CommitOutcome::Conflict
                {
                    continue;
                }
            }
            if let Some(forgotten) = forgotten {
                forgotten.tell(&found, &count);
            }
            return Ok(self.sign_out_generations.learn(count, asked, connections));
        }
        Err(StoreError::NotApplied("the record of sign-out generations changed at every try".into()))
    }

    /// Connections made so far to where the data lie.
    fn connections(&self) -> u64 {
        match &self.engine {
            Engine::Memory(_) | Engine::File(_) => 0,
            Engine::Redis(redis) => redis.connections(),
        }
    }
}

/// What is missing in a store that this process has seen in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// More than a minute of everything.
    Much,
    /// That everybody was signed out.
    SignOut,
}

impl Forgotten {
    fn tell(self, found: &Generations, count: &Generations) {
        match self {
            Self::Much => tracing::warn!(
                code = "state_restored",
                beats_lost = count.beat.saturating_sub(found.beat),
                "the state store is much older than what was seen in it, restored or emptied: everybody is \
                 signed out"
            ),
            Self::SignOut => {
                tracing::warn!(
                    code = "sign_out_repeated",
                    "the state store lost that everybody was signed out: they are signed out again"
                );
            }
        }
    }
}

impl SignOutGenerations {
    fn known(&self, age: Duration, connections: u64) -> Option<Arc<Generations>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.known.as_ref()?;
        (known.connections == connections && known.asked.elapsed() < age).then(|| Arc::clone(&known.count))
    }

    fn failure(&self) -> Option<StoreError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.failed.as_ref().filter(|(since, _)| since.elapsed() < FAILED).map(|(_, error)| error.clone())
    }

    /// The store answers again: a failure from before is no news.
    pub(in crate::store) fn try_again(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).failed = None;
    }

    fn fail(&self, error: StoreError) {
        // What does not answer does so by the system's clock, whatever clock the broker has.
        self.held.lock().unwrap_or_else(PoisonError::into_inner).failed =
            Some((Clock::Real.stopwatch(), error));
    }

    /// What the record has to be after `found` was read, and why it is not that already.
    fn set_right(&self, found: &Generations) -> (Generations, Option<Forgotten>) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &held.seen;
        let fewer = |pool: &String, times: &u64| found.pools.get(pool).is_none_or(|found| found < times);
        if found.beat.saturating_add(MOST_LOST) < seen.beat {
            let mut count = seen.most(found);
            count.everyone = count.everyone.saturating_add(1);
            return (count, Some(Forgotten::Much));
        }
        if found.everyone < seen.everyone || seen.pools.iter().any(|(pool, times)| fewer(pool, times)) {
            return (seen.most(found), Some(Forgotten::SignOut));
        }
        (found.clone(), None)
    }

    fn learn(&self, count: Generations, asked: Stopwatch, connections: u64) -> Arc<Generations> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.seen = held.seen.most(&count);
        let count = Arc::new(count);
        held.failed = None;
        held.known = Some(LastRead { count: Arc::clone(&count), asked, connections });
        count
    }
}

impl Generations {
    fn of_entry(entry: &Entry) -> Result<Self, StoreError> {
        let key = Key::sign_out_generations();
        must_be_known(&key, &entry.value)?;
        serde_json::from_slice(&entry.value).map_err(|_| StoreError::Corrupt(key.kind()))
    }

    fn of(&self, pool: &PoolId) -> u64 {
        let own = if self.pools.is_empty() { None } else { self.pools.get(&name(pool)) };
        self.everyone.saturating_add(own.copied().unwrap_or_default())
    }

    /// The greater of each number.
    fn most(&self, other: &Self) -> Self {
        let mut pools = self.pools.clone();
        for (pool, times) in &other.pools {
            let most = pools.entry(pool.clone()).or_default();
            *most = (*most).max(*times);
        }
        Self {
            beat: self.beat.max(other.beat),
            everyone: self.everyone.max(other.everyone),
            pools,
            unknown: self.unknown.with(&other.unknown),
        }
    }
}

/// A pool in the record: its id is nobody's business who reads the store.
fn name(pool: &PoolId) -> String {
    base64url(sha256(pool.as_str())).chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::random::Random;
    use crate::store::{Role, Version};

    fn stored(text: &str) -> Entry {
        Entry { value: text.as_bytes().to_vec().into(), version: Version([0; 8]) }
    }

    /// What a later release counts, and must be understood, is not ignored by an older one.
    #[tokio::test]
    async fn a_record_of_which_something_must_be_understood_lets_nobody_in() {
        let clock = Clock::fake(crate::model::time::Timestamp::from_secs(1_000));
        let store = Store::memory(Role::State, clock, Random::Real);
        let pool = PoolId::parse("eu-west-1_A").unwrap();
        let key = Key::sign_out_generations();
        let text = r#"{"beat":1,"everyone":0,"must":{"apps":{}}}"#;
        let life = Life::Until(crate::model::time::Timestamp::from_secs(9_000));
        let batch = Batch::new(key.partition()).put(&key, text.as_bytes().to_vec(), life, Expect::Any);
        assert_eq!(store.commit(batch).await, Ok(CommitOutcome::Committed));
        let refused = store.sign_out_generation(&pool).await;
        assert!(matches!(refused, Err(StoreError::OtherVersion { .. })), "{refused:?}");
    }

    #[test]
    fn what_a_later_release_wrote_stays_when_everybody_is_signed_out() {
        let read = Generations::of_entry(&stored(r#"{"beat":1,"everyone":2,"apps":{"x":1}}"#)).unwrap();
        let most = Generations { beat: 9, ..Generations::default() }.most(&read);
        let again = serde_json::to_string(&most).unwrap();
        assert_eq!(again, r#"{"beat":9,"everyone":2,"apps":{"x":1}}"#);
    }
}
