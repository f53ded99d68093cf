//! The commands of docs/operations.md do what it says, and the proxy of docker/ keeps a broker of two
//! replicas up.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::process::{Process, TempDir, free_port};
use crate::world::broker;

fn root(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of one language in a chapter of a page; the whole page is the chapter "".
fn blocks(page: &str, chapter: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root(page)).expect("a page");
    let chapters = text.split("\n## ").filter(|text| text.starts_with(chapter));
    let fence = format!("{language}\n");
    chapters
        .flat_map(|text| {
            text.split("\n```")
                .filter_map(|block| block.strip_prefix(&fence))
                .map(|block| format!("{block}\n"))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The README's first configuration with the servers and stores of docs/operations.md.
fn configuration() -> String {
    let whole = blocks("README.md", "", "toml").remove(0);
    let servers = blocks("docs/operations.md", "Before the first start", "toml").remove(0);
    let (server, store) = servers.split_once("[store]").expect("both tables");
    whole.replacen("[server]", &format!("[store]{store}\n{server}"), 1)
}

struct Place {
    folder: TempDir,
    listen: u16,
    admin: u16,
}

impl Place {
    fn shell(&self, script: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_symbolon")).parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell
            .args(["-ec", script])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", program.display()));
        shell.env("SYMBOLON__SERVER__LISTEN", format!("127.0.0.1:{}", self.listen));
        shell.env("SYMBOLON__SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", self.admin));
        shell
    }

    /// Runs every command of a chapter and gives what they printed.
    #[track_caller]
    fn does(&self, chapter: &str) -> String {
        let scripts = blocks("docs/operations.md", chapter, "sh");
        assert!(!scripts.is_empty(), "no commands in {chapter}");
        self.runs(&scripts.concat())
    }

    #[track_caller]
    fn runs(&self, script: &str) -> String {
        let output = self.shell(script).output().expect("bash runs");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{said}");
        said
    }
}

/// Chapters whose commands the test runs; each that has commands is here.
const CHAPTERS: [&str; 6] = [
    "Before the first start",
    "Health",
    "Signing everybody out",
    "Backup",
    "Signing keys",
    "Completions and manual",
];

#[test]
fn no_chapter_with_commands_is_left_out() {
    let tested: usize =
        CHAPTERS.into_iter().map(|chapter| blocks("docs/operations.md", chapter, "sh").len()).sum();
    assert_eq!(
        tested,
        fs::read_to_string(root("docs/operations.md")).expect("a page").matches("\n```sh\n").count()
    );
}

#[test]
fn an_operator_follows_the_page_and_gets_the_same_broker_back_from_a_backup() {
    let place = Place { folder: TempDir::new(), listen: free_port(), admin: free_port() };
    fs::write(place.folder.path().join("symbolon.toml"), configuration()).expect("a file");
    let refused = place.shell("symbolon health --config symbolon.toml").output().expect("bash runs").status;
    assert_eq!(refused.code(), Some(2), "a configuration whose seal key is missing is wrong");
    assert!(place.does("Before the first start").contains("eu-west-1_Example01"));
    let schema = fs::read_to_string(place.folder.path().join("symbolon.schema.json")).expect("the schema");
    assert!(schema.contains("json-schema.org"));
    let silent = place.shell("symbolon health --config symbolon.toml").output().expect("bash runs").status;
    assert_eq!(silent.code(), Some(1), "nobody listens yet");

    let mut serving =
        Process::start("symbolon", &mut place.shell("exec symbolon serve --config symbolon.toml --log json"));
    serving.wait_for_line("\"message\":\"ready\"");
    assert!(place.does("Health").starts_with("ready"));
    let backup = blocks("docs/operations.md", "Backup", "sh");
    assert!(place.does("Signing everybody out").starts_with("everybody is signed out"));
    place.runs(&backup[0]);
    assert!(serving.terminate().success());

    let keys = place.runs("symbolon keys list --config symbolon.toml --json");
    place.runs("rm -r data && mkdir -m 700 data");
    place.runs(&backup[1]);
    assert_eq!(place.runs("symbolon keys list --config symbolon.toml --json"), keys);
    place.does("Signing keys");
    assert_ne!(
        place.runs("symbolon keys list --config symbolon.toml --json"),
        keys,
        "a successor was published"
    );

    place.does("Completions and manual");
    let made = |name: &str| {
        fs::read_to_string(place.folder.path().join(name)).expect("a file that the commands made")
    };
    assert!(
        made("symbolon.bash").contains("_symbolon")
            && made("symbolon.fish").contains("symbolon")
            && made("_symbolon").contains("#compdef")
    );
    assert!(
        made("man1/symbolon.1").contains(".TH symbolon 1") && made("man1/symbolon-serve.1").contains("serve")
    );
}

/// The files of docker/ that are not commands: the configuration is right, and the proxy's file is the one
/// that is run.
#[test]
fn the_configuration_of_the_replicas_is_valid() {
    let folder = TempDir::new();
    fs::create_dir(folder.path().join("secrets")).expect("a folder");
    fs::write(folder.path().join("secrets/seal.key"), "bPm3kq8sNw1Zt5Vx9Ya2Cd4Ef6Gh7Jk0LmNoPqRsTuU=")
        .expect("a file");
    fs::write(folder.path().join("secrets/google.secret"), "GOCSPX-0123456789abcdef").expect("a file");
    fs::copy(root("docker/symbolon.toml"), folder.path().join("symbolon.toml")).expect("a file");
    let output = broker::symbolon()
        .args(["check", "--config", "symbolon.toml"])
        .current_dir(folder.path())
        .output()
        .expect("symbolon runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
