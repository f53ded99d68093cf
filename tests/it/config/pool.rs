//! `[[pool]]`, and pools and providers compared with each other.

use std::time::Duration;

use super::{problems, read, refused};

fn pool(lines: &str) -> String {
    format!("[server]\npublic_url = \"https://auth.example.com\"\n[[pool]]\nid = \"eu-west-1_A1\"\n{lines}\n")
}

#[track_caller]
fn refused_pool(line: &str, problem: &str) {
    refused(&pool(line), &format!("symbolon.toml:5: pool[0].{problem}"));
}

#[test]
fn a_pool_needs_an_id() {
    refused("[[pool]]\nname = \"x\"", "symbolon.toml:1: pool[0].id: missing; fix: add id");
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let pool = read(&pool("")).unwrap().pools.remove(0).pool;
    assert_eq!(
        (pool.issuer.as_str(), pool.public_url.as_str()),
        ("https://auth.example.com/eu-west-1_A1", "https://auth.example.com")
    );
    assert_eq!(pool.hosts, ["auth.example.com"]);
    assert_eq!(
        (pool.session.idle, pool.session.absolute),
        (Duration::from_secs(3600), Duration::from_secs(43_200))
    );
    assert_eq!(
        (pool.flow_lifetime, pool.code_lifetime),
        (Duration::from_secs(600), Duration::from_secs(300))
    );
}

#[test]
fn a_pool_with_hosts_of_its_own_is_seen_there() {
    let pool = read(&pool("hosts = [\"login.acme.example\", \"login.acme.example:8443\"]"))
        .unwrap()
        .pools
        .remove(0)
        .pool;
    assert_eq!(pool.public_url, "https://login.acme.example");
    assert_eq!(pool.issuer, "https://login.acme.example/eu-west-1_A1");
    assert_eq!(pool.hosts.len(), 2);
}

#[test]
fn hosts_are_written_as_browsers_send_them() {
    for (host, problem) in [
        (
            "https://a.example",
            "is no host name; fix: write a host such as auth.example.com, or auth.example.com:8443",
        ),
        (
            "*.example",
            "is no host name; fix: write a host such as auth.example.com, or auth.example.com:8443",
        ),
        ("A.example", "is no host name; fix: write \\\"a.example\\\""),
        ("a.example:443", "is no host name; fix: write \\\"a.example\\\""),
    ] {
        refused_pool(
            &format!("hosts = [\"{host}\"]"),
            &format!("hosts[0]: {host:?} {}", problem.replace('\\', "")),
        );
    }
    refused_pool(
        "hosts = []",
        "hosts: the list is empty; fix: name a host, or remove the key to use that of server.public_url",
    );
}

#[test]
fn two_pools_share_neither_id_nor_host_nor_issuer() {
    let text = format!(
        "{}issuer = \"https://a.example\"\n[[pool]]\nid = \"eu-west-1_A1\"\nhosts = \
         [\"auth.example.com\"]\nissuer = \"https://a.example\"\n",
        pool("")
    );
    assert_eq!(
        problems(&text),
        [
            "symbolon.toml:8: pool[1].id: the pool id \"eu-west-1_A1\" is already used by pool[0].id; fix: \
             give each its own pool id",
            "symbolon.toml:9: pool[1].hosts[0]: the host \"auth.example.com\" is already used by pool[0]; \
             fix: give each its own host",
            "symbolon.toml:10: pool[1].issuer: the issuer \"https://a.example\" is already used by \
             pool[0].issuer; fix: give each its own issuer",
        ]
    );
}

#[test]
fn a_second_pool_without_hosts_is_told_so() {
    let text = format!("{}[[pool]]\nid = \"eu-west-1_B1\"\n", pool(""));
    refused(
        &text,
        "symbolon.toml:6: pool[1]: the host \"auth.example.com\" is already used by pool[0]; fix: give each \
         its own host",
    );
}

#[test]
fn no_pool_takes_the_default_issuer_of_another() {
    let text = format!(
        "{}hosts = [\"b.example\"]\n[[pool]]\nid = \"eu-west-1_B1\"\nissuer \
         = \"https://b.example/eu-west-1_A1\"\n",
        pool("")
    );
    refused(
        &text,
        "symbolon.toml:9: pool[1].issuer: the issuer \"https://b.example/eu-west-1_A1\" is already used by \
         pool[0].issuer; fix: give each its own issuer",
    );
}

#[test]
fn a_host_is_not_served_over_plain_http() {
    let text = |host: &str| format!("[[pool]]\nid = \"eu-west-1_A1\"\nhosts = [\"{host}\"]");
    refused(
        &text("auth.acme.example"),
        "symbolon.toml:3: pool[0].hosts[0]: \"auth.acme.example\" would be served over plain http; fix: \
         write an https URL in server.public_url, or a host such as a.localhost",
    );
    assert_eq!(read(&text("a.localhost:8080")).unwrap().pools[0].pool.public_url, "http://a.localhost:8080");
}

