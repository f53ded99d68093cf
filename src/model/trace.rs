//! The trace of a refused request, for whoever has to mend the cause: what came, what was asked
//! elsewhere, what was decided.
//!
//! A story holds no secret: writers show values only through [`redact`], and every secret that a sign-in met
//! is cut out of every text when the story is told ([`Recorder::keeps_quiet_about`]).

pub mod redact;
pub mod render;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Refusal};
use super::ids::{PoolId, ReferenceId};
use super::secret::{ExposeSecret as _, SecretString};
use super::time::Timestamp;
use redact::cut;

/// How long a story is kept.
pub const LIFE: Duration = Duration::from_secs(24 * 3600);
/// Most bytes of a story as JSON.
pub const MAX_BYTES: usize = 48 * 1024;
/// Most steps that are remembered of one request.
const MAX_STEPS: usize = 200;
/// Longest text of an outcome, in characters.
const LONGEST: usize = 1000;
/// What is left of [`MAX_BYTES`] for everything but the steps.
const FRAME: usize = 16 * 1024;

/// A refused request, told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// What the error page shows and the app receives.
    pub reference: ReferenceId,
    /// The pool.
    pub pool: PoolId,
    /// The app, as it named itself.
    pub client: Option<String>,
    /// The external provider.
    pub provider: Option<String>,
    /// When the sign-in began.
    pub started: Timestamp,
    /// When it was refused.
    pub ended: Timestamp,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// How it ended.
    pub outcome: TraceOutcome,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What, in a few words.
    pub name: String,
    /// What is worth knowing of it.
    pub details: Vec<Detail>,
}

/// A name and a value that may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What the value is.
    pub name: String,
    /// The value, redacted.
    pub value: String,
}

/// Why the request was refused, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceOutcome {
    /// [`Refusal::code`].
    pub code: String,
    /// Whose move it is.
    pub fault: Fault,
    /// What was found.
    pub cause: String,
    /// What would have been accepted.
    pub expected: Option<String>,
    /// What came instead.
    pub received: Option<String>,
    /// What to change.
    pub hint: String,
    /// Whether the same request may succeed later by itself.
    pub retryable: bool,
}

impl TraceOutcome {
    /// What a refusal says of itself.
    pub fn of(refusal: &dyn Refusal) -> Self {
        let text = |text: String| cut(&text, LONGEST);
        Self {
            code: refusal.code().to_owned(),
            fault: refusal.fault(),
            cause: text(refusal.to_string()),
            expected: refusal.expected().map(text),
            received: refusal.received().map(text),
            hint: text(refusal.hint()),
            retryable: refusal.retryable(),
        }
    }

    fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.cause, &mut self.hint]
            .into_iter()
            .chain(self.expected.as_mut())
            .chain(self.received.as_mut())
    }
}

/// Remembers what happens while a request is served. Nothing is kept unless the request is refused, and then
/// only is anything told at length.
#[derive(Debug, Default)]
pub struct Recorder {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    events: Vec<Event>,
    client: Option<String>,
    provider: Option<String>,
    hint: Option<String>,
    secrets: Vec<SecretString>,
}

struct Event {
    at: Timestamp,
    name: Cow<'static, str>,
    telling: Telling,
    later: Option<Later>,
}

type Later = Box<dyn FnOnce(&mut Telling) + Send>;

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("at", &self.at).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What one step tells.
#[derive(Default)]
pub struct Telling {
    details: Vec<Detail>,
    secrets: Vec<SecretString>,
}

impl Telling {
    /// A name and a value, which the caller redacted; they are cut to a readable length here.
    pub fn detail(&mut self, name: &str, value: String) {
        self.details.push(Detail { name: cut(name, 64), value: redact::shown_as_is(value) });
    }

    /// [`detail`](Self::detail), if there is a value.
    pub fn optional(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.detail(name, value);
        }
    }

    /// [`Recorder::keeps_quiet_about`].
    pub fn keeps_quiet_about(&mut self, secret: &str) {
        // A shorter one would black out words, and is none that anybody made at random.
        if secret.len() >= 8 {
            self.secrets.push(secret.into());
        }
    }
}

