//! Stale-while-revalidate cache ([RFC 5861](https://www.rfc-editor.org/rfc/rfc5861)) of one document of a
//! provider: fetched when first needed, by one caller at a time, renewed behind the callers' backs.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Flight;

use super::Outside;
use super::circuit_breaker::pause;
use crate::model::time::Timestamp;

/// How long a document serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// Younger than this it is used as it is.
    pub fresh: Duration,
    /// Younger than this it is used while a new one is fetched; this is how long a provider's outage is
    /// bridged.
    pub usable: Duration,
    /// Least time between two fetches that callers demand because the document seems out of date.
    pub cool_down: Duration,
    /// Pause after a failed fetch, doubled with each further failure.
    pub first_pause: Duration,
    /// The longest such pause.
    pub last_pause: Duration,
}

/// Who finds that a document is out of date. Each has an allowance of its own, so that whoever makes
/// something up takes nothing from people who sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Somebody with something that came from the document's owner.
    SignIn,
    /// Somebody with something that anybody may have made.
    Anybody,
}

/// A document that may be absent, fresh, stale or failing.
#[derive(Debug)]
pub struct StaleWhileRevalidate<T, E> {
    policy: FreshnessPolicy,
    fresh: fn(&T, Timestamp, &FreshnessPolicy) -> Duration,
    state: Mutex<State<T, E>>,
    flight: Arc<Flight<()>>,
}

#[derive(Debug)]
struct State<T, E> {
    held: Option<(Arc<T>, Timestamp)>,
    failures: u32,
    failed: Option<(E, Timestamp)>,
    demanded: Demanded,
}

/// When a newer document was last demanded, by whom.
#[derive(Debug, Default)]
struct Demanded {
    by_sign_in: Option<Timestamp>,
    by_anybody: Option<Timestamp>,
}

enum Look<T, E> {
    Fresh(Arc<T>),
    Stale(Arc<T>),
    Paused(E),
    Absent,
}

impl<T, E> StaleWhileRevalidate<T, E>
where
    T: Send + Sync + 'static,
    E: Clone + Send + 'static,
{
    /// An empty place for a document.
    pub fn new(policy: FreshnessPolicy) -> Self {
        let state = State { held: None, failures: 0, failed: None, demanded: Demanded::default() };
        Self { policy, fresh: |_, _, policy| policy.fresh, state: Mutex::new(state), flight: Arc::default() }
    }

    /// The same for documents that say themselves how long they are fresh, from the instant at which they
    /// were fetched.
    #[must_use]
    pub fn aging(self, fresh: fn(&T, Timestamp, &FreshnessPolicy) -> Duration) -> Self {
        Self { fresh, ..self }
    }

    /// The document. A fresh one at once; a stale one at once, while a new one is fetched in the background;
    /// none or a too old one is fetched, by one caller for all. After a failure the error is repeated until
    /// the pause is over.
    ///
    /// # Errors
    /// What `fetch` failed with, now or within the pause, when there is no document that may still be used.
    pub async fn get<F, W>(self: &Arc<Self>, outside: &Outside, fetch: F) -> Result<Arc<T>, E>
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
    {
        match self.look(outside.clock.now()) {
            Look::Fresh(document) => Ok(document),
            Look::Stale(document) => {
                self.renew_behind(outside, fetch);
                Ok(document)
            }
            Look::Paused(error) => Err(error),
            Look::Absent => {
                let _turn = self.flight.lock().await;
                match self.look(outside.clock.now()) {
                    Look::Fresh(document) | Look::Stale(document) => Ok(document),
                    Look::Paused(error) => Err(error),
                    Look::Absent => self.settle(outside, fetch().await),
                }
            }
        }
    }

    /// The document if there is one, for callers who can do without; an absent or stale one is fetched in the
    /// background.
    pub fn at_hand<F, W>(self: &Arc<Self>, outside: &Outside, fetch: F) -> Option<Arc<T>>
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
    {
        let look = self.look(outside.clock.now());
        if matches!(look, Look::Stale(_) | Look::Absent) {
            self.renew_behind(outside, fetch);
        }
        match look {
            Look::Fresh(document) | Look::Stale(document) => Some(document),
            Look::Paused(_) | Look::Absent => None,
        }
    }

    /// A document newer than `seen`, which lacks what a caller needs: the present one if it was renewed
    /// since, else one fetched now. `None` within the cool-down after the last such demand of that kind of
    /// asker.
    pub async fn newer_than<F, W>(
        &self,
        seen: &Arc<T>,
        asker: Asker,
        outside: &Outside,
        fetch: F,
    ) -> Option<Result<Arc<T>, E>>
    where
        F: FnOnce() -> W,
        W: Future<Output = Result<T, E>>,
    {
        let _turn = self.flight.lock().await;
        {
            let mut state = self.state();
            match &state.held {
                Some((present, _)) if !Arc::ptr_eq(present, seen) => return Some(Ok(Arc::clone(present))),
                _ => {}
            }
            let now = outside.clock.now();
            let demanded = state.demanded.by(asker);
            if demanded.is_some_and(|at| at <= now && now.since(at) < self.policy.cool_down) {
                return None;
            }
            *demanded = Some(now);
        }
        Some(self.settle(outside, fetch().await))
    }

    fn renew_behind<F, W>(self: &Arc<Self>, outside: &Outside, fetch: F)
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
    {
        let Ok(turn) = Arc::clone(&self.flight).try_lock_owned() else { return };
        let now = outside.clock.now();
        if self.paused(&self.state(), now) || !matches!(self.look(now), Look::Stale(_) | Look::Absent) {
            return;
        }
        let (this, outside) = (Arc::clone(self), outside.clone());
        tokio::spawn(async move {
            let _turn = turn;
            drop(this.settle(&outside, fetch().await));
        });
    }

    fn settle(&self, outside: &Outside, fetched: Result<T, E>) -> Result<Arc<T>, E> {
        let now = outside.clock.now();
        let mut state = self.state();
        match fetched {
            Ok(document) => {
                let document = Arc::new(document);
                state.held = Some((Arc::clone(&document), now));
                (state.failures, state.failed) = (0, None);
                Ok(document)
            }
            Err(error) => {
                let [jitter] = outside.random.bytes::<1>();
                let until =
                    now.plus(pause(state.failures, self.policy.first_pause, self.policy.last_pause, jitter));
                state.failures = state.failures.saturating_add(1);
                state.failed = Some((error.clone(), until));
                Err(error)
            }
        }
    }

    fn look(&self, now: Timestamp) -> Look<T, E> {
        let state = self.state();
        if let Some((document, at)) = &state.held {
            // A document from the future is one fetched before the clock was set back: of unknown age, so
            // stale.
            if *at <= now && now.since(*at) < (self.fresh)(document, *at, &self.policy) {
                return Look::Fresh(Arc::clone(document));
            }
            if now.since(*at) < self.policy.usable {
                return Look::Stale(Arc::clone(document));
            }
        }
        match &state.failed {
            Some((error, _)) if self.paused(&state, now) => Look::Paused(error.clone()),
            _ => Look::Absent,
        }
    }

    fn paused(&self, state: &State<T, E>, now: Timestamp) -> bool {
        state
            .failed
            .as_ref()
            .is_some_and(|(_, until)| now < *until && until.since(now) <= self.policy.last_pause * 2)
    }

    fn state(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Demanded {
    const fn by(&mut self, asker: Asker) -> &mut Option<Timestamp> {
        match asker {
            Asker::SignIn => &mut self.by_sign_in,
            Asker::Anybody => &mut self.by_anybody,
        }
    }
}
