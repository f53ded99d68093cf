//! A store that was restored or emptied, and everybody signed out by hand: nothing that ended works again,
//! and people are who they were.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use serde_json::Value;
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use symbolon::store::{FRESH, Key, Role, Store, StoreSettings, StoreUrl};
use symbolon::user_pool::sign_out::sign_out_everywhere;

use super::{Kind, Redis, World, pool};
use crate::support::broker::app::Tokens;
use crate::support::broker::{AppUnderTest, Ask, Broker, Builder, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{FakeIdp, Person};
use crate::support::redis::RedisOptions;
use crate::support::redis_groups::Cluster;

/// More than a fail-over may lose.
const MANY_BEATS: usize = 20;

struct Office {
    clock: Clock,
    acme: FakeIdp,
    redis: Redis,
    broker: Broker,
}

/// Somebody at one app, with a browser and tokens.
struct Visitor {
    browser: Browser,
    tokens: Tokens,
}

impl Office {
    async fn on(redis: Redis) -> Self {
        let clock = Clock::fake(Timestamp::from_millis(Clock::Real.now().millis()));
        let acme = FakeIdp::oidc(&clock).await;
        let broker = Self::builder(&clock, &acme, &redis).start().await;
        Self { clock, acme, redis, broker }
    }

    fn builder(clock: &Clock, acme: &FakeIdp, redis: &Redis) -> Builder {
        let shop = client("shop").with("rotation = true").with("rotation_grace = \"0s\"");
        Broker::builder(clock).store(&redis.url()).sealed().client(shop).provider(provider("Acme", acme))
    }

    fn app(&self) -> AppUnderTest {
        self.broker.app("shop")
    }

    async fn signs_in(&self, name: &str) -> Visitor {
        self.acme.signs_in(Person::new(name, name, &format!("{name}@example.org")));
        let mut browser = Browser::new(&self.clock);
        let tokens = browser.signs_in(&self.app(), "Acme").await;
        Visitor { browser, tokens }
    }

    /// Somebody who has signed in, and whose app has not redeemed the code.
    async fn waits_with_a_code(&self, name: &str) -> (Ask, String) {
        self.acme.signs_in(Person::new(name, name, &format!("{name}@example.org")));
        let (ask, mut browser) = (self.app().asks().at("Acme"), Browser::new(&self.clock));
        browser.opens(ask.url()).await;
        let code = self.app().takes_code(&ask, browser.page());
        (ask, code)
    }

    async fn time_goes_on(&self) {
        for _ in 0..MANY_BEATS {
            self.broker.app.state.store.beat().await.unwrap();
        }
    }

    async fn is_back(&self) {
        for _ in 0..100 {
            if self.broker.app.state.store.ping().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("Redis never came back");
    }

    async fn is_signed_out(&self, visitor: &mut Visitor) {
        let ask = self.app().asks().with("prompt", "none");
        visitor.browser.opens(ask.url()).await.is_refused_with("login_required", &self.app().redirect_uri);
        let app = self.app();
        app.refreshes(&visitor.tokens.refresh_token).await.is_refused_with(400, "invalid_grant");
        for token in [&visitor.tokens.access_token, &visitor.tokens.refresh_token] {
            assert_eq!(app.introspects(token).await.body["active"], Value::Bool(false));
        }
        assert_eq!(app.user_info(&visitor.tokens.access_token).await.status, 401);
    }

    /// Straight after, in a fresh browser and in the old one.
    async fn signs_in_again(&self, name: &str, before: &Tokens) {
        let again = self.signs_in(name).await;
        assert_eq!(again.tokens.id["sub"], before.id["sub"], "the same user");
        assert_eq!(self.app().refreshes(&again.tokens.refresh_token).await.status, 200);
    }
}

async fn stays_signed_in(office: &Office, visitor: &mut Visitor) {
    let ask = office.app().asks().with("prompt", "none");
    visitor.browser.opens(ask.url()).await;
    office.app().takes_code(&ask, visitor.browser.page());
    let refreshed = office.app().refreshes(&visitor.tokens.refresh_token).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    refreshed.body["refresh_token"].as_str().unwrap().clone_into(&mut visitor.tokens.refresh_token);
}

/// H-10: an older snapshot is put into Redis under a running broker, which notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_spent_or_revoked_since_a_snapshot_of_redis_works_after_it_was_put_back() {
    let mut office = Office::on(Redis::start()).await;
    let app = office.app();
    let (mut ada, mut eve, mut bob) =
        (office.signs_in("ada").await, office.signs_in("eve").await, office.signs_in("bob").await);
    let (ask, code) = office.waits_with_a_code("carol").await;
    let (unspent_ask, unspent) = office.waits_with_a_code("dan").await;
    office.redis.snapshot();

    let carol = app.redeems(&ask, &code).await.tokens(&app).await;
    let rotated = app.refreshes(&ada.tokens.refresh_token).await.tokens(&app).await;
    eve.browser
        .opens(format!("{}/logout?client_id=shop&logout_uri=https://shop.example/", office.broker.url))
        .await;
    app.revokes(&eve.tokens.refresh_token).await;
    let sub = symbolon::model::ids::Sub::parse(bob.tokens.id["sub"].as_str().unwrap()).unwrap();
    sign_out_everywhere(&office.broker.app, &office.broker.app.pools()[0].pool, &sub).await.unwrap();
    office.time_goes_on().await;
    office.redis.restore();
    office.is_back().await;

    for (ask, code) in [(&ask, &code), (&unspent_ask, &unspent)] {
        app.redeems(ask, code).await.is_refused_with(400, "invalid_grant");
    }
    for token in [&carol.refresh_token, &rotated.refresh_token] {
        app.refreshes(token).await.is_refused_with(400, "invalid_grant");
    }
    for somebody in [&mut ada, &mut eve, &mut bob] {
        office.is_signed_out(somebody).await;
    }
    office.signs_in_again("ada", &ada.tokens).await;
    office.signs_in_again("bob", &bob.tokens).await;
}

/// H-10: nobody who remembers is left; the operator signs everybody out before people come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_that_no_process_saw_one_command_makes_it_worthless() {
    let mut office = Office::on(Redis::start()).await;
    let mut ada = office.signs_in("ada").await;
    office.redis.snapshot();
    office.app().refreshes(&ada.tokens.refresh_token).await.tokens(&office.app()).await;
    office.redis.restore();
    office.broker = Office::builder(&office.clock, &office.acme, &office.redis).start().await;
    office.broker.app.state.store.sign_everybody_out(None).await.unwrap();
    office.is_signed_out(&mut ada).await;
    office.signs_in_again("ada", &ada.tokens).await;
}

