//! Backups put back, and everybody signed out by a command: what was ended stays ended, and people are who
//! they were.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::redis::{Redis, RedisOptions};
use crate::world::balancer::balance;
use crate::world::{App, AppSettings, Broker, Person, Settings, Upstream, broker, text};

/// People at one app, each with what they hold.
struct Town {
    shop: App,
    broker: Broker,
    _upstream: Upstream,
}

impl Town {
    fn new(settings: Settings) -> Self {
        let upstream = Upstream::start(&settings);
        let shop = AppSettings::new("shop").with("rotation = true\nrotation_grace = \"0s\"");
        let broker = settings.client(&shop).table(&upstream.toml("Acme")).start();
        Self { shop: shop.start(&broker), broker, _upstream: upstream }
    }

    async fn is_out(&self, person: &mut Person, tokens: &Value) {
        self.shop.may_not_refresh(&text(tokens, "refresh_token"), "invalid_grant").await;
        assert!(!self.shop.sees_active(&text(tokens, "access_token")).await);
        person.opens(&self.shop.login(&[("prompt", "none")])).await;
        assert_eq!(text(&person.sees_json(), "error"), "login_required");
    }

    async fn comes_back_as_the_same(&self, name: &str, before: &Value) {
        let after = Person::new(name).signs_in(&self.shop, "Acme").await;
        assert_eq!(
            after.pointer("/id_token_claims/sub"),
            before.pointer("/id_token_claims/sub"),
            "the same user"
        );
        self.shop.refreshes(&text(&after, "refresh_token")).await;
    }
}

fn symbolon(folder: &Path, arguments: &[&str]) -> Output {
    broker::symbolon()
        .args(arguments)
        .args(["--config", "symbolon.toml"])
        .current_dir(folder)
        .output()
        .expect("symbolon runs")
}

#[track_caller]
fn does(folder: &Path, arguments: &[&str]) -> String {
    let output = symbolon(folder, arguments);
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
}

/// H-47: a backup that was made beside the running broker.
#[tokio::test]
async fn after_a_restored_backup_nothing_revoked_is_good_again_and_everybody_is_who_they_were() {
    let mut town = Town::new(Settings::new().file_store());
    let (mut ada, mut eve) = (Person::new("ada"), Person::new("eve"));
    let of_ada = ada.signs_in(&town.shop, "Acme").await;
    let of_eve = eve.signs_in(&town.shop, "Acme").await;
    let folder = town.broker.folder();
    let said = does(&folder, &["backup", "backup"]);
    assert!(said.contains("backup/state.db: ") && !folder.join("backup/master.key").exists(), "{said}");
    let again = symbolon(&folder, &["backup", "backup"]);
    assert_eq!(again.status.code(), Some(1), "no backup is written over another");

    let rotated = town.shop.refreshes(&text(&of_ada, "refresh_token")).await;
    assert_eq!(town.shop.does("revoke", &[("token", &text(&of_eve, "refresh_token"))]).await.status, 200);
    eve.opens(&town.shop.logout(&[])).await;

    assert!(town.broker.terminate().success());
    fs::remove_dir_all(folder.join("data")).expect("the store is lost");
    copy(&folder.join("backup"), &folder.join("data"));
    town.broker.start_again();
    town.shop.may_not_refresh(&text(&rotated, "refresh_token"), "invalid_grant").await;
    town.is_out(&mut ada, &of_ada).await;
    town.is_out(&mut eve, &of_eve).await;
    town.comes_back_as_the_same("ada", &of_ada).await;
    town.comes_back_as_the_same("eve", &of_eve).await;
}

