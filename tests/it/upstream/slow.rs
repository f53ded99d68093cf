//! Providers that do not answer, on the network.

use std::time::Duration;

use futures_util::future::join_all;
use symbolon::model::fault::Refusal;
use symbolon::outside::http::{Http, HttpLimits, Request};
use symbolon::outside::upstreams::Upstreams;
use symbolon::provider::settings::Endpoints;

use super::server::{Behaviour, Server, response};
use super::world::World;

fn patient_for(millis: u64, world: &World) -> Upstreams {
    let limit = Duration::from_millis(millis);
    let http =
        Http::new(HttpLimits { total: limit, connect: limit, ..HttpLimits::default() }, true, None).unwrap();
    Upstreams::with_http(&world.outside, true, http)
}

/// B-35
#[tokio::test]
async fn a_crowd_at_a_provider_that_never_answers_holds_up_nobody_elsewhere() {
    let (silent, healthy) = (
        Server::start(Behaviour::Silence).await,
        Server::start(Behaviour::Raw(response("200 OK", "", b"{}"))).await,
    );
    let mut world = World::oidc();
    let upstreams = patient_for(400, &world);
    let stuck = upstreams.of(&world.provider);
    world.provider.client_id = "another".into();
    let other = upstreams.of(&world.provider);
    let crowd = join_all((0..80).map(|_| stuck.call(Request::get(silent.url("/token")))));
    let (crowd, elsewhere) = tokio::join!(crowd, other.call(Request::get(healthy.url("/token"))));
    assert!(elsewhere.is_ok());
    let count = |code| {
        crowd.iter().filter(|outcome| outcome.as_ref().is_err_and(|error| error.code() == code)).count()
    };
    let (slow, closed) = (count("provider_too_slow"), count("provider_circuit_open"));
    // 64 at the same time, and those who get a turn before the fifth failure is known.
    assert!((64..=68).contains(&slow) && slow + closed == 80, "{slow} waited, {closed} were turned away");
    assert_eq!(silent.requests(), slow);
}

/// B-35
#[tokio::test]
async fn all_calls_of_one_sign_in_share_one_budget() {
    let silent = Server::start(Behaviour::Silence).await;
    let mut world = World::oidc();
    world.upstreams = patient_for(10_000, &world).with_budget(Duration::from_millis(100));
    let url = |path| Some(silent.url(path).to_string());
    world.oidc_rules().endpoints = Endpoints {
        authorization: url("/authorize"),
        token: url("/token"),
        jwks: url("/jwks"),
        ..Endpoints::default()
    };
    let error = world.sign_in().await.unwrap_err();
    assert_eq!((error.code(), error.oauth_error()), ("provider_too_slow", "temporarily_unavailable"));
}
