//! Certificates change: the company's and ours.

use serde_json::{Value, json};

use crate::support::saml_peers::Make::{Pysaml2, SimpleSamlPhp};
use crate::world::broker::symbolon;
use crate::world::{AppSettings, Broker, Company, Person, Settings, text};

/// What a command of the operator prints, run in the broker's folder while it is stopped.
#[track_caller]
fn command(broker: &Broker, arguments: &[&str]) -> String {
    let output = symbolon()
        .args(arguments)
        .args(["--config", "symbolon.toml"])
        .current_dir(broker.folder())
        .output()
        .expect("symbolon runs");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn certificates(broker: &Broker) -> Vec<Value> {
    let printed: Value = serde_json::from_str(&command(broker, &["saml", "keys", "--json"])).expect("JSON");
    printed.get("certificates").and_then(Value::as_array).cloned().unwrap_or_else(|| panic!("{printed:#}"))
}

/// C-71: a certificate that unsigned metadata names for the first time waits; the refusal is explained under
/// its reference; the operator compares the fingerprint and says yes.
#[tokio::test]
async fn a_renewed_certificate_waits_for_the_operators_yes() {
    let settings = Settings::new().file_store();
    let mut acme = Company::start(SimpleSamlPhp, &settings, "Acme");
    let shop = AppSettings::new("shop");
    let mut broker = settings.client(&shop).table(&acme.toml()).start();
    let shop = shop.start(&broker);
    let before = Person::new("ada").signs_in_by(&acme, &shop).await;

    acme.idp.starts_again_with_another_key(json!({}));
    assert!(broker.terminate().success());
    broker.start_again();
    let mut ada = Person::new("ada");
    ada.opens(&shop.login(&[])).await.identifies_themself_at(&acme).await;
    let shown = ada.browser.answers(500).text();
    assert!(broker.terminate().success());

    let known = certificates(&broker);
    let waiting = known
        .iter()
        .find(|one| one.get("state") == Some(&json!("waits")))
        .unwrap_or_else(|| panic!("{known:#?}"));
    let fingerprint = text(waiting, "fingerprint");
    let reference = shown
        .split_whitespace()
        .find(|word| word.len() == 14 && word.matches('-').count() == 2)
        .expect("a reference");
    let story = command(&broker, &["trace", reference]);
    assert!(story.contains("saml_signature_refused") && story.contains("accept-key"), "{story}");
    assert!(command(&broker, &["saml", "accept-key", "Acme", &fingerprint]).contains("is believed"));

    broker.start_again();
    let after = Person::new("ada").signs_in_by(&acme, &shop).await;
    assert_eq!(after.pointer("/id_token_claims/sub"), before.pointer("/id_token_claims/sub"));
}

#[tokio::test]
async fn a_renewed_certificate_is_believed_where_the_operator_trusts_the_metadata() {
    let settings = Settings::new().file_store();
    let mut acme = Company::start(Pysaml2, &settings, "Acme");
    let shop = AppSettings::new("shop");
    let mut broker = settings.client(&shop).table(&acme.toml_with("new_keys = \"trust\"")).start();
    let shop = shop.start(&broker);
    Person::new("ada").signs_in_by(&acme, &shop).await;
    acme.idp.starts_again_with_another_key(json!({}));
    assert!(broker.terminate().success());
    broker.start_again();
    Person::new("ada").signs_in_by(&acme, &shop).await;
}

/// C-46: the company encrypts to our new certificate and checks our signatures with it.
#[tokio::test]
async fn our_keys_change_and_the_company_reads_our_metadata_again() {
    let settings = Settings::new().file_store();
    let strict = json!({ "encrypt": "aes256-gcm", "wants_signed_requests": true });
    let acme = Company::start_with(Pysaml2, &settings, "Acme", strict);
    let shop = AppSettings::new("shop");
    let mut broker = settings.client(&shop).table(&acme.toml()).start();
    let shop = shop.start(&broker);
    Person::new("ada").signs_in_by(&acme, &shop).await;
    for now in [&["--now"][..], &[]] {
        assert!(broker.terminate().success());
        command(&broker, &[&["saml", "rotate-keys"], now].concat());
        broker.start_again();
        Person::new("ada").signs_in_by(&acme, &shop).await;
    }
    assert!(broker.terminate().success());
    let ours = certificates(&broker).iter().filter(|one| one.get("provider") == Some(&Value::Null)).count();
    assert_eq!(ours, 6, "three pairs of a key that signs and one that decrypts");
}

/// The company's metadata cannot be read when the first person comes; nothing has to be restarted when it
/// can.
#[tokio::test]
async fn a_company_that_cannot_be_reached_yet_is_there_later() {
    let settings = Settings::new();
    let mut acme = Company::start(Pysaml2, &settings, "Acme");
    acme.idp.kill();
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&acme.toml()).start();
    let shop = shop.start(&broker);
    let mut ada = Person::new("ada");
    ada.opens(&shop.login(&[])).await;
    let page = ada.browser.page();
    assert!(page.url.as_str().starts_with(&broker.url) && page.status >= 500, "{}", ada.browser);
    acme.idp.starts_again_with_another_key(json!({}));
    for _ in 0..60 {
        ada.opens(&shop.login(&[])).await;
        if ada.browser.page().status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    ada.identifies_themself_at(&acme).await.is_in(&shop);
}
