//! Whole configurations, and many mistakes at once.

use std::net::SocketAddr;
use std::time::Duration;

use symbolon::config::StoreUrl;
use symbolon::model::client::{Grant, Rotation};
use symbolon::model::pool::SigningAlgorithm;

use super::{problems, read};

const EXAMPLE: &str = r#"
[server]
listen = "127.0.0.1:8080"
public_url = "http://localhost:8080"       # what browsers see; https except for loopback
admin_listen = "127.0.0.1:8081"            # /health/live, /health/ready, /metrics
trusted_proxies = []

[store]
state = "file:data"
directory = "file:data"

[[pool]]
id = "eu-west-1_Example01"                 # Cognito's form: clients read it
name = "Example"

[[pool.client]]
id = "web"
secret = "q8Zk3vXn1sTbL0pW7yRc5uHd"
redirect_uris = ["http://localhost:3000/callback"]
logout_uris = ["http://localhost:3000/"]
scopes = ["openid", "email", "profile"]
grants = ["authorization_code", "refresh_token"]
providers = ["Google", "Acme"]             # default: all of the pool

[[pool.provider]]
name = "Google"                            # shows in user names (Google_1234) and in identity_provider=
use = "google"                             # providers/google.toml
client_id = "1234.apps.googleusercontent.com"
client_secret = "GOCSPX-3kd9Xw2mQz"
[pool.provider.attributes]                 # optional: pool attribute = upstream claim, over the preset's map
email = "email"

[[pool.provider]]
name = "Acme"
use = "oidc"
issuer = "https://idp.acme.example"
client_id = "symbolon-at-acme"
client_secret = "Jm2n5dPq0xVt8wKz"
domains = ["acme.example"]                 # e-mail domains that route here
"#;

#[test]
fn the_example_of_the_plan_is_served_as_written() {
    let config = read(EXAMPLE).unwrap();
    assert_eq!(config.server.listen, "127.0.0.1:8080".parse::<SocketAddr>().unwrap());
    assert_eq!(config.server.admin_listen.port(), 8081);
    assert!(matches!(&config.store.state, StoreUrl::File(folder) if folder.ends_with("data")));
    let [pool] = config.pools.as_slice() else { panic!("one pool") };
    assert_eq!(pool.pool.issuer, "http://localhost:8080/eu-west-1_Example01");
    assert_eq!(pool.pool.hosts, ["localhost:8080"]);
    assert_eq!(pool.pool.signing, SigningAlgorithm::Rs256);
    assert!(pool.pool.separate_keys && !pool.pool.case_insensitive && !pool.pool.cognito_compat);
    let client = pool.pool.client("web").unwrap();
    assert!(client.accepts_secret("q8Zk3vXn1sTbL0pW7yRc5uHd"));
    assert!(client.allows(Grant::RefreshToken) && !client.allows(Grant::ClientCredentials));
    assert_eq!(client.scopes.to_string(), "openid email profile");
    assert_eq!(client.rotation, Rotation::Off);
    assert_eq!(client.lifetimes.refresh_token, Duration::from_secs(30 * 86_400));
    let presets: Vec<_> =
        pool.providers.iter().map(|provider| (provider.name.as_str(), provider.preset.as_str())).collect();
    assert_eq!(presets, [("Google", "google"), ("Acme", "oidc")]);
    assert_eq!(config.warnings, []);
}

#[test]
fn the_summary_names_what_is_served_and_no_secret() {
    let summary = read(EXAMPLE).unwrap().summary();
    for part in
        ["127.0.0.1:8080", "eu-west-1_Example01", "client web: confidential", "provider Acme", "RS256"]
    {
        assert!(summary.contains(part), "{part} is missing in\n{summary}");
    }
    assert!(!summary.contains("q8Zk3vXn1sTbL0pW7yRc5uHd") && !summary.contains("Jm2n5dPq0xVt8wKz"));
}

/// E-34
#[test]
fn a_configuration_does_not_print_its_secrets() {
    let shown = format!("{:?}", read(EXAMPLE).unwrap());
    assert!(!shown.contains("q8Zk3vXn1sTbL0pW7yRc5uHd") && !shown.contains("Jm2n5dPq0xVt8wKz"));
}

#[test]
fn the_least_configuration_is_one_pool() {
    let config = read("[[pool]]\nid = \"eu-west-1_A1\"").unwrap();
    assert_eq!(config.server.public_url, "http://localhost:8080");
    assert_eq!(config.pools[0].pool.name, "eu-west-1_A1");
    assert_eq!(
        config.warnings[0].to_string(),
        "symbolon.toml:1: pool[0].client: no app is registered, so nobody can sign in; fix: add \
         [[pool.client]]"
    );
}

#[test]
fn nothing_at_all_is_a_problem() {
    assert_eq!(
        problems(""),
        ["symbolon.toml: pool: there is no pool; fix: add [[pool]] with an id such as eu-west-1_Example01"]
    );
}

#[test]
fn ten_mistakes_are_ten_problems_in_the_order_of_their_lines() {
    let text = r#"[server]
listen = "localhost"
public_url = "http://auth.example.com"
trusted_proxys = []
[store]
state = "redis+cluster://node"
[[pool]]
id = "local_x"
signing = "HS256"
[[pool.client]]
id = "web"
secret = "changeme"
redirect_uris = ["https://app.example/cb#x", "javascript:alert(1)"]
access_token_lifetime = "1m"
"#;
    let found = problems(text);
    let lines: Vec<&str> = found.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    let expected = [2, 3, 4, 6, 8, 9, 12, 13, 13, 14].map(|line| format!("symbolon.toml:{line}"));
    assert_eq!(lines, expected, "{found:#?}");
}
