//! `[server]` and `[store]`.

use symbolon::config::StoreUrl;

use super::{read, refused};

const POOL: &str = "[[pool]]\nid = \"eu-west-1_A1\"\n";

fn server(lines: &str) -> String {
    format!("[server]\n{lines}\n{POOL}")
}

#[track_caller]
fn refused_server(line: &str, problem: &str) {
    refused(&server(line), &format!("symbolon.toml:2: server.{problem}"));
}

#[track_caller]
fn refused_store(line: &str, problem: &str) {
    refused(&format!("[store]\n{line}\n{POOL}"), &format!("symbolon.toml:2: store.{problem}"));
}

#[test]
fn addresses_need_a_port() {
    refused_server(
        "listen = \"0.0.0.0\"",
        "listen: \"0.0.0.0\" is no address and port; fix: write 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080",
    );
    assert_eq!(
        read(&server("listen = \"localhost:9000\"")).unwrap().server.public_url,
        "http://localhost:9000"
    );
    assert_eq!(read(&server("listen = \"[::1]:9000\"")).unwrap().server.public_url, "http://[::1]:9000");
}

#[test]
fn the_two_listeners_are_two() {
    refused_server(
        "listen = \"127.0.0.1:8081\"",
        "listen: browsers and health checks would share one address; fix: choose another port: health and \
         metrics are not for browsers",
    );
    refused(
        &server("listen = \"127.0.0.1:9\"\nadmin_listen = \"127.0.0.1:9\""),
        "symbolon.toml:3: server.admin_listen: browsers and health checks would share one address; fix: \
         choose another port: health and metrics are not for browsers",
    );
    assert!(read(&server("listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"")).is_ok());
}

#[test]
fn the_public_url_is_https_except_on_loopback() {
    refused_server(
        "public_url = \"http://auth.example.com\"",
        "public_url: \"http://auth.example.com\" is plain http; fix: use https; http is for localhost, \
         127.0.0.1 and [::1] only",
    );
    refused_server(
        "public_url = \"https://example.com/auth\"",
        "public_url: \"https://example.com/auth\" is more than a host; fix: write \"https://example.com\": \
         the broker's paths begin at the root of its host",
    );
    refused(
        &server("listen = \"0.0.0.0:80\""),
        "symbolon.toml:1: server.public_url: missing; fix: add public_url",
    );
    assert_eq!(
        read(&server("public_url = \"https://auth.example.com/\"")).unwrap().server.public_url,
        "https://auth.example.com"
    );
}

/// D-36
#[test]
fn trusted_proxies_are_addresses_or_ranges() {
    refused_server(
        "trusted_proxies = [\"proxy.local\"]",
        "trusted_proxies[0]: \"proxy.local\" is no address range; fix: write an address or a range such as \
         10.0.0.0/8",
    );
    let config = read(&server("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]")).unwrap();
    assert!(config.server.listener.trusted_proxies[0].contains("10.1.1.1".parse().unwrap()));
    assert_eq!(config.server.listener.trusted_proxies[1].to_string(), "::1/128");
}

#[test]
fn a_certificate_bundle_is_a_readable_pem_file() {
    refused_server(
        "upstream_ca_file = \"secret.txt\"",
        "upstream_ca_file: the file holds no PEM certificate; fix: name a file with -----BEGIN \
         CERTIFICATE----- blocks",
    );
    refused_server(
        "upstream_ca_file = \"gone.pem\"",
        "upstream_ca_file: \"gone.pem\" cannot be read: no such file; fix: name a readable file; paths start \
         at the folder of this one",
    );
}

/// H-11
#[test]
fn the_authority_of_a_redis_is_a_readable_pem_file() {
    let problem = "ca_file: the file holds no PEM certificate; fix: name a file with -----BEGIN \
        CERTIFICATE----- blocks";
    refused_store("ca_file = \"secret.txt\"", problem);
}

/// E-33
#[test]
fn the_seal_key_is_32_random_bytes() {
    let short = "seal_key: the key is not 32 bytes in base64 or hexadecimal; fix: write the output of: \
        openssl rand -base64 32";
    let regular = "seal_key: the key is not random; fix: write the output of: openssl rand -base64 32";
    for (key, problem) in
        [("hunter2", short), ("AAAA", short), (&"A".repeat(43), regular), (&"0".repeat(64), regular)]
    {
        refused_server(&format!("seal_key = \"{key}\""), problem);
    }
    for key in [
        "5z7J3mXn0vHq2LrT9bWc4dKs8yFg6uPa1iOeZxQwRtE=",
        "e73ec9de65e7d2f1ea2eb93f6d67172b2c817a0baa8ee53e6d2b1c8d3b4f5a69",
    ] {
        assert!(read(&server(&format!("seal_key = \"{key}\""))).unwrap().server.seal_key.is_some(), "{key}");
    }
}

#[test]
fn private_upstreams_are_allowed_with_a_warning() {
    let config = read(&server("allow_private_upstreams = true")).unwrap();
    assert!(config.server.allow_private_upstreams);
    assert_eq!(
        config.warnings[0].to_string(),
        "symbolon.toml:2: server.allow_private_upstreams: providers may point the broker at private \
         addresses; fix: remove it outside tests and closed networks"
    );
}

#[test]
fn stores_are_memory_a_folder_or_redis() {
    for (scheme, problem) in [
        (
            "data",
            "the store has no scheme; fix: write file:<folder>, memory:, redis://host:6379/0 or \
             rediss://host:6379/0",
        ),
        (
            "postgres://h",
            "no store has this scheme; fix: write file:<folder>, memory:, redis://host:6379/0 or \
             rediss://host:6379/0",
        ),
        ("memory:x", "nothing may follow memory:; fix: write memory:"),
        ("file:", "file: names no folder; fix: write file:data or file:/var/lib/symbolon"),
        ("file://data", "file: names no folder; fix: write file:data or file:/var/lib/symbolon"),
        (
            "redis+sentinel://h",
            "the Sentinels are not told which master is meant; fix: write \
             redis+sentinel://user:password@host:26379,host:26379,host:26379/<master name>",
        ),
        (
            "redis+cluster://h/1",
            "a cluster has one database only; fix: write redis+cluster://user:password@host:6379,host:6379",
        ),
        (
            "redis:",
            "the Redis URL names no host; fix: write redis://user:password@host:6379/0, rediss:// for TLS",
        ),
        (
            "redis://h/users",
            "the path of the Redis URL is no database number; fix: write redis://user:password@host:6379/0, \
             rediss:// for TLS",
        ),
    ] {
        refused_store(&format!("state = \"{scheme}\""), &format!("state: {problem}"));
    }
    let store = read(&format!("[store]\nstate = \"memory:\"\ndirectory = \"file:/var/lib/x\"\n{POOL}"))
        .unwrap()
        .store;
    assert!(matches!(store.state, StoreUrl::Memory));
    assert_eq!(store.directory.public(), "file:/var/lib/x");
}

/// H-11
#[test]
fn a_shared_store_needs_a_seal_key_and_shows_no_password() {
    refused_store(
        "state = \"redis://app:hunter2@db.example\"",
        "state: a shared store needs server.seal_key, which is not set; fix: add seal_key or seal_key_file \
         to [server]: openssl rand -base64 32",
    );
    let text = format!(
        "[server]\nseal_key = \"5z7J3mXn0vHq2LrT9bWc4dKs8yFg6uPa1iOeZxQwRtE=\"\n[store]\nstate \
         = \"rediss://app:hunter2@db.example:6380/2\"\n{POOL}"
    );
    let config = read(&text).unwrap();
    assert_eq!(config.store.state.public(), "rediss://db.example:6380/2");
    assert!(!format!("{config:?}{}", config.summary()).contains("hunter2"));
}

#[test]
fn a_directory_in_memory_is_a_warning() {
    let config = read(&format!("[store]\ndirectory = \"memory:\"\n{POOL}")).unwrap();
    assert!(config.warnings[0].to_string().starts_with(
        "symbolon.toml:2: store.directory: users and signing keys are forgotten at every restart"
    ));
}

#[test]
fn a_proxy_protocol_needs_somebody_to_speak_it() {
    refused_server(
        "proxy_protocol = true",
        "proxy_protocol: no proxy may connect; fix: list the balancers' addresses in trusted_proxies",
    );
    assert!(
        read(&server("proxy_protocol = true\ntrusted_proxies = [\"10.0.0.0/8\"]"))
            .unwrap()
            .server
            .listener
            .proxy_protocol
    );
    assert!(read(&server("forwarded_header = \"x-real-ip\"")).is_err());
}

#[test]
fn limits_are_per_minute_and_zero_is_none() {
    let limits = |lines: &str| read(&format!("[limits]\n{lines}\n{POOL}")).unwrap().limits;
    assert_eq!((limits("").address, limits("").client), (Some(1200), None));
    assert_eq!((limits("address = 0").address, limits("client = 60\npool = 100").client), (None, Some(60)));
    assert!(read(&format!("[limits]\naddress = -1\n{POOL}")).is_err());
}
