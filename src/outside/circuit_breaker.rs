//! Circuit breaker and concurrency limit, one of each per provider: a sick provider must not hurt the others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::model::time::Timestamp;

/// Calls to one provider at the same time.
const CONCURRENCY: usize = 64;
/// Longest wait for a turn.
const QUEUE: Duration = Duration::from_secs(2);
/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
/// A single call may try an open breaker again after this long, doubled with each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// How long a trial call keeps others out while its outcome is unknown.
const TRIAL: Duration = Duration::from_secs(10);

/// Why a provider is not called at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallRefused {
    /// The last calls failed; the next trial is due later.
    #[error("the provider failed {failures} times in a row and is left alone for now")]
    Broken {
        /// Failures in a row.
        failures: u32,
    },
    /// Too many calls are waiting for answers.
    #[error("{CONCURRENCY} calls to the provider are waiting for answers already")]
    Full,
}

/// ProviderGuard in front of one provider.
#[derive(Debug)]
pub struct ProviderGuard {
    turns: Semaphore,
    breaker: Mutex<Breaker>,
}

impl Default for ProviderGuard {
    fn default() -> Self {
        Self { turns: Semaphore::new(CONCURRENCY), breaker: Mutex::default() }
    }
}

impl ProviderGuard {
    /// Waits for a turn; the returned permit is held during the call.
    ///
    /// # Errors
    /// [`CallRefused::Full`] when no turn came in time, [`CallRefused::Broken`] while the breaker is open.
    pub async fn enter(&self, now: Timestamp) -> Result<SemaphorePermit<'_>, CallRefused> {
        let Ok(Ok(permit)) = tokio::time::timeout(QUEUE, self.turns.acquire()).await else {
            return Err(CallRefused::Full);
        };
        self.breaker().allow(now)?;
        Ok(permit)
    }

    /// Records how a call went: `healthy` when the provider answered sensibly, whatever it said. `jitter` is
    /// random.
    pub fn record(&self, healthy: bool, now: Timestamp, jitter: u8) {
        self.breaker().record(healthy, now, jitter);
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens after [`THRESHOLD`] failures in a row and then lets single calls through.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    closed_until: Option<Timestamp>,
}

impl Breaker {
    fn allow(&mut self, now: Timestamp) -> Result<(), CallRefused> {
        let Some(until) = self.closed_until else { return Ok(()) };
        // A clock that was set back must not keep the provider closed for longer than one pause.
        if now < until && until.since(now) <= LAST_PAUSE * 2 {
            return Err(CallRefused::Broken { failures: self.failures });
        }
        self.closed_until = Some(now.plus(TRIAL));
        Ok(())
    }

    fn record(&mut self, healthy: bool, now: Timestamp, jitter: u8) {
        if healthy {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= THRESHOLD {
            self.closed_until =
                Some(now.plus(pause(self.failures - THRESHOLD, FIRST_PAUSE, LAST_PAUSE, jitter)));
        }
    }
}

/// `first` doubled `step` times, at most `last`, plus up to half of that by `jitter`: callers do not come
/// back all at once.
pub fn pause(step: u32, first: Duration, last: Duration, jitter: u8) -> Duration {
    let base = first.saturating_mul(2u32.saturating_pow(step.min(16))).min(last);
    base + base * u32::from(jitter) / 510
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn broken() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..THRESHOLD {
            assert_eq!(breaker.allow(NOW), Ok(()));
            breaker.record(false, NOW, 0);
        }
        breaker
    }

    /// B-38
    #[test]
    fn a_failing_provider_is_left_alone_and_tried_by_one_call_at_a_time() {
        let mut breaker = broken();
        assert_eq!(breaker.allow(NOW), Err(CallRefused::Broken { failures: THRESHOLD }));
        let later = NOW.plus(FIRST_PAUSE);
        assert_eq!(breaker.allow(later), Ok(()));
        assert!(breaker.allow(later).is_err(), "the trial is still running");
        breaker.record(false, later, 0);
        assert!(breaker.allow(later.plus(FIRST_PAUSE)).is_err(), "the second pause is longer");
        let again = later.plus(FIRST_PAUSE * 2);
        assert_eq!(breaker.allow(again), Ok(()));
        breaker.record(true, again, 0);
        assert_eq!((breaker.allow(again), breaker.allow(again)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_trial_that_never_ends_does_not_keep_the_provider_closed() {
        let mut breaker = broken();
        let later = NOW.plus(FIRST_PAUSE);
        assert_eq!(breaker.allow(later), Ok(()));
        assert_eq!(breaker.allow(later.plus(TRIAL)), Ok(()));
    }

    /// H-20
    #[test]
    fn a_clock_set_back_does_not_keep_the_provider_closed() {
        assert_eq!(broken().allow(NOW.minus(Duration::from_secs(3600))), Ok(()));
    }

    #[test]
    fn pauses_grow_to_a_limit_and_are_spread() {
        let at = |step, jitter| pause(step, FIRST_PAUSE, LAST_PAUSE, jitter);
        assert_eq!(at(0, 0), FIRST_PAUSE);
        assert_eq!(at(1, 0), FIRST_PAUSE * 2);
        assert_eq!(at(400, 0), LAST_PAUSE);
        assert_eq!(at(400, 255), LAST_PAUSE * 3 / 2);
    }

    /// B-35
    #[tokio::test]
    async fn calls_beyond_the_limit_wait_and_one_that_ends_makes_room() {
        let gate = ProviderGuard::default();
        let mut held = Vec::new();
        for _ in 0..CONCURRENCY {
            held.push(gate.enter(NOW).await.unwrap());
        }
        assert_eq!(gate.turns.available_permits(), 0);
        held.pop();
        assert!(gate.enter(NOW).await.is_ok());
    }
}
