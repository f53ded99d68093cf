//! The checker finds what it is there to find, and nothing else.

use crate::checker::{Rule, check};
use crate::history::{Event, Excuse, Fault, History, Id, Micros, Op, Outcome, Yield};

const CODE: Id = Id(1);
const FAMILY: Id = Id(2);
const FIRST: Id = Id(10);
const SECOND: Id = Id(11);
const THIRD: Id = Id(12);
const SESSION: Id = Id(20);
const STATE: Id = Id(30);
const NOTHING: Outcome = Outcome::Done(Yield::Nothing);

fn event(op: Op, invoked: Micros, done: Micros, outcome: Outcome) -> Event {
    Event { who: 0, op, invoked, effect: invoked, done, outcome }
}

fn no() -> Outcome {
    Outcome::Refused("no".to_owned())
}

fn unknown() -> Outcome {
    Outcome::Unknown("lost".to_owned())
}

fn tokens(refresh: Id) -> Outcome {
    Outcome::Done(Yield::Tokens { family: FAMILY, sub: Id(3), refresh })
}

fn refresh(token: Id, at: Micros, outcome: Outcome) -> Event {
    event(Op::Refresh { token, rotates: true }, at, at + 5, outcome)
}

fn revoke(at: Micros, outcome: Outcome) -> Event {
    event(Op::Revoke { token: FIRST }, at, at + 5, outcome)
}

fn redeem(at: Micros, outcome: Outcome) -> Event {
    event(Op::Redeem { code: CODE }, at, at + 5, outcome)
}

fn uses(at: Micros, outcome: Outcome) -> Event {
    event(Op::Use { session: SESSION }, at, at + 5, outcome)
}

fn another_code() -> Outcome {
    Outcome::Done(Yield::Code { code: Id(99), session: None })
}

/// Somebody signed in by time 20 and has [`FIRST`], and then this.
fn after_a_sign_in(events: impl IntoIterator<Item = Event>) -> History {
    let arrived = Outcome::Done(Yield::Code { code: CODE, session: Some(SESSION) });
    let mut all =
        vec![event(Op::Callback { state: STATE, began: 0 }, 1, 10, arrived), redeem(11, tokens(FIRST))];
    all.extend(events);
    History { events: all, ..History::default() }
}

/// The rules that are broken when somebody has signed in and then this happened.
fn broken(events: impl IntoIterator<Item = Event>) -> Vec<Rule> {
    check(&after_a_sign_in(events)).into_iter().map(|violation| violation.rule).collect()
}

#[test]
fn what_honest_people_do_breaks_nothing() {
    let all = [
        refresh(FIRST, 20, tokens(SECOND)),
        refresh(SECOND, 30, tokens(THIRD)),
        uses(40, another_code()),
        revoke(50, NOTHING),
    ];
    assert_eq!(broken(all), []);
    assert_eq!(broken([revoke(20, NOTHING), refresh(FIRST, 30, no())]), []);
    assert_eq!(broken([refresh(FIRST, 20, unknown()), refresh(FIRST, 30, tokens(SECOND))]), []);
}

/// I1
#[test]
fn a_code_or_an_answer_taken_twice_is_found() {
    assert!(broken([redeem(30, tokens(Id(40)))]).contains(&Rule::CodeOnce));
    let again = Outcome::Done(Yield::Code { code: Id(41), session: None });
    assert_eq!(broken([event(Op::Callback { state: STATE, began: 0 }, 30, 35, again)]), [Rule::StateOnce]);
}

/// I2
#[test]
fn two_successors_of_one_token_are_found() {
    assert_eq!(
        broken([refresh(FIRST, 20, tokens(SECOND)), refresh(FIRST, 21, tokens(THIRD))]),
        [Rule::OneSuccessor]
    );
    assert_eq!(
        broken([refresh(FIRST, 20, tokens(SECOND)), refresh(FIRST, 21, tokens(SECOND))]),
        [],
        "the same one twice is grace"
    );
}

#[test]
fn a_replaced_token_that_answers_after_its_successor_was_used_is_found() {
    let used = [refresh(FIRST, 20, tokens(SECOND)), refresh(SECOND, 30, tokens(THIRD))];
    let late = refresh(FIRST, 40, tokens(SECOND));
    assert_eq!(broken(used.clone().into_iter().chain([late])), [Rule::Replaced]);
    let meanwhile = refresh(FIRST, 32, tokens(SECOND));
    assert_eq!(broken(used.into_iter().chain([meanwhile])), [], "they overlap");
}

/// I3
#[test]
fn a_revocation_that_was_acknowledged_and_is_forgotten_is_found() {
    assert_eq!(broken([revoke(20, NOTHING), refresh(FIRST, 30, tokens(SECOND))]), [Rule::Ended]);
    let looked_up = event(Op::Introspect { family: FAMILY }, 30, 35, Outcome::Done(Yield::Active(true)));
    assert_eq!(broken([revoke(20, NOTHING), looked_up]), [Rule::Ended]);
    assert_eq!(
        broken([revoke(20, unknown()), refresh(FIRST, 30, tokens(SECOND))]),
        [],
        "it was never acknowledged"
    );
    assert_eq!(
        broken([revoke(20, NOTHING), refresh(FIRST, 22, tokens(SECOND))]),
        [],
        "it may have come first"
    );
    assert_eq!(
        broken([refresh(FIRST, 20, no()), revoke(19, unknown()), refresh(FIRST, 40, tokens(SECOND))]),
        [Rule::Ended]
    );
}

