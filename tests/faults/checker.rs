//! Whether a history is one that the promises allow. Pure: it knows nothing of the broker but what was asked
//! and answered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::history::{Event, Excuse, Fault, History, Id, Micros, Op, Outcome, Yield};

/// How long a replaced refresh token answers surely, as the apps of the harness are configured (60 s), less
/// what clocks and queues take.
pub(crate) const SURE_GRACE: Micros = 50_000_000;

/// The longest pause of the broker's breaker and of its cache of keys, together with what it takes to try
/// again.
const PROVIDER_PAUSE: Micros = 100_000_000;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) text: String,
}

/// The promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A code is redeemed at most once.
    CodeOnce,
    /// A provider's answer is taken at most once.
    StateOnce,
    /// A refresh token has at most one successor.
    OneSuccessor,
    /// A replaced token is not answered any more once its successor was used.
    Replaced,
    /// What was acknowledged as ended answers nothing, not even what was in flight.
    Ended,
    /// Nobody who keeps to the rules is refused.
    Honest,
    /// A person stays the same user, and nobody else is.
    User,
    /// An answer is a yes, a no, or "come again".
    Answer,
    /// Where nobody may notice anything, nobody does.
    Seamless,
    /// When the faults are over, everything works again.
    Recovers,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}

/// Every broken promise of a history.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let mut check = Check { history, facts: Facts::of(history), found: Vec::new() };
    check.once();
    check.codes_and_states();
    check.families();
    check.sessions();
    check.users();
    check.answers();
    check.found
}

/// What follows from the answers.
struct Facts<'h> {
    /// By refresh token: its family.
    family_of: HashMap<Id, Id>,
    /// By code: the event that gave it.
    given: HashMap<Id, &'h Event>,
    /// By session: the event that began it.
    begun: HashMap<Id, &'h Event>,
    /// By refresh token: those that were handed out for it.
    successors: HashMap<Id, BTreeSet<Id>>,
    /// By family: the code that it came of.
    code_of: HashMap<Id, Id>,
    /// Presentations that reached, or may have reached, the broker.
    presented: BTreeMap<Id, Vec<&'h Event>>,
    everywhere: HashMap<usize, Vec<&'h Event>>,
}

impl<'h> Facts<'h> {
    fn of(history: &'h History) -> Self {
        let mut facts = Self {
            family_of: HashMap::new(),
            given: HashMap::new(),
            begun: HashMap::new(),
            successors: HashMap::new(),
            code_of: HashMap::new(),
            presented: BTreeMap::new(),
            everywhere: HashMap::new(),
        };
        history.events.iter().for_each(|event| facts.learn(event));
        facts
    }

