//! How much one party may ask for in a minute.

use std::time::Duration;

use crate::support::broker::{Broker, client, provider};
use crate::support::fake_idp::FakeIdp;
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::limits::{Limit, Limits};
use symbolon::store::{Role, Store};

const NOON: i64 = 1_780_000_020;

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(NOON))
}

async fn admitted(limits: &Limits, party: &str, per_minute: u32, tries: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..tries {
        admitted += usize::from(limits.admit(Limit::Address, party, Some(per_minute)).await.is_ok());
    }
    admitted
}

/// D-31, H-13
#[tokio::test]
async fn replicas_share_a_small_limit_exactly() {
    let clock = clock();
    let store = Store::memory(Role::State, clock.clone(), Random::fake(1));
    let (one, two) = (Limits::new(store.clone(), clock.clone()), Limits::new(store, clock.clone()));
    assert_eq!(admitted(&one, "203.0.113.9", 10, 6).await, 6);
    assert_eq!(admitted(&two, "203.0.113.9", 10, 6).await, 4);
    assert_eq!(admitted(&one, "203.0.113.9", 10, 6).await, 0);
    assert_eq!(admitted(&one, "203.0.113.10", 10, 1).await, 1, "somebody else");
    clock.advance(Duration::from_secs(60));
    assert_eq!(admitted(&two, "203.0.113.9", 10, 11).await, 10, "the next minute");
}

/// H-38: what replicas let through beyond a large limit is at most a portion each.
#[tokio::test]
async fn replicas_share_a_large_limit_up_to_a_portion_each() {
    let clock = clock();
    let store = Store::memory(Role::State, clock.clone(), Random::fake(1));
    let mut total = 0;
    let replicas: Vec<Limits> = (0..3).map(|_| Limits::new(store.clone(), clock.clone())).collect();
    for _ in 0..640 {
        for replica in &replicas {
            total += admitted(replica, "203.0.113.9", 640, 1).await;
        }
    }
    assert!((640..=640 + 3 * 10).contains(&total), "{total}");
}

/// H-39
#[tokio::test]
async fn a_visitor_who_asks_for_too_much_is_told_when_to_come_back() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = Broker::builder(&clock)
        .limits("address = 3")
        .client(client("web"))
        .provider(provider("Acme", &acme))
        .start()
        .await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = broker.app("web").asks().url().clone();
    for _ in 0..3 {
        assert_eq!(http.get(&url).send().await.unwrap().status(), 303);
    }
    let refused = http.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(refused.text().await.unwrap().contains("limit_address"), "the page names the refusal");
    assert_eq!(
        http.get(broker.at("/.well-known/openid-configuration")).send().await.unwrap().status(),
        200,
        "documents are not counted"
    );
    clock.advance(Duration::from_secs(wait));
    assert_eq!(http.get(&url).send().await.unwrap().status(), 303);
}

/// D-34, H-38: guesses are counted before a secret is compared, and one app's storm is not another's.
#[tokio::test]
async fn an_app_that_asks_for_too_much_does_not_slow_another() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock).limits("client = 2").client(client("web")).client(client("shop"));
    let broker = builder.provider(provider("Acme", &acme)).start().await;
    let http = reqwest::Client::new();
    let guess = |id: &'static str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("client_id", id),
            ("client_secret", "guess"),
        ];
        http.post(broker.at("/oauth2/token")).form(&form).send()
    };
    for _ in 0..2 {
        assert_eq!(guess("web").await.unwrap().status(), 400);
    }
    for _ in 0..4 {
        assert_eq!(guess("nobody").await.unwrap().status(), 400, "an unknown client is not counted");
    }
    let refused = guess("web").await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_ne!(guess("shop").await.unwrap().status(), 429);
}
