//! The life of a signing key: published before it signs, verifying after, out at once in an emergency.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use symbolon::model::pool::{Pool, SigningAlgorithm};
use symbolon::model::time::Timestamp;
use symbolon::outside::keygen::generate_one;
use symbolon::token::issue::access_token;
use symbolon::token::keyset::{AFTERLIFE, JWKS_MAX_AGE, Keyset, KeysetError, LEAD, State, Use, Uses};
use symbolon::token::pool_keys::PoolKeys;
use symbolon::token::verify::access;

use super::world::{NOW, Visit, fresh, pool};

/// A pool with keys that are quick to make.
fn quick() -> Pool {
    pool("eu-west-1_Example01", SigningAlgorithm::Es256)
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn kid_of(set: &Keyset, usage: Use, now: Timestamp) -> String {
    set.signing(usage, now).unwrap().kid.clone()
}

fn state_of(set: &Keyset, kid: &str, now: Timestamp) -> State {
    set.state(set.keys.iter().find(|key| key.kid == kid).unwrap(), now)
}

fn published(set: &Keyset, now: Timestamp) -> Vec<String> {
    let body: Value = serde_json::from_slice(&PoolKeys::new(set.clone(), now).unwrap().jwks().body).unwrap();
    body["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_pools_first_keys_sign_at_once_one_for_each_kind_of_token() {
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let (id, access) = (kid_of(&set, Use::Id, NOW), kid_of(&set, Use::Access, NOW));
    assert_ne!(id, access);
    assert_eq!(published(&set, NOW), [id, access]);

    let mut shared = quick();
    shared.separate_keys = false;
    let set = Keyset::create(fresh(&shared), NOW).unwrap();
    assert_eq!(kid_of(&set, Use::Id, NOW), kid_of(&set, Use::Access, NOW));
}

/// E-10
#[test]
fn a_new_key_is_published_for_longer_than_clients_cache_before_it_signs() {
    assert!(LEAD > JWKS_MAX_AGE);
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let old = kid_of(&set, Use::Access, NOW);
    let set = set.rotate(fresh(&quick()), NOW).unwrap();
    let new = set.upcoming(NOW).find(|key| key.uses == Uses::Access).unwrap().kid.clone();
    assert!(published(&set, NOW).contains(&new));

    let before = NOW.plus(LEAD).minus(Duration::from_millis(1));
    assert_eq!(kid_of(&set, Use::Access, before), old);
    assert_eq!(kid_of(&set, Use::Access, NOW.plus(LEAD)), new);
    assert_eq!(
        (state_of(&set, &new, before), state_of(&set, &new, NOW.plus(LEAD))),
        (State::Next, State::Active)
    );
    assert_eq!(
        (state_of(&set, &old, before), state_of(&set, &old, NOW.plus(LEAD))),
        (State::Active, State::Retired)
    );
}

/// E-10: a token made in the last moment of the old key, with the longest life there is, is accepted until it
/// expires.
#[test]
fn the_old_key_verifies_until_its_last_token_dies() {
    let mut visit = Visit { pool: quick(), ..Visit::with_scopes("openid") };
    for client in visit.pool.clients.values_mut() {
        client.lifetimes.access_token = secs(24 * 3600);
    }
    let set = Keyset::create(fresh(&visit.pool), NOW).unwrap().rotate(fresh(&visit.pool), NOW).unwrap();
    visit.now = NOW.plus(LEAD).minus(Duration::from_millis(1));
    let token = access_token(&visit.issuance(), &PoolKeys::new(set.clone(), visit.now).unwrap()).unwrap();
    let last = visit.now.plus(secs(24 * 3600 - 1));
    for now in [visit.now, NOW.plus(LEAD), last] {
        let keys = PoolKeys::new(set.clone(), now).unwrap();
        assert!(access(&token, &visit.pool, &keys, now).is_ok(), "{now:?}");
    }
    let dead = NOW.plus(LEAD).plus(AFTERLIFE);
    assert_eq!(published(&set, dead.minus(Duration::from_millis(1))).len(), 4);
    assert_eq!(published(&set, dead).len(), 2);
}

/// E-10
#[test]
fn a_key_taken_out_by_hand_is_neither_published_nor_accepted_and_another_takes_over() {
    let visit = Visit { pool: quick(), ..Visit::with_scopes("openid") };
    let set = Keyset::create(fresh(&visit.pool), NOW).unwrap();
    let token = access_token(&visit.issuance(), &PoolKeys::new(set.clone(), NOW).unwrap()).unwrap();
    let stolen = kid_of(&set, Use::Access, NOW);

    let uses = set.replacement_for(&stolen, NOW).unwrap().expect("nothing else can sign access tokens");
    assert_eq!(uses, Uses::Access);
    assert_eq!(
        set.retire(&stolen, None, NOW),
        Err(KeysetError::NoSuccessor(stolen.clone())),
        "never a pool that cannot sign"
    );
    let replacement = generate_one(uses, SigningAlgorithm::Es256).unwrap();
    let after = set.retire(&stolen, Some(replacement), NOW).unwrap();

    assert_eq!(state_of(&after, &stolen, NOW), State::Revoked);
    assert_ne!(kid_of(&after, Use::Access, NOW), stolen);
    assert_eq!(kid_of(&after, Use::Id, NOW), kid_of(&set, Use::Id, NOW), "the other key goes on");
    assert!(!published(&after, NOW).contains(&stolen));
    let keys = PoolKeys::new(after.clone(), NOW).unwrap();
    assert!(access(&token, &visit.pool, &keys, NOW).is_err());
    assert!(access_token(&visit.issuance(), &keys).is_ok());
    let gone = after.keys.iter().find(|key| key.kid == stolen).unwrap();
    assert!(gone.private.is_none(), "its private half is gone from the store too");
    assert_eq!(after.retire(&stolen, None, NOW), Err(KeysetError::UnknownKid(stolen)));
}

#[test]
fn a_waiting_successor_takes_over_at_once_when_the_active_key_is_taken_out() {
    let set = Keyset::create(fresh(&quick()), NOW).unwrap().rotate(fresh(&quick()), NOW).unwrap();
    let (id, stolen) = (kid_of(&set, Use::Id, NOW), kid_of(&set, Use::Access, NOW));
    let waiting = set.upcoming(NOW).find(|key| key.uses == Uses::Access).unwrap().kid.clone();
    assert_eq!(set.replacement_for(&stolen, NOW), Ok(None));
    let set = set.retire(&stolen, None, NOW).unwrap();
    assert_eq!(kid_of(&set, Use::Access, NOW), waiting);
    assert_eq!(kid_of(&set, Use::Id, NOW), id, "the waiting ID key still waits");
}

#[test]
fn a_waiting_or_retired_key_can_be_taken_out_without_a_replacement() {
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let old = kid_of(&set, Use::Id, NOW);
    let set = set.rotate(fresh(&quick()), NOW).unwrap();
    let waiting = set.upcoming(NOW).next().unwrap().kid.clone();
    let without = set.retire(&waiting, None, NOW).unwrap();
    assert_eq!(state_of(&without, &waiting, NOW), State::Revoked);
    assert_eq!(kid_of(&without, Use::Id, NOW.plus(LEAD)), old, "nothing replaces the old key then");

    let later = NOW.plus(LEAD);
    let without = set.retire(&old, None, later).unwrap();
    assert_eq!(state_of(&without, &old, later), State::Revoked);
    assert!(!published(&without, later).contains(&old));
}

/// A retired key never signs again, even when its successor is taken out.
#[test]
fn taking_out_a_successor_does_not_bring_back_the_key_before_it() {
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let old = kid_of(&set, Use::Access, NOW);
    let set = set.rotate(fresh(&quick()), NOW).unwrap();
    let later = NOW.plus(LEAD).plus(AFTERLIFE);
    let stolen = kid_of(&set, Use::Access, later);
    assert_eq!(state_of(&set, &old, later), State::Dead);
    let uses = set.replacement_for(&stolen, later).unwrap().unwrap();
    let set = set.retire(&stolen, Some(generate_one(uses, SigningAlgorithm::Es256).unwrap()), later).unwrap();
    assert_eq!(state_of(&set, &old, later), State::Dead);
    assert!(!published(&set, later).contains(&old));
}

#[test]
fn a_pool_may_change_its_algorithm_and_share_or_separate_its_keys_at_a_rotation() {
    let mut shared = pool("eu-west-1_Example01", SigningAlgorithm::EdDsa);
    shared.separate_keys = false;
    let set = Keyset::create(fresh(&quick()), NOW).unwrap().rotate(fresh(&shared), NOW).unwrap();
    let (now, keys) = (NOW.plus(LEAD), PoolKeys::new(set.clone(), NOW.plus(LEAD)).unwrap());
    assert_eq!(kid_of(&set, Use::Id, now), kid_of(&set, Use::Access, now));
    assert_eq!(set.signing(Use::Id, now).unwrap().algorithm, SigningAlgorithm::EdDsa);
    assert_eq!(
        keys.algorithms().iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>(),
        ["ES256", "EdDSA"]
    );

    let set = set.rotate(fresh(&quick()), now).unwrap();
    let middle = kid_of(&set, Use::Id, now);
    assert_eq!(
        state_of(&set, &middle, now.plus(LEAD)),
        State::Retired,
        "two separate keys replace the shared one"
    );
    assert_ne!(kid_of(&set, Use::Id, now.plus(LEAD)), kid_of(&set, Use::Access, now.plus(LEAD)));
}

/// E-11
#[test]
fn the_published_set_carries_its_validators_and_no_private_part() {
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let (first, again) = (PoolKeys::new(set.clone(), NOW).unwrap(), PoolKeys::new(set.clone(), NOW).unwrap());
    assert_eq!(first.jwks(), again.jwks(), "the same keys have the same ETag");
    assert_eq!(first.jwks().cache_control, "public, max-age=3600");
    assert!(first.jwks().etag.starts_with(b"\"") && first.jwks().etag.ends_with(b"\""));
    let rotated = PoolKeys::new(set.rotate(fresh(&quick()), NOW).unwrap(), NOW).unwrap();
    assert_ne!(first.jwks().etag, rotated.jwks().etag);
    let body: Value = serde_json::from_slice(&rotated.jwks().body).unwrap();
    for key in body["keys"].as_array().unwrap() {
        let names: Vec<&String> = key.as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
}

#[test]
fn a_stored_set_reads_back_and_does_not_print_its_keys() {
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let stored = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<Keyset>(&stored).unwrap(), set);
    assert!(format!("{set:?}").contains("[redacted]"));
}

/// A clock that was set back, or ahead when the keys were made, keeps nobody from signing: the first key is
/// published already.
#[test]
fn while_the_clock_stands_before_the_making_of_the_keys_the_first_of_them_signs() {
    let before = NOW.minus(Duration::from_secs(86_400));
    let set = Keyset::create(fresh(&quick()), NOW).unwrap();
    let first = [Use::Id, Use::Access].map(|usage| kid_of(&set, usage, NOW));
    let set = set.rotate(fresh(&quick()), NOW.plus(secs(60))).unwrap();
    for at in [before, NOW.minus(Duration::from_millis(1)), NOW] {
        assert_eq!([Use::Id, Use::Access].map(|usage| kid_of(&set, usage, at)), first);
        assert_eq!(
            PoolKeys::new(set.clone(), at).unwrap().signing(Use::Id, at).unwrap().kid(),
            Some(first[0].as_str())
        );
        assert!(published(&set, at).contains(&first[0]) && published(&set, at).contains(&first[1]));
    }
    let taken_out = set.retire(&first[1], None, before).unwrap();
    let next = kid_of(&taken_out, Use::Access, before);
    assert!(next != first[1] && !published(&taken_out, before).contains(&first[1]));
    assert_eq!(kid_of(&taken_out, Use::Access, NOW.plus(secs(60)).plus(LEAD)), next, "and it stays");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is rotated and retired when: both uses always have exactly one active key, and what is
    /// neither dead nor taken out is published.
    #[test]
    fn a_pool_can_always_sign_and_only_with_published_keys(steps in prop::collection::vec((0_u64..100_000,
        any::<prop::sample::Index>(), 0_u8..4), 1..12)) {
        let pool = pool("eu-west-1_Example01", SigningAlgorithm::EdDsa);
        let mut now = NOW;
        let mut set = Keyset::create(fresh(&pool), now).unwrap();
        for (wait, which, step) in steps {
            now = now.plus(secs(wait));
            let live: Vec<String> =
                set.keys.iter().filter(|key| !matches!(set.state(key, now),
                    State::Revoked | State::Dead)).map(|key| key.kid.clone()).collect();
            let before: Vec<State> = set.keys.iter().map(|key| set.state(key, now)).collect();
            if step == 0 {
                let kid = which.get(&live);
                let new = set.replacement_for(kid, now).unwrap().map(|uses| generate_one(uses,
                    pool.signing).unwrap());
                set = set.retire(kid, new, now).unwrap();
                prop_assert!(!published(&set, now).contains(kid));
            } else if set.upcoming(now).next().is_none() {
                set = set.rotate(fresh(&pool), now).unwrap();
                prop_assert!(!before.contains(&State::Next));
            }
            for usage in [Use::Id, Use::Access] {
                let kid = kid_of(&set, usage, now);
                prop_assert!(published(&set, now).contains(&kid));
                prop_assert_eq!(state_of(&set, &kid, now), State::Active);
                let active = set.keys.iter().filter(|key| key.uses.contains(usage) && set.state(key,
                    now) == State::Active).count();
                prop_assert_eq!(active, 1);
            }
            for key in &set.keys {
                let hidden = matches!(set.state(key, now), State::Revoked | State::Dead);
                prop_assert_eq!(published(&set, now).contains(&key.kid), !hidden);
            }
        }
    }
}
