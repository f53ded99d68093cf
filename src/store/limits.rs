//! Limits per minute that all replicas share.
//!
//! The count is kept in the state store. A process adds to it in portions of 1/64 of the limit, so that an
//! ordinary visitor costs no round trip; what several replicas let through beyond a limit is at most one
//! portion each. A limit below 64 is counted one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Key, Store};
use crate::model::fault::{Fault, Refusal};
use crate::model::time::Timestamp;
use crate::outside::clock::Clock;

const SECONDS: i64 = 60;
/// Counts outlive their minute by the most that the replicas' clocks may differ.
const KEPT: Duration = Duration::from_secs(180);
const PORTIONS: u32 = 64;
/// Most parties that a process counts by itself in one minute; those beyond are counted in the store one by
/// one.
const MAX_PARTIES: usize = 100_000;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Pages, by the visitor's address.
    Address,
    /// Token requests, by app.
    Client,
    /// Pages, by pool.
    Pool,
}

impl Limit {
    /// The word in keys, logs and codes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Client => "client",
            Self::Pool => "pool",
        }
    }
}

/// A limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit of requests per minute for one {} was reached", limit.as_str())]
pub struct Exceeded {
    /// Which one.
    pub limit: Limit,
    /// When the next request will be counted anew.
    pub retry_after: Duration,
}

impl Refusal for Exceeded {
    fn code(&self) -> &'static str {
        match self.limit {
            Limit::Address => "limit_address",
            Limit::Client => "limit_client",
            Limit::Pool => "limit_pool",
        }
    }

    fn fault(&self) -> Fault {
        match self.limit {
            Limit::Address => Fault::Visitor,
            Limit::Client => Fault::App,
            Limit::Pool => Fault::Pool,
        }
    }

    fn hint(&self) -> String {
        let key = self.limit.as_str();
        format!(
            "Wait {} seconds. Where so many requests are honest, raise limits.{key}.",
            self.retry_after.as_secs().max(1)
        )
    }

    fn retryable(&self) -> bool {
        true
    }
}

/// The counters. Clones share what is counted but not yet in the store.
#[derive(Debug, Clone)]
pub struct Limits {
    store: Store,
    clock: Clock,
    local: Arc<Mutex<Local>>,
}

/// The present minute of this process.
#[derive(Debug, Default)]
struct Local {
    window: i64,
    counts: HashMap<(Limit, String), Count>,
}

/// One party: what the store was told, what it answered last.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    untold: u32,
    total: u64,
}

enum Decision {
    Admit,
    Refuse,
    Tell(u32),
}

impl Limits {
    /// Counters in the state store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, local: Arc::default() }
    }

    /// Counts one request of `party` against `per_minute`. A store that does not answer refuses nobody:
    /// whatever follows will find it down.
    pub async fn admit(&self, limit: Limit, party: &str, per_minute: Option<u32>) -> Result<(), Exceeded> {
        let Some(per_minute) = per_minute else { return Ok(()) };
        let now = self.clock.now();
        let window = minute(now);
        let exceeded = || Exceeded { limit, retry_after: rest_of(now) };
        match self.decide((limit, party), window, per_minute) {
            Decision::Admit => Ok(()),
            Decision::Refuse => Err(exceeded()),
            Decision::Tell(count) => {
                let key = Key::limit(limit.as_str(), &format!("{window}:{party}"));
                let Ok(total) = self.store.increment(&key, count.into(), now.plus(KEPT)).await else {
                    return Ok(());
                };
                let total = u64::try_from(total).unwrap_or_default();
                self.learned((limit, party), window, total);
                if total > per_minute.into() { Err(exceeded()) } else { Ok(()) }
            }
        }
    }

    fn decide(&self, (limit, party): (Limit, &str), window: i64, per_minute: u32) -> Decision {
        let portion = (per_minute / PORTIONS).max(1);
        let mut local = self.local();
        if local.window != window {
            *local = Local { window, counts: HashMap::new() };
        }
        if local.counts.len() >= MAX_PARTIES && !local.counts.contains_key(&(limit, party.to_owned())) {
            return Decision::Tell(1);
        }
        let count = local.counts.entry((limit, party.to_owned())).or_default();
        if count.total.saturating_add(count.untold.into()) >= per_minute.into() {
            return Decision::Refuse;
        }
        count.untold = count.untold.saturating_add(1);
        if count.untold < portion {
            Decision::Admit
        } else {
            Decision::Tell(std::mem::take(&mut count.untold))
        }
    }

    fn learned(&self, (limit, party): (Limit, &str), window: i64, total: u64) {
        let mut local = self.local();
        if local.window == window
            && let Some(count) = local.counts.get_mut(&(limit, party.to_owned()))
        {
            count.total = count.total.max(total);
        }
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Minutes since 1970.
fn minute(now: Timestamp) -> i64 {
    now.secs().div_euclid(SECONDS)
}

fn rest_of(now: Timestamp) -> Duration {
    Timestamp::from_secs(minute(now).saturating_add(1).saturating_mul(SECONDS)).since(now)
}
