//! `symbolon check`: the report, the exit code, and that every documented key is known.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use std::process::Command;

use symbolon::cli::check::{json_report, text_report};
use symbolon::config;

fn check(text: &str, arguments: &[&str]) -> (i32, String) {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let folder = std::env::temp_dir().join(format!("symbolon-check-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("symbolon.toml"), text).unwrap();
    std::fs::write(folder.join("key.txt"), "5z7J3mXn0vHq2LrT9bWc4dKs8yFg6uPa1iOeZxQwRtE=\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_symbolon"))
        .arg("check")
        .args(arguments)
        .current_dir(&folder)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_wrong_configuration_exits_with_2_and_every_problem() {
    let (code, text) = check("[server]\nlistn = 1\n[[pool]]\nid = \"x\"\n", &[]);
    assert_eq!(code, 2);
    assert_eq!(
        text,
        "symbolon.toml:2: server.listn: unknown key; fix: remove it; the nearest known key is listen\n\
         symbolon.toml:4: pool[0].id: pool id \"x\" is not valid; fix: it must look like \
         eu-west-1_Example01: a region, an underscore, letters and digits; at most 55 characters\n"
    );
}

#[test]
fn a_valid_configuration_exits_with_0_and_says_what_is_served() {
    let (code, text) = check("[server]\nseal_key_file = \"key.txt\"\n[[pool]]\nid = \"eu-west-1_A1\"\n", &[]);
    assert_eq!(code, 0);
    assert!(text.starts_with(
        "listen 127.0.0.1:8080, health and metrics on 127.0.0.1:8081, browsers see \
         http://localhost:8080\nstate in file:data"
    ));
    assert!(
        text.contains(
            "pool eu-west-1_A1 \"eu-west-1_A1\": issuer http://localhost:8080/eu-west-1_A1, RS256, \
            at localhost:8080\n"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "warning: symbolon.toml:3: pool[0].client: no app is registered, so nobody can sign \
            in; fix: add [[pool.client]]\n"
        ),
        "{text}"
    );
}

#[test]
fn a_missing_file_is_a_problem_of_its_own() {
    let (code, text) = check("", &["--config", "gone.toml"]);
    assert_eq!(code, 2);
    assert!(text.starts_with("gone.toml: cannot be read: "), "{text}");
}

#[test]
fn a_wrong_configuration_starts_nothing() {
    let folder = std::env::temp_dir().join(format!("symbolon-serve-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("symbolon.toml"), "[[pool]]\n").unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_symbolon")).arg("serve").current_dir(&folder).output().unwrap();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name()).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "symbolon.toml:1: pool[0].id: missing; fix: add id\n"
    );
    assert_eq!(left, ["symbolon.toml"], "no store was made");
}

#[test]
fn the_json_report_holds_the_same() {
    let read = |text: &str, environment: &[(String, String)]| {
        config::parse(text, "a.toml", environment, &|_| Err("none".to_owned()))
    };
    let variable = [("SYMBOLON__SERVER__X".to_owned(), "1".to_owned())];
    let report: serde_json::Value = serde_json::from_str(&json_report(&read("[[pool]]", &variable))).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["problems"][0]["line"], 1);
    assert_eq!(report["problems"][0]["key"], "pool[0].id");
    assert_eq!(report["problems"][0]["fix"], "add id");
    assert_eq!(report["problems"][1]["variable"], "SYMBOLON__SERVER__X");
    let valid = read("[[pool]]\nid = \"eu-west-1_A1\"", &[]);
    let report: serde_json::Value = serde_json::from_str(&json_report(&valid)).unwrap();
    assert_eq!((&report["valid"], report["problems"].as_array().map(Vec::len)), (&true.into(), Some(0)));
    assert_eq!(report["warnings"][0]["line"], 1);
    assert!(text_report(&valid).contains(report["summary"][0].as_str().unwrap()));
}

/// Each row of the documentation is a key that the reader knows.
#[test]
fn every_documented_key_is_known() {
    let mut table = "";
    let mut count = 0;
    for line in include_str!("../../../docs/configuration.md").lines() {
        table = match line {
            "## `[server]`" => "[server]",
            "## `[store]`" => "[store]",
            "## `[limits]`" => "[limits]",
            "## `[[pool]]`" => "[[pool]]",
            "## `[pool.branding]`" => "[[pool]]\n[pool.branding]",
            "## `[[pool.client]]`" => "[[pool]]\n[[pool.client]]",
            "## `[[pool.provider]]`" => "[[pool]]\n[[pool.provider]]",
            _ => table,
        };
        let Some((key, _)) = line.strip_prefix("| `").and_then(|row| row.split_once('`')) else { continue };
        count += 1;
        let secret = if line.contains("*secret*") { format!("{key}_file = 1.5\n") } else { String::new() };
        let text = format!("{table}\n{key} = 1.5\n{secret}");
        let problems =
            config::parse(&text, "a.toml", &[], &|_| Err("none".to_owned())).unwrap_err().to_string();
        assert!(!problems.contains("unknown key"), "{problems}");
    }
    assert!(count > 40, "{count} keys");
}
