//! What was asked and answered, and when: the only thing that the checker sees.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Microseconds since the history began.
pub(crate) type Micros = u64;

/// A code, token, cookie or state, without its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u64);

impl Id {
    pub(crate) fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0 & 0xff_ffff)
    }
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// A sign-in begins.
    Begin,
    /// The provider's answer is delivered; the sign-in began at `began`.
    Callback { state: Id, began: Micros },
    /// An app asks for a code without a page.
    Use { session: Id },
    /// A code is presented.
    Redeem { code: Id },
    /// A refresh token is presented; `rotates` as its app is configured.
    Refresh { token: Id, rotates: bool },
    /// A refresh token is revoked.
    Revoke { token: Id },
    /// An access token of `family` is looked up.
    Introspect { family: Id },
    /// A browser signs out.
    SignOut { session: Id },
    /// The person is signed out everywhere.
    Everywhere,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done(Yield),
    /// An answer that says no.
    Refused(String),
    /// No answer, or one that leaves open what was done.
    Unknown(String),
    /// Nobody was reached.
    NotSent,
}

/// What an answer held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Yield {
    Nothing,
    Code { code: Id, session: Option<Id> },
    Tokens { family: Id, sub: Id, refresh: Id },
    Active(bool),
}

/// One request of one person.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) who: usize,
    pub(crate) op: Op,
    pub(crate) invoked: Micros,
    /// Before this instant it cannot have taken effect: later than `invoked` where the way to the store is
    /// known to be slow.
    pub(crate) effect: Micros,
    pub(crate) done: Micros,
    pub(crate) outcome: Outcome,
}

/// What was done to the broker or to what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) excuses: Excuse,
    pub(crate) from: Micros,
    pub(crate) to: Micros,
}

/// What people have to put up with because of a fault, beyond waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// Nothing.
    None,
    /// A sign-in in progress begins again: the store may have lost what was spent (docs/operations.md).
    BeginAgain,
    /// The provider fails, and so does a sign-in there.
    Provider,
    /// The clock moves: what has an end may have reached it.
    Clock,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<Event>,
    pub(crate) faults: Vec<Fault>,
    /// Nobody may notice anything: every request is answered, and none is refused without cause.
    pub(crate) seamless: bool,
    /// What did not work again when all faults were over.
    pub(crate) stuck: Vec<String>,
}

/// Writes the history. Clones write the same one.
#[derive(Clone)]
pub(crate) struct Recorder {
    began: Instant,
    history: Arc<Mutex<History>>,
}

impl Recorder {
    #[expect(
        clippy::disallowed_methods,
        reason = "durations of the harness, which has no clock of the broker"
    )]
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), history: Arc::default() }
    }

    pub(crate) fn now(&self) -> Micros {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn event(&self, event: Event) {
        self.with(|history| history.events.push(event));
    }

    /// Notes a fault that lasted from `from` until now.
    pub(crate) fn fault(&self, name: &'static str, excuses: Excuse, from: Micros) {
        let to = self.now();
        self.with(|history| history.faults.push(Fault { name, excuses, from, to }));
    }

    pub(crate) fn stuck(&self, what: String) {
        self.with(|history| history.stuck.push(what));
    }

    /// A copy of what is written so far.
    pub(crate) fn read(&self) -> History {
        self.with(|history| history.clone())
    }

    fn with<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        change(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
