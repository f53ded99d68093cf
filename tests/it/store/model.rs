//! Random operations on an engine and on a plain map: they must agree on everything.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use symbolon::model::time::Timestamp;
use symbolon::store::{Batch, CommitOutcome, Expect, Life, Role, Version};

use super::{Kind, World, partition, session, sessions};

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    Get(u8),
    Take(u8),
    Increment(u8, i64, u64),
    List(usize),
    Advance(u64),
}

#[derive(Debug, Clone)]
enum Change {
    Put(u8, u8, u64, Want),
    Delete(u8, Want),
    Require(u8, Want),
    Index(u8, i64, u64),
    Unindex(u8),
}

/// The expectation, by what was last read of the key.
#[derive(Debug, Clone, Copy)]
enum Want {
    Any,
    Absent,
    LastRead,
}

/// The map: of each key its text, end and the number of its write; of each member its score and end.
#[derive(Default)]
struct Map {
    values: BTreeMap<u8, (String, i64, u64)>,
    members: BTreeMap<u8, (i64, i64)>,
    writes: u64,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let want = || prop_oneof![3 => Just(Want::Any), 1 => Just(Want::Absent), 2 => Just(Want::LastRead)];
    vec(
        prop_oneof![
            4 => (0..3u8, 0..9u8, 1..50u64, want()).prop_map(|(key, value, life, want)| Change::Put(key,
                value, life, want)),
            1 => (0..3u8, want()).prop_map(|(key, want)| Change::Delete(key, want)),
            1 => (0..3u8, want()).prop_map(|(key, want)| Change::Require(key, want)),
            2 => (0..4u8, -2..2i64, 1..50u64).prop_map(|(member, score, life)| Change::Index(member, score,
                life)),
            1 => (0..4u8).prop_map(Change::Unindex),
        ],
        1..4,
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(
        prop_oneof![
            5 => changes().prop_map(Step::Commit),
            3 => (0..3u8).prop_map(Step::Get),
            1 => (0..3u8).prop_map(Step::Take),
            1 => (0..3u8, -3..4i64, 1..50u64).prop_map(|(key, by, life)| Step::Increment(key, by, life)),
            2 => (1..4usize).prop_map(Step::List),
            2 => (1..30u64).prop_map(Step::Advance),
        ],
        1..40,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_behaves_like_a_map(steps in steps()) {
        run(Kind::Memory, steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_behaves_like_a_map(steps in steps()) {
        run(Kind::File, steps);
    }
}

fn run(kind: Kind, steps: Vec<Step>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let world = World::new(kind, Role::State).await;
        let mut map = Map::default();
        let mut read: BTreeMap<u8, (Version, u64)> = BTreeMap::new();
        for step in steps {
            let now = world.clock.now();
            map.values.retain(|_, (_, until, _)| *until > now.millis());
            map.members.retain(|_, (_, until)| *until > now.millis());
            match step {
                Step::Advance(millis) => world.clock.advance(Duration::from_millis(millis)),
                Step::Get(key) => {
                    let found = world.store.get(&session(key)).await.unwrap();
                    assert_eq!(
                        found.as_ref().map(|entry| entry.value.as_ref()),
                        map.values.get(&key).map(|(text, ..)| text.as_bytes())
                    );
                    if let Some(entry) = found {
                        read.insert(key, (entry.version, map.values[&key].2));
                    }
                }
                Step::Take(key) => {
                    let taken = world.store.take(&session(key)).await.unwrap();
                    assert_eq!(
                        taken.as_ref().map(|entry| entry.value.as_ref()),
                        map.values.remove(&key).as_ref().map(|(text, ..)| text.as_bytes())
                    );
                }
                Step::Increment(key, by, life) => {
                    increment(&world, &mut map, key, (by, end(now, life))).await;
                }
                Step::List(limit) => {
                    let mut order: Vec<_> =
                        map.members.iter().map(|(member, (score, _))| (*score, member.to_string())).collect();
                    order.sort();
                    let order: Vec<_> = order.into_iter().map(|(_, member)| member).collect();
                    assert_eq!(super::contract::pages(&world.store, limit).await, order);
                }
                Step::Commit(changes) => commit(&world, &mut map, &read, changes).await,
            }
        }
    });
}

async fn increment(world: &World, map: &mut Map, key: u8, (by, until): (i64, Timestamp)) {
    let sum = world.store.increment(&session(key), by, until).await.unwrap();
    map.writes += 1;
    let (text, _, write) = map.values.entry(key).or_insert_with(|| ("0".into(), until.millis(), 0));
    *text = (text.parse::<i64>().unwrap() + by).to_string();
    *write = map.writes;
    assert_eq!(sum.to_string(), *text);
}

async fn commit(world: &World, map: &mut Map, read: &BTreeMap<u8, (Version, u64)>, changes: Vec<Change>) {
    let now = world.clock.now();
    let expect = |key: u8, want: Want| match (want, read.get(&key)) {
        (Want::Absent, _) => Expect::Absent,
        (Want::LastRead, Some((version, _))) => Expect::Version(version.clone()),
        _ => Expect::Any,
    };
    let holds = |key: u8, want: Want| match (want, read.get(&key)) {
        (Want::Absent, _) => !map.values.contains_key(&key),
        (Want::LastRead, Some((_, write))) => {
            map.values.get(&key).is_some_and(|(_, _, current)| current == write)
        }
        _ => true,
    };
    let mut batch = Batch::new(partition());
    let mut committed = true;
    for change in &changes {
        batch = match *change {
            Change::Put(key, value, life, want) => {
                committed &= holds(key, want);
                batch.put(
                    &session(key),
                    value.to_string().into_bytes(),
                    Life::Until(end(now, life)),
                    expect(key, want),
                )
            }
            Change::Delete(key, want) => {
                committed &= holds(key, want);
                batch.delete(&session(key), expect(key, want))
            }
            Change::Require(key, want) => {
                committed &= holds(key, want);
                batch.require(&session(key), expect(key, want))
            }
            Change::Index(member, score, life) => {
                batch.index(&sessions(), &member.to_string(), score, Life::Until(end(now, life)))
            }
            Change::Unindex(member) => batch.unindex(&sessions(), &member.to_string()),
        };
    }
    let outcome = world.store.commit(batch).await.unwrap();
    assert_eq!(outcome, if committed { CommitOutcome::Committed } else { CommitOutcome::Conflict });
    if committed {
        map.apply(changes, now);
    }
}

impl Map {
    fn apply(&mut self, changes: Vec<Change>, now: Timestamp) {
        self.writes += 1;
        for change in changes {
            match change {
                Change::Put(key, value, life, _) => {
                    self.values.insert(key, (value.to_string(), end(now, life).millis(), self.writes));
                }
                Change::Delete(key, _) => {
                    self.values.remove(&key);
                }
                Change::Require(..) => {}
                Change::Index(member, score, life) => {
                    self.members.insert(member, (score, end(now, life).millis()));
                }
                Change::Unindex(member) => {
                    self.members.remove(&member);
                }
            }
        }
    }
}

fn end(now: Timestamp, life: u64) -> Timestamp {
    now.plus(Duration::from_millis(life))
}
