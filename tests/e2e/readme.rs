//! The README's configuration is valid and its commands do what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use toml::Table;

use crate::support::process::{Process, TempDir};
use crate::world::{broker, get};

/// Folder with the README's first configuration as `symbolon.toml`.
fn newcomer() -> TempDir {
    let folder = TempDir::new();
    fs::write(folder.path().join("symbolon.toml"), &blocks("toml")[0]).expect("a file");
    folder
}

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    readme
        .split("\n```")
        .filter_map(|block| block.strip_prefix(&format!("{language}\n")))
        .map(|block| format!("{block}\n"))
        .collect()
}

/// A shell in `folder` that finds `symbolon`; nothing listens where the README's file says, so that tests may
/// run side by side.
fn shell(folder: &Path, script: &str) -> Command {
    let symbolon = PathBuf::from(env!("CARGO_BIN_EXE_symbolon"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", script])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", symbolon.parent().expect("a folder").display()));
    shell.env("SYMBOLON__SERVER__LISTEN", "127.0.0.1:0").env("SYMBOLON__SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    shell
}

fn run(folder: &Path, script: &str) -> Output {
    shell(folder, script).output().expect("sh runs")
}

#[track_caller]
fn valid(folder: &Path) -> String {
    let output = run(folder, "symbolon check --config symbolon.toml");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn the_first_configuration_is_valid_and_warns_of_nothing_that_the_readme_does_not_say() {
    let folder = newcomer();
    let said = valid(folder.path());
    assert!(said.contains("eu-west-1_Example01") && said.contains("Google"), "{said}");
}

#[test]
fn seven_lines_more_add_any_openid_connect_provider() {
    let folder = newcomer();
    let generic = &blocks("toml")[1];
    assert_eq!(generic.lines().filter(|line| !line.trim().is_empty()).count(), 7, "{generic}");
    let file = folder.path().join("symbolon.toml");
    fs::write(&file, fs::read_to_string(&file).expect("a file") + "\n" + generic).expect("a file");
    let said = valid(folder.path());
    assert!(said.contains("Acme"), "{said}");
}

#[test]
fn every_further_block_is_valid_in_the_place_that_its_tables_name() {
    for block in blocks("toml").iter().skip(2) {
        let folder = newcomer();
        assert!(
            run(
                folder.path(),
                "openssl rand -base64 32 > seal.key || head -c 32 /dev/urandom | base64 > seal.key"
            )
            .status
            .success()
        );
        let mut whole: Table = blocks("toml")[0].parse().expect("TOML");
        lay_over(&mut whole, block.parse().expect("TOML"));
        fs::write(folder.path().join("symbolon.toml"), whole.to_string()).expect("a file");
        valid(folder.path());
    }
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            (Some(toml::Value::Array(below)), toml::Value::Array(above)) => below.extend(above),
            // [[pool.provider]] alone belongs to the last pool.
            (Some(toml::Value::Array(below)), toml::Value::Table(above)) => match below.last_mut() {
                Some(toml::Value::Table(last)) => lay_over(last, above),
                _ => panic!("{key} holds no table"),
            },
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Every `symbolon` command of the README; `cargo` and `tests/run` are other tests' and people's.
#[tokio::test]
async fn the_commands_work_in_the_order_of_the_readme() {
    let folder = newcomer();
    let commands: Vec<String> = blocks("sh")
        .concat()
        .lines()
        .filter(|line| line.starts_with("symbolon "))
        .map(str::to_owned)
        .collect();
    assert!(
        commands.iter().any(|command| command.contains(" serve ")) && commands.len() >= 4,
        "{commands:?}"
    );
    for command in &commands {
        if command.contains(" serve ") {
            let mut process =
                Process::start("symbolon", &mut shell(folder.path(), &format!("exec {command}")));
            let ready: serde_json::Value =
                serde_json::from_str(&process.wait_for_line("\"message\":\"ready\""))
                    .expect("the log is JSON");
            let admin = ready["admin_listen"].as_str().expect("an address").to_owned();
            assert_eq!(get(&format!("http://{admin}/health/ready")).await.status, 200);
            assert!(process.terminate().success());
        } else {
            let output = run(folder.path(), command);
            assert!(
                output.status.success(),
                "{command}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn every_command_explains_itself() {
    let help = broker::symbolon().arg("--help").output().expect("symbolon runs");
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for command in ["serve", "demo", "check", "keys"] {
        assert!(text.contains(&format!("  {command}")), "{text}");
        assert!(
            broker::symbolon().args([command, "--help"]).output().expect("symbolon runs").status.success()
        );
    }
}
