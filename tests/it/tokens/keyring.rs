//! Keys across replicas that share a directory.

use std::time::Duration;

use symbolon::model::fault::Refusal as _;
use symbolon::model::pool::{Pool, SigningAlgorithm};
use symbolon::outside::Outside;
use symbolon::store::key::Key;
use symbolon::store::keysets::{Keyring, KeyringError, REREAD};
use symbolon::store::record::Records;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::{Batch, CommitOutcome, Expect, Life, Role, Store};
use symbolon::token::issue::access_token;
use symbolon::token::keyset::{Keyset, LEAD, Use};
use symbolon::token::pool_keys::PoolKeys;
use symbolon::token::verify::access;

use super::world::{NOW, Visit, pool};

/// Replicas of one broker: one directory, one clock.
struct Replicas {
    outside: Outside,
    directory: Records,
    pool: Pool,
}

impl Replicas {
    fn new() -> Self {
        let outside = Outside::fake(NOW, 1);
        let store = Store::memory(Role::Directory, outside.clock.clone(), outside.random.clone());
        let seal = Seal::new(&SecretKeyBytes::generate(&outside.random));
        let directory = Records::new(store, seal, outside.random.clone());
        Self { outside, directory, pool: pool("eu-west-1_Example01", SigningAlgorithm::Es256) }
    }

    fn start(&self) -> Keyring {
        Keyring::new(self.directory.clone(), self.outside.clone())
    }

    fn key(&self) -> Key {
        Key::keyset(&self.pool.id)
    }

    fn wait(&self, time: Duration) {
        self.outside.clock.advance(time);
    }