impl Recorder {
    /// Something happened.
    pub fn step<'n>(
        &self,
        at: Timestamp,
        name: impl Into<Cow<'static, str>>,
        details: impl IntoIterator<Item = (&'n str, String)>,
    ) {
        let mut telling = Telling::default();
        details.into_iter().for_each(|(name, value)| telling.detail(name, value));
        self.happened(Event { at, name: name.into(), telling, later: None });
    }

    /// Something happened that `tell` describes, if it comes to that.
    pub fn later(
        &self,
        at: Timestamp,
        name: impl Into<Cow<'static, str>>,
        tell: impl FnOnce(&mut Telling) + Send + 'static,
    ) {
        self.happened(Event {
            at,
            name: name.into(),
            telling: Telling::default(),
            later: Some(Box::new(tell)),
        });
    }

    fn happened(&self, event: Event) {
        let mut memory = self.memory();
        if memory.events.len() < MAX_STEPS {
            memory.events.push(event);
        }
    }

    /// The app that asks, as it names itself.
    pub fn client(&self, client: impl Display) {
        self.memory().client = Some(cut(&client.to_string(), 128));
    }

    /// The provider that is asked.
    pub fn provider(&self, provider: impl Display) {
        self.memory().provider = Some(cut(&provider.to_string(), 64));
    }

    /// A better hint than the refusal's own, by whoever knows the settings that it is about.
    pub fn advises(&self, hint: String) {
        self.memory().hint = Some(hint);
    }

    /// No text of the story will hold this.
    pub fn keeps_quiet_about(&self, secret: &str) {
        let mut quiet = Telling::default();
        quiet.keeps_quiet_about(secret);
        self.memory().secrets.append(&mut quiet.secrets);
    }

