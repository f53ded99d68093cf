//! What was acknowledged holds after `kill -9`, and what was asked is answered before a stop.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::redis::{Redis, RedisOptions};
use crate::world::balancer::balance;
use crate::world::{AppSettings, Person, Settings, Upstream, broker, claims, text};

/// H-14, H-31
#[tokio::test]
async fn after_kill_9_everything_is_as_it_was_acknowledged_in_a_file() {
    everything_is_as_it_was_acknowledged(Settings::new().file_store()).await;
}

/// H-22, H-31
#[tokio::test]
async fn after_kill_9_everything_is_as_it_was_acknowledged_in_redis() {
    let redis = Redis::start();
    everything_is_as_it_was_acknowledged(Settings::new().redis_store(&redis)).await;
}

async fn everything_is_as_it_was_acknowledged(settings: Settings) {
    let upstream = Upstream::start(&settings);
    let rotating = |id| AppSettings::new(id).with("rotation = true\nrotation_grace = \"0s\"");
    let (shop, forum, wiki) = (rotating("shop"), rotating("forum"), rotating("wiki"));
    let mut broker =
        settings.client(&shop).client(&forum).client(&wiki).table(&upstream.toml("Acme")).start();
    let (shop, forum, wiki) = (shop.start(&broker), forum.start(&broker), wiki.start(&broker));

    let mut ada = Person::new("ada");
    let before = ada.signs_in(&shop, "Acme").await;
    let rotated = text(&before, "refresh_token");
    let living = text(&shop.refreshes(&rotated).await, "refresh_token");
    ada.opens(&forum.login(&[])).await;
    let revoked = text(&ada.is_in(&forum), "refresh_token");
    assert_eq!(forum.does("revoke", &[("token", &revoked)]).await.status, 200);
    let mut eve = Person::new("eve");
    eve.opens(&shop.login(&[("identity_provider", "Acme")])).await;

    broker.kill();
    broker.start_again();

    eve.identifies_themself().await;
    eve.is_in(&shop);
    ada.opens(&wiki.login(&[("prompt", "none")])).await;
    let after = ada.is_in(&wiki);
    assert_eq!(
        after.pointer("/id_token_claims/sub"),
        before.pointer("/id_token_claims/sub"),
        "the same user"
    );
    assert!(shop.sees_active(&text(&before, "access_token")).await, "the same keys");
    forum.may_not_refresh(&revoked, "invalid_grant").await;
    let newer = text(&shop.refreshes(&living).await, "refresh_token");
    shop.may_not_refresh(&rotated, "invalid_grant").await;
    shop.may_not_refresh(&newer, "invalid_grant").await;
    assert_eq!(
        Person::new("ada").signs_in(&shop, "Acme").await.pointer("/id_token_claims/sub"),
        before.pointer("/id_token_claims/sub")
    );
}

/// H-14
#[tokio::test]
async fn kill_9_under_load_loses_no_acknowledged_refresh() {
    let settings = Settings::new().file_store();
    let upstream = Upstream::start(&settings);
    let shop = AppSettings::new("shop").with("rotation = true\nrotation_grace = \"60s\"");
    let mut broker = settings.client(&shop).table(&upstream.toml("Acme")).start();
    let shop = shop.start(&broker);
    let tokens = Person::new("ada").signs_in(&shop, "Acme").await;
    let mut acknowledged = text(&tokens, "refresh_token");
    for round in 0..3 {
        let process = broker.process().id();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150 + 70 * round));
            assert!(
                std::process::Command::new("kill")
                    .args(["-9", &process.to_string()])
                    .status()
                    .is_ok_and(|status| status.success())
            );
        });
        loop {
            let answer = shop.does("refresh", &[("token", &acknowledged)]).await;
            if answer.status != 200 {
                break;
            }
            acknowledged = text(&answer.json(), "refresh_token");
        }
        killer.join().expect("the broker was killed");
        broker.start_again();
        acknowledged = text(&shop.refreshes(&acknowledged).await, "refresh_token");
    }
    assert_eq!(
        claims(&text(&shop.refreshes(&acknowledged).await, "access_token")).get("username"),
        Some(&"Acme_ada".into())
    );
}

