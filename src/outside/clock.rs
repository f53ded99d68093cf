//! The wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::Timestamp;

/// Tells the time. Clones of a fake clock share its hands.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's.
    Real,
    /// Set by hand, in milliseconds since the epoch.
    Fake(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until [`Clock::advance`].
    pub fn fake(now: Timestamp) -> Self {
        Self::Fake(Arc::new(AtomicI64::new(now.millis())))
    }

    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Real => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Fake(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Begins to measure how long something takes, whatever happens to the wall clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn stopwatch(&self) -> Stopwatch {
        match self {
            Self::Real => Stopwatch::Real(Instant::now()),
            Self::Fake(_) => Stopwatch::Fake(self.clone(), self.now()),
        }
    }

    /// Moves a fake clock forward; a real one is left alone.
    pub fn advance(&self, by: Duration) {
        if let Self::Fake(millis) = self {
            millis.store(self.now().plus(by).millis(), Ordering::SeqCst);
        }
    }
}

/// A measurement that has begun.
#[derive(Debug, Clone)]
pub enum Stopwatch {
    /// By the system's monotonic clock.
    Real(Instant),
    /// By the hands of a fake clock.
    Fake(Clock, Timestamp),
}

impl Stopwatch {
    /// The time passed since the beginning.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Real(began) => began.elapsed(),
            Self::Fake(clock, began) => clock.now().since(*began),
        }
    }
}
