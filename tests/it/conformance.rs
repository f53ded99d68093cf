//! The modules of the OpenID Foundation's conformance suite: each has a test of its name, and
//! docs/conformance.md says what it comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::architecture::rust_files;

const MODULES: &str = include_str!("../conformance/modules.tsv");
const PAGE: &str = "docs/conformance.md";
const BEGIN: &str = "<!-- the tables are made from tests/conformance/modules.tsv: SYMBOLON_WRITE_DOCS=1 \
    cargo test --test it conformance -->\n";
const END: &str = "<!-- end of the tables -->\n";

/// What a module can come to, as the page explains it.
const RESULTS: [&str; 6] =
    ["passes", "passes, with a warning", "skipped", "refused", "stricter", "not offered"];

struct Row {
    plan: &'static str,
    module: &'static str,
    result: &'static str,
    note: &'static str,
}

fn rows() -> Vec<Row> {
    let read = |line: &'static str| {
        let [plan, module, result, note] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four cells: {line}")
        };
        assert!(RESULTS.contains(&result), "{line}");
        assert!(!note.is_empty() || result == "passes", "{line}");
        Row { plan, module, result, note }
    };
    MODULES.lines().filter(|line| !line.starts_with('#')).map(read).collect()
}

/// `oidcc-3rd_party-init-login` and what is told apart by hyphens only.
fn test_name(module: &str) -> String {
    module.replace('-', "_")
}

/// The file of each test that is named after a module.
fn tests() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in rust_files("tests/it").into_iter().filter(|file| file.path.starts_with("tests/it/oidf_")) {
        for line in file.text.lines().map(str::trim_start) {
            let line = line.strip_prefix("async ").unwrap_or(line);
            let name = line.strip_prefix("fn ").unwrap_or(line).split(['(', ':']).next().unwrap_or_default();
            if name.starts_with("oidcc_") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let twice = found.insert(name.to_owned(), file.path.clone());
                assert_eq!(twice, None, "{name} is in two files");
            }
        }
    }
    found
}

#[test]
fn every_module_has_a_test_and_every_test_a_module() {
    let modules: BTreeSet<String> = rows().iter().map(|row| test_name(row.module)).collect();
    let tests: BTreeSet<String> = tests().into_keys().collect();
    assert_eq!(modules, tests);
}

/// The list of modules lies beside the repository, not in it.
#[test]
fn no_module_of_the_plans_is_left_out() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .skip(1)
        .map(|up| up.join("shared/design/oidf-modules.tsv"));
    let Some(list) = list.into_iter().find_map(|path| fs::read_to_string(path).ok()) else { return };
    let rows = rows();
    let plans: BTreeSet<&str> = rows.iter().map(|row| row.plan).collect();
    let known: Vec<(&str, &str)> = list
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(plan, _)| plans.contains(plan))
        .collect();
    assert_eq!(known, rows.iter().map(|row| (row.plan, row.module)).collect::<Vec<_>>());
}

#[test]
fn the_page_says_what_each_module_comes_to() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("where the tables begin");
    let (_, after) = rest.split_once(END).expect("where the tables end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("SYMBOLON_WRITE_DOCS").is_some() {
        fs::write(path, &wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "{PAGE} is not what tests/conformance/modules.tsv says; write it with SYMBOLON_WRITE_DOCS=1"
        );
    }
}

/// What `tests/conformance/run` gives the suite names apps that the broker's configuration beside it has,
/// with their secrets, and modules that exist.
#[test]
fn the_configurations_of_the_suite_fit_the_broker_s() {
    let text = include_str!("../conformance/symbolon.toml");
    let config = symbolon::config::parse(text, "symbolon.toml", &[], &|name| Ok(pem(name)))
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    let pool = &config.pools[0].pool;
    let modules: BTreeSet<&str> = rows().iter().map(|row| row.module).collect();
    let files = [
        include_str!("../conformance/basic.json"),
        include_str!("../conformance/backchannel.json"),
        include_str!("../conformance/frontchannel.json"),
    ];
    for file in files {
        let suite: Value = serde_json::from_str(file).unwrap();
        assert_eq!(
            suite["server"]["discoveryUrl"],
            format!("{}/.well-known/openid-configuration", pool.issuer)
        );
        for client in ["client", "client_secret_post", "client2"] {
            let text = |name: &str| suite[client][name].as_str().unwrap();
            assert!(
                pool.client(text("client_id")).unwrap().accepts_secret(text("client_secret")),
                "{client}"
            );
        }
        for module in suite["override"].as_object().unwrap().keys() {
            assert!(modules.contains(module.as_str()), "{module}");
        }
    }
    let upstream: Value = serde_json::from_str(include_str!("../conformance/op.json")).unwrap();
    assert_eq!(upstream["clients"][0]["redirect_uris"][0], format!("{}/oauth2/idpresponse", pool.public_url));
}

/// A certificate or a key, as `run` makes them.
fn pem(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    if Path::new(name).extension().is_some_and(|extension| extension == "key") {
        return key.serialize_pem();
    }
    rcgen::CertificateParams::new(vec!["symbolon.test".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
}

fn tables() -> String {
    let (rows, tests) = (rows(), tests());
    let mut text = String::new();
    let mut plans: Vec<&str> = rows.iter().map(|row| row.plan).collect();
    plans.dedup();
    for plan in plans {
        let of_plan: Vec<&Row> = rows.iter().filter(|row| row.plan == plan).collect();
        let counts =
            RESULTS.map(|result| (result, of_plan.iter().filter(|row| row.result == result).count()));
        let counts: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(result, count)| format!("{count} {result}"))
            .collect();
        let _ = write!(
            text,
            "\n### {plan}\n\n{} modules: {}.\n\n| module | test | result | |\n|---|---|---|---|\n",
            of_plan.len(),
            counts.join("; ")
        );
        for Row { module, result, note, .. } in of_plan {
            let file = tests
                .get(&test_name(module))
                .map_or("", |path| path.strip_prefix("tests/it/").unwrap_or(path));
            let _ = writeln!(text, "| `{module}` | [{file}](../tests/it/{file}) | {result} | {note} |");
        }
    }
    text + "\n"
}
