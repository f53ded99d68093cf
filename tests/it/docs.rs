//! What the documentation shows is what the broker takes.

use std::fs;
use std::path::Path;

use symbolon::config;

const PAGES: [(&str, &str); 9] = [
    ("README.md", include_str!("../../README.md")),
    ("docs/providers.md", include_str!("../../docs/providers.md")),
    ("docs/saml.md", include_str!("../../docs/saml.md")),
    ("docs/fapi.md", include_str!("../../docs/fapi.md")),
    ("docs/mutual-tls.md", include_str!("../../docs/mutual-tls.md")),
    ("docs/operations.md", include_str!("../../docs/operations.md")),
    ("docs/conformance.md", include_str!("../../docs/conformance.md")),
    ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md")),
    ("SECURITY.md", include_str!("../../SECURITY.md")),
];

/// The fenced blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// The first block of the README: a whole configuration.
fn configuration() -> String {
    blocks(PAGES[0].1, "toml").remove(0)
}

#[test]
fn every_configuration_shown_passes_the_check() {
    let mut checked = 0;
    for (name, page) in PAGES {
        for block in blocks(page, "toml") {
            let text = match block.as_str() {
                whole if whole.contains("[[pool]]") => whole.to_owned(),
                servers if servers.contains("[server]") => {
                    configuration().replacen("[server]", &servers_first(servers), 1)
                }
                provider => {
                    format!("{}\n{provider}", configuration().split("[[pool.provider]]").next().unwrap())
                }
            };
            let config = config::parse(&text, "symbolon.toml", &[], &example_file);
            assert!(
                config.is_ok(),
                "{name}:\n{block}\n{}",
                config.err().map(|problems| problems.to_string()).unwrap_or_default()
            );
            checked += 1;
        }
    }
    assert!(checked >= 12, "{checked} blocks were found");
}

/// A block for the server, and perhaps for the store as the README's for Redis, laid under the first
/// configuration.
fn servers_first(block: &str) -> String {
    block
        .split_once("[store]")
        .map_or_else(|| block.to_owned(), |(server, store)| format!("[store]{store}\n{server}"))
}

fn example_file(name: &str) -> Result<String, String> {
    let key = "5X0q0l4k6QvJ1mH4o9mFhW4wq0bXvB7cT9s1eZr2uYI=".to_owned();
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("p8") => Ok(rcgen::KeyPair::generate().unwrap().serialize_pem()),
        Some("key") if name == "mtls.key" => Ok(rcgen::KeyPair::generate().unwrap().serialize_pem()),
        Some("key") => Ok(key),
        Some("svg") => Ok("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned()),
        Some("secret") => Ok("GOCSPX-0123456789abcdef".to_owned()),
        Some("pem") => Ok(rcgen::CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&rcgen::KeyPair::generate().unwrap())
            .unwrap()
            .pem()),
        _ => Err(format!("{name} is not one of the files that the pages name")),
    }
}

#[test]
fn a_generic_openid_provider_takes_seven_lines_at_most() {
    let provider =
        blocks(PAGES[0].1, "toml").into_iter().find(|block| block.contains("use = \"oidc\"")).unwrap();
    assert!(provider.lines().count() <= 7, "{provider}");
    let text = format!("{}\n{provider}", configuration());
    let config = config::parse(&text, "symbolon.toml", &[], &example_file).unwrap();
    assert_eq!(config.pools[0].providers.len(), 2);
}

#[test]
fn pages_link_to_pages_that_exist() {
    for (name, page) in PAGES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).parent().unwrap().to_owned();
        for target in page
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|target| !target.contains("://"))
        {
            assert!(folder.join(target).exists(), "{name} links to {target}");
        }
    }
}

/// A row of the threat model names files that are there, and each of its cases stands in one of them.
#[test]
fn the_threat_model_names_tests_that_exist() {
    let mut rows = 0;
    for row in include_str!("../../SECURITY.md")
        .lines()
        .filter(|line| line.contains("| `src/") || line.contains("| `tests/"))
    {
        let cells: Vec<&str> = row.split(" | ").collect();
        let files = cells[3].split('`').filter(|name| name.contains('/'));
        let texts: String = files
            .map(|name| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name))
            .collect();
        for case in cells[2].split_whitespace() {
            assert!(texts.contains(case), "{case} is not in {}", cells[3]);
        }
        rows += 1;
    }
    assert!(rows >= 15, "{rows} rows");
}
