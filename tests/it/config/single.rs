//! One pool, client or provider read alone, from TOML or from JSON as it is stored: the same values, the same
//! words.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use symbolon::config::{self, Config, PoolConfig, read_client, read_pool, read_provider};
use symbolon::model::client::Lifetimes;
use symbolon::model::document::{Document, Problems};
use symbolon::model::ids::{PoolId, ProviderName};
use symbolon::provider::preset::Presets;

use super::read;
use crate::sample::TWO_POOLS;

const SAML: &str = r#"
[[pool]]
id = "eu-west-1_Saml"
hosts = ["saml.example.com"]
session_idle = "30m"

[[pool.client]]
id = "web"
secret = "a-secret-of-thirty-two-characters"
redirect_uris = ["https://app.example.com/callback"]
scopes = ["openid", "email"]

[[pool.provider]]
name = "Acme"
use = "saml"
metadata_url = "https://idp.acme.example/metadata"
domains = ["acme.example"]
"#;

fn presets() -> Presets {
    Presets::embedded().unwrap()
}

/// The tables of a configuration's pools as JSON.
fn pools(text: &str) -> Vec<Map<String, Value>> {
    let table: toml::Table = text.parse().unwrap();
    let Value::Object(mut whole) = json!(table) else { panic!() };
    let Some(Value::Array(pools)) = whole.remove("pool") else { panic!() };
    pools.into_iter().map(object).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn server() -> Config {
    read(TWO_POOLS).unwrap()
}

fn words(problems: &Problems) -> Vec<String> {
    problems.as_slice().iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect()
}

/// All of a pool; its indexes of providers follow from the list.
fn told(config: &PoolConfig) -> String {
    format!("{:#?}\n{:#?}\n{:#?}", config.pool, config.providers.iter().collect::<Vec<_>>(), config.branding)
}

#[test]
fn a_pool_from_json_equals_the_one_from_toml() {
    let whole = format!("{TWO_POOLS}\n{SAML}");
    let config = read(&whole).unwrap();
    let tables = pools(&whole);
    assert_eq!((config.pools.len(), tables.len()), (3, 3));
    for (expected, table) in config.pools.iter().zip(&tables) {
        let document = Document::of_json("stored", table);
        let found = read_pool(document, &config.server, &presets()).unwrap().value;
        assert_eq!(told(&found), told(expected));
        assert!(!found.pool.clients.is_empty() && found.providers.iter().count() > 0);
        for (id, client) in &expected.pool.clients {
            let secrets = client.secrets.iter().zip(&found.pool.clients[id].secrets);
            assert!(secrets.into_iter().all(|(one, other)| {
                use symbolon::model::secret::ExposeSecret;
                one.expose_secret() == other.expose_secret()
            }));
        }
    }
}

/// Debug tells a difference: the test above can fail.
#[test]
fn a_pool_with_another_lifetime_is_another_pool() {
    let config = server();
    let mut table = pools(TWO_POOLS).remove(0);
    table.insert("code_lifetime".into(), json!("11s"));
    let found = read_pool(Document::of_json("stored", &table), &config.server, &presets()).unwrap().value;
    assert_ne!(told(&found), told(&config.pools[0]));
}

#[test]
fn what_is_wrong_is_said_in_the_same_words_with_the_key_that_is_meant() {
    let config = server();
    for (wrong, problem) in [
        (json!({ "id": 7 }), "id: expected a string, found an integer"),
        (json!({ "id": "eu-west-1_A", "session_idle": "2d", "session_absolute": "1h" }), "session_idle"),
        (json!({ "id": "eu-west-1_A", "colour": "red" }), "colour: "),
        (
            json!({ "id": "eu-west-1_A", "client": [{ "id": "web", "scopes": [null] }] }),
            "client[0].scopes[0]",
        ),
        (
            json!({ "id": "eu-west-1_A", "client": [{ "id": "a" }, { "id": "a" }] }),
            "client[1].id: the client id",
        ),
        (
            json!({ "id": "eu-west-1_A", "provider": [{ "name": "X", "use": "nobody" }] }),
            "provider[0].use: there is no preset",
        ),
        (json!({ "id": "eu-west-1_A", "flow_lifetime": 1.5 }), "flow_lifetime: expected"),
    ] {
        let wrong = object(wrong);
        let found = read_pool(Document::of_json("stored", &wrong), &config.server, &presets()).unwrap_err();
        let found = words(&found);
        assert!(found.iter().any(|line| line.starts_with(problem)), "{problem}: {found:?}");
        // The file says the same of the same table.
        let mut text = json!({ "server": { "public_url": config.server.public_url } });
        text["pool"] = json!([wrong.clone()]);
        if let Ok(text) = toml::to_string(&text) {
            let whole = config::parse(&text, "symbolon.toml", &[], &|name| Err(name.to_owned())).unwrap_err();
            let whole = words(&whole);
            assert!(whole.iter().any(|line| line.starts_with(&format!("pool[0].{problem}"))), "{whole:?}");
        }
    }
}

#[test]
fn a_member_that_is_null_is_not_there() {
    let config = server();
    let mut table = pools(TWO_POOLS).remove(0);
    table.insert("name".into(), Value::Null);
    table.insert("no_such_key".into(), Value::Null);
    let found = read_pool(Document::of_json("stored", &table), &config.server, &presets()).unwrap().value;
    assert_eq!(told(&found), told(&config.pools[0]));
}

#[test]
fn a_client_and_a_provider_are_read_alone() {
    let config = server();
    let pool = pools(SAML).remove(0);
    let client = object(pool["client"][0].clone());
    let names = BTreeSet::from([ProviderName::parse("Acme").unwrap()]);
    let found = read_client(Document::of_json("stored", &client), Lifetimes::default(), &names).unwrap();
    assert_eq!((found.value.id.as_str(), found.warnings.len()), ("web", 0));
    let mut other = client.clone();
    other.insert("providers".into(), json!(["Nobody"]));
    let refused = read_client(Document::of_json("stored", &other), Lifetimes::default(), &names).unwrap_err();
    assert!(words(&refused)[0].starts_with("providers[0]: "), "{refused}");
    let provider = object(pool["provider"][0].clone());
    let id = PoolId::parse("eu-west-1_Saml").unwrap();
    let one = read_provider(Document::of_json("stored", &provider), &id, &config.server, &presets()).unwrap();
    let expected = read(&format!("{TWO_POOLS}\n{SAML}")).unwrap();
    let expected = expected.pools[2].provider(&ProviderName::parse("Acme").unwrap()).unwrap();
    assert_eq!(format!("{:?}", one.value.provider), format!("{expected:?}"));
}

/// What must differ between pools is no matter of a pool alone.
#[test]
fn two_pools_of_one_id_are_each_right_and_wrong_together() {
    let config = server();
    let table = pools(TWO_POOLS).remove(0);
    let read_one = || read_pool(Document::of_json("stored", &table), &config.server, &presets());
    assert!(read_one().is_ok() && read_one().is_ok());
    let twice = json!({ "server": { "public_url": config.server.public_url }, "pool": [table.clone(), table.clone()] });
    let text = toml::to_string(&twice).unwrap();
    let refused = config::parse(&text, "symbolon.toml", &[], &|name| Err(name.to_owned())).unwrap_err();
    assert!(words(&refused).iter().any(|line| line.contains("is already used by pool[0]")), "{refused}");
}