/// H-47: any other copy brings everything back as it was, so the operator signs everybody out before the
/// broker starts.
#[tokio::test]
async fn after_a_restored_copy_of_the_folder_one_command_makes_all_of_it_worthless() {
    let mut town = Town::new(Settings::new().file_store());
    let folder = town.broker.folder();
    let mut ada = Person::new("ada");
    let of_ada = ada.signs_in(&town.shop, "Acme").await;
    assert!(town.broker.terminate().success());
    copy(&folder.join("data"), &folder.join("copy"));
    town.broker.start_again();
    town.shop.refreshes(&text(&of_ada, "refresh_token")).await;
    assert!(town.broker.terminate().success());
    fs::remove_dir_all(folder.join("data")).expect("the store is lost");
    copy(&folder.join("copy"), &folder.join("data"));
    assert!(does(&folder, &["sign-out", "--everyone"]).starts_with("everybody is signed out"));
    town.broker.start_again();
    town.is_out(&mut ada, &of_ada).await;
    town.comes_back_as_the_same("ada", &of_ada).await;
}

/// H-47: beside the running broker, which has the store open.
#[tokio::test]
async fn a_command_signs_everybody_out_of_a_running_broker() {
    let town = Town::new(Settings::new().file_store());
    let folder = town.broker.folder();
    let mut ada = Person::new("ada");
    let of_ada = ada.signs_in(&town.shop, "Acme").await;
    for wrong in [&["sign-out"][..], &["sign-out", "--everyone", "--pool", "eu-west-1_Other"]] {
        assert_eq!(symbolon(&folder, wrong).status.code(), Some(2));
    }
    let kept = town.shop.refreshes(&text(&of_ada, "refresh_token")).await;
    does(&folder, &["sign-out", "--everyone", "--pool", broker::POOL]);
    town.shop.may_not_refresh(&text(&kept, "refresh_token"), "invalid_grant").await;
    town.is_out(&mut ada, &of_ada).await;
    town.comes_back_as_the_same("ada", &of_ada).await;
    let memory = Settings::new().client(&AppSettings::new("shop")).folder();
    assert_eq!(
        symbolon(memory.path(), &["sign-out", "--everyone"]).status.code(),
        Some(2),
        "nobody else reaches the memory of a process"
    );
    assert_eq!(symbolon(memory.path(), &["backup", "backup"]).status.code(), Some(2));
}

/// H-10: whichever of the replicas people meet.
#[tokio::test]
async fn a_command_signs_everybody_out_of_every_replica_on_a_redis() {
    let redis = RedisOptions::default().directive("appendonly yes").start();
    let public = Settings::new();
    let upstream = Upstream::start(&public);
    let shop = AppSettings::new("shop").with("rotation = true\nrotation_grace = \"0s\"");
    let public = public.redis_store(&redis).client(&shop).table(&upstream.toml("Acme"));
    let (one, two) = (public.replica(), public.replica());
    let _served = balance(public.port, vec![one.port, two.port]).await;
    let (one, _two) = (one.start(), two.start());
    let town = Town { shop: shop.start(&one), broker: one, _upstream: upstream };
    let mut ada = Person::new("ada");
    let of_ada = ada.signs_in(&town.shop, "Acme").await;
    does(&town.broker.folder(), &["sign-out", "--everyone"]);
    for _ in 0..2 {
        town.is_out(&mut ada, &of_ada).await;
    }
    town.comes_back_as_the_same("ada", &of_ada).await;
}

/// H-10: the whole machine goes back to an older state, Redis and broker.
#[tokio::test]
async fn after_a_restored_machine_one_command_makes_what_redis_held_worthless() {
    let mut redis = Redis::start();
    let mut town = Town::new(Settings::new().redis_store(&redis));
    let mut ada = Person::new("ada");
    let of_ada = ada.signs_in(&town.shop, "Acme").await;
    redis.snapshot();
    town.shop.refreshes(&text(&of_ada, "refresh_token")).await;
    town.broker.kill();
    redis.restore();
    does(&town.broker.folder(), &["sign-out", "--everyone"]);
    town.broker.start_again();
    town.is_out(&mut ada, &of_ada).await;
    town.comes_back_as_the_same("ada", &of_ada).await;
}
