//! Stories are kept for a day, so many and no more, and a store that is down takes no error page with it.

use std::time::Duration;

use symbolon::model::fault::Fault;
use symbolon::model::ids::{PoolId, ReferenceId};
use symbolon::model::trace::TraceOutcome;
use symbolon::model::trace::{LIFE, Recorder};
use symbolon::outside::random::Random;
use symbolon::store::record::Records;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::traces::Traces;
use symbolon::store::{Role, Store};

use super::*;
use crate::support::fake_idp::{Endpoint, Switch, Trouble};

fn traces(clock: &Clock) -> Traces {
    let store = Store::memory(Role::State, clock.clone(), Random::fake(1));
    Traces::new(Records::new(store, Seal::new(&SecretKeyBytes::generate(&Random::fake(2))), Random::fake(3)))
}

fn pool() -> PoolId {
    PoolId::parse("eu-west-1_A").unwrap()
}

fn told(clock: &Clock, number: u64, code: &str) -> Trace {
    let recorder = Recorder::default();
    recorder.step(clock.now(), "a step", [("number", number.to_string())]);
    let outcome = TraceOutcome {
        code: code.to_owned(),
        fault: Fault::App,
        cause: "a cause".to_owned(),
        expected: None,
        received: None,
        hint: "a hint".to_owned(),
        retryable: false,
    };
    recorder.tell(&pool(), &ReferenceId::from_random(number.to_be_bytes()), clock.now(), outcome)
}

#[tokio::test]
async fn stories_are_listed_from_the_newest_across_hours_and_found_by_a_word() {
    let clock = clock();
    let traces = traces(&clock);
    for number in 0..6 {
        assert!(traces.keep(&told(&clock, number, if number == 4 { "the_fourth" } else { "usual" })).await);
        clock.advance(Duration::from_secs(1000));
    }
    let numbers = async |search: Search, limit| {
        let found = traces.list(&pool(), &search, limit, clock.now()).await.unwrap();
        found.iter().map(|trace| trace.steps[0].details[0].value.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(numbers(Search::default(), 50).await, "5 4 3 2 1 0");
    assert_eq!(numbers(Search::default(), 2).await, "5 4");
    let before = Some(clock.now().minus(Duration::from_secs(3000)));
    assert_eq!(numbers(Search { word: None, before }, 50).await, "2 1 0");
    assert_eq!(numbers(Search { word: Some("FOURTH".to_owned()), before: None }, 50).await, "4");
}

#[tokio::test]
async fn a_story_is_forgotten_after_a_day() {
    let clock = clock();
    let traces = traces(&clock);
    let trace = told(&clock, 1, "usual");
    traces.keep(&trace).await;
    clock.advance(LIFE.saturating_sub(Duration::from_secs(1)));
    assert_eq!(traces.find(&[pool()], &trace.reference, clock.now()).await.unwrap().as_ref(), Some(&trace));
    clock.advance(Duration::from_secs(1));
    assert_eq!(traces.find(&[pool()], &trace.reference, clock.now()).await.unwrap(), None);
    assert!(traces.list(&pool(), &Search::default(), 9, clock.now()).await.unwrap().is_empty());
}

/// H-39
#[tokio::test]
async fn a_flood_of_one_refusal_neither_fills_the_store_nor_hides_the_others() {
    let clock = clock();
    let traces = traces(&clock);
    let mut kept = 0;
    for number in 0..2_000 {
        kept += usize::from(traces.keep(&told(&clock, number, "flooded")).await);
    }
    assert_eq!(kept, 100);
    assert!(traces.keep(&told(&clock, 5_000, "honest")).await);
    clock.advance(Duration::from_secs(10));
    assert!(traces.keep(&told(&clock, 5_001, "flooded")).await, "one more has a place by then");
    assert!(!traces.keep(&told(&clock, 5_002, "flooded")).await);
}

#[tokio::test]
async fn nothing_is_kept_of_a_sign_in_that_works() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let mut visitor = Browser::new(&clock);
    visitor.signs_in(&broker.app("web"), "Acme").await;
    Browser::new(&clock).opens(broker.app("web").asks().with("prompt", "none").url()).await;
    let pool = broker.app.pools()[0].pool.id.clone();
    let found = broker.app.traces.list(&pool, &Search::default(), 9, clock.now()).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_cancelled_sign_in_and_an_outage_are_told_too() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    acme.is_cancelled();
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("provider_access_denied", "visitor"), &["agree there"]);
    acme.behaves();
    acme.does(Switch::At(Endpoint::Token, Trouble::Reset));
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    assert!(trace.outcome.retryable);
    assert!(detail(&trace, "token request", "failed").contains("cannot be reached"));
    assert_eq!(trace.provider.as_deref(), Some("Acme"));
    let names: Vec<&str> = trace.steps.iter().map(|step| step.name.as_str()).collect();
    let wanted = [
        "authorization request of the app",
        "the browser was sent to the provider",
        "the browser came back",
        "answer of the provider, through the browser",
        "endpoints of the provider",
        "token request",
    ];
    assert_eq!(names, wanted);
}
