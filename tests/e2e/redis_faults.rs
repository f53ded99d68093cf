//! Redis away, frozen, back, or not fit for the purpose.

use std::time::Duration;

use crate::support::redis::{Redis, RedisOptions};
use crate::world::{Answer, App, AppSettings, Broker, Person, Settings, Upstream, get, post, text};

/// Within this time a frozen store is given up, on a slow machine too.
const SOON: Duration = Duration::from_secs(5);

struct World {
    broker: Broker,
    shop: App,
    upstream: Upstream,
    redis: Redis,
}

fn world() -> World {
    let redis = RedisOptions::default().directive("appendonly yes").directive("appendfsync always").start();
    let settings = Settings::new();
    let upstream = Upstream::start(&settings);
    let shop = AppSettings::new("shop").with("rotation = true");
    let broker = settings.redis_store(&redis).client(&shop).table(&upstream.toml("Acme")).start();
    World { shop: shop.start(&broker), broker, upstream, redis }
}

#[track_caller]
fn come_again_later(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    let seconds = answer.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{answer:?}");
}

fn authorize(broker: &Broker, shop: &App) -> String {
    format!(
        "{}/oauth2/authorize?response_type=code&client_id=shop&redirect_uri={}/callback&scope=openid&state=s-1",
        broker.url, shop.url
    )
}

/// Readiness, pages and tokens wait; what lies in memory goes on.
async fn everything_waits_but_discovery_and_keys(broker: &Broker, shop: &App, refresh_token: &str) {
    assert_eq!(broker.readiness().await.status, 503);
    assert_eq!(broker.liveness().await.status, 200);
    come_again_later(&get(&authorize(broker, shop)).await);
    let secret = shop.secret.as_deref().unwrap_or_default();
    let client = [("client_id", shop.id.as_str()), ("client_secret", secret)];
    let token_url = format!("{}/oauth2/token", broker.url);
    come_again_later(
        &post(
            &token_url,
            &[&client[..], &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]].concat(),
        )
        .await,
    );
    let code =
        [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "https://app.example/")];
    let answer = post(&token_url, &[&client[..], &code].concat()).await;
    assert!(answer.status == 503 || answer.status == 400, "{answer:?}");
    come_again_later(
        &post(
            &format!("{}/oauth2/introspect", broker.url),
            &[&client[..], &[("token", refresh_token)]].concat(),
        )
        .await,
    );
    assert_eq!(get(&format!("{}/.well-known/openid-configuration", broker.issuer)).await.status, 200);
    let keys = get(&format!("{}/.well-known/jwks.json", broker.issuer)).await;
    assert!(keys.status == 200 && keys.body.contains("\"kid\""), "{keys:?}");
}

/// H-02
#[tokio::test]
async fn redis_is_killed_and_comes_back() {
    let World { broker, shop, upstream: _upstream, mut redis } = world();
    let mut ada = Person::new("ada");
    let tokens = ada.signs_in(&shop, "Acme").await;
    let refresh_token = text(&tokens, "refresh_token");
    redis.kill();
    everything_waits_but_discovery_and_keys(&broker, &shop, &refresh_token).await;

    redis.start_again();
    broker.becomes(200).await;
    shop.refreshes(&refresh_token).await;
    ada.opens(&shop.login(&[("prompt", "none")])).await;
    ada.is_in(&shop);
    Person::new("eve").signs_in(&shop, "Acme").await;
}

/// H-03
#[tokio::test]
async fn redis_freezes_and_thaws() {
    let World { broker, shop, upstream: _upstream, redis } = world();
    let tokens = Person::new("ada").signs_in(&shop, "Acme").await;
    redis.pause();
    let one = tokio::time::timeout(SOON, get(&authorize(&broker, &shop))).await;
    come_again_later(&one.expect("nobody waits for a frozen store"));
    everything_waits_but_discovery_and_keys(&broker, &shop, &text(&tokens, "refresh_token")).await;
    let many = (0..50).map(|_| async { get(&authorize(&broker, &shop)).await.status });
    let all = tokio::time::timeout(SOON, futures_util::future::join_all(many)).await;
    assert!(all.expect("nor do many").iter().all(|status| *status == 503));
    redis.resume();
    broker.becomes(200).await;
    shop.refreshes(&text(&tokens, "refresh_token")).await;
    Person::new("eve").signs_in(&shop, "Acme").await;
}

/// H-01
#[tokio::test]
async fn a_broker_starts_while_redis_is_down_and_works_when_it_is_there() {
    let mut redis = Redis::start();
    redis.kill();
    let settings = Settings::new();
    let upstream = Upstream::start(&settings);
    let shop = AppSettings::new("shop");
    let broker = settings.redis_store(&redis).client(&shop).table(&upstream.toml("Acme")).start();
    let shop = shop.start(&broker);
    assert_eq!(broker.readiness().await.status, 503);
    assert_eq!(broker.liveness().await.status, 200);
    assert_eq!(get(&format!("{}/.well-known/openid-configuration", broker.issuer)).await.status, 200);
    come_again_later(&get(&authorize(&broker, &shop)).await);
    redis.start_again();
    broker.becomes(200).await;
    Person::new("ada").signs_in(&shop, "Acme").await;
}

/// H-09
#[test]
fn a_redis_that_evicts_is_refused_at_the_start() {
    let redis = RedisOptions::default().directive("maxmemory-policy allkeys-lru").start();
    let (status, said) =
        Settings::new().redis_store(&redis).client(&AppSettings::new("shop")).fails_to_start();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("set maxmemory-policy noeviction, it is \\\"allkeys-lru\\\"")
            || said.contains("set maxmemory-policy noeviction, it is \"allkeys-lru\""),
        "{said}"
    );
}

/// H-11
#[test]
fn a_redis_that_knows_us_not_is_named_without_its_password() {
    let redis = RedisOptions::default().user("symbolon", "open-sesame-4712").start();
    let stranger = redis.url().replace("open-sesame-4712", "wrong-sesame-0815");
    let settings = Settings::new().client(&AppSettings::new("shop")).redis_store(&redis);
    let settings = settings
        .environment("SYMBOLON__STORE__STATE", &stranger)
        .environment("SYMBOLON__STORE__DIRECTORY", &stranger);
    let (status, said) = settings.fails_to_start();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("WRONGPASS") || said.contains("password"), "{said}");
    assert!(!said.contains("wrong-sesame-0815"), "{said}");
}
