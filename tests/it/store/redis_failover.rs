//! Another Redis takes over: what was spent stays spent, what was acknowledged stays, and people go on.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::{CommitOutcome, Expect, Key, Role, Store, StoreError, StoreSettings, StoreUrl};

use super::{batch, real_life, session};
use crate::support::redis_groups::{Cluster, Sentinels};

const DEADLINE: Duration = Duration::from_millis(500);

pub(super) async fn store(url: &str, replicas: u32) -> Store {
    store_within(DEADLINE, url, replicas).await
}

async fn store_within(deadline: Duration, url: &str, replicas: u32) -> Store {
    let url = StoreUrl::parse(url).unwrap();
    let settings = StoreSettings { deadline, replicas, ..StoreSettings::new(url, Role::State) };
    Store::open(&settings, Clock::Real, Random::Real).await.unwrap()
}

async fn write(store: &Store, key: &Key) -> Result<CommitOutcome, StoreError> {
    store.commit(batch(key).put(key, b"x".to_vec(), real_life(), Expect::Any)).await
}

/// Waits until `store` writes; every refusal until then says truly that nothing was done, or that it is not
/// known.
pub(super) async fn writes(store: &Store, key: &Key) {
    for _ in 0..400 {
        match write(store, key).await {
            Ok(outcome) => {
                assert_eq!(outcome, CommitOutcome::Committed);
                return;
            }
            Err(StoreError::NotApplied(_) | StoreError::Unknown(_)) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the store never wrote: {:?}", store.ping().await);
}

/// H-05, H-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_has_what_was_acknowledged_and_nothing_that_could_be_spent_twice() {
    let mut redis = Sentinels::start();
    let store = store(&redis.url(), 1).await;
    let (spent, unspent, lasting, left) = (Key::flow("spent"), Key::flow("unspent"), session(1), session(3));
    for key in [&spent, &unspent, &lasting, &left] {
        writes(&store, key).await;
    }
    // The replicas do not hear that the first one was taken.
    redis.nodes[1].pause();
    redis.nodes[2].pause();
    assert!(store.take(&spent).await.unwrap().is_some());
    assert!(
        matches!(write(&store, &session(2)).await, Err(StoreError::Unknown(_))),
        "no replica has it, so it is not acknowledged"
    );
    assert!(
        matches!(store.take(&left).await, Err(StoreError::Unknown(_))),
        "nor is the end of a session that may come back"
    );
    redis.nodes[0].kill();
    redis.nodes[1].resume();
    redis.nodes[2].resume();
    redis.wait_for_another_master(redis.nodes[0].port());
    writes(&store, &session(9)).await;
    assert_eq!(store.take(&spent).await, Ok(None), "what was taken before the fail-over is not there again");
    assert_eq!(
        store.take(&unspent).await,
        Ok(None),
        "nobody knows any more what was spent, so people start again"
    );
    assert!(store.get(&lasting).await.unwrap().is_some(), "what was acknowledged is kept");
    let fresh = Key::flow("fresh");
    assert_eq!(write(&store, &fresh).await, Ok(CommitOutcome::Committed));
    assert!(store.take(&fresh).await.unwrap().is_some());
}

/// H-06: a master that was cut off and does not know it, and the one that took its place, both serving.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_both_sides_of_a_partition_a_code_is_spent_once_and_nothing_is_acknowledged_by_the_old_one() {
    let redis = Sentinels::start();
    let there = store(&redis.url(), 1).await;
    let (code, revoked) = (Key::flow("code"), session(1));
    writes(&there, &code).await;
    let old = redis.master();
    // Frozen, it hears nothing of what the others agree on, and thawed it goes on as it was.
    redis.nodes[0].pause();
    redis.wait_for_another_master(old);
    let here = store(&redis.url(), 1).await;
    writes(&here, &session(2)).await;
    redis.nodes[0].resume();
    let direct = store(&format!("redis://127.0.0.1:{old}"), 1).await;
    let spent_there = direct.take(&code).await;
    let spent_here = here.take(&code).await;
    let successes = [&spent_there, &spent_here].iter().filter(|taken| matches!(taken, Ok(Some(_)))).count();
    assert!(successes <= 1, "{spent_there:?} {spent_here:?}");
    assert_eq!(spent_here, Ok(None));
    assert!(
        !matches!(write(&direct, &revoked).await, Ok(CommitOutcome::Committed)),
        "without replicas nothing lasting is acknowledged"
    );
    writes(&there, &session(3)).await;
}

/// H-07, H-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_master_dies_goes_on_with_its_replica() {
    let mut redis = Cluster::start();
    let store = store(&redis.url(), 1).await;
    let (code, lasting) = (Key::flow("code"), session(1));
    for key in [&code, &lasting] {
        writes(&store, key).await;
    }
    redis.master_of(&lasting.to_string()).kill();
    writes(&store, &lasting).await;
    assert!(store.get(&lasting).await.unwrap().is_some());
    for _ in 0..100 {
        if store.ping().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(store.ping().await, Ok(()));
}

/// H-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_slots_move_between_nodes_sessions_are_read_and_written() {
    let redis = Cluster::start();
    // Long, because a node that gives a slot away does nothing else meanwhile.
    let store = store_within(Duration::from_secs(10), &redis.url(), 1).await;
    let keys: Vec<Key> = (0..40).map(|number| Key::mark("assertion", "acme", &format!("{number}"))).collect();
    for key in &keys {
        assert_eq!(write(&store, key).await, Ok(CommitOutcome::Committed));
    }
    let moving = redis.moves_slots();
    while !moving.is_finished() {
        for key in &keys {
            assert!(store.get(key).await.unwrap().is_some(), "{key}");
            let again = store.commit(batch(key).put(key, b"y".to_vec(), real_life(), Expect::Absent)).await;
            assert_eq!(again, Ok(CommitOutcome::Conflict), "what was seen is not forgotten on the way");
        }
    }
    assert!(moving.join().unwrap(), "the slots moved");
    for key in &keys {
        assert!(store.get(key).await.unwrap().is_some(), "{key}");
    }
}

/// H-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_the_other_kind_is_refused_with_the_right_one() {
    let cluster = Cluster::start();
    let refused = |url: String| async move {
        let settings = StoreSettings {
            deadline: DEADLINE,
            ..StoreSettings::new(StoreUrl::parse(&url).unwrap(), Role::State)
        };
        match Store::open(&settings, Clock::Real, Random::Real).await {
            Err(StoreError::Misconfigured(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let port = cluster.nodes[0].port();
    assert!(refused(format!("redis://127.0.0.1:{port}")).await.contains("redis+cluster://"));
    let alone = crate::support::redis::Redis::start();
    assert!(refused(format!("redis+cluster://127.0.0.1:{}", alone.port())).await.contains("redis://"));
}
