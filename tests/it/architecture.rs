//! The plan as a test: the order of modules, the purity of the core, where each outside library may appear,
//! the one direction in which files use each other, and the size of files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod circles;

/// Each may use only those before it and itself.
const ORDER: [&str; 14] = [
    "model",
    "protocol",
    "provider",
    "flow",
    "token",
    "config",
    "outside",
    "store",
    "app",
    "trigger",
    "user_pool",
    "identity_pool",
    "web",
    "cli",
];

/// Synchronous, without clock and I/O.
const PURE: [&str; 5] = ["model", "protocol", "provider", "flow", "token"];

/// What no pure module names.
const IMPURE: [&str; 11] = [
    "async fn",
    "async move",
    ".await",
    "tokio",
    "reqwest",
    "std::net",
    "std::fs",
    "std::env",
    "SystemTime",
    "Instant::now",
    "rand::fill",
];

/// A crate and the path prefixes, below `src/`, that may name it. In `store/mod.rs`, `redis` is its own
/// module.
const CONTAINED: [(&str, &[&str]); 17] = [
    ("axum", &["web/", "cli/demo"]),
    ("minijinja", &["web/", "cli/demo", "config/branding"]),
    ("fluent_bundle", &["web/texts"]),
    ("reqwest", &["outside/http"]),
    ("redis", &["store/redis", "store/mod.rs"]),
    ("rusqlite", &["store/file", "store/sqlite"]),
    ("toml", &["model/document"]),
    ("clap", &["cli/"]),
    ("flate2", &["protocol/saml/binding"]),
    ("prometheus_client", &["outside/metrics"]),
    ("opentelemetry", &["outside/telemetry"]),
    ("opentelemetry_otlp", &["outside/telemetry"]),
    ("opentelemetry_sdk", &["outside/telemetry"]),
    ("ppp", &["web/server/proxy_protocol"]),
    ("tokio_rustls", &["web/server/tls"]),
    ("roxmltree", &["protocol/saml/"]),
    ("x509_parser", &["protocol/saml/certificate", "protocol/oauth2/client_certificate"]),
];

const LONGEST: usize = 500;

/// In characters, as in rustfmt.toml.
const WIDEST: usize = 110;

/// A word that no line can be broken in: an address, a message, a row of a table.
const UNBREAKABLE: usize = 50;

