//! An end that no replica has is acknowledged to nobody: neither to whoever brings it about nor to whoever
//! asks again and finds it done.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use symbolon::model::ids::Sub;
use symbolon::outside::clock::Clock;
use symbolon::store::{Batch, CommitOutcome, Expect, Key, Store, StoreError};
use symbolon::user_pool::sign_out::sign_out_everywhere;
use tokio::time::sleep;
use url::Url;

use super::redis_failover::{store, writes};
use super::{batch, real_life, session, sessions};
use crate::support::broker::app::TokenAnswer;
use crate::support::broker::{AppUnderTest, Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{FakeIdp, Person};
use crate::support::redis::Redis;
use crate::support::redis_groups::{Cluster, Sentinels};

/// Each question is asked over another connection in each round: there are four, and five questions.
const ROUNDS: usize = 3;
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// What ends, and how.
struct Ends {
    taken: Key,
    deleted: Key,
    seen: Key,
}

impl Ends {
    async fn new(store: &Store, keys: [Key; 3]) -> Self {
        let [taken, deleted, seen] = keys;
        for key in [&taken, &deleted] {
            writes(store, key).await;
        }
        Self { taken, deleted, seen }
    }

    fn delete(&self) -> Batch {
        batch(&self.deleted).delete(&self.deleted, Expect::Any)
    }

    fn see(&self) -> Batch {
        batch(&self.seen).put(&self.seen, b"1".to_vec(), real_life(), Expect::Absent)
    }

    /// Each way to end something, and each to find that it has ended.
    async fn acknowledged(&self, store: &Store) -> [Result<bool, StoreError>; 5] {
        let taken = store.take(&self.taken).await.map(|found| found.is_none());
        let deleted = store.commit(self.delete()).await.map(|outcome| outcome == CommitOutcome::Committed);
        let seen = store.commit(self.see()).await.map(|outcome| outcome == CommitOutcome::Conflict);
        let confirmed = store.confirmed().unwrap();
        let read = confirmed.get(&self.taken).await.map(|found| found.is_none());
        let listed = confirmed.list(&sessions(), None, 9).await.map(|page| page.members.is_empty());
        [taken, deleted, seen, read, listed]
    }

    async fn is_acknowledged_to_nobody(&self, store: &Store) {
        for round in 0..ROUNDS {
            for (question, answer) in self.acknowledged(store).await.into_iter().enumerate() {
                assert!(is_left_open(&answer), "question {question}, round {round}: {answer:?}");
            }
        }
    }

    async fn is_acknowledged_in_the_end(&self, store: &Store) {
        for _ in 0..TRIES {
            if self.acknowledged(store).await.iter().all(|answer| *answer == Ok(true)) {
                return;
            }
            sleep(PAUSE).await;
        }
        panic!("{:?}", self.acknowledged(store).await);
    }

    /// Whoever was told that it ended was told the truth.
    async fn holds(&self, store: &Store) {
        assert_eq!(store.get(&self.taken).await, Ok(None));
        assert_eq!(store.get(&self.deleted).await, Ok(None));
        assert!(store.get(&self.seen).await.unwrap().is_some());
    }
}

/// H-06: behind Sentinels, through the fail-over that follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_asked_for_again_is_acknowledged_when_a_replica_has_it() {
    let mut redis = Sentinels::start();
    let store = store(&redis.url(), 1).await;
    let ends = Ends::new(&store, [session(1), session(2), Key::mark("assertion", "acme", "1")]).await;
    with_replicas(&redis.nodes[1..], Redis::pause);
    ends.is_acknowledged_to_nobody(&store).await;
    with_replicas(&redis.nodes[1..], Redis::resume);
    ends.is_acknowledged_in_the_end(&store).await;
    // WAIT promises to speak of the writes of its own connection, so each of them is preceded by one.
    let before = sets(&redis.nodes[0]);
    assert_eq!(ends.acknowledged(&store).await, [const { Ok(true) }; 5]);
    assert_eq!(sets(&redis.nodes[0]), before + 5);
    redis.nodes[0].kill();
    redis.wait_for_another_master(redis.nodes[0].port());
    writes(&store, &session(9)).await;
    ends.holds(&store).await;
}