/// What was in flight is known to have reached the store after the revocation, because its way there was
/// slow.
#[test]
fn what_was_in_flight_and_succeeds_after_a_sign_out_is_found() {
    let everywhere = event(Op::Everywhere, 20, 25, NOTHING);
    let in_flight = |effect| Event {
        effect,
        ..event(Op::Refresh { token: FIRST, rotates: true }, 19, 90, tokens(SECOND))
    };
    assert_eq!(broken([everywhere.clone(), in_flight(60)]), [Rule::Ended]);
    assert_eq!(broken([everywhere.clone(), in_flight(19)]), [], "it may have come first");
    let elsewhere = refresh(FIRST, 10, unknown());
    assert_eq!(
        broken([elsewhere, everywhere, in_flight(60)]),
        [],
        "the answer of another use may be repeated without a write"
    );
}

#[test]
fn a_session_that_outlives_its_sign_out_is_found() {
    let out = event(Op::SignOut { session: SESSION }, 20, 25, NOTHING);
    assert_eq!(broken([out, uses(30, another_code())]), [Rule::Ended]);
    let everywhere = event(Op::Everywhere, 20, 25, NOTHING);
    assert_eq!(broken([everywhere, uses(30, another_code()), refresh(FIRST, 30, no())]), [Rule::Ended]);
}

#[test]
fn a_code_from_before_a_sign_out_everywhere_is_worth_nothing() {
    let arrived = Outcome::Done(Yield::Code { code: CODE, session: Some(SESSION) });
    let begun = event(Op::Callback { state: STATE, began: 0 }, 1, 10, arrived);
    let out = event(Op::Everywhere, 20, 25, NOTHING);
    let rules = |outcome| {
        let history =
            History { events: vec![begun.clone(), out.clone(), redeem(30, outcome)], ..History::default() };
        check(&history).into_iter().map(|violation| violation.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(tokens(FIRST)), [Rule::Ended]);
    assert_eq!(rules(no()), []);
}

/// I2
#[test]
fn an_honest_person_who_is_refused_is_found() {
    assert_eq!(broken([refresh(FIRST, 20, no())]), [Rule::Honest]);
    assert_eq!(broken([uses(20, no())]), [Rule::Honest]);
    let stolen = [
        refresh(FIRST, 20, tokens(SECOND)),
        refresh(SECOND, 30, tokens(THIRD)),
        refresh(FIRST, 40, no()),
        refresh(THIRD, 50, no()),
    ];
    assert_eq!(broken(stolen), [], "a thief was there");
    assert_eq!(broken([redeem(20, no()), refresh(FIRST, 30, no())]), [], "the code was presented twice");
}

#[test]
fn only_what_may_cost_a_sign_in_in_progress_excuses_its_refusal() {
    let refused = |excuses| {
        let events = vec![event(Op::Callback { state: STATE, began: 0 }, 50, 60, no())];
        let faults = vec![Fault { name: "fault", excuses, from: 20, to: 30 }];
        check(&History { events, faults, ..History::default() }).len()
    };
    assert_eq!([Excuse::None, Excuse::BeginAgain, Excuse::Provider].map(refused), [1, 0, 0]);
    let mut forgotten = after_a_sign_in([refresh(FIRST, 50, no())]);
    forgotten.faults = vec![Fault { name: "fault", excuses: Excuse::BeginAgain, from: 20, to: 30 }];
    assert_eq!(check(&forgotten).len(), 1, "a fail-over costs nobody their tokens");
}

/// F-03
#[test]
fn a_person_who_becomes_another_user_is_found() {
    let other = Outcome::Done(Yield::Tokens { family: Id(50), sub: Id(51), refresh: Id(52) });
    let arrived = event(
        Op::Callback { state: Id(53), began: 20 },
        21,
        22,
        Outcome::Done(Yield::Code { code: Id(54), session: None }),
    );
    assert_eq!(broken([arrived, event(Op::Redeem { code: Id(54) }, 30, 35, other)]), [Rule::User]);
}

#[test]
fn where_nobody_may_notice_anything_a_lost_request_is_found() {
    let history = History { seamless: true, ..after_a_sign_in([refresh(FIRST, 20, unknown())]) };
    assert_eq!(check(&history).len(), 1);
    let broken = check(&after_a_sign_in([refresh(FIRST, 20, Outcome::Unknown("status 500 ".to_owned()))]));
    assert_eq!(broken.len(), 1, "an answer of 500 is none");
    let history = History { stuck: vec!["everything".to_owned()], ..after_a_sign_in([]) };
    assert_eq!(check(&history).len(), 1);
}
