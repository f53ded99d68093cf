//! Flows and sessions in the store: taken once, bound, ended.

use std::time::Duration;

use symbolon::flow::binding::BrowserBinding;
use symbolon::flow::request;
use symbolon::flow::state::{Flow, WrongStep};
use symbolon::model::ids::{ClientId, SessionId, Sub};
use symbolon::model::pool::Pool;
use symbolon::model::session::{Epoch, Session, SignIn};
use symbolon::model::time::Timestamp;
use symbolon::outside::Outside;
use symbolon::store::record::Records;
use symbolon::store::seal::{Seal, SecretKeyBytes};
use symbolon::store::sessions::{self, SessionRef};
use symbolon::store::{Batch, CommitOutcome, Expect, Key, Life, Role, Store, flows};

use crate::sample;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct World {
    outside: Outside,
    records: Records,
    seal: Seal,
    pool: Pool,
}

fn world() -> World {
    let outside = Outside::fake(NOW, 7);
    let seal = Seal::new(&SecretKeyBytes::generate(&outside.random));
    let store = Store::memory(Role::State, outside.clock.clone(), outside.random.clone());
    World {
        records: Records::new(store, seal.clone(), outside.random.clone()),
        pool: sample::pool(),
        outside,
        seal,
    }
}

impl World {
    fn flow(&self) -> Flow {
        let parameters = sample::authorization_request();
        let (request, _) = request::check(&self.pool, &parameters, |_, _| None).unwrap();
        let reference = symbolon::model::ids::ReferenceId::from_random(self.outside.random.bytes());
        Flow::start(
            &self.pool,
            request,
            reference,
            BrowserBinding::to("this browser"),
            self.outside.clock.now(),
        )
    }

    async fn session(&self) -> (Session, String, SessionRef) {
        let id = SessionId::from_random(self.outside.random.bytes());
        let session = Session {
            sid: id.clone(),
            id,
            sub: Sub::from_random([5; 16]),
            sign_in: SignIn { at: NOW, provider: None, amr: Vec::new() },
            last_used: NOW,
            expires: NOW.plus(self.pool.session.absolute),
            epoch: Epoch::default(),
            clients: Vec::new(),
            upstream: None,
        };
        let cookie = sessions::create(&self.records, &self.seal, &self.pool, &session).await.unwrap();
        let reference = SessionRef::open(&self.seal, &self.pool.id, &cookie).unwrap();
        (session, cookie, reference)
    }
}

/// B-01
#[tokio::test]
async fn of_many_answers_to_one_sign_in_exactly_one_is_taken() {
    let world = world();
    let handle = flows::begin(&world.records, &world.outside.random, &world.flow()).await.unwrap();
    let mut taken = 0;
    for _ in 0..20 {
        taken += usize::from(flows::take(&world.records, &handle).await.is_ok());
    }
    assert_eq!(taken, 1);
}

/// B-01, D-12
#[tokio::test]
async fn a_sign_in_goes_on_only_in_its_browser_its_pool_and_its_time() {
    let world = world();
    let flow = world.flow();
    let now = world.outside.clock.now();
    let this = ["this browser".to_owned()];
    assert_eq!(flow.check(&world.pool.id, &this, now), Ok(()));
    assert_eq!(
        flow.check(&world.pool.id, &["another browser".to_owned()], now),
        Err(WrongStep::OtherBrowser)
    );
    assert_eq!(flow.check(&world.pool.id, &[], now), Err(WrongStep::OtherBrowser));
    let other = symbolon::model::ids::PoolId::parse("eu-west-1_Other").unwrap();
    assert_eq!(flow.check(&other, &this, now), Err(WrongStep::OtherPool));
    assert_eq!(flow.check(&world.pool.id, &this, flow.expires), Err(WrongStep::Expired));
}

/// D-07
#[tokio::test]
async fn a_sign_in_is_gone_from_the_store_when_its_time_is_over() {
    let world = world();
    let handle = flows::begin(&world.records, &world.outside.random, &world.flow()).await.unwrap();
    world.outside.clock.advance(world.pool.flow_lifetime);
    assert!(matches!(flows::load(&world.records, &handle).await, Err(flows::FlowError::NotFound)));
}