/// H-10: everything is gone, under a broker that runs, and the directory with it: nothing fails, and people
/// sign in with the `sub` that the seal key gives them, under the signing keys that the broker still knows
/// and puts back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_emptied_signs_everybody_out_and_nothing_fails() {
    for beats in [false, true] {
        let office = Office::on(Redis::start()).await;
        let mut ada = office.signs_in("ada").await;
        let (ask, code) = office.waits_with_a_code("carol").await;
        if beats {
            office.time_goes_on().await;
        }
        office.redis.command(&["FLUSHALL"]);
        office.is_signed_out(&mut ada).await;
        office.app().redeems(&ask, &code).await.is_refused_with(400, "invalid_grant");
        // Signing keys are looked for again after half a minute.
        office.clock.advance(Duration::from_secs(31));
        let again = office.signs_in("ada").await;
        assert_eq!(again.tokens.id["sub"], ada.tokens.id["sub"]);
        assert_eq!(office.app().refreshes(&again.tokens.refresh_token).await.status, 200);
        assert_eq!(
            office.app().verifies(&ada.tokens.id_token).await.unwrap()["sub"],
            ada.tokens.id["sub"],
            "apps find the same keys"
        );
        assert_ne!(office.redis.command(&["KEYS", "{*}k*"]), "", "and they are in the store again");
    }
}

/// H-02, H-05: what an ordinary restart or a fail-over does is no restore.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_signed_out_by_a_redis_that_restarts_or_loses_its_last_seconds() {
    let durable = || RedisOptions::default().directive("appendonly yes").directive("appendfsync always");
    let mut office = Office::on(durable().start()).await;
    let mut ada = office.signs_in("ada").await;
    office.time_goes_on().await;
    for _ in 0..2 {
        office.redis.kill();
        office.redis.start_again();
        office.is_back().await;
        stays_signed_in(&office, &mut ada).await;
    }
    let mut office = Office::on(Redis::start()).await;
    let mut ada = office.signs_in("ada").await;
    office.time_goes_on().await;
    office.redis.snapshot();
    for _ in 0..10 {
        office.broker.app.state.store.beat().await.unwrap();
    }
    office.redis.restore();
    office.is_back().await;
    stays_signed_in(&office, &mut ada).await;
}

