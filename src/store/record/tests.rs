//! Records read back, bound to their key; what this release does not know is kept, or refused.

use serde_json::{Value as Json, json};

use super::super::kind::Kind;
use super::super::seal::SecretKeyBytes;
use super::super::{Batch, CommitOutcome, Expect, Life, Role};
use super::*;
use crate::model::fault::Refusal;
use crate::model::ids::{PoolId, Sub};
use crate::model::time::Timestamp;
use crate::model::unknown::MUST;
use crate::model::user::User;
use crate::outside::clock::Clock;

pub(super) fn records() -> Records {
    let store = Store::memory(Role::State, Clock::fake(Timestamp::from_secs(0)), Random::Real);
    Records::new(store, Seal::new(&SecretKeyBytes::generate(&Random::fake(1))), Random::Real)
}

/// The plain bytes as another release may have written them, read under `key`.
pub(super) fn read<T: DeserializeOwned>(key: &Key, plain: &[u8]) -> Result<Record<T>, StoreError> {
    let records = records();
    records.decode(key, &entry(&records, key, plain))
}

fn entry(records: &Records, key: &Key, plain: &[u8]) -> Entry {
    let sealed = records.seal.seal(key.kind(), key.to_string().as_bytes(), plain, &Random::fake(7));
    let (stamp, value) = sealed.split_first_chunk::<STAMP>().unwrap();
    Entry { version: Version(*stamp), value: value.to_vec().into() }
}

fn plain(records: &Records, key: &Key, value: Value) -> Vec<u8> {
    let stored = value.stamped(&Version([0; STAMP]));
    let nonce_and_text = stored.get(..).unwrap();
    records.seal.open(key.kind(), key.to_string().as_bytes(), nonce_and_text).unwrap()
}

fn person() -> (PoolId, Sub) {
    (PoolId::parse("eu-west-1_A").unwrap(), Sub::from_random([9; 16]))
}

