//! Whoever is refused gets a reference id, and under it stands who must change what.

mod admin;
mod doctor;
mod keeping;
mod mistakes;
mod secrecy;

use serde_json::Value;
use symbolon::model::time::Timestamp;
use symbolon::model::trace::{Trace, render};
use symbolon::outside::clock::Clock;
use symbolon::store::traces::Search;

use crate::support::broker::{Broker, ProviderToml, client, provider};
use crate::support::browser::{Browser, Page};
use crate::support::fake_idp::FakeIdp;

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

/// A broker whose app `web` signs people in at `Acme`, configured by `settings`.
async fn broker(
    clock: &Clock,
    acme: &FakeIdp,
    settings: impl FnOnce(ProviderToml) -> ProviderToml,
) -> Broker {
    let builder = Broker::builder(clock).pool("signing = \"EdDSA\"").client(client("web"));
    builder.provider(settings(provider("Acme", acme))).start().await
}

/// Someone tries to sign in at Acme; the page where that ends.
async fn tries(broker: &Broker) -> Page {
    let mut visitor = Browser::new(&broker.clock);
    visitor.opens(broker.app("web").asks().at("Acme").url()).await;
    visitor.page().clone()
}

/// The reference id on an error page, or in what the app was told.
#[track_caller]
fn reference(page: &Page) -> String {
    let told = page.query("error_description").filter(|_| page.url.host_str() == Some("web.example"));
    reference_in(&told.unwrap_or_else(|| page.text()))
}

#[track_caller]
pub(crate) fn reference_in(text: &str) -> String {
    let is_reference =
        |word: &&str| word.len() == 14 && word.bytes().filter(|byte| *byte == b'-').count() == 2;
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.find(is_reference).unwrap_or_else(|| panic!("no reference: {text}")).to_owned()
}

/// The story under a reference id.
pub(crate) async fn story(broker: &Broker, reference: &str) -> Trace {
    let pool = broker.app.pools()[0].pool.id.clone();
    let search = Search { word: Some(reference.to_owned()), before: None };
    let found = broker.app.traces.list(&pool, &search, 9, broker.clock.now()).await.unwrap();
    assert_eq!(found.len(), 1, "one story under {reference}");
    found.into_iter().next().unwrap()
}

/// The story has this code and this person to act, and its hint names all of `fix`.
#[track_caller]
fn names_the_fix(trace: &Trace, (code, who): (&str, &str), fix: &[&str]) -> Value {
    let told = render::text(trace);
    let outcome = &trace.outcome;
    assert_eq!((outcome.code.as_str(), outcome.fault.to_string().as_str()), (code, who), "{told}");
    for word in fix {
        assert!(outcome.hint.contains(word), "{word:?} is not in the hint:\n{told}");
    }
    render::json(trace)
}

/// The value of a detail of a step.
fn detail<'t>(trace: &'t Trace, step: &str, name: &str) -> &'t str {
    let steps = trace.steps.iter().filter(|have| have.name == step);
    let details = steps.flat_map(|step| &step.details).find(|detail| detail.name == name);
    details
        .map_or_else(|| panic!("no {name:?} in {step:?}:\n{}", render::text(trace)), |detail| &detail.value)
}