    fn learn(&mut self, event: &'h Event) {
        if event.outcome == Outcome::NotSent {
            return;
        }
        match event.op {
            Op::Callback { state: id, .. }
            | Op::Redeem { code: id }
            | Op::Refresh { token: id, .. }
            | Op::Revoke { token: id }
            | Op::Use { session: id }
            | Op::SignOut { session: id }
            | Op::Introspect { family: id } => {
                self.presented.entry(id).or_default().push(event);
            }
            Op::Begin => {}
            Op::Everywhere => self.everywhere.entry(event.who).or_default().push(event),
        }
        match event.outcome {
            Outcome::Done(Yield::Code { code, session }) => {
                self.given.insert(code, event);
                self.begun.extend(session.map(|session| (session, event)));
            }
            Outcome::Done(Yield::Tokens { family, refresh, .. }) => {
                self.family_of.insert(refresh, family);
                match event.op {
                    Op::Redeem { code } => self.code_of.extend([(family, code)]),
                    Op::Refresh { token, .. } if token != refresh => {
                        self.successors.entry(token).or_default().extend([refresh]);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn of_object(&self, id: Id) -> &[&'h Event] {
        self.presented.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Sign-outs everywhere of the person that may have come after `since`.
    fn everywhere(&self, who: usize, since: Micros) -> impl Iterator<Item = &&'h Event> {
        self.everywhere.get(&who).into_iter().flatten().filter(move |event| event.done > since)
    }

    /// Whether presenting this refresh token may have ended its family: it was, or could have been, replaced
    /// for good.
    fn is_risky(&self, event: &Event) -> bool {
        let Op::Refresh { token, rotates: true } = event.op else { return false };
        let successor_used = self.successors.get(&token).into_iter().flatten().any(|successor| {
            self.of_object(*successor)
                .iter()
                .any(|used| matches!(used.op, Op::Refresh { .. }) && used.invoked < event.done)
        });
        let too_late = self.of_object(token).iter().any(|before| {
            matches!(before.op, Op::Refresh { .. }) && before.invoked + SURE_GRACE < event.done
        });
        successor_used || too_late
    }
}

struct Check<'h> {
    history: &'h History,
    facts: Facts<'h>,
    found: Vec<Violation>,
}

impl<'h> Check<'h> {
    fn broken(&mut self, rule: Rule, text: String) {
        self.found.push(Violation { rule, text });
    }

    fn excused(&self, excuses: &[Excuse], from: Micros, to: Micros) -> bool {
        // A provider that failed is left alone for a while.
        let until =
            |fault: &Fault| fault.to + if fault.excuses == Excuse::Provider { PROVIDER_PAUSE } else { 0 };
        self.history
            .faults
            .iter()
            .any(|fault| excuses.contains(&fault.excuses) && fault.from <= to && from <= until(fault))
    }

    /// The earliest instant at which the event can have taken effect. A token that was presented elsewhere as
    /// well may be answered without a write, and that is sooner.
    fn effect(&self, event: &Event) -> Micros {
        let Op::Refresh { token, .. } = event.op else { return event.effect };
        let alone = self
            .facts
            .of_object(token)
            .iter()
            .all(|other| std::ptr::eq(*other, event) || other.invoked >= event.done);
        if alone { event.effect } else { event.invoked }
    }

    /// The faults at the time of an event.
    fn during(&self, event: &Event) -> Vec<&'static str> {
        let faults =
            self.history.faults.iter().filter(|fault| fault.from <= event.done && event.invoked <= fault.to);
        faults.map(|fault| fault.name).collect()
    }

    /// One success for each code and each state, one successor for each token.
    fn once(&mut self) {
        let mut broken = Vec::new();
        for (id, events) in &self.facts.presented {
            let done: Vec<&&Event> =
                events.iter().filter(|event| matches!(event.outcome, Outcome::Done(_))).collect();
            let rule = match events.first().map(|event| event.op) {
                Some(Op::Redeem { .. }) => Rule::CodeOnce,
                Some(Op::Callback { .. }) => Rule::StateOnce,
                _ => continue,
            };
            if done.len() > 1 {
                broken.push((rule, format!("{id:?} {} times: {done:?}", done.len())));
            }
        }
        for (token, successors) in &self.facts.successors {
            if successors.len() > 1 {
                broken.push((
                    Rule::OneSuccessor,
                    format!("{token:?} became {successors:?}: {:?}", self.facts.of_object(*token)),
                ));
            }
        }
        for (rule, text) in broken {
            self.broken(rule, text);
        }
    }

    /// Who presents a code or a provider's answer for the first time is served; after a sign-out everywhere
    /// nobody is.
    fn codes_and_states(&mut self) {
        for event in &self.history.events {
            let (id, since, given) = match event.op {
                Op::Callback { state, began } => (state, began, None),
                Op::Redeem { code } => match self.facts.given.get(&code) {
                    Some(given) => (code, given.invoked, Some(*given)),
                    None => continue,
                },
                _ => continue,
            };
            let first = self
                .facts
                .of_object(id)
                .iter()
                .all(|other| std::ptr::eq(*other, event) || other.invoked >= event.done);
            match &event.outcome {
                Outcome::Refused(why) if first => {
                    let excuses = [Excuse::BeginAgain, Excuse::Clock, Excuse::Provider];
                    let signed_out =
                        self.facts.everywhere(event.who, since).any(|out| out.invoked < event.done);
                    if !signed_out && !self.excused(&excuses, since, event.done) {
                        self.broken(Rule::Honest, format!("refused ({why}): {event:?}"));
                    }
                }
                Outcome::Done(_) => {
                    if let Some(out) =
                        given.and_then(|given| self.signed_out_between(event.who, given, event))
                    {
                        let text = format!("{event:?} though {out:?}");
                        self.broken(Rule::Ended, text);
                    }
                }
                _ => {}
            }
        }
    }

    /// An acknowledged sign-out everywhere that came after `born` and before `event` could take effect.
    fn signed_out_between(&self, who: usize, born: &Event, event: &Event) -> Option<&'h Event> {
        let acknowledged = |out: &&&Event| {
            matches!(out.outcome, Outcome::Done(_))
                && born.done < out.invoked
                && out.done < self.effect(event)
        };
        self.facts.everywhere(who, 0).find(acknowledged).copied()
    }

    fn families(&mut self) {
        let mut members: BTreeMap<Id, Vec<&'h Event>> = BTreeMap::new();
        for event in &self.history.events {
            let family = match event.op {
                Op::Refresh { token, .. } | Op::Revoke { token } => self.facts.family_of.get(&token).copied(),
                Op::Introspect { family } => Some(family),
                _ => None,
            };
            if let Some(family) = family.filter(|_| event.outcome != Outcome::NotSent) {
                members.entry(family).or_default().push(event);
            }
        }
        for (family, events) in &members {
            self.family(*family, events);
        }
    }

    fn family(&mut self, family: Id, events: &[&'h Event]) {
        let code = self.facts.code_of.get(&family).copied();
        let born = code.and_then(|code| self.facts.given.get(&code).copied());
        let redeemed = code.map(|code| self.facts.of_object(code).to_vec()).unwrap_or_default();
        // What may have ended it, by when; and what proves that it had ended, from when on.
        let mut ends: Vec<&Event> = events
            .iter()
            .copied()
            .filter(|event| matches!(event.op, Op::Revoke { .. }) || self.facts.is_risky(event))
            .collect();
        if redeemed.len() > 1 {
            ends.extend(&redeemed);
        }
        if let Some(born) = born {
            ends.extend(self.facts.everywhere(born.who, born.invoked));
        }
        let ended: Vec<&Event> =
            events.iter().chain(&redeemed).copied().filter(|event| proves_the_end(event)).collect();
        // What seemed over by a clock that was wrong is not over by one that is right.
        let told = |event: &&Event| {
            matches!(event.op, Op::Revoke { .. }) || !self.excused(&[Excuse::Clock], 0, event.done)
        };
        let ended: Vec<&Event> = ended.into_iter().filter(told).collect();
        let ended = ended.into_iter().min_by_key(|event| event.done);
        for event in events {
            match &event.outcome {
                Outcome::Refused(_) | Outcome::Done(Yield::Active(false)) => {
                    let moved =
                        self.excused(&[Excuse::Clock], born.map_or(0, |born| born.invoked), event.done);
                    if !moved && !ends.iter().any(|end| end.invoked < event.done) {
                        self.broken(Rule::Honest, format!("a living family was refused: {event:?}"));
                    }
                }
                Outcome::Done(Yield::Tokens { .. } | Yield::Active(true)) => {
                    let out = born.and_then(|born| self.signed_out_between(born.who, born, event));
                    if let Some(end) = ended.filter(|end| end.done < self.effect(event)).or(out) {
                        let text = format!(
                            "{event:?} (during {:?}) though {end:?} (during {:?})",
                            self.during(event),
                            self.during(end)
                        );
                        self.broken(Rule::Ended, text);
                    }
                    self.replaced(event);
                }
                _ => {}
            }
        }
    }

    /// A token is not answered once a later use of its successor was.
    fn replaced(&mut self, event: &Event) {
        let Op::Refresh { token, rotates: true } = event.op else { return };
        let successors = self.facts.successors.get(&token).into_iter().flatten();
        let used = successors.flat_map(|successor| self.facts.of_object(*successor)).find(|used| {
            matches!(used.op, Op::Refresh { .. })
                && matches!(used.outcome, Outcome::Done(_))
                && used.done < self.effect(event)
        });
        if let Some(used) = used {
            let text = format!("{event:?} though {used:?}");
            self.broken(Rule::Replaced, text);
        }
    }

    fn sessions(&mut self) {
        for event in &self.history.events {
            let Op::Use { session } = event.op else { continue };
            let Some(born) = self.facts.begun.get(&session).copied() else { continue };
            let outs =
                self.facts.of_object(session).iter().filter(|out| matches!(out.op, Op::SignOut { .. }));
            match &event.outcome {
                Outcome::Refused(_) => {
                    let signed_out = outs
                        .chain(self.facts.everywhere(event.who, born.invoked))
                        .any(|out| out.invoked < event.done);
                    if !signed_out && !self.excused(&[Excuse::Clock], born.invoked, event.done) {
                        self.broken(Rule::Honest, format!("a living session was refused: {event:?}"));
                    }
                }
                Outcome::Done(_) => {
                    let mut acknowledged =
                        outs.filter(|out| matches!(out.outcome, Outcome::Done(_)) && out.done < event.effect);
                    let out = acknowledged
                        .next()
                        .copied()
                        .or_else(|| self.signed_out_between(event.who, born, event));
                    if let Some(out) = out {
                        self.broken(Rule::Ended, format!("{event:?} though {out:?}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn users(&mut self) {
        let mut subs: HashMap<usize, Id> = HashMap::new();
        let mut people: HashMap<Id, usize> = HashMap::new();
        for event in &self.history.events {
            let Outcome::Done(Yield::Tokens { sub, .. }) = event.outcome else { continue };
            if *subs.entry(event.who).or_insert(sub) != sub
                || *people.entry(sub).or_insert(event.who) != event.who
            {
                self.broken(Rule::User, format!("{event:?} is another user than before, or somebody else's"));
            }
        }
    }

    fn answers(&mut self) {
        for event in &self.history.events {
            match &event.outcome {
                // A store that is set up wrongly is named as such, and nothing but a change of its settings
                // helps.
                Outcome::Unknown(why)
                    if why.starts_with("status 500") && !why.contains("store_misconfigured") =>
                {
                    self.broken(Rule::Answer, format!("{event:?}"));
                }
                Outcome::Refused(_)
                    if event.op == Op::Begin
                        && !self.excused(&[Excuse::Provider], event.invoked, event.done) =>
                {
                    self.broken(Rule::Honest, format!("{event:?}"));
                }
                Outcome::Unknown(_) | Outcome::NotSent if self.history.seamless => {
                    self.broken(Rule::Seamless, format!("{event:?}"));
                }
                _ => {}
            }
        }
        for stuck in &self.history.stuck {
            self.broken(Rule::Recovers, stuck.clone());
        }
    }
}

/// Whether the answer says that the family is over.
fn proves_the_end(event: &Event) -> bool {
    match (&event.op, &event.outcome) {
        (Op::Revoke { .. }, Outcome::Done(_))
        | (Op::Introspect { .. }, Outcome::Done(Yield::Active(false)))
        | (Op::Refresh { .. }, Outcome::Refused(_)) => true,
        (Op::Redeem { .. }, Outcome::Refused(why)) => why.contains("what it issued is revoked"),
        _ => false,
    }
}
