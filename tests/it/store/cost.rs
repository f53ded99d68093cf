//! What a signed-in person takes in the stores.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{FakeIdp, Person};
use crate::support::redis::Redis;

/// What Redis needs for all keys of a kind together, by the letter after the key's hash tag: `MEMORY USAGE`,
/// which counts key and value.
fn bytes_of(server: &Redis, kind: char) -> usize {
    let keys = server.command(&["KEYS", &format!("{{*}}{kind}*")]);
    let size = |key: &str| server.command(&["MEMORY", "USAGE", key]).parse::<usize>().unwrap();
    keys.lines().filter(|key| !key.is_empty()).map(size).sum()
}

/// Issue: at most 400 bytes for a live session with its grant. A pool whose apps want to hear of sign-outs
/// has an index beside them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_its_grant_takes_at_most_400_bytes_in_redis() {
    let clock = Clock::fake(Timestamp::from_millis(Clock::Real.now().millis()));
    // As long as Cognito makes them.
    let id = "1h57kf5cpq17m0eml12example";
    let acme = FakeIdp::oidc(&clock).await;
    acme.signs_in(acme.person().with("sid", "8a2f5c1e-0f4b-4c58-9d3e-2f6b7a9c1d0e"));
    let server = Redis::start();
    let sealed = Broker::builder(&clock).store(&server.url()).sealed();
    let broker = sealed.client(client(id)).provider(provider("Acme", &acme)).start().await;
    Browser::new(&clock).signs_in(&broker.app(id), "Acme").await;
    let (session, grant, code) = (bytes_of(&server, 's'), bytes_of(&server, 'g'), bytes_of(&server, 'c'));
    assert!(session > 0 && grant > 0 && session + grant <= 400, "session {session}, grant {grant}");
    assert_eq!(code, 0, "of a code that was redeemed its family says so");
    assert_eq!(bytes_of(&server, 'S'), 0, "nobody wants to hear of the end of a session");
    assert_eq!(bytes_of(&server, 'U'), 0, "the provider may not end one");
}

/// How often something came to Redis, as it counts itself. Asking is one of them.
fn reads(server: &Redis) -> u64 {
    let info = server.command(&["INFO", "stats"]);
    info.lines()
        .find_map(|line| line.strip_prefix("total_reads_processed:"))
        .and_then(|count| count.trim().parse().ok())
        .unwrap()
}

/// Issue: at most six round trips to Redis for a login, the first one, too. What does not wait for each other
/// is sent together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_takes_six_round_trips_to_redis_whether_or_not_the_person_was_there_before() {
    let clock = Clock::fake(Timestamp::from_millis(Clock::Real.now().millis()));
    let acme = FakeIdp::oidc(&clock).await;
    let server = Redis::start();
    let sealed = Broker::builder(&clock).store(&server.url()).sealed();
    let broker = sealed.client(client("web")).provider(provider("Acme", &acme)).start().await;
    let app = broker.app("web");
    let asking = {
        let before = reads(&server);
        reads(&server) - before
    };
    let mut fewest = [u64::MAX; 2];
    for number in 0..5 {
        acme.signs_in(Person::new(&format!("person-{number}"), "Ada Example", "ada@acme.example"));
        for fewest in &mut fewest {
            let (mut browser, ask, before) = (Browser::new(&clock), app.asks().at("Acme"), reads(&server));
            browser.opens(ask.url()).await;
            let code = app.takes_code(&ask, browser.page());
            app.redeems(&ask, &code).await.tokens(&app).await;
            // Two commands that are sent together may still arrive apart.
            *fewest = (*fewest).min(reads(&server) - before - asking);
        }
    }
    assert_eq!(fewest, [6, 6], "a first login, one of a person who was there before");
}
