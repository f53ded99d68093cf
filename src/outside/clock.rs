//! The wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// Moves a fake clock forward; a real one is left alone.
    pub fn advance(&self, by: Duration) {
        if let Self::Fake(millis) = self {
            millis.store(self.now().plus(by).millis(), Ordering::SeqCst);
        }
    }
}