/// H-10: a sign-out that a fail-over took back is not forgotten by who knew of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_everybody_was_signed_out_outlives_the_loss_of_it() {
    let mut office = Office::on(Redis::start()).await;
    let mut ada = office.signs_in("ada").await;
    office.redis.snapshot();
    office.broker.app.state.store.sign_everybody_out(None).await.unwrap();
    office.is_signed_out(&mut ada).await;
    office.redis.restore();
    office.is_back().await;
    office.is_signed_out(&mut ada).await;
    office.signs_in_again("ada", &ada.tokens).await;
}

/// H-10: the other replica need not be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replica_obeys_within_two_seconds() {
    let office = Office::on(Redis::start()).await;
    let mut ada = office.signs_in("ada").await;
    let elsewhere = Office::builder(&office.clock, &office.acme, &office.redis).seed(2).start().await;
    elsewhere.app.state.store.sign_everybody_out(None).await.unwrap();
    office.clock.advance(FRESH);
    office.is_signed_out(&mut ada).await;
    office.signs_in_again("ada", &ada.tokens).await;
}

/// H-10, H-47
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_era_is_of_all_pools_or_of_one_and_goes_on_from_process_to_process_on_every_engine() {
    for kind in [Kind::Memory, Kind::File, Kind::Redis, Kind::Sentinels, Kind::Cluster] {
        let world = World::new(kind, Role::State).await;
        let other = symbolon::model::ids::PoolId::parse("eu-west-1_B").unwrap();
        let eras = async || {
            (
                world.store.sign_out_generation(&pool()).await.unwrap(),
                world.store.sign_out_generation(&other).await.unwrap(),
            )
        };
        let first = eras().await;
        world.store.sign_everybody_out(Some(&other)).await.unwrap();
        assert_eq!(eras().await, (first.0, first.1 + 1));
        world.store.sign_everybody_out(None).await.unwrap();
        assert_eq!(eras().await, (first.0 + 1, first.1 + 2));
        world.clock.advance(FRESH);
        assert_eq!(eras().await, (first.0 + 1, first.1 + 2), "as the store says");
    }
}

/// H-07: one node of a cluster does not answer, the one that says who is signed out; the others are served
/// for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_on_for_a_moment_without_the_node_that_counts_the_sign_outs() {
    let mut redis = Cluster::start();
    let clock = Clock::fake(Timestamp::from_millis(Clock::Real.now().millis()));
    let deadline = Duration::from_millis(500);
    let settings =
        StoreSettings { deadline, ..StoreSettings::new(StoreUrl::parse(&redis.url()).unwrap(), Role::State) };
    let store = Store::open(&settings, clock.clone(), Random::Real).await.unwrap();
    store.beat().await.unwrap();
    let era = store.sign_out_generation(&pool()).await.unwrap();
    let node = redis.master_of(&Key::sign_out_generations().to_string());
    node.pause();
    clock.advance(FRESH);
    assert_eq!(store.sign_out_generation(&pool()).await, Ok(era), "what was known a moment ago");
    clock.advance(store.obeyed_within());
    assert!(store.sign_out_generation(&pool()).await.is_err(), "and is no longer believed");
    node.resume();
}

/// Whoever is told that the store can be used can use it: the failure of a moment ago does not linger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_again_is_used_at_once() {
    let office = Office::on(Redis::start()).await;
    let ada = office.signs_in("ada").await;
    office.redis.pause();
    office.clock.advance(FRESH * 2);
    assert_eq!(office.app().refreshes(&ada.tokens.refresh_token).await.status, 503);
    let era = office.broker.app.state.store.sign_out_generation(&pool()).await;
    office.redis.resume();
    assert!(era.is_err(), "it is known for too long");
    office.is_back().await;
    office.app().refreshes(&ada.tokens.refresh_token).await.tokens(&office.app()).await;
}
