//! What every engine promises: security-relevant store behaviour, written once, run on memory, file and a
//! real Redis.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use symbolon::store::{Batch, CommitOutcome, Expect, Key, Life, Page, Role, Store, StoreError};

use super::{KINDS, Kind, NOW, World, ada, batch, life, partition, pool, session, sessions};

/// One test per engine for each case.
macro_rules! contract {
    ($($(#[$doc:meta])* $case:ident($world:ident, $role:ident) $body:block)*) => {$(
        mod $case {
            use super::*;

            $(#[$doc])*
            async fn case($world: World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                case(World::new(Kind::Memory, Role::$role).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn file() {
                case(World::new(Kind::File, Role::$role).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn redis() {
                case(World::new(Kind::Redis, Role::$role).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sentinels() {
                case(World::new(Kind::Sentinels, Role::$role).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                case(World::new(Kind::Cluster, Role::$role).await).await;
            }
        }
    )*};
}

contract! {
    /// A-16, H-23: whatever is single-use is received by one of a thousand.
    of_a_thousand_parallel_takers_one_receives_the_value(world, State) {
        let key = Key::flow("handle");
        assert_eq!(world.put(&key, "once", Expect::Absent).await, CommitOutcome::Committed);
        let takers: Vec<_> = (0..1000).map(|_| {
            let (store, key) = (world.store.clone(), key);
            tokio::spawn(async move { store.take(&key).await })
        }).collect();
        let mut winners = 0;
        for taker in takers {
            winners += usize::from(taker.await.unwrap().unwrap().is_some());
        }
        assert_eq!(winners, 1);
        assert_eq!(world.text(&key).await, None);
    }

    /// The replay cache: a mark is set by one of a thousand.
    of_a_thousand_parallel_marks_one_is_the_first(world, State) {
        let key = Key::mark("jti", "acme", "assertion");
        let makers: Vec<_> = (0..1000).map(|_| {
            let (store, key) = (world.store.clone(), key);
            tokio::spawn(async move { super::super::put(&store, &key, "1", Expect::Absent).await })
        }).collect();
        let mut firsts = 0;
        for maker in makers {
            firsts += usize::from(maker.await.unwrap().unwrap() == CommitOutcome::Committed);
        }
        assert_eq!(firsts, 1);
    }

    /// A version is no counter: what was deleted and made again is another thing.
    a_value_made_again_does_not_match_the_version_read_before(world, State) {
        let key = session(1);
        let _ = world.put(&key, "first", Expect::Absent).await;
        let old = world.store.get(&key).await.unwrap().unwrap().version;
        let _ = world.store.commit(batch(&key).delete(&key, Expect::Version(old.clone()))).await.unwrap();
        let _ = world.put(&key, "first", Expect::Absent).await;
        assert_eq!(world.put(&key, "second", Expect::Version(old.clone())).await, CommitOutcome::Conflict);
        assert_eq!(world.store.commit(batch(&key).delete(&key, Expect::Version(old))).await.unwrap(),
            CommitOutcome::Conflict);
        assert_eq!(world.text(&key).await.as_deref(), Some("first"));
    }

    an_update_under_the_version_read_is_applied_once(world, State) {
        let key = session(1);
        let _ = world.put(&key, "first", Expect::Absent).await;
        let version = world.store.get(&key).await.unwrap().unwrap().version;
        assert_eq!(world.put(&key, "second", Expect::Version(version.clone())).await, CommitOutcome::Committed);
        assert_eq!(world.put(&key, "third", Expect::Version(version)).await, CommitOutcome::Conflict);
        assert_eq!(world.text(&key).await.as_deref(), Some("second"));
    }

    a_batch_is_applied_whole_or_not_at_all(world, State) {
        let (held, free) = (session(1), session(2));
        let _ = world.put(&held, "held", Expect::Absent).await;
        let refused = Batch::new(partition())
            .put(&free, b"new".to_vec(), life(60), Expect::Absent)
            .delete(&held, Expect::Any)
            .index(&sessions(), "new", 1, life(60))
            .put(&held, b"new".to_vec(), life(60), Expect::Absent);
        assert_eq!(world.store.commit(refused).await.unwrap(), CommitOutcome::Conflict);
        assert_eq!(world.text(&free).await, None);
        assert_eq!(world.text(&held).await.as_deref(), Some("held"));
        assert_eq!(world.store.list(&sessions(), None, 9).await.unwrap(), Page::default());
    }

    /// Expectations look at what was there before the batch, so writes to one key follow each other.
    expectations_are_about_the_state_before_the_batch(world, State) {
        let key = session(1);
        let both = batch(&key).put(&key, b"a".to_vec(), life(60), Expect::Absent).put(&key, b"b".to_vec(),
            life(60), Expect::Absent);
        assert_eq!(world.store.commit(both).await.unwrap(), CommitOutcome::Committed);
        assert_eq!(world.text(&key).await.as_deref(), Some("b"));
    }

    /// A per-user epoch is required without being written: sign-out-everywhere beats rotation.
    a_requirement_holds_a_batch_back_and_writes_nothing(world, State) {
        let (epoch, grant) = (Key::epoch(&pool(), &ada()), session(2));
        let write = |expect: Expect| batch(&grant).require(&epoch, expect).put(&grant, b"rotated".to_vec(),
            life(60), Expect::Any);
        assert_eq!(world.store.commit(write(Expect::Absent)).await.unwrap(), CommitOutcome::Committed);
        assert_eq!(world.text(&epoch).await, None);
        let _ = world.put(&epoch, "signed out", Expect::Any).await;
        assert_eq!(world.store.commit(write(Expect::Absent)).await.unwrap(), CommitOutcome::Conflict);
        let version = world.store.get(&epoch).await.unwrap().unwrap().version;
        assert_eq!(world.store.commit(write(Expect::Version(version.clone()))).await.unwrap(),
            CommitOutcome::Committed);
        assert_eq!(world.store.get(&epoch).await.unwrap().unwrap().version, version);
    }

    a_batch_or_a_read_of_two_partitions_is_refused(world, State) {
        let (here, there) = (session(1), Key::flow("elsewhere"));
        let both = batch(&here).put(&here, b"a".to_vec(), life(60), Expect::Any).put(&there, b"b".to_vec(),
            life(60), Expect::Any);
        assert!(matches!(world.store.commit(both).await, Err(StoreError::Misuse(_))));
        assert_eq!(world.text(&here).await, None);
        assert!(matches!(world.store.get_many(&[here, there]).await, Err(StoreError::Misuse(_))));
    }

    many_values_come_in_the_order_asked_for(world, State) {
        let keys = [session(3), session(1), session(2)];
        let _ = world.put(&keys[0], "three", Expect::Any).await;
        let _ = world.put(&keys[2], "", Expect::Any).await;
        let found = world.store.get_many(&keys).await.unwrap();
        let found: Vec<_> = found.iter().map(|entry| entry.as_ref().map(|entry| entry.value.as_ref())).collect();
        assert_eq!(found, [Some(b"three".as_slice()), None, Some(b"")]);
        assert_eq!(world.store.get_many(&[]).await.unwrap(), []);
    }

    any_bytes_are_stored_as_they_are(world, State) {
        let (key, value) = (session(1), (0..=255).collect::<Vec<u8>>());
        let _ = world.store.commit(batch(&key).put(&key, value.clone(), life(60),
            Expect::Any)).await.unwrap();
        assert_eq!(world.store.get(&key).await.unwrap().unwrap().value, value);
        assert_eq!(world.store.take(&key).await.unwrap().unwrap().value, value);
    }

    /// H-20: what is over is absent to every operation.
    an_expired_value_is_as_absent_as_one_never_stored(world, State) {
        let (key, taken) = (session(1), session(2));
        let short = |key: &Key| batch(key).put(key, b"short".to_vec(), life(1), Expect::Absent);
        let _ = world.store.commit(short(&key)).await.unwrap();
        let _ = world.store.commit(short(&taken)).await.unwrap();
        let version = world.store.get(&key).await.unwrap().unwrap().version;
        world.pass(Duration::from_millis(1100)).await;
        assert_eq!(world.text(&key).await, None);
        assert_eq!(world.store.take(&taken).await.unwrap(), None);
        assert_eq!(world.put(&key, "late", Expect::Version(version)).await, CommitOutcome::Conflict);
        assert_eq!(world.put(&key, "anew", Expect::Absent).await, CommitOutcome::Committed);
    }

    a_value_whose_life_is_over_when_it_is_stored_is_not_there(world, State) {
        let key = session(1);
        let _ = world.put(&key, "old", Expect::Any).await;
        let over = batch(&key).put(&key, b"over".to_vec(), Life::Until(NOW), Expect::Any).index(&sessions(),
            "over", 1, Life::Until(NOW));
        assert_eq!(world.store.commit(over).await.unwrap(), CommitOutcome::Committed);
        assert_eq!(world.text(&key).await, None);
        assert_eq!(world.store.list(&sessions(), None, 9).await.unwrap(), Page::default());
    }

    a_read_does_not_lengthen_a_life(world, State) {
        let key = session(1);
        let _ = world.store.commit(batch(&key).put(&key, b"x".to_vec(), life(2), Expect::Any)).await.unwrap();
        world.pass(Duration::from_millis(800)).await;
        let _ = world.store.get(&key).await.unwrap();
        let _ = world.store.get_many(std::slice::from_ref(&key)).await.unwrap();
        let _ = world.store.commit(batch(&key).require(&key, Expect::Any)).await.unwrap();
        world.pass(Duration::from_millis(1400)).await;
        assert_eq!(world.text(&key).await, None);
    }

    /// A counter's life is set when it is made, so that attempts cannot postpone their own end.
    a_counter_ends_when_its_first_count_said(world, State) {
        let key = Key::limit("sign-in", "192.0.2.1");
        let until = |seconds: u64| NOW.plus(Duration::from_secs(seconds));
        assert_eq!(world.store.increment(&key, 1, until(2)).await.unwrap(), 1);
        world.pass(Duration::from_millis(800)).await;
        assert_eq!(world.store.increment(&key, 4, until(60)).await.unwrap(), 5);
        assert_eq!(world.text(&key).await.as_deref(), Some("5"));
        world.pass(Duration::from_millis(1400)).await;
        assert_eq!(world.store.increment(&key, -1, until(60)).await.unwrap(), -1);
    }

    parallel_counts_are_all_counted(world, State) {
        let key = Key::limit("sign-in", "192.0.2.1");
        let counts: Vec<_> = (0..200).map(|_| {
            let (store, key) = (world.store.clone(), key);
            tokio::spawn(async move { store.increment(&key, 1,
                NOW.plus(Duration::from_secs(60))).await.unwrap() })
        }).collect();
        let mut seen = Vec::new();
        for count in counts {
            seen.push(count.await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=200).collect::<Vec<_>>());
    }

    counting_on_a_value_that_is_no_number_is_refused(world, State) {
        let key = session(1);
        let _ = world.put(&key, "ada", Expect::Any).await;
        assert_eq!(world.store.increment(&key, 1, NOW.plus(Duration::from_secs(60))).await,
            Err(StoreError::Corrupt("session")));
        assert_eq!(world.text(&key).await.as_deref(), Some("ada"));
    }

    /// Scores first, then members by their bytes, whatever the locale of the server.
    an_index_is_ordered_by_score_and_member_and_read_in_pages(world, State) {
        let members = [("b", -5), ("ä", 7), ("a", 7), ("Z", 7), ("c:d", 7), ("first", -1 << 53), ("last",
            1_800_000_000_000)];
        let filled = members.iter().fold(Batch::new(partition()), |batch, (member,
            score)| batch.index(&sessions(), member, *score, life(60)));
        let _ = world.store.commit(filled).await.unwrap();
        let expected = ["first", "b", "Z", "a", "c:d", "ä", "last"];
        for limit in 1..9 {
            assert_eq!(pages(&world.store, limit).await, expected, "pages of {limit}");
        }
    }

    a_page_goes_on_where_the_last_one_ended_though_its_end_is_gone(world, State) {
        let filled = ["a", "b", "c", "d"].iter().fold(Batch::new(partition()), |batch,
            member| batch.index(&sessions(), member, 1, life(60)));
        let _ = world.store.commit(filled).await.unwrap();
        let first = world.store.list(&sessions(), None, 2).await.unwrap();
        assert_eq!(first.members, ["a", "b"]);
        let _ = world.store.commit(Batch::new(partition()).unindex(&sessions(), "b")).await.unwrap();
        assert_eq!(world.store.list(&sessions(), first.next.as_deref(), 2).await.unwrap().members, ["c",
            "d"]);
        assert!(matches!(world.store.list(&sessions(), Some("no \
            cursor"), 2).await, Err(StoreError::Misuse(_))));
    }

    a_member_put_again_has_its_new_place_only(world, State) {
        let index = |member: &str, score: i64| Batch::new(partition()).index(&sessions(), member, score,
            life(60));
        for change in [index("a", 1), index("b", 2), index("a", 3),
            Batch::new(partition()).unindex(&sessions(), "nobody")] {
            let _ = world.store.commit(change).await.unwrap();
        }
        assert_eq!(world.store.list(&sessions(), None, 9).await.unwrap(), Page { members: vec!["b".into(),
            "a".into()], next: None });
    }

    members_of_an_index_expire_one_by_one(world, State) {
        let index = |member: &str, seconds: u64| Batch::new(partition()).index(&sessions(), member, 1,
            life(seconds));
        for change in [index("short", 1), index("long", 60), index("longer", 1), index("longer", 60)] {
            let _ = world.store.commit(change).await.unwrap();
        }
        assert_eq!(world.store.list(&sessions(), None, 9).await.unwrap().members, ["long", "longer",
            "short"]);
        world.pass(Duration::from_millis(1100)).await;
        assert_eq!(world.store.list(&sessions(), None, 9).await.unwrap().members, ["long", "longer"]);
        assert_eq!(world.store.list(&sessions(), None, 2).await.unwrap().next, None);
    }

    /// H-39: nothing of the state store stays for ever.
    a_state_key_without_an_end_is_refused(world, State) {
        let key = session(1);
        let forever = batch(&key).put(&key, b"x".to_vec(), Life::Forever, Expect::Any);
        assert!(matches!(world.store.commit(forever).await, Err(StoreError::Misuse(_))));
        let forever = batch(&key).index(&sessions(), "x", 1, Life::Forever);
        assert!(matches!(world.store.commit(forever).await, Err(StoreError::Misuse(_))));
        assert_eq!(world.text(&key).await, None);
    }

    the_directory_keeps_what_has_no_end(world, Directory) {
        let key = Key::user(&pool(), &ada());
        let forever = batch(&key).put(&key, b"Ada".to_vec(), Life::Forever, Expect::Absent).index(&sessions(),
            "x", 1, Life::Forever);
        assert_eq!(world.store.commit(forever).await.unwrap(), CommitOutcome::Committed);
        world.clock.advance(Duration::from_secs(10 * 365 * 86_400));
        assert_eq!(world.text(&key).await.as_deref(), Some("Ada"));
        assert_eq!(world.store.list(&sessions(), None, 9).await.unwrap().members, ["x"]);
    }

    /// H-39: 2 kB for a flow, 4 kB for a session, 64 kB for anything else; refused whole.
    a_value_beyond_its_kinds_size_is_refused(world, State) {
        for (key, limit) in [(Key::flow("f"), 4096), (session(1), 4096), (Key::keyset(&pool()), 65_536)] {
            let sized = |size: usize| batch(&key).put(&key, vec![b'x'; size], life(60), Expect::Any);
            assert_eq!(world.store.commit(sized(limit + 1)).await,
                Err(StoreError::TooLarge { kind: key.kind(), size: limit + 1, limit }));
            assert_eq!(world.text(&key).await, None);
            assert_eq!(world.store.commit(sized(limit)).await.unwrap(), CommitOutcome::Committed);
        }
    }

    a_store_that_works_says_so(world, State) {
        assert_eq!(world.store.ping().await, Ok(()));
    }
}

/// Two batches that read the same versions: one is applied, whatever the engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_updates_under_one_version_one_is_applied() {
    for kind in KINDS {
        let world = World::new(kind, Role::State).await;
        let key = session(1);
        let _ = world.put(&key, "0", Expect::Absent).await;
        let version = world.store.get(&key).await.unwrap().unwrap().version;
        let writers: Vec<_> = (0..100)
            .map(|_| {
                let (store, key, expect) = (world.store.clone(), key, Expect::Version(version.clone()));
                tokio::spawn(async move { super::put(&store, &key, "1", expect).await.unwrap() })
            })
            .collect();
        let mut applied = 0;
        for writer in writers {
            applied += usize::from(writer.await.unwrap() == CommitOutcome::Committed);
        }
        assert_eq!(applied, 1);
    }
}

pub(super) async fn pages(store: &Store, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = store.list(&sessions(), next.as_deref(), limit).await.unwrap();
        assert!(page.members.len() <= limit);
        all.extend(page.members);
        next = page.next;
        if next.is_none() {
            return all;
        }
    }
}
