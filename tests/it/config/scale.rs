//! Thousands of providers: what is asked of a configuration is asked once for each, and what a visitor asks
//! is found without going through them.

use std::cell::Cell;
use std::fmt::Write as _;

use symbolon::config::{self, PoolConfig};
use symbolon::flow::next::Catalogue as _;
use symbolon::model::document::{Document, Invalid};
use symbolon::model::ids::ProviderName;

const MANY: usize = 2_000;

fn many(count: usize, further: &str) -> String {
    let mut text = "[[pool]]\nid = \"eu-west-1_Example01\"\n".to_owned();
    text += "[[pool.client]]\nid = \"all\"\nredirect_uris = [\"https://app.example/cb\"]\nsecret \
        = \"2f6e1b3c9a7d4e58\"\n";
    let names: Vec<String> = (0..count).rev().map(|index| format!("P{index}")).collect();
    let _ = write!(
        text,
        "[[pool.client]]\nid = \"named\"\nredirect_uris = [\"https://app.example/cb\"]\nsecret \
         = \"2f6e1b3c9a7d4e58\"\nproviders = {names:?}\n"
    );
    for index in 0..count {
        let _ = write!(
            text,
            "[[pool.provider]]\nname = \"P{index}\"\nuse = \"oidc\"\nissuer \
             = \"https://idp{index}.example\"\nclient_id = \"c{index}\"\n\
             client_secret_file = \"secret{index}\"\ndomains = \
             [\"c{index}.example\", \"*.group{}.example\"]\nidentifiers = [\"id{index}\"]\n{further}",
            index / 2
        );
    }
    text
}

/// The configuration, and how often a file was read for it.
fn read(text: &str) -> (Result<config::Config, Vec<String>>, usize) {
    let asked = Cell::new(0);
    let files = |_: &str| {
        asked.set(asked.get() + 1);
        Ok("a-secret-that-the-provider-gave".to_owned())
    };
    let config = config::parse(text, "symbolon.toml", &[], &files);
    let config = config.map_err(|problems| problems.as_slice().iter().map(ToString::to_string).collect());
    (config, asked.get())
}

fn pool(count: usize) -> PoolConfig {
    read(&many(count, "")).0.unwrap().pools.remove(0)
}

#[test]
fn a_good_configuration_is_read_once_however_many_providers_it_has() {
    // Twice for each: whether its secret is a sample, and as its credential.
    for count in [10, 1_000] {
        assert_eq!(read(&many(count, "")).1, 2 * count, "{count}");
    }
}

#[test]
fn every_problem_of_thousands_of_providers_is_told_with_its_remedy() {
    let (config, _) = read(&many(MANY, "lable = \"x\"\n"));
    let problems = config.unwrap_err();
    assert_eq!(problems.len(), MANY);
    assert_eq!(
        problems.first().map(String::as_str),
        Some(
            "symbolon.toml:20: pool[0].provider[0].lable: unknown key; fix: remove it; the nearest known key \
             is label"
        )
    );
}

#[test]
fn a_document_read_in_haste_has_the_same_problems_and_remembers_nothing() {
    let text = "known = 1\nunknown = 2\nunknown = 3\n[table]\nmore = \"\"\n";
    let (slow, hasty) = (Document::parse("f", text), Document::parse("f", text).in_haste());
    let ask = |document: &Document<'_>| {
        let root = document.root();
        let _ = root.parsed("known", |text| Ok::<_, Invalid>(text.to_owned()));
        root.require("absent");
        let table = root.section("table");
        table.string("more");
        table.finish();
        root.finish();
    };
    ask(&slow);
    ask(&hasty);
    assert!(hasty.shapes().0.is_empty() && !slow.shapes().0.is_empty());
    let told = |document: Document<'_>| {
        let problems = document.finish().unwrap_err();
        problems
            .as_slice()
            .iter()
            .map(|problem| (problem.place.clone(), problem.key.clone(), problem.message.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(slow), told(hasty));
}

#[test]
fn a_person_is_routed_among_thousands_of_providers_by_the_closest_domain() {
    let config = pool(MANY);
    let routed = |client: &str, domain: &str| {
        let found = config.providers.offered(config.pool.client(client).unwrap()).at(domain);
        found.iter().map(|provider| provider.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(routed("all", "c1234.example"), ["P1234"]);
    assert_eq!(routed("all", "eu.group617.example"), ["P1234", "P1235"]);
    assert_eq!(routed("named", "eu.group617.example"), ["P1235", "P1234"], "in the order of the app");
    assert_eq!(routed("all", "group617.example"), [""; 0]);
    assert_eq!(routed("all", "example"), [""; 0]);
}

#[test]
fn a_provider_is_found_by_name_and_identifier_for_the_apps_that_may_use_it() {
    let config = pool(MANY);
    let mut client = config.pool.client("named").unwrap().clone();
    client.providers = Some(vec![ProviderName::parse("P7").unwrap()]);
    let (all, few) =
        (config.providers.offered(config.pool.client("all").unwrap()), config.providers.offered(&client));
    let name = |provider: Option<&symbolon::provider::settings::Provider>| {
        provider.map(|provider| provider.name.to_string())
    };
    assert_eq!((name(all.identified("id9")), name(few.identified("id9"))), (Some("P9".to_owned()), None));
    assert_eq!((name(few.identified("id7")), name(all.identified("ID7"))), (Some("P7".to_owned()), None));
    assert_eq!((all.only().is_none(), few.only().map(ToString::to_string)), (true, Some("P7".to_owned())));
    assert_eq!((few.listed().count(), few.routed().count(), all.routed().count()), (0, 1, MANY));
}
