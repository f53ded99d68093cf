//! Laws of a refresh-token family under any order of events.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use symbolon::model::ids::{ClientId, FamilyId, PoolId, SessionId, Sub};
use symbolon::model::scope::Scopes;
use symbolon::model::session::{CodeGrant, Epoch, SignIn};
use symbolon::model::time::Timestamp;
use symbolon::token::refresh::{Family, RefreshTicket, TokenState};

#[derive(Debug, Clone)]
enum Event {
    /// Somebody presents the token with this number.
    Present(prop::sample::Index),
    /// Seconds pass.
    Wait(u64),
    /// The store falls back to the record with this number.
    RollBack(prop::sample::Index),
}

fn events(with_faults: bool) -> impl Strategy<Value = Vec<Event>> {
    let faults = u32::from(with_faults);
    let event = prop_oneof![
        8 => any::<prop::sample::Index>().prop_map(Event::Present),
        2 => (0..20_u64).prop_map(Event::Wait),
        faults => any::<prop::sample::Index>().prop_map(Event::RollBack),
    ];
    prop::collection::vec(event, 1..60)
}

const GRACE: Duration = Duration::from_secs(10);

fn begin() -> Family {
    let now = Timestamp::from_secs(1000);
    let code = CodeGrant {
        client: ClientId::parse("spa").unwrap(),
        redirect_uri: String::new(),
        scopes: Scopes::default(),
        nonce: None,
        code_challenge: None,
        resource: None,
        dpop_jkt: None,
        sub: Sub::from_random([1; 16]),
        sign_in: SignIn { at: now, provider: None, amr: Vec::new() },
        session: SessionId::from_random([2; 16]),
        epoch: Epoch::default(),
        family: FamilyId::from_random([3; 16]),
        expires: now,
    };
    Family::start(code, "n0".into(), Duration::from_secs(100_000), now)
}

fn ticket(family: &Family) -> RefreshTicket {
    family.ticket(&PoolId::parse("eu-west-1_A").unwrap(), &Sub::from_random([1; 16]))
}

/// What happened to a family: every token handed out, every record written.
struct Story {
    now: Timestamp,
    record: Family,
    records: Vec<Family>,
    tokens: Vec<RefreshTicket>,
    /// The successor that was handed out for a token since the last roll-back.
    successors: BTreeMap<String, String>,
    ended: bool,
}

impl Story {
    fn new() -> Self {
        let record = begin();
        Self {
            now: record.created,
            records: vec![record.clone()],
            tokens: vec![ticket(&record)],
            successors: BTreeMap::new(),
            ended: false,
            record,
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Wait(seconds) => self.now = self.now.plus(Duration::from_secs(*seconds)),
            Event::RollBack(index) => {
                self.record = index.get(&self.records).clone();
                self.successors.clear();
            }
            Event::Present(index) => self.present(&index.get(&self.tokens).clone()),
        }
    }

    fn present(&mut self, token: &RefreshTicket) {
        if self.ended {
            return;
        }
        let answer = match self.record.state_of(token, GRACE, self.now) {
            TokenState::Reused => {
                self.ended = true;
                return;
            }
            TokenState::Repeat => ticket(&self.record),
            TokenState::Current | TokenState::Ahead => {
                self.record = self.record.succeed(token, format!("n{}", self.tokens.len()), self.now);
                self.records.push(self.record.clone());
                self.tokens.push(ticket(&self.record));
                ticket(&self.record)
            }
        };
        let before = self.successors.insert(token.nonce.clone(), answer.nonce.clone());
        assert!(before.is_none_or(|before| before == answer.nonce), "one token, two successors");
        assert_eq!(answer.generation, token.generation + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// E-20..E-24, E-26: one line of successors, never longer lived, whatever is presented when.
    #[test]
    fn a_token_has_one_successor_and_the_end_never_moves(events in events(false)) {
        let mut story = Story::new();
        for event in &events {
            story.happen(event);
            prop_assert_eq!(story.record.expires, begin().expires);
            let current = story.tokens.iter().filter(|token| story.record.state_of(token, GRACE,
                story.now) == TokenState::Current).count();
            prop_assert_eq!(current, 1);
        }
    }

    /// H-06: whatever the store forgets, a token never has two successors in one history of the store.
    #[test]
    fn a_forgetful_store_never_gives_a_token_two_successors(events in events(true)) {
        let mut story = Story::new();
        for event in &events {
            story.happen(event);
        }
    }

    /// H-06: the app that always presents its newest token is never taken for a thief while it is alone.
    #[test]
    fn an_app_alone_survives_every_roll_back(falls in prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 1..40)) {
        let mut story = Story::new();
        for fall in falls {
            if let Some(index) = fall {
                story.happen(&Event::RollBack(index));
            }
            let newest = story.tokens.last().unwrap().clone();
            story.present(&newest);
            prop_assert!(!story.ended);
        }
    }
}

/// E-21: the last moment of the grace period counts.
#[test]
fn the_grace_period_includes_its_end() {
    let first = begin();
    let (token, later) = (ticket(&first), first.created.plus(GRACE));
    let second = first.succeed(&token, "n1".into(), first.created);
    assert_eq!(second.state_of(&token, GRACE, later), TokenState::Repeat);
    assert_eq!(second.state_of(&token, GRACE, later.plus(Duration::from_millis(1))), TokenState::Reused);
}