/// H-07: in a cluster each node answers for its own slots, and what is asked of another proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_cluster_answers_for_itself() {
    let redis = Cluster::start();
    let store = store(&redis.url(), 1).await;
    let marks: Vec<Key> = (0..4).map(|name| Key::mark("assertion", "acme", &format!("{name}"))).collect();
    for mark in &marks {
        writes(&store, mark).await;
    }
    let are_replicas: Vec<bool> =
        redis.nodes.iter().map(|node| node.command(&["ROLE"]).starts_with("slave")).collect();
    let replicas = || redis.nodes.iter().zip(&are_replicas).filter(|(_, is)| **is).map(|(node, _)| node);
    with_replicas(replicas(), Redis::pause);
    for mark in &marks {
        for _ in 0..2 {
            assert!(is_left_open(&store.take(mark).await), "{mark}");
        }
    }
    with_replicas(replicas(), Redis::resume);
    for mark in &marks {
        let mut answer = store.take(mark).await;
        for _ in 0..TRIES {
            if answer.is_ok() {
                break;
            }
            sleep(PAUSE).await;
            answer = store.take(mark).await;
        }
        assert_eq!(answer, Ok(None), "{mark}");
    }
}

/// No more than before where nobody is asked: there is nothing to wait for.
#[tokio::test]
async fn a_redis_without_replicas_needs_no_confirmation() {
    let redis = Redis::start();
    let store = store(&redis.url(), 0).await;
    assert!(store.confirmed().is_none());
    assert_eq!(store.take(&session(1)).await, Ok(None));
    assert_eq!(redis.command(&["DBSIZE"]), "0");
}

/// Neither done nor known to be: a loaded machine may also not answer at all.
fn is_left_open<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unknown(_) | StoreError::NotApplied(_)))
}

/// How often the server was told SET, also by a script.
fn sets(node: &Redis) -> u64 {
    let stats = node.command(&["INFO", "commandstats"]);
    let calls = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_set:calls=")?.split(',').next()?.parse().ok());
    calls.unwrap_or_default()
}

fn with_replicas<'n>(nodes: impl IntoIterator<Item = &'n Redis>, deed: fn(&Redis)) {
    nodes.into_iter().for_each(deed);
}

/// One person for each way out.
struct World {
    broker: Broker,
    acme: FakeIdp,
    app: AppUnderTest,
    people: Vec<Visitor>,
}

struct Visitor {
    name: &'static str,
    browser: Browser,
    refresh_token: String,
    access_token: String,
    sub: Sub,
}

const PEOPLE: [&str; 5] = ["ada", "bea", "cleo", "dora", "edda"];
const BOTH: &str = "backchannel_logout = true\nfrontchannel_logout = true";

impl World {
    async fn new(store: &str) -> Self {
        let clock = Clock::Real;
        let acme = FakeIdp::oidc(&clock).await;
        let broker =
            Broker::builder(&clock).pool("signing = \"EdDSA\"").store(store).sealed().client(client("web"));
        let broker = broker.provider(provider("Acme", &acme).with(BOTH)).start().await;
        let app = broker.app("web");
        let mut people = Vec::new();
        for name in PEOPLE {
            acme.signs_in(person(name));
            let mut browser = Browser::new(&clock);
            let tokens = browser.signs_in(&app, "Acme").await;
            let sub = Sub::parse(tokens.access["sub"].as_str().unwrap()).unwrap();
            people.push(Visitor {
                name,
                browser,
                refresh_token: tokens.refresh_token,
                access_token: tokens.access_token,
                sub,
            });
        }
        Self { broker, acme, app, people }
    }