#[test]
fn issuers_are_taken_byte_for_byte() {
    refused_pool(
        "issuer = \"https://a.example/\"",
        "issuer: \"https://a.example/\" ends in a slash or has a query; fix: write the issuer without them; \
         tokens carry it byte for byte",
    );
    let aws = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A1";
    assert_eq!(read(&pool(&format!("issuer = \"{aws}\""))).unwrap().pools[0].pool.issuer, aws);
}

#[test]
fn lifetimes_have_limits() {
    for (line, problem) in [
        (
            "code_lifetime = \"11m\"",
            "code_lifetime: \"11m\" is out of range; fix: write a duration from \"10s\" to \"10m\"",
        ),
        (
            "flow_lifetime = 5",
            "flow_lifetime: \"5s\" is out of range; fix: write a duration from \"1m\" to \"1h\"",
        ),
        (
            "session_idle = \"13h\"",
            "session_idle: session_idle is longer than session_absolute; fix: make session_absolute the \
             longer one",
        ),
        (
            "id_token_lifetime = \"25h\"",
            "id_token_lifetime: \"25h\" is out of range; fix: write a duration from \"5m\" to \"1d\"",
        ),
        (
            "access_token_lifetime = \"4m\"",
            "access_token_lifetime: \"4m\" is out of range; fix: write a duration from \"5m\" to \"1d\"",
        ),
        (
            "refresh_token_lifetime = \"59m\"",
            "refresh_token_lifetime: \"59m\" is out of range; fix: write a duration from \"1h\" to \"3650d\"",
        ),
    ] {
        refused_pool(line, problem);
    }
}

#[test]
fn signing_is_one_of_three() {
    refused_pool(
        "signing = \"none\"",
        "signing: \"none\" is not known here; fix: write \"RS256\" or \"ES256\" or \"EdDSA\"",
    );
}

const PROVIDER: &str = "use = \"oidc\"\nissuer = \"https://idp.example\"\nclient_id = \"c\"\n";

#[test]
fn providers_of_a_pool_share_no_name_or_identifier_but_may_share_a_domain() {
    let text = pool(&format!(
        "[[pool.provider]]\nname = \"Acme\"\nidentifiers = [\"acme\"]\ndomains = \
         [\"acme.example\"]\nclient_secret = \"abcdefgh1\"\n{PROVIDER}[[pool.provider]]\nname \
         = \"ACME\"\nidentifiers = [\"Acme\"]\ndomains = [\"Acme.example\"]\nclient_secret \
         = \"abcdefgh1\"\n{PROVIDER}"
    ));
    assert_eq!(
        problems(&text),
        [
            "symbolon.toml:14: pool[0].provider[1].name: the provider name \"acme\" is already used by \
             pool[0].provider[0].name; fix: give each its own provider name",
            "symbolon.toml:15: pool[0].provider[1].identifiers[0]: the identifier \"acme\" is already used \
             by pool[0].provider[0].identifiers[0]; fix: give each its own identifier",
        ]
    );
}

/// E-33
#[test]
fn a_provider_secret_from_an_example_is_refused() {
    refused(
        &pool(&format!("[[pool.provider]]\nname = \"Acme\"\nclient_secret = \"…\"\n{PROVIDER}")),
        "symbolon.toml:7: pool[0].provider[0].client_secret: the secret is a sample from an example; fix: \
         write the secret that the provider gave you",
    );
}

#[test]
fn a_provider_without_a_client_id_of_its_own_is_refused() {
    refused(
        &pool(&format!(
            "[[pool.provider]]\nname = \"Acme\"\nclient_secret = \"abcdefgh1\"\n{}",
            PROVIDER.replace("\"c\"", "\"…\"")
        )),
        "symbolon.toml:10: pool[0].provider[0].client_id: this is a placeholder; fix: write the client id \
         that the provider gave you",
    );
}

/// Every check that a provider does without is named with what that risks.
#[test]
fn loosened_checks_are_warned_about() {
    let provider = |lines: &str| {
        let client =
            "[[pool.client]]\nid = \"web\"\nredirect_uris = [\"https://a.example/\"]\nrotation = true";
        let text = pool(&format!("{client}\n[[pool.provider]]\nname = \"Acme\"\nclient_id = \"c\"\n{lines}"));
        read(&text).unwrap().warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let oidc = "use = \"oidc\"\nissuer = \"https://idp.example\"";
    let secret = "client_secret = \"abcdefgh1\"";
    assert_eq!(provider(&format!("{oidc}\n{secret}")), [] as [&str; 0]);
    let at = |option: &str, risk: &str| {
        format!(
            "symbolon.toml:9: pool[0].provider[0]: {option}: {risk}; fix: remove {option} unless this \
             provider needs it"
        )
    };
    assert_eq!(
        provider(&format!("{oidc}\n{secret}\ntrust_every_email = true")),
        [at("trust_every_email", "whoever sets an address at this provider owns it here")]
    );
    assert_eq!(
        provider(&format!("{oidc}\n{secret}\n[pool.provider.quirks]\nnonce_not_echoed = true")),
        [at("nonce_not_echoed", "only state and PKCE hold off a replayed ID token")]
    );
    assert_eq!(
        provider(&format!("{oidc}\nclient_auth = \"none\"")),
        [at("client_auth", "the broker does not authenticate at this provider")]
    );
}