    /// The directory no longer gives the keys.
    async fn break_the_directory(&self) {
        let key = self.key();
        let batch = Batch::new(key.partition()).put(&key, b"unreadable".to_vec(), Life::Forever, Expect::Any);
        assert_eq!(self.directory.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    }
}

fn kid(keys: &PoolKeys, usage: Use, replicas: &Replicas) -> String {
    keys.signing(usage, replicas.outside.clock.now()).unwrap().kid().unwrap().to_owned()
}

/// E-12
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_share_one_set_of_keys() {
    let replicas = Replicas::new();
    let starts: Vec<_> = (0..16)
        .map(|_| {
            let (keyring, pool) = (replicas.start(), replicas.pool.clone());
            tokio::spawn(async move { keyring.of(&pool).await.unwrap().jwks().body.clone() })
        })
        .collect();
    let mut published = Vec::new();
    for start in starts {
        published.push(start.await.unwrap());
    }
    published.dedup();
    assert_eq!(published.len(), 1);
}

/// E-12
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_rotate_at_once_make_one_new_key_for_each_use() {
    let replicas = Replicas::new();
    replicas.start().of(&replicas.pool).await.unwrap();
    let rotations: Vec<_> = (0..16)
        .map(|_| {
            let (keyring, pool) = (replicas.start(), replicas.pool.clone());
            tokio::spawn(async move { keyring.rotate(&pool).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for rotation in rotations {
        let rotation = rotation.await.unwrap();
        made += usize::from(!rotation.added.is_empty());
        assert_eq!(rotation.set.upcoming(NOW).count(), 2, "an ID and an access key wait");
    }
    assert_eq!(made, 1, "one replica made them");
    let keys = replicas.start().of(&replicas.pool).await.unwrap();
    assert_eq!(keys.set().keys.len(), 4);
}

/// E-10
#[tokio::test]
async fn every_replica_publishes_a_new_key_before_any_signs_with_it() {
    let replicas = Replicas::new();
    let (one, two) = (replicas.start(), replicas.start());
    let old = two.of(&replicas.pool).await.unwrap();
    let added = one.rotate(&replicas.pool).await.unwrap().added;
    assert!(
        published(&one.of(&replicas.pool).await.unwrap()).contains(&added[0]),
        "the rotating replica at once"
    );
    replicas.wait(REREAD);
    let seen = two.of(&replicas.pool).await.unwrap();
    assert!(added.iter().all(|kid| published(&seen).contains(kid)), "the other within the re-read time");
    assert_eq!(kid(&seen, Use::Access, &replicas), kid(&old, Use::Access, &replicas));
    replicas.wait(LEAD);
    assert!(
        added.contains(&kid(&seen, Use::Access, &replicas)),
        "and both change over at one instant without reading anything"
    );
}

/// E-10
#[tokio::test]
async fn a_key_taken_out_by_hand_is_refused_by_every_replica_within_the_re_read_time() {
    let replicas = Replicas::new();
    let (one, two) = (replicas.start(), replicas.start());
    let visit = Visit { pool: replicas.pool.clone(), ..Visit::with_scopes("openid") };
    let keys = two.of(&replicas.pool).await.unwrap();
    let token = access_token(&visit.issuance(), &keys).unwrap();
    one.retire(&replicas.pool, &kid(&keys, Use::Access, &replicas)).await.unwrap();

    let now = replicas.outside.clock.now();
    assert!(
        access(&token, &replicas.pool, &one.of(&replicas.pool).await.unwrap(), now).is_err(),
        "here at once"
    );
    replicas.wait(REREAD);
    let now = replicas.outside.clock.now();
    let keys = two.of(&replicas.pool).await.unwrap();
    assert!(access(&token, &replicas.pool, &keys, now).is_err(), "there within 30 seconds");
    assert!(access_token(&visit.issuance(), &keys).is_ok());
}

/// E-11
#[tokio::test]
async fn known_keys_stay_in_use_while_the_directory_gives_none() {
    let replicas = Replicas::new();
    let keyring = replicas.start();
    let before = keyring.of(&replicas.pool).await.unwrap();
    let good = replicas.directory.get::<Keyset>(&replicas.key()).await.unwrap().unwrap().value;
    replicas.break_the_directory().await;
    for _ in 0..10 {
        replicas.wait(REREAD);
        assert_eq!(keyring.of(&replicas.pool).await.unwrap().jwks(), before.jwks());
    }
    let fresh = replicas.start().of(&replicas.pool).await.unwrap_err();
    assert!(matches!(&fresh, KeyringError::Store(_)), "a replica that starts now has no keys: {fresh}");
    assert_eq!(fresh.code(), "store_record_corrupt");

    let key = replicas.key();
    let repair = Batch::new(key.partition()).put(
        &key,
        replicas.directory.encode(&key, &good),
        Life::Forever,
        Expect::Any,
    );
    assert_eq!(replicas.directory.store.commit(repair).await.unwrap(), CommitOutcome::Committed);
    let added = replicas.start().rotate(&replicas.pool).await.unwrap().added;
    for _ in 0..50 {
        replicas.wait(REREAD);
        let keys = keyring.of(&replicas.pool).await.unwrap();
        if published(&keys).contains(&added[0]) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the keyring did not recover");
}

/// A fail-over that lost the newest write does not cost the pool its keys: tokens already issued stay valid.
#[tokio::test]
async fn a_lost_set_is_put_back_by_a_replica_that_knows_it() {
    let replicas = Replicas::new();
    let keyring = replicas.start();
    let before = keyring.of(&replicas.pool).await.unwrap();
    replicas.directory.store.take(&replicas.key()).await.unwrap();
    replicas.wait(REREAD);
    assert_eq!(keyring.of(&replicas.pool).await.unwrap().jwks(), before.jwks());
    assert_eq!(replicas.start().of(&replicas.pool).await.unwrap().jwks(), before.jwks());
}

/// E-30, E-31
#[tokio::test]
async fn a_dump_of_the_directory_holds_no_readable_key() {
    let replicas = Replicas::new();
    let keys = replicas.start().of(&replicas.pool).await.unwrap();
    let stored = replicas.directory.store.get(&replicas.key()).await.unwrap().unwrap().value;
    let text = String::from_utf8_lossy(&stored);
    assert!(!text.contains("private") && !text.contains(&kid(&keys, Use::Id, &replicas)));
    let thief = Records::new(
        replicas.directory.store.clone(),
        Seal::new(&SecretKeyBytes::generate(&replicas.outside.random)),
        replicas.outside.random.clone(),
    );
    assert!(Keyring::new(thief, replicas.outside.clone()).of(&replicas.pool).await.is_err());
}

#[tokio::test]
async fn a_kid_that_nobody_has_cannot_be_retired() {
    let replicas = Replicas::new();
    let keyring = replicas.start();
    assert!(keyring.retire(&replicas.pool, "nobody").await.is_err(), "before there are keys");
    keyring.of(&replicas.pool).await.unwrap();
    assert_eq!(keyring.retire(&replicas.pool, "nobody").await.unwrap_err().code(), "keyset_unknown_kid");
    assert_eq!(keyring.stored(&replicas.pool.id).await.unwrap().unwrap().keys.len(), 2);
}

fn published(keys: &PoolKeys) -> String {
    String::from_utf8_lossy(&keys.jwks().body).into_owned()
}
