//! Redis failing in every way we could think of: what is told to the caller is true, and nothing that
//! consumes is sent twice.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::process::Command;
use std::time::Duration;

use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::{CommitOutcome, Expect, Key, Role, Store, StoreError, StoreSettings, StoreUrl};

use super::proxy::{Fault, Proxy};
use super::{PATIENT, batch, open, real_life, session};
use crate::support::process::wait_until;
use crate::support::redis::{Redis, RedisOptions};

const DEADLINE: Duration = Duration::from_millis(500);

async fn write(store: &Store, key: &Key) -> Result<CommitOutcome, StoreError> {
    store.commit(batch(key).put(key, b"x".to_vec(), real_life(), Expect::Any)).await
}

async fn works_again(store: &Store) {
    for _ in 0..200 {
        if store.ping().await.is_ok() {
            assert_eq!(write(store, &session(99)).await, Ok(CommitOutcome::Committed));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.ping().await, Ok(()));
}

fn exists(server: &Redis, key: &Key) -> bool {
    server.command(&["EXISTS", &key.to_string()]) == "1"
}

/// How often clients sent a command, scripts' own calls aside.
fn calls(server: &Redis, command: &str) -> u32 {
    let stats = server.command(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

fn not_applied<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotApplied(_)))
}

/// H-04: the request was lost, and that is not known to us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_leaves_the_outcome_unknown_and_nothing_applied() {
    let server = Redis::start();
    let proxy = Proxy::before(server.port()).await;
    let store = open(&proxy.url(), DEADLINE).await.unwrap();
    proxy.set(Fault::LoseRequests);
    assert!(matches!(write(&store, &session(1)).await, Err(StoreError::Unknown(_))));
    assert!(!exists(&server, &session(1)));
    proxy.set(Fault::None);
    works_again(&store).await;
    assert!(!exists(&server, &session(1)), "the write was not sent again");
}

/// H-04: the answer was lost: applied once, reported as unknown, never sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_leaves_the_outcome_unknown_and_the_write_applied_once() {
    let server = Redis::start();
    let proxy = Proxy::before(server.port()).await;
    let store = open(&proxy.url(), DEADLINE).await.unwrap();
    write(&store, &session(2)).await.map(|_| ()).unwrap();
    server.command(&["CONFIG", "RESETSTAT"]);
    proxy.set(Fault::LoseAnswers);
    assert!(matches!(write(&store, &session(1)).await, Err(StoreError::Unknown(_))));
    proxy.set(Fault::None);
    works_again(&store).await;
    assert!(exists(&server, &session(1)));
    proxy.set(Fault::LoseAnswers);
    assert!(matches!(store.take(&session(2)).await, Err(StoreError::Unknown(_))));
    proxy.set(Fault::None);
    works_again(&store).await;
    assert_eq!((calls(&server, "getdel"), exists(&server, &session(2))), (1, false));
}

/// H-02: a connection closed under a call: a read is sent again, a write never.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_connection_repeats_reads_only() {
    let server = Redis::start();
    let proxy = Proxy::before(server.port()).await;
    let store = open(&proxy.url(), PATIENT).await.unwrap();
    write(&store, &session(1)).await.map(|_| ()).unwrap();
    proxy.set(Fault::CloseAfterRequest);
    assert!(store.get(&session(1)).await.unwrap().is_some());
    server.command(&["CONFIG", "RESETSTAT"]);
    proxy.set(Fault::CloseAfterRequest);
    assert!(matches!(store.take(&session(1)).await, Err(StoreError::Unknown(_))));
    works_again(&store).await;
    assert_eq!(calls(&server, "getdel"), 1);
    proxy.set(Fault::CloseAfterRequest);
    let cut = write(&store, &session(2)).await;
    assert!(matches!(cut, Err(StoreError::Unknown(_))), "{cut:?}");
    works_again(&store).await;
}

/// H-01, H-11: the process starts without Redis and works when it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_opens_while_redis_is_down_and_works_once_it_is_up() {
    let mut server = Redis::start();
    server.kill();
    let store = open(&server.url(), DEADLINE).await.unwrap();
    assert!(not_applied(&store.ping().await));
    assert!(not_applied(&write(&store, &session(1)).await));
    assert!(not_applied(&store.take(&session(1)).await));
    assert!(not_applied(&store.get(&session(1)).await));
    server.start_again();
    works_again(&store).await;
}

/// H-02: an operator's restart; what Redis kept on its disk is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_restarted_in_good_order_has_everything() {
    let mut server = RedisOptions::default().directive("appendonly yes").start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    assert_eq!(write(&store, &session(1)).await, Ok(CommitOutcome::Committed));
    server.stop();
    server.start_again();
    works_again(&store).await;
    assert!(store.take(&session(1)).await.unwrap().is_some());
}