    /// The story of a request that ended at `ended` as `outcome` says.
    pub fn tell(
        &self,
        pool: &PoolId,
        reference: &ReferenceId,
        ended: Timestamp,
        outcome: TraceOutcome,
    ) -> Trace {
        let mut memory = self.memory();
        let Memory { events, secrets, .. } = &mut *memory;
        for event in events.iter_mut() {
            if let Some(tell) = event.later.take() {
                tell(&mut event.telling);
            }
            secrets.append(&mut event.telling.secrets);
        }
        let step = |event: &Event| Step {
            at: event.at,
            name: cut(&event.name, 96),
            details: event.telling.details.clone(),
        };
        let mut trace = Trace {
            reference: reference.clone(),
            pool: pool.clone(),
            client: memory.client.clone(),
            provider: memory.provider.clone(),
            started: memory.events.first().map_or(ended, |event| event.at),
            ended,
            steps: memory.events.iter().map(step).collect(),
            outcome,
        };
        if let Some(hint) = &memory.hint {
            trace.outcome.hint = cut(hint, LONGEST);
        }
        trace.silence(&memory.secrets);
        trace.steps = bounded(trace.steps);
        trace
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trace {
    fn silence(&mut self, secrets: &[SecretString]) {
        let values =
            self.steps.iter_mut().flat_map(|step| step.details.iter_mut()).map(|detail| &mut detail.value);
        let named = self.client.iter_mut().chain(self.provider.as_mut());
        for text in values.chain(self.outcome.texts()).chain(named) {
            for secret in secrets {
                silence(text, secret.expose_secret());
            }
        }
    }
}

/// Replaces every occurrence of `secret`, also of its beginning where the text was cut.
pub fn silence(text: &mut String, secret: &str) {
    if secret.is_empty() {
        return;
    }
    let probe: String = secret.chars().take(16).collect();
    let (mut clean, mut rest) = (String::new(), text.as_str());
    while let Some((before, found)) = rest.split_once(&probe) {
        let same = found.chars().zip(secret.chars().skip(16)).take_while(|(left, right)| left == right);
        rest = found.get(same.map(|(c, _)| c.len_utf8()).sum::<usize>()..).unwrap_or_default();
        clean = clean + before + "[secret]";
    }
    if !clean.is_empty() {
        *text = clean + rest;
    }
}

/// The steps that fit, the first and the last ones before those in the middle.
fn bounded(steps: Vec<Step>) -> Vec<Step> {
    let size = |step: &Step| serde_json::to_string(step).map_or(MAX_BYTES, |text| text.len() + 1);
    let limit = MAX_BYTES - FRAME;
    if steps.iter().map(size).sum::<usize>() <= limit {
        return steps;
    }
    let (mut front, mut back, mut used) = (Vec::new(), Vec::new(), 0);
    let mut rest = std::collections::VecDeque::from(steps);
    loop {
        let from_front = front.len() <= back.len();
        let next = if from_front { rest.front() } else { rest.back() };
        let Some(cost) = next.map(size).filter(|cost| used + cost <= limit) else { break };
        used += cost;
        if from_front {
            front.extend(rest.pop_front());
        } else {
            back.extend(rest.pop_back());
        }
    }
    if let Some(first) = rest.front() {
        let name = format!("{} steps are left out here: the story is too long", rest.len());
        front.push(Step { at: first.at, name, details: Vec::new() });
    }
    front.into_iter().chain(back.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the code upstream-secret-code is spent")]
    struct Spent;

    impl Refusal for Spent {
        fn code(&self) -> &'static str {
            "spent"
        }
        fn fault(&self) -> Fault {
            Fault::App
        }
        fn hint(&self) -> String {
            "redeem upstream-secret-code once".into()
        }
    }

    fn told(recorder: &Recorder) -> Trace {
        let pool = PoolId::parse("eu-west-1_A").unwrap();
        recorder.tell(
            &pool,
            &ReferenceId::from_random([1; 8]),
            Timestamp::from_secs(9),
            TraceOutcome::of(&Spent),
        )
    }

    /// E-34
    #[test]
    fn no_text_of_a_story_holds_a_secret_that_the_sign_in_met() {
        let recorder = Recorder::default();
        recorder.step(
            Timestamp::from_secs(1),
            "answer",
            [("error_description", "bad upstream-secret-code!".to_owned())],
        );
        recorder.client("upstream-secret-code");
        recorder.keeps_quiet_about("upstream-secret-code");
        let text = serde_json::to_string(&told(&recorder)).unwrap();
        assert!(!text.contains("upstream-secret-code"), "{text}");
        assert!(text.contains("bad [secret]!"), "{text}");
    }

    /// E-34
    #[test]
    fn a_secret_that_only_the_telling_finds_is_silenced_in_what_was_told_before() {
        let recorder = Recorder::default();
        recorder.step(
            Timestamp::from_secs(1),
            "answer",
            [("error_description", "bad upstream-secret-code!".to_owned())],
        );
        recorder.later(Timestamp::from_secs(2), "request", |telling| {
            telling.keeps_quiet_about("upstream-secret-code");
            telling.detail("sent", "code=upstream-secret-code".to_owned());
        });
        for trace in [told(&recorder), told(&recorder)] {
            let text = serde_json::to_string(&trace).unwrap();
            assert!(!text.contains("upstream-secret-code"), "{text}");
            assert_eq!(trace.steps[1].details[0].value, "code=[secret]");
        }
    }

    /// E-34
    #[test]
    fn a_secret_that_was_cut_is_none_the_less_secret() {
        let (recorder, token) = (Recorder::default(), "x0123456789".repeat(100));
        recorder.keeps_quiet_about(&token);
        recorder.step(
            Timestamp::from_secs(1),
            "answer",
            [("error_description", format!("spent: {token} and {token}"))],
        );
        assert_eq!(told(&recorder).steps[0].details[0].value, "spent: [secret]…");
    }

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let recorder = Recorder::default();
        for number in 0..180 {
            let details = (0..4).map(|_| ("value", "\"".repeat(250)));
            recorder.step(Timestamp::from_secs(number), format!("step {number}"), details);
        }
        let trace = told(&recorder);
        assert!(serde_json::to_string(&trace).unwrap().len() <= MAX_BYTES);
        let names: Vec<&str> = trace.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!((names.first(), names.last()), (Some(&"step 0"), Some(&"step 179")));
        assert_eq!(names.iter().filter(|name| name.contains("left out")).count(), 1);
    }

    #[test]
    fn advice_that_knows_the_settings_replaces_the_general_hint() {
        let recorder = Recorder::default();
        recorder.advises("set client_secret".to_owned());
        assert_eq!(told(&recorder).outcome.hint, "set client_secret");
    }
}
