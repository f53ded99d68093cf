//! In-memory cache of one record of the directory, parsed and ready for use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::time::Timestamp;
use crate::outside::clock::Clock;

use super::keysets::REREAD;

/// How long after a failed look the next one follows.
const RETRY: Duration = Duration::from_secs(5);

/// What was read, and when. Re-read after [`REREAD`]; kept while the store is down.
#[derive(Debug)]
pub(super) struct Cached<T> {
    held: Mutex<Option<Entry<T>>>,
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    checked: Timestamp,
    failing: bool,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { held: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }
}

impl<T> Cached<T> {
    /// The value, read when there is none or an old one, by one caller at a time.
    ///
    /// # Errors
    /// Only while nothing was ever read.
    pub(super) async fn get<E: std::fmt::Display>(
        &self,
        clock: &Clock,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        if let Some(fresh) = self.fresh(clock.now()) {
            return Ok(fresh);
        }
        let known = self.known();
        let _turn = match (&known, self.reading.try_lock()) {
            (_, Ok(turn)) => turn,
            // Somebody is looking already, perhaps at a store that is down.
            (Some(known), Err(_)) => return Ok(Arc::clone(known)),
            (None, Err(_)) => self.reading.lock().await,
        };
        if let Some(fresh) = self.fresh(clock.now()) {
            return Ok(fresh);
        }
        match (read.await, known) {
            (Ok(value), _) => Ok(self.set(Arc::new(value), clock.now(), false)),
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "a record was not re-read, the known one stays in use");
                Ok(self.set(known, clock.now(), true))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Makes the next caller look again; what is known stays in case the store is down by then.
    pub(super) fn expire(&self) {
        if let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            held.checked = Timestamp::from_millis(i64::MIN);
        }
    }

    /// The last value, however old.
    pub(super) fn known(&self) -> Option<Arc<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|held| Arc::clone(&held.value))
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<T>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref()?;
        let limit = if held.failing { RETRY } else { REREAD };
        (held.checked <= now && now.since(held.checked) < limit).then(|| Arc::clone(&held.value))
    }

    fn set(&self, value: Arc<T>, checked: Timestamp, failing: bool) -> Arc<T> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Entry { value: Arc::clone(&value), checked, failing });
        value
    }
}