/// H-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_killed_under_load_is_used_again_when_it_is_back() {
    let mut server =
        RedisOptions::default().directive("appendonly yes").directive("appendfsync always").start();
    let store = open(&server.url(), DEADLINE).await.unwrap();
    let load: Vec<_> = (0..50).map(|number| tokio::spawn(load(store.clone(), number))).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.start_again();
    works_again(&store).await;
    for worker in load {
        for (key, applied) in worker.await.unwrap() {
            match applied {
                Ok(outcome) => assert!(
                    outcome == CommitOutcome::Committed && exists(&server, &key),
                    "an acknowledged write is there"
                ),
                Err(StoreError::NotApplied(_)) => {
                    assert!(!exists(&server, &key), "a write reported as not applied is not there");
                }
                Err(error) => assert!(matches!(error, StoreError::Unknown(_)), "{error}"),
            }
        }
    }
}

async fn load(store: Store, number: u32) -> Vec<(Key, Result<CommitOutcome, StoreError>)> {
    let mut seen = Vec::new();
    for turn in 0..8 {
        let key = Key::mark("load", "redis", &format!("{number}-{turn}"));
        let applied = write(&store, &key).await;
        seen.push((key, applied));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    seen
}

/// H-03: every call ends by its deadline, later ones fail at once, nothing piles up, and it works again by
/// itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_holds_nobody_up_and_is_used_again_when_it_thaws() {
    let server = Redis::start();
    let store = open(&server.url(), DEADLINE).await.unwrap();
    server.pause();
    let calls: Vec<_> = (0..500)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let began = Clock::Real.now();
                (write(&store, &session(1)).await, Clock::Real.now().since(began))
            })
        })
        .collect();
    for call in calls {
        let (answer, took) = call.await.unwrap();
        assert!(matches!(answer, Err(StoreError::Unknown(_) | StoreError::NotApplied(_))), "{answer:?}");
        assert!(took < 4 * DEADLINE, "{took:?}");
    }
    let began = Clock::Real.now();
    let mut refused = 0;
    while Clock::Real.now().since(began) < Duration::from_secs(6) && refused < 50 {
        let asked = Clock::Real.now();
        assert!(write(&store, &session(1)).await.is_err());
        refused = if Clock::Real.now().since(asked) < DEADLINE / 4 { refused + 1 } else { 0 };
    }
    assert_eq!(refused, 50, "the circuit opens");
    server.resume();
    works_again(&store).await;
}