#[test]
fn modules_use_only_those_before_them() {
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let Some(own) = module(&file.path) else { continue };
        let Some(rank) = rank(own) else {
            wrong.push(format!("{}: the module {own} has no place in the order", file.path));
            continue;
        };
        for (line, text) in file.code() {
            for used in crate_paths(text) {
                if own != used && self::rank(used).is_none_or(|used| used > rank) {
                    wrong.push(format!("{}:{line}: {own} uses {used}", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let wrong = lines_of(
        |path| module(path).is_some_and(|own| PURE.contains(&own)),
        |text| IMPURE.into_iter().find(|word| contains_word(text, word)),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_libraries_stay_where_they_belong() {
    for (library, homes) in CONTAINED {
        let path = format!("{library}::");
        let strays = |path: &str| !homes.iter().any(|home| path.starts_with(&format!("src/{home}")));
        let wrong = lines_of(strays, |text| contains_word(text, &path).then_some(library));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = ["src", "tests"]
        .into_iter()
        .flat_map(rust_files)
        .filter(|file| file.text.lines().count() > LONGEST)
        .map(|file| {
            format!("{} has {} lines, at most {LONGEST} are readable", file.path, file.text.lines().count())
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn lines_stay_narrow() {
    let wrong: Vec<String> = rust_files("src")
        .iter()
        .flat_map(|file| {
            let too_wide = |(_, line): &(usize, &str)| is_too_wide(line);
            let lines = file.text.lines().enumerate().filter(too_wide);
            lines.map(|(index, _)| format!("{}:{}", file.path, index + 1)).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "wider than {WIDEST}:\n{}", wrong.join("\n"));
}

fn is_too_wide(line: &str) -> bool {
    let whole = line.starts_with("//! |")
        || line.contains("r#\"")
        || line.split_whitespace().any(|word| word.chars().count() > UNBREAKABLE);
    line.chars().count() > WIDEST && !whole
}

/// `tests/run faults planted` builds the program with bugs that the faults must find; a change of the code must
/// not take them away.
#[test]
fn the_planted_bugs_fit_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = std::process::Command::new("git")
        .args(["apply", "--check", "tests/faults/planted.patch"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

/// A test that names a security case names one that exists. The list lies beside the repository, not in it.
#[test]
fn security_cases_named_by_tests_exist() {
    let Some(known) = security_cases() else { return };
    let mut wrong = Vec::new();
    for file in ["src", "tests"].into_iter().flat_map(rust_files) {
        for (index, text) in file.text.lines().enumerate() {
            let Some(comment) = text.trim_start().strip_prefix("///") else { continue };
            let ids = comment.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(case_id);
            wrong.extend(
                ids.filter(|id| !known.contains(id))
                    .map(|id| format!("{}:{}: there is no case {id}", file.path, index + 1)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rules_notice_what_they_forbid() {
    assert_eq!(crate_paths("use crate::web::page; let x = crate::model::ids::Sub::parse;"), ["web", "model"]);
    assert_eq!(crate_paths("use crate::{model, web::page};"), [""]);
    assert!(contains_word("let x = a.b().await?;", ".await"));
    assert!(contains_word("use redis::Client;", "redis::"));
    assert!(!contains_word("use super::my_redis::Client;", "redis::"));
    assert_eq!(case_id("A-11 and more"), Some("A-11".to_owned()));
    assert_eq!(case_id("AES-256"), None);
    assert!(is_too_wide(&"word ".repeat(23)));
    assert!(!is_too_wide(&format!("/// https://{}", "a".repeat(120))));
}

/// The ids of the catalogue of attacks, where it lies beside the repository.
pub(crate) fn security_cases() -> Option<BTreeSet<String>> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .skip(1)
        .map(|up| up.join("shared/design/security-cases.md"));
    let list = list.into_iter().find_map(|path| fs::read_to_string(path).ok())?;
    let known: BTreeSet<String> = list.lines().filter_map(|line| case_id(line.strip_prefix("| ")?)).collect();
    assert!(known.len() > 100, "the list of cases was not understood");
    Some(known)
}

pub(crate) struct File {
    /// From the repository's root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// Numbered lines without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let comment = |line: &&str| !line.trim_start().starts_with("//");
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(move |(_, line)| comment(line))
    }
}

pub(crate) fn rust_files(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() && path.file_name().is_some_and(|name| name != "node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.push(File { path: name, text: fs::read_to_string(&path).unwrap_or_default() });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// `src/web/page.rs` and `src/web.rs` are of the module `web`; the crate root is of none.
fn module(path: &str) -> Option<&str> {
    let name = path.strip_prefix("src/")?.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!matches!(name, "lib" | "main")).then_some(name)
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

/// The top modules that a line names. A group right after `crate::` names none and so has no place in the
/// order.
fn crate_paths(text: &str) -> Vec<&str> {
    text.split("crate::").skip(1).map(word).collect()
}

fn word(text: &str) -> &str {
    let text = text.trim_start();
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether `word` occurs and no letter stands directly before it.
fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text
            .get(..at)
            .is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

/// `path:line: word` for each line of code in which `find` finds a word.
fn lines_of<'w>(files: impl Fn(&str) -> bool, find: impl Fn(&str) -> Option<&'w str>) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust_files("src").into_iter().filter(|file| files(&file.path)) {
        for (line, text) in file.code() {
            found.extend(find(text).map(|word| format!("{}:{line}: {word}", file.path)));
        }
    }
    found
}

/// A security case's id at the start of `text`: a letter, a hyphen, two digits.
pub(crate) fn case_id(text: &str) -> Option<String> {
    let id: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let (group, number) = id.split_once('-')?;
    let letter = group.len() == 1 && group.bytes().all(|b| (b'A'..=b'H').contains(&b));
    (letter && number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit())).then_some(id)
}
