//! The helpers that start neighbours do what they say, so that a failure elsewhere is not theirs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::peers::{OpenIdProvider, RelyingParty, chromium};
use crate::support::process::{Process, TempDir, free_port};
use crate::support::redis::{Redis, RedisOptions};

#[test]
fn a_redis_started_by_the_test_answers_ping() {
    let redis = Redis::start();
    assert_eq!(redis.command(&["PING"]), "PONG");
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{}/0", redis.port()));
    assert!(redis.ca_file().is_none());
}

#[test]
fn a_redis_keeps_the_options_it_was_given() {
    let redis = RedisOptions::default().directive("maxmemory-policy allkeys-lru").start();
    assert!(redis.command(&["CONFIG", "GET", "maxmemory-policy"]).ends_with("allkeys-lru"));
}

#[test]
fn a_redis_with_tls_and_a_user_lets_nobody_else_in() {
    let redis = RedisOptions::default().tls().user("symbolon", "open-sesame").start();
    assert_eq!(redis.url(), format!("rediss://symbolon:open-sesame@localhost:{}/0", redis.port()));
    assert_eq!(redis.command(&["ACL", "WHOAMI"]), "symbolon");
    let ca = redis.ca_file().unwrap();
    let stranger = ["-p", &redis.port().to_string(), "--tls", "--cacert", ca.to_str().unwrap(), "PING"]
        .map(str::to_owned);
    assert!(cli(&stranger).contains("NOAUTH"));
    let plain = ["-p", &redis.port().to_string(), "PING"].map(str::to_owned);
    assert!(!cli(&plain).contains("PONG"));
}

#[test]
fn a_killed_redis_comes_back_on_its_port_with_what_it_was_told_to_keep() {
    let mut redis =
        RedisOptions::default().directive("appendonly yes").directive("appendfsync always").start();
    redis.command(&["SET", "kept", "yes"]);
    redis.kill();
    assert!(redis.command(&["PING"]).contains("refused"));
    redis.start_again();
    assert_eq!(redis.command(&["GET", "kept"]), "yes");
    redis.stop();
    assert!(redis.command(&["PING"]).contains("refused"));
    redis.start_again();
    assert_eq!(redis.command(&["GET", "kept"]), "yes");
}

#[test]
fn a_paused_redis_accepts_connections_and_answers_when_resumed() {
    let redis = Redis::start();
    redis.pause();
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    assert!(stream.read(&mut answer).is_err());
    redis.resume();
    stream.set_read_timeout(None).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn a_process_dies_with_its_value_and_its_directory_goes() {
    let directory = TempDir::new();
    let path = directory.path().to_owned();
    let process = Process::start(
        "sh",
        Command::new("sh").args(["-c", "echo ready; exec sleep 600"]).current_dir(&path),
    );
    process.wait_for_line("ready");
    let id = process.id().to_string();
    drop((process, directory));
    assert!(!Command::new("kill").args(["-0", &id]).output().unwrap().status.success());
    assert!(!path.exists());
}

#[test]
#[should_panic(expected = "last words")]
fn a_process_that_ends_before_it_is_ready_fails_the_test_with_its_last_words() {
    Process::start("sh", Command::new("sh").args(["-c", "echo last words >&2; exit 1"]))
        .wait_for_line("ready");
}

#[test]
fn a_provider_and_an_app_started_by_the_test_know_each_other() {
    let port = free_port();
    let redirect_uri = format!("http://127.0.0.1:{port}/callback");
    let mut provider = OpenIdProvider::start(&json!({
        "clients": [{"client_id": "app", "token_endpoint_auth_method": "none",
        "redirect_uris": [redirect_uri]}],
    }));
    let app = RelyingParty::start(&json!({"port": port, "issuer": provider.issuer, "client_id": "app"}));
    assert_eq!(app.redirect_uri, redirect_uri);
    let seen = chromium(&json!([
        {"goto": format!("{}/login", app.url)},
        {"fill": ["input[name=login]", "ada"]},
        {"click": "button[type=submit]"},
        {"waitForUrl": "/callback\\?"},
        {"text": "body"},
    ]));
    assert_eq!(seen.get("failure"), None, "{seen}");
    let tokens: Value =
        serde_json::from_str(seen.pointer("/texts/0").and_then(Value::as_str).unwrap()).unwrap();
    assert_eq!(tokens.pointer("/id_token_claims/sub"), Some(&json!("ada")));
    assert_eq!(tokens.pointer("/id_token_claims/iss"), Some(&json!(provider.issuer)));
    assert!(provider.process().terminate().success());
}

#[expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]
fn cli(arguments: &[String]) -> String {
    let output = Command::new("redis-cli").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
