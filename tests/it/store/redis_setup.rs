//! Which Redis is used and which is refused, and what it looks like inside.

use std::fs;

use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::{CommitOutcome, Expect, Role, Store, StoreError, StoreSettings, StoreUrl};

use super::{PATIENT, batch, open, real_life, session, sessions};
use crate::support::redis::{Redis, RedisOptions};

fn refused(result: Result<Store, StoreError>) -> String {
    match result {
        Err(StoreError::Misconfigured(why)) => why,
        other => format!("not refused but {other:?}"),
    }
}

/// H-09: at start and while running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_evicts_is_refused() {
    let server = RedisOptions::default().directive("maxmemory-policy allkeys-lru").start();
    let why = refused(open(&server.url(), PATIENT).await);
    assert!(why.contains("maxmemory-policy noeviction"), "{why}");
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let store = open(&server.url(), PATIENT).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    assert!(matches!(store.ping().await, Err(StoreError::Misconfigured(_))));
}

/// H-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_refused() {
    let server = RedisOptions::default().directive("replicaof 127.0.0.1 1").start();
    let why = refused(open(&server.url(), PATIENT).await);
    assert!(why.contains("master"), "{why}");
}

/// H-11: refused at start, without the secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_refused_without_repeating_it() {
    let server = RedisOptions::default().user("broker", "correct-horse").start();
    let wrong = server.url().replace("correct-horse", "battery-staple");
    let why = refused(open(&wrong, PATIENT).await);
    assert!(!why.contains("battery-staple") && !why.starts_with("not refused"), "{why}");
    let why = refused(open(&format!("redis://127.0.0.1:{}/", server.port()), PATIENT).await);
    assert!(!why.starts_with("not refused"), "{why}");
    assert!(open(&server.url(), PATIENT).await.is_ok());
}

/// H-11: a user that may not do what the broker does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_scripts_is_refused() {
    let server = RedisOptions::default().directive("user narrow on >pass ~* &* +@all -@scripting").start();
    let why = refused(open(&format!("redis://narrow:pass@127.0.0.1:{}/", server.port()), PATIENT).await);
    assert!(!why.starts_with("not refused"), "{why}");
}

/// H-11: TLS with a user; a server whose certificate nobody vouches for is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_needs_a_certificate_that_is_vouched_for() {
    let server = RedisOptions::default().tls().user("broker", "correct-horse").start();
    let settings = |roots: Option<Vec<u8>>| StoreSettings {
        deadline: PATIENT,
        root_certificates: roots,
        ..StoreSettings::new(StoreUrl::parse(&server.url()).unwrap(), Role::State)
    };
    let roots = fs::read(server.ca_file().unwrap()).unwrap();
    let store = Store::open(&settings(Some(roots)), Clock::Real, Random::Real).await.unwrap();
    let put = batch(&session(1)).put(&session(1), b"x".to_vec(), real_life(), Expect::Absent);
    assert_eq!(store.commit(put).await, Ok(CommitOutcome::Committed));
    let why = refused(Store::open(&settings(None), Clock::Real, Random::Real).await);
    assert!(why.contains("certificate") && !why.contains("correct-horse"), "{why}");
}

/// H-39: a janitor finds nothing without an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_key_has_an_end() {
    let server = Redis::start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    let until = Clock::Real.now().plus(std::time::Duration::from_secs(60));
    let put = batch(&session(1)).put(&session(1), b"x".to_vec(), real_life(), Expect::Any).index(
        &sessions(),
        "one",
        1,
        real_life(),
    );
    assert_eq!(store.commit(put).await, Ok(CommitOutcome::Committed));
    store.increment(&session(2), 1, until).await.unwrap();
    store.increment(&session(2), 1, until).await.unwrap();
    let tag = session(1).to_string().split_inclusive('}').next().unwrap_or_default().to_owned();
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 4, "{keys}");
    for key in keys.lines() {
        let left: i64 = server.command(&["PTTL", key]).parse().unwrap();
        assert!((1..=60_000).contains(&left), "{key} has {left} ms");
        assert!(key.starts_with(&tag), "{key}");
    }
}