/// H-15
#[tokio::test]
async fn a_second_broker_on_the_same_folder_is_refused() {
    let mut broker = Settings::new().file_store().client(&AppSettings::new("shop")).start();
    let mut second = broker::symbolon();
    second.args(["serve", "--config", "symbolon.toml"]).current_dir(broker.folder());
    second
        .env("SYMBOLON__SERVER__LISTEN", "127.0.0.1:0")
        .env("SYMBOLON__SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    let output = second.output().expect("symbolon runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by process"), "{said}");
    assert_eq!(broker.readiness().await.status, 200);
    assert!(broker.terminate().success());
}

/// H-23
#[tokio::test]
async fn two_replicas_share_every_sign_in_step_by_step() {
    let redis = RedisOptions::default().directive("appendonly yes").start();
    let public = Settings::new();
    let upstream = Upstream::start(&public);
    let (shop, forum) = (AppSettings::new("shop").with("rotation = true"), AppSettings::new("forum"));
    let public = public.redis_store(&redis).client(&shop).client(&forum).table(&upstream.toml("Acme"));
    let (one, two) = (public.replica(), public.replica());
    let served = balance(public.port, vec![one.port, two.port]).await;
    let (one, two) = (one.start(), two.start());
    let (shop, forum) = (shop.start(&one), forum.start(&two));

    let mut ada = Person::new("ada");
    let tokens = ada.signs_in(&shop, "Acme").await;
    ada.opens(&forum.login(&[])).await;
    ada.is_in(&forum);
    let first = text(&tokens, "refresh_token");
    let second = text(&shop.refreshes(&first).await, "refresh_token");
    assert_eq!(
        second,
        text(&shop.refreshes(&first).await, "refresh_token"),
        "both replicas hand out the same successor"
    );
    let access = text(&shop.refreshes(&second).await, "access_token");
    assert_eq!(shop.does("revoke", &[("token", &second)]).await.status, 200);
    for _ in 0..2 {
        assert!(!shop.sees_active(&access).await && !shop.sees_active(&second).await);
    }
    ada.opens(&shop.logout(&[])).await;
    ada.browser.lands_on(&format!("{}/logged-out", shop.url));
    for _ in 0..2 {
        ada.opens(&forum.login(&[("prompt", "none")])).await;
        assert_eq!(text(&ada.sees_json(), "error"), "login_required");
    }
    assert!(served.count() > 20, "{}", served.count());
}

/// H-24
#[tokio::test]
async fn a_broker_that_is_told_to_stop_answers_what_was_asked_before() {
    let shop = AppSettings::new("shop").public();
    let mut broker = Settings::new().client(&shop).start();
    let body =
        "grant_type=authorization_code&client_id=shop&code=unknown&redirect_uri=http%3A%2F%2F127.0.0.1%2F";
    let (early, late) = body.split_at(20);
    let mut connection =
        TcpStream::connect(("127.0.0.1", broker.settings().port)).expect("the broker listens");
    connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        broker.settings().port,
        body.len()
    );
    connection.write_all(format!("{head}{early}").as_bytes()).expect("half a request");
    tokio::time::sleep(Duration::from_millis(300)).await;
    broker.process().signal("TERM");
    broker.logs("stopping");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(("127.0.0.1", broker.settings().port)).is_err(), "nobody new is let in");
    connection.write_all(late.as_bytes()).expect("the other half");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_grant"), "{answer}");
    assert!(broker.terminate().success());
}

/// A wrong configuration: every problem at once, exit code 2, and nobody listens.
#[test]
fn a_wrong_configuration_starts_nothing_and_names_every_problem() {
    let settings = Settings::new().server("listem = \"127.0.0.1:1\"").pool("signing = \"HS256\"").table(
        "[[pool.client]]\nid = \"shop\"\nsecret = \"short\"\nredirect_uris = [\"http://app.example/\"]\n",
    );
    let (status, said) = settings.fails_to_start();
    assert_eq!(status.code(), Some(2), "{said}");
    for problem in
        ["server.listem", "pool[0].signing", "pool[0].client[0].secret", "pool[0].client[0].redirect_uris[0]"]
    {
        assert!(said.contains(problem), "{problem} is not in:\n{said}");
    }
    let lines = said.lines().filter(|line| line.starts_with("symbolon.toml:")).count();
    assert!(lines >= 4 && !said.contains("\"ready\""), "{said}");
    assert!(TcpStream::connect(("127.0.0.1", settings.port)).is_err());
    let json: Value = serde_json::from_slice(
        &broker::symbolon()
            .args(["check", "--json", "--config", "/nonexistent.toml"])
            .output()
            .expect("runs")
            .stdout,
    )
    .expect("JSON");
    assert_eq!(json.get("valid"), Some(&Value::Bool(false)));
}
