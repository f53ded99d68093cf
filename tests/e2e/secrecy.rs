//! What is stored and what is logged gives nothing away.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::redis::RedisOptions;
use crate::support::saml_peers::Make;
use crate::world::{App, AppSettings, Broker, Company, Person, Settings, Upstream, secrets, text};

/// What a thief of the store would look for besides the secrets of the run.
const PERSONAL: [&str; 3] = ["grace.hopper", "grace.hopper@example.test", "127.0.0.1"];

/// A whole life: sign-in, sign-on, rotation, a revoked and a living family, a half-done sign-in, a signed-out
/// person.
async fn live(settings: Settings) -> Broker {
    let upstream = Upstream::start(&settings);
    let attributes = json!({ "mail": ["grace.hopper@example.test"], "displayName": ["grace.hopper"] });
    let company = Company::start_with(
        Make::Pysaml2,
        &settings,
        "Globex",
        json!({ "people": { "grace.hopper": attributes } }),
    );
    let shop = AppSettings::new("shop").with("rotation = true").hears_of_sign_outs();
    let forum = AppSettings::new("forum");
    let globex = company.toml_with("end_session = true");
    let broker = settings.client(&shop).client(&forum).table(&upstream.toml("Acme")).table(&globex).start();
    let (shop, forum) = (shop.start(&broker), forum.start(&broker));
    let known = secrets::count();
    let mut grace = Person::new("grace.hopper");
    let tokens = grace.signs_in(&shop, "Acme").await;
    shop.refreshes(&text(&tokens, "refresh_token")).await;
    grace.opens(&forum.login(&[])).await;
    let revoked = text(&grace.is_in(&forum), "refresh_token");
    forum.does("revoke", &[("token", &revoked)]).await;
    Person::new("eve").opens(&shop.login(&[("identity_provider", "Acme")])).await;
    employees_live(&company, &shop).await;
    let mut ada = Person::new("ada");
    ada.signs_in(&shop, "Acme").await;
    ada.opens(&shop.logout(&[])).await;
    assert!(secrets::count() >= known + 20, "codes, tokens, cookies and addresses of three people are known");
    broker
}

/// Signed in and in between with SAML: what the company says of a person is theirs.
async fn employees_live(company: &Company, shop: &App) {
    let tokens = Person::new("grace.hopper").signs_in_by(company, shop).await;
    let name_id = tokens
        .pointer("/id_token_claims/identities/0/userId")
        .and_then(serde_json::Value::as_str)
        .expect("a name");
    secrets::add(name_id);
    let mut gone = Person::new("grace.hopper");
    gone.signs_in_by(company, shop).await;
    gone.opens(&shop.logout(&[])).await;
    Person::new("eve").opens(&shop.login(&[("identity_provider", "Globex")])).await;
}

/// E-30
#[tokio::test]
async fn a_stolen_folder_reveals_nobody_and_nothing() {
    let broker = live(Settings::new().file_store()).await;
    let found = search(&broker.folder().join("data"));
    assert!(found.is_empty(), "{found:?}");
}

/// E-30: every command that Redis received is in the file that is searched, also what was deleted since.
#[tokio::test]
async fn a_stolen_redis_reveals_nobody_and_nothing() {
    let plain = RedisOptions::default()
        .directive("appendonly yes")
        .directive("aof-use-rdb-preamble no")
        .directive("rdbcompression no");
    let redis = plain.start();
    let broker = live(Settings::new().redis_store(&redis)).await;
    assert_eq!(redis.command(&["SAVE"]), "OK");
    let folder =
        redis.command(&["CONFIG", "GET", "dir"]).lines().last().map(str::to_owned).expect("a folder");
    let found = search(Path::new(&folder).join("appendonlydir").as_path());
    assert!(found.is_empty(), "{found:?}");
    let dump = fs::read(Path::new(&folder).join("dump.rdb")).expect("a dump");
    let dump = String::from_utf8_lossy(&dump);
    assert!(dump.len() > 1_000 && secrets::found_in(&dump).is_empty(), "{:?}", secrets::found_in(&dump));
    drop(broker);
}

/// The secrets that some file of a folder holds, with the file's name.
fn search(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file());
    let texts: Vec<_> = files.map(|path| (path.display().to_string(), read(&path))).collect();
    assert!(texts.iter().map(|(_, text)| text.len()).sum::<usize>() > 5_000, "something was stored");
    let personal = |text: &str| {
        PERSONAL.iter().filter(|word| text.contains(**word)).map(|word| (*word).to_owned()).collect()
    };
    texts
        .iter()
        .flat_map(|(file, text)| {
            [secrets::found_in(text), personal(text)].concat().into_iter().map(|found| (file.clone(), found))
        })
        .collect()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()
}