fn other_version(found: Result<impl Sized, StoreError>) -> String {
    match found.err() {
        Some(error @ StoreError::OtherVersion { .. }) => {
            assert_eq!((error.code(), error.retryable()), ("store_record_version", true));
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

/// A key of this kind.
pub(super) fn key_of(kind: Kind) -> Key {
    Key::any(kind)
}

/// The plain bytes of a record, written anew.
pub(super) fn written<T: Serialize>(key: &Key, value: &T) -> Vec<u8> {
    let records = records();
    plain(&records, key, records.encode(key, value))
}

const KINDS: [Kind; 6] = [Kind::Flow, Kind::Trial, Kind::Code, Kind::Session, Kind::Grant, Kind::Epoch];

#[test]
fn tagged_fields_of_a_later_release_are_kept_when_a_compact_record_is_written_again() {
    let records = records();
    for kind in KINDS {
        let key = key_of(kind);
        let later = TaggedFields::new(vec![(7, b"device".to_vec()), (9, Vec::new())]);
        let stored = plain(&records, &key, records.encode_again(&key, &1_u8, &later));
        let record = read::<u8>(&key, &stored).unwrap();
        assert_eq!((record.value, &record.tagged), (1, &later));
        assert_eq!(plain(&records, &key, records.encode_again(&key, &1_u8, &record.tagged)), stored);
    }
}

/// An older replica must not go on with a sign-in whose second factor is pending.
#[test]
fn what_must_be_understood_and_is_not_refuses_a_compact_record() {
    let records = records();
    for kind in KINDS {
        let key = key_of(kind);
        let factor = TaggedFields::new(vec![(1, Vec::new()), (MUST | 2, b"factor".to_vec())]);
        let stored = plain(&records, &key, records.encode_again(&key, &1_u8, &factor));
        let error = other_version(read::<u8>(&key, &stored));
        assert!(error.contains("tag 32770, which must be understood"), "{error}");
    }
}

#[test]
fn a_shape_or_form_that_is_not_known_is_refused_by_name() {
    let key = key_of(Kind::Session);
    assert!(other_version(read::<u8>(&key, &[COMPACT, 2, 1, 0])).contains("with shape 2"));
    assert!(other_version(read::<u8>(&key, &[2, 1, 0])).contains("with form 2"));
    for bad in [&[][..], &[COMPACT], &[COMPACT, 1], &[COMPACT, 1, 5], &[COMPACT, 1, 5, 0, 0], &[JSON]] {
        assert_eq!(read::<u8>(&key, bad).err(), Some(StoreError::Corrupt("session")), "{bad:?}");
    }
}

fn user(more: &Json) -> Json {
    let (_, sub) = person();
    let mut user = json!({
        "sub": sub, "username": "Acme_ada", "attributes": {}, "groups": [], "enabled": true,
        "created": 1, "modified": 2,
        "identities": [{
            "key": { "provider": "Acme", "issuer": "https://acme.example", "subject": "ada" },
            "provider_type": "OIDC", "primary": true, "created": 1, "groups": [], "linked_by": "admin",
        }],
        "status": "CONFIRMED", "preferred": { "mfa": "TOTP" },
    });
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user
}

fn json_record(text: &Json) -> Vec<u8> {
    [&[JSON], text.to_string().as_bytes()].concat()
}

/// An older replica that brings a user up to date must not delete the password that a newer one wrote.
#[test]
fn members_of_a_later_release_are_kept_when_a_user_is_written_again() {
    let (pool, sub) = person();
    let key = Key::user(&pool, &sub);
    let stored = user(&json!({}));
    let mut read = read::<User>(&key, &json_record(&stored)).unwrap().value;
    read.groups.push("staff".into());
    read.identities[0].groups.push("staff".into());
    let again: Json = serde_json::from_slice(&written(&key, &read)[1..]).unwrap();
    let mut expected = stored;
    expected["groups"] = json!(["staff"]);
    expected["identities"][0]["groups"] = json!(["staff"]);
    assert_eq!(again, expected);
    assert!(!format!("{read:?}").contains("TOTP"), "what is not known may be secret");
}

#[test]
fn what_must_be_understood_and_is_not_refuses_a_json_record() {
    let (pool, sub) = person();
    let key = Key::user(&pool, &sub);
    let pending = user(&json!({ "must": { "factor": { "pending": true } } }));
    let error = other_version(read::<User>(&key, &json_record(&pending)));
    assert!(error.contains("\"factor\", which must be understood"), "{error}");
    let nothing = user(&json!({ "must": {}, "note": "\"must\"" }));
    assert_eq!(json!(read::<User>(&key, &json_record(&nothing)).unwrap().value), nothing);
    let wrong = user(&json!({ "must": ["factor"] }));
    assert_eq!(read::<User>(&key, &json_record(&wrong)).err(), Some(StoreError::Corrupt("user")));
}

#[tokio::test]
async fn a_record_reads_back_once_it_is_taken_it_is_gone() {
    let records = records();
    let key = Key::flow("a");
    let life = Life::Until(Timestamp::from_secs(9));
    let batch = Batch::new(key.partition()).put(&key, records.encode(&key, &"value"), life, Expect::Absent);
    assert_eq!(records.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    assert_eq!(records.get::<String>(&key).await.unwrap().unwrap().value, "value");
    assert_eq!(records.take::<String>(&key).await.unwrap().unwrap().value, "value");
    assert_eq!(records.take::<String>(&key).await.unwrap(), None);
}

/// E-30: a sealed record moved to another person's key is refused.
#[tokio::test]
async fn a_record_moved_to_another_key_is_corrupt() {
    let records = records();
    let (here, there) = (Key::flow("a"), Key::flow("b"));
    let batch = Batch::new(there.partition()).put(
        &there,
        records.encode(&here, &1),
        Life::Until(Timestamp::from_secs(9)),
        Expect::Any,
    );
    assert_eq!(records.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    assert_eq!(records.get::<u8>(&there).await, Err(StoreError::Corrupt("flow")));
}

/// What a replica of an older release does with records of a newer one, of which it knows the fields only.
mod written_again {
    use super::super::super::compact_codec::{ShortFamily, ShortSession};
    use super::super::super::grants::Grants;
    use super::super::super::{flows, sessions};
    use super::*;
    use crate::flow::state::{Flow, Pending};
    use crate::model::ids::{ClientId, FamilyId, SessionId};
    use crate::model::pool::Pool;

    const CONFIG: &str = include_str!("../../../tests/campaigns/simulation/symbolon.toml");
    const ROWS: &str = include_str!("../../../tests/fixtures/records.json");

    fn pool() -> Pool {
        let config = crate::config::parse(CONFIG, "symbolon.toml", &[], &|name| Err(name.to_owned()));
        config.unwrap().pools.first().unwrap().pool.clone()
    }

    /// The first golden record of a kind.
    fn golden<T: DeserializeOwned>(kind: &str) -> T {
        let rows: Vec<Json> = serde_json::from_str(ROWS).unwrap();
        let row = rows.into_iter().find(|row| row["kind"] == kind).unwrap();
        serde_json::from_value(row["says"].clone()).unwrap()
    }

    fn later() -> TaggedFields {
        TaggedFields::new(vec![(7, b"device".to_vec())])
    }

    /// Puts a record with tagged fields of a later release under `key`.
    async fn put<T: Serialize>(records: &Records, key: &Key, value: &T) {
        let value = records.encode_again(key, value, &later());
        let life = Life::Until(Timestamp::from_secs(9_999_999_999));
        let batch = Batch::new(key.partition()).put(key, value, life, Expect::Absent);
        assert_eq!(records.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    }

    #[tokio::test]
    async fn a_session_that_is_used_again_keeps_them() {
        let (records, pool, (_, sub)) = (records(), pool(), person());
        let (id, now) = (SessionId::from_random([1; 16]), Timestamp::from_millis(1_700_000_200_000));
        let mut short = json!(golden::<ShortSession>("session"));
        short["epoch"] = Json::Null;
        let key = Key::session(&pool.id, &sub, &id);
        put(&records, &key, &serde_json::from_value::<ShortSession>(short).unwrap()).await;
        let reference = sessions::SessionRef::new(&pool.id, &sub, &id);
        let live = sessions::load(&records, &pool, &reference, now).await.unwrap().unwrap();
        sessions::touch(&records, &pool, &live, &ClientId::parse("new").unwrap(), now).await.unwrap();
        let again = records.get::<ShortSession>(&key).await.unwrap().unwrap();
        assert_eq!(again.tagged, later());
        assert_eq!(json!(again.value)["clients"], json!(["web", "spa", "new"]));
    }

    #[tokio::test]
    async fn a_family_that_is_refreshed_keeps_them() {
        let (records, pool, (_, sub)) = (records(), pool(), person());
        let seal = records.seal.clone();
        let grants = Grants { records: &records, seal: &seal, random: &Random::Real, pool: &pool };
        let id = FamilyId::from_random([3; 16]);
        let key = Key::grant(&pool.id, &sub, &id);
        put(&records, &key, &golden::<ShortFamily>("grant")).await;
        let read = grants.load(&sub, &id).await.unwrap().unwrap();
        let mut next = read.family.clone();
        next.generation += 1;
        assert_eq!(grants.replace(&sub, &read, &next).await.unwrap(), CommitOutcome::Committed);
        let again = records.get::<ShortFamily>(&key).await.unwrap().unwrap();
        assert_eq!(again.tagged, later());
        assert_eq!(json!(again.value)["generation"], 301);
    }

    #[tokio::test]
    async fn a_sign_in_that_goes_on_keeps_them() {
        let records = records();
        put(&records, &Key::flow("started"), &golden::<Flow>("flow")).await;
        let started = flows::load(&records, "started").await.unwrap();
        let pending: Pending = serde_json::from_value(golden::<Json>("trial")["pending"].clone()).unwrap();
        let handle = flows::begin(&records, &Random::Real, &started.send_to(pending)).await.unwrap();
        assert_eq!(flows::take(&records, &handle).await.unwrap().tagged, later());
    }
}
