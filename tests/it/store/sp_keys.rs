//! The keys that a pool shows to SAML identity providers, on every engine and across replicas.

use std::time::Duration;

use symbolon::outside::Outside;
use symbolon::store::record::Records;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::sp_keys::{LEAD, SpKeyring};
use symbolon::store::{Batch, CommitOutcome, Expect, Key, Life, Role};

use super::{KINDS, Kind, World, pool};

/// Replicas of one broker over one directory.
struct Replicas {
    world: World,
    directory: Records,
}

impl Replicas {
    async fn new(kind: Kind) -> Self {
        let world = World::new(kind, Role::Directory).await;
        let outside = Outside::of(world.clock.clone(), symbolon::outside::random::Random::Real);
        let seal = Seal::new(&SecretKeyBytes::generate(&outside.random));
        let directory = Records::new(world.store.clone(), seal, outside.random);
        Self { world, directory }
    }

    fn start(&self) -> SpKeyring {
        let outside = Outside::of(self.world.clock.clone(), symbolon::outside::random::Random::Real);
        SpKeyring::new(self.directory.clone(), outside)
    }
}

fn fingerprints(certificates: &[symbolon::protocol::saml::certificate::Certificate]) -> Vec<String> {
    certificates.iter().map(|certificate| certificate.fingerprint().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_share_one_pair_of_keys() {
    for kind in KINDS {
        let replicas = Replicas::new(kind).await;
        let starts = (0..4).map(|_| {
            let keyring = replicas.start();
            tokio::spawn(
                async move { fingerprints(&keyring.of(&pool()).await.unwrap().signing_certificates) },
            )
        });
        let mut seen = Vec::new();
        for start in starts.collect::<Vec<_>>() {
            seen.push(start.await.unwrap());
        }
        seen.dedup();
        assert_eq!((seen.len(), seen[0].len()), (1, 1), "one certificate for all");
    }
}

#[tokio::test]
async fn the_certificates_live_ten_years_and_the_keys_have_one_use_each() {
    let replicas = Replicas::new(Kind::Memory).await;
    let keys = replicas.start().of(&pool()).await.unwrap();
    let signing = &keys.signing_certificates[0];
    assert_eq!(signing, keys.signing.certificate());
    assert_ne!(signing.public_key().key_type(), symbolon::protocol::saml::certificate::KeyType::P256);
    assert_eq!(signing.subject(), "CN=Symbolon eu-west-1_A");
    let now = replicas.world.clock.now();
    assert!(
        signing.not_before() < now && signing.not_after().since(now) > Duration::from_secs(10 * 365 * 86_400)
    );
    assert_ne!(signing, &keys.encryption_certificate, "C-46: another key decrypts");
}

/// C-46
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_before_it_signs_and_an_old_one_still_decrypts() {
    for kind in KINDS {
        let replicas = Replicas::new(kind).await;
        let (one, two) = (replicas.start(), replicas.start());
        let before = one.of(&pool()).await.unwrap();
        let set = two.rotate(&pool(), false).await.unwrap();
        assert_eq!(set, one.rotate(&pool(), false).await.unwrap(), "rotating twice is rotating once");
        let between = two.of(&pool()).await.unwrap();
        assert_eq!(between.signing.certificate(), before.signing.certificate());
        assert_eq!((between.signing_certificates.len(), between.decryption.len()), (2, 2));
        assert_ne!(
            between.encryption_certificate, before.encryption_certificate,
            "assertions are encrypted for the newest"
        );
        replicas.world.clock.advance(LEAD);
        let after = one.of(&pool()).await.unwrap();
        assert_eq!(Some(after.signing.certificate()), between.signing_certificates.last());
        assert_eq!((after.signing_certificates.len(), after.decryption.len()), (1, 2));
    }
}

#[tokio::test]
async fn an_administrator_who_cannot_wait_signs_with_the_new_key_at_once() {
    let replicas = Replicas::new(Kind::Memory).await;
    let keyring = replicas.start();
    let before = keyring.of(&pool()).await.unwrap();
    keyring.rotate(&pool(), false).await.unwrap();
    keyring.rotate(&pool(), true).await.unwrap();
    let after = keyring.of(&pool()).await.unwrap();
    assert_ne!(after.signing.certificate(), before.signing.certificate());
    assert_eq!(after.decryption.len(), 2, "the waiting pair took over, no third was made");
    for _ in 0..3 {
        keyring.rotate(&pool(), true).await.unwrap();
    }
    assert_eq!(keyring.of(&pool()).await.unwrap().decryption.len(), 3, "the oldest is forgotten");
}

#[tokio::test]
async fn known_keys_stay_in_use_while_the_directory_gives_none_and_are_put_back_when_it_lost_them() {
    let replicas = Replicas::new(Kind::Memory).await;
    let keyring = replicas.start();
    let before = fingerprints(&keyring.of(&pool()).await.unwrap().signing_certificates);
    let key = Key::sp_keys(&pool());
    let write = Batch::new(key.partition()).put(&key, b"unreadable".to_vec(), Life::Forever, Expect::Any);
    assert_eq!(replicas.directory.store.commit(write).await.unwrap(), CommitOutcome::Committed);
    replicas.world.clock.advance(Duration::from_secs(60));
    assert_eq!(fingerprints(&keyring.of(&pool()).await.unwrap().signing_certificates), before);
    assert!(replicas.start().of(&pool()).await.is_err(), "who never knew keys has none");
    let lose = Batch::new(key.partition()).delete(&key, Expect::Any);
    assert_eq!(replicas.directory.store.commit(lose).await.unwrap(), CommitOutcome::Committed);
    replicas.world.clock.advance(Duration::from_secs(60));
    keyring.of(&pool()).await.unwrap();
    assert_eq!(fingerprints(&replicas.start().of(&pool()).await.unwrap().signing_certificates), before);
}

/// E-30
#[tokio::test]
async fn a_dump_of_the_directory_holds_no_readable_key() {
    let replicas = Replicas::new(Kind::Memory).await;
    replicas.start().of(&pool()).await.unwrap();
    let stored = replicas.directory.store.get(&Key::sp_keys(&pool())).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&stored.value);
    assert!(!text.contains("private") && !text.contains("certificate") && !text.contains("MII"));
}