/// H-03, H-36: beyond its queue the store refuses at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_queue_are_refused_at_once() {
    let server = Redis::start();
    let settings = StoreSettings {
        deadline: Duration::from_secs(5),
        queue: 2,
        ..StoreSettings::new(StoreUrl::parse(&server.url()).unwrap(), Role::State)
    };
    let store = Store::open(&settings, Clock::Real, Random::Real).await.unwrap();
    server.pause();
    let waiting: Vec<_> = (1..3)
        .map(|number| {
            tokio::spawn({
                let store = store.clone();
                async move { write(&store, &session(number)).await }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Clock::Real.now();
    assert!(not_applied(&write(&store, &session(3)).await));
    assert!(Clock::Real.now().since(began) < Duration::from_secs(1));
    server.resume();
    for call in waiting {
        assert_eq!(call.await.unwrap(), Ok(CommitOutcome::Committed));
    }
}

/// H-05, H-12: a master that became a replica: nothing applied, nothing read, and back when it is master
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_master_is_left() {
    let server = Redis::start();
    let store = open(&server.url(), DEADLINE).await.unwrap();
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let declined = write(&store, &session(1)).await;
    assert!(not_applied(&declined), "{declined:?}");
    wait_for_refusal(&store).await;
    assert!(store.get(&session(1)).await.is_err(), "no read from a replica");
    server.command(&["REPLICAOF", "NO", "ONE"]);
    works_again(&store).await;
}

/// H-05, H-06: a promoted server may not know what was spent before, so nothing that works once works twice;
/// sessions stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_works_once_does_not_outlive_the_generation_of_the_data() {
    let server = Redis::start();
    let store = open(&server.url(), DEADLINE).await.unwrap();
    for key in [session(1), Key::flow("handle")] {
        assert_eq!(write(&store, &key).await, Ok(CommitOutcome::Committed));
    }
    assert!(store.get(&Key::flow("handle")).await.unwrap().is_some());
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    wait_for_refusal(&store).await;
    server.command(&["REPLICAOF", "NO", "ONE"]);
    works_again(&store).await;
    assert_eq!(store.get(&Key::flow("handle")).await, Ok(None));
    assert_eq!(store.take(&Key::flow("handle")).await, Ok(None));
    assert!(store.get(&session(1)).await.unwrap().is_some());
}

async fn wait_for_refusal(store: &Store) {
    for _ in 0..100 {
        if matches!(store.ping().await, Err(StoreError::Misconfigured(_))) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(store.ping().await, Err(StoreError::Misconfigured(_))));
}

/// H-08: no memory left: writes are refused whole, reads and deletes go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_refuses_writes_and_goes_on_reading() {
    let server = Redis::start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    write(&store, &session(1)).await.map(|_| ()).unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let two = batch(&session(2))
        .put(&session(2), b"x".to_vec(), real_life(), Expect::Any)
        .delete(&session(1), Expect::Any);
    assert!(not_applied(&store.commit(two).await));
    assert!(not_applied(
        &store.increment(&session(3), 1, Clock::Real.now().plus(Duration::from_secs(9))).await
    ));
    assert!(store.get(&session(1)).await.unwrap().is_some());
    assert!(store.take(&session(1)).await.unwrap().is_some());
    assert!(!exists(&server, &session(2)));
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(write(&store, &session(2)).await, Ok(CommitOutcome::Committed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_short_of_replicas_refuses_writes() {
    let server = Redis::start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let declined = write(&store, &session(1)).await;
    assert!(not_applied(&declined), "{declined:?}");
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    assert_eq!(write(&store, &session(1)).await, Ok(CommitOutcome::Committed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let server = Redis::start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(write(&store, &session(1)).await, Ok(CommitOutcome::Committed));
    assert_eq!(calls(&server, "eval"), 1);
    assert_eq!(write(&store, &session(1)).await, Ok(CommitOutcome::Committed));
    assert_eq!(calls(&server, "eval"), 1);
}

/// A script of somebody else that does not end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_redis_declines_and_works_again_after_the_script_was_killed() {
    let server = RedisOptions::default().directive("lua-time-limit 50").start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    let port = server.port().to_string();
    let mut endless =
        Command::new("redis-cli").args(["-p", &port, "EVAL", "while true do end", "0"]).spawn().unwrap();
    wait_until("Redis is busy", || server.command(&["PING"]).contains("BUSY"));
    assert!(not_applied(&write(&store, &session(1)).await));
    assert!(not_applied(&store.take(&session(1)).await));
    server.command(&["SCRIPT", "KILL"]);
    endless.wait().unwrap();
    works_again(&store).await;
}

/// H-02: a server that reads its data in answers, but not to us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loading_redis_declines_and_works_once_it_has_loaded() {
    let server = RedisOptions::default().directive("enable-debug-command yes").start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    server.command(&["DEBUG", "POPULATE", "2000", "filling", "1000"]);
    server.command(&["CONFIG", "SET", "key-load-delay", "1000"]);
    server.command(&["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]);
    let port = server.port().to_string();
    let mut reload = Command::new("redis-cli").args(["-p", &port, "DEBUG", "RELOAD"]).spawn().unwrap();
    wait_until("Redis is loading", || server.command(&["PING"]).contains("LOADING"));
    let declined = write(&store, &session(1)).await;
    assert!(not_applied(&declined), "{declined:?}");
    assert!(not_applied(&store.get(&session(1)).await));
    reload.wait().unwrap();
    works_again(&store).await;
    assert!(!exists(&server, &session(1)));
}

/// A key of another type under our name, for example by hand: nothing of the batch is applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_type_spoils_the_whole_batch_and_nothing_else() {
    let server = Redis::start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    server.command(&["LPUSH", &session(2).to_string(), "x"]);
    let both = batch(&session(1))
        .put(&session(1), b"x".to_vec(), real_life(), Expect::Any)
        .delete(&session(2), Expect::Any);
    assert!(matches!(store.commit(both).await, Err(StoreError::Corrupt(_))));
    assert!(!exists(&server, &session(1)));
}

/// The unit of cost: a read of many keys is one command, a commit is one script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_of_many_and_a_commit_are_one_round_trip_each() {
    let server = Redis::start();
    let store = open(&server.url(), PATIENT).await.unwrap();
    let before = server.command(&["INFO", "clients"]);
    server.command(&["CONFIG", "RESETSTAT"]);
    store.get_many(&[session(1), session(2), session(3)]).await.unwrap();
    let many = batch(&session(1))
        .put(&session(1), b"x".to_vec(), real_life(), Expect::Absent)
        .index(&super::sessions(), "one", 1, real_life())
        .require(&session(2), Expect::Absent);
    assert_eq!(store.commit(many).await, Ok(CommitOutcome::Committed));
    assert_eq!(
        (
            calls(&server, "mget"),
            calls(&server, "evalsha"),
            calls(&server, "eval"),
            calls(&server, "script|load")
        ),
        (1, 1, 0, 0)
    );
    assert!(before.contains("connected_clients:2"), "one connection besides redis-cli's: {before}");
}