/// D-09
#[tokio::test]
async fn a_session_cookie_cannot_be_edited_or_carried_to_another_pool() {
    let world = world();
    let (_, cookie, _) = world.session().await;
    let other = symbolon::model::ids::PoolId::parse("eu-west-1_Other").unwrap();
    assert!(SessionRef::open(&world.seal, &other, &cookie).is_none());
    for place in 0..cookie.len() {
        let mut edited: Vec<u8> = cookie.clone().into_bytes();
        edited[place] = if edited[place] == b'A' { b'B' } else { b'A' };
        assert!(
            SessionRef::open(&world.seal, &world.pool.id, std::str::from_utf8(&edited).unwrap()).is_none(),
            "byte {place}"
        );
    }
}

/// D-13, D-15
#[tokio::test]
async fn an_ended_session_stays_ended_whatever_touches_it_afterwards() {
    let world = world();
    let (_, _, reference) = world.session().await;
    let live = sessions::load(&world.records, &world.pool, &reference, NOW).await.unwrap().unwrap();
    assert!(sessions::end(&world.records, &reference).await.unwrap().is_some());
    let client = ClientId::parse("web").unwrap();
    sessions::touch(&world.records, &world.pool, &live, &client, NOW.plus(Duration::from_secs(600)))
        .await
        .unwrap();
    assert!(sessions::load(&world.records, &world.pool, &reference, NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn a_used_session_lives_on_but_not_past_its_absolute_end() {
    let world = world();
    let (session, _, reference) = world.session().await;
    let client = ClientId::parse("web").unwrap();
    let step = world.pool.session.idle / 2;
    while world.outside.clock.now().plus(step) < session.expires {
        world.outside.clock.advance(step);
        let now = world.outside.clock.now();
        let live = sessions::load(&world.records, &world.pool, &reference, now)
            .await
            .unwrap()
            .expect("a session in use lives on");
        sessions::touch(&world.records, &world.pool, &live, &client, now).await.unwrap();
    }
    world.outside.clock.advance(step);
    assert!(
        sessions::load(&world.records, &world.pool, &reference, world.outside.clock.now())
            .await
            .unwrap()
            .is_none()
    );
}

/// the record of a session is bounded, and being one app too many keeps nobody out.
#[tokio::test]
async fn a_session_serves_more_apps_than_it_can_name() {
    let world = world();
    let (_, _, reference) = world.session().await;
    for number in 0..60 {
        let now = world.outside.clock.now();
        let live = sessions::load(&world.records, &world.pool, &reference, now).await.unwrap().unwrap();
        let client = ClientId::parse(&format!("{number:0>120}")).unwrap();
        sessions::touch(&world.records, &world.pool, &live, &client, now).await.unwrap();
        world.outside.clock.advance(world.pool.session.idle / 5);
        if number % 3 == 0 {
            world.outside.clock.advance(std::time::Duration::from_secs(1));
        }
    }
}

/// D-14: a record of another version of the broker, or one that was tampered with, is no session and no
/// error.
#[tokio::test]
async fn a_session_that_cannot_be_read_is_none() {
    let world = world();
    let (session, _, reference) = world.session().await;
    let key = Key::session(&world.pool.id, &session.sub, &session.id);
    let write = async |value: symbolon::store::Value| {
        let batch = Batch::new(key.partition()).put(&key, value, Life::Until(session.expires), Expect::Any);
        assert_eq!(world.records.store.commit(batch).await.unwrap(), CommitOutcome::Committed);
    };
    for value in [world.records.encode(&key, &"another shape"), b"not sealed".to_vec().into()] {
        write(value.clone()).await;
        assert_eq!(sessions::load(&world.records, &world.pool, &reference, NOW).await.unwrap(), None);
        assert_eq!(sessions::end(&world.records, &reference).await.unwrap(), None);
    }
}