    /// The status that each person hears who wants to be signed out, each in another way.
    async fn signs_out(&mut self) -> Vec<(&'static str, u16)> {
        let [ada, bea, cleo, dora, edda] = &mut self.people[..] else { panic!() };
        let revoked = self.app.revokes(&ada.refresh_token).await.status;
        let logout = self.broker.at("/logout?client_id=web&logout_uri=https%3A%2F%2Fweb.example%2F");
        let page = bea.browser.opens(logout).await.page();
        let left = if page.url.as_str() == "https://web.example/" { 200 } else { page.status };
        self.acme.signs_in(person(cleo.name));
        let told = self
            .app
            .posts_raw("/oauth2/backchannel_logout/Acme", &[("logout_token", &self.acme.logout_token(&[]))])
            .await
            .status;
        let sid = format!("sid-of-{}", dora.name);
        let frame = self.broker.at("/oauth2/frontchannel_logout/Acme");
        let frame = Url::parse_with_params(&frame, [("iss", self.acme.issuer()), ("sid", sid)]).unwrap();
        let framed = reqwest::Client::new().get(frame).send().await.unwrap().status().as_u16();
        let pool = &self.broker.app.pools()[0].pool;
        let everywhere = sign_out_everywhere(&self.broker.app, pool, &edda.sub).await.map_or(503, |()| 200);
        vec![
            ("revoke", revoked),
            ("logout", left),
            ("back channel", told),
            ("front channel", framed),
            ("everywhere", everywhere),
        ]
    }

    async fn looks_up(&self, visitor: &Visitor) -> TokenAnswer {
        self.app.introspects(&visitor.refresh_token).await
    }

    async fn is_served_again(&self) {
        for _ in 0..TRIES {
            if self.looks_up(&self.people[1]).await.status == 200 {
                return;
            }
            sleep(PAUSE).await;
        }
        panic!("{:?}", self.looks_up(&self.people[1]).await);
    }
}

fn person(name: &str) -> Person {
    Person::new(name, name, &format!("{name}@acme.example")).with("sid", format!("sid-of-{name}"))
}

/// H-06: the same at every door by which somebody is signed out or a grant ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_repeats_a_sign_out_that_no_replica_has_is_refused_again() {
    let mut redis = Sentinels::start();
    writes(&store(&redis.url(), 1).await, &session(9)).await;
    let mut world = World::new(&redis.url()).await;
    with_replicas(&redis.nodes[1..], Redis::pause);
    for round in 0..3 {
        for (way, status) in world.signs_out().await {
            assert_eq!(status, 503, "{way}, round {round}");
        }
    }
    // Nor do apps hear that it is over: they would throw away what may be good again, for whoever else has
    // it.
    for family in [0, 4] {
        let visitor = &world.people[family];
        assert_eq!(world.looks_up(visitor).await.status, 503, "{}", visitor.name);
        assert_eq!(world.app.refreshes(&visitor.refresh_token).await.status, 503, "{}", visitor.name);
        assert_eq!(world.app.user_info(&visitor.access_token).await.status, 503, "{}", visitor.name);
    }
    with_replicas(&redis.nodes[1..], Redis::resume);
    let mut answers = world.signs_out().await;
    for _ in 0..TRIES {
        if answers.iter().all(|(_, status)| *status == 200) {
            break;
        }
        sleep(PAUSE).await;
        answers = world.signs_out().await;
    }
    assert!(answers.iter().all(|(_, status)| *status == 200), "{answers:?}");
    redis.nodes[0].kill();
    redis.wait_for_another_master(redis.nodes[0].port());
    world.is_served_again().await;
    for family in [0, 4] {
        assert_eq!(world.looks_up(&world.people[family]).await.body["active"], false);
    }
    let silently = world.app.asks().with("prompt", "none").url();
    for visitor in &mut world.people[1..] {
        let page = visitor.browser.opens(&silently).await.page();
        assert_eq!(
            (page.query("code"), page.query("error").as_deref()),
            (None, Some("login_required")),
            "{}",
            visitor.name
        );
    }
}
