//! An administrator explains a response that a colleague sent: what SimpleSAMLphp really answered, against
//! what the broker is configured for.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use symbolon::cli::saml::explain::{Arguments, ExplainError, execute};
use symbolon::outside::Outside;

use crate::support::process::TempDir;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saml/recorded").join(name)
}

async fn explains(words: &[&str]) -> Result<(String, bool), ExplainError> {
    let line = Line::try_parse_from(["explain"].iter().chain(words)).unwrap();
    execute(&line.arguments, Outside::real()).await
}

fn recorded(file: &str) -> serde_json::Value {
    let all: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(fixture("recorded.json")).unwrap()).unwrap();
    all.as_array().unwrap().iter().find(|answer| answer["file"] == file).unwrap().clone()
}

/// A folder with a configuration in which SimpleSAMLphp is known by its fields, our side being `audience` and
/// `acs`.
fn configured(audience: &str, acs: &str) -> (TempDir, String) {
    let folder = TempDir::new();
    let answer = recorded("simplesamlphp-both-signed.xml");
    let pem = fs::read_to_string(fixture("simplesamlphp.crt")).unwrap();
    let text = format!(
        "[server]\nallow_private_upstreams = true\n[store]\nstate = \"memory:\"\ndirectory \
         = \"memory:\"\n[[pool]]\nid = \"eu-west-1_A1\"\n\
         [[pool.provider]]\nname = \"Acme\"\nuse = \"simplesamlphp\"\nentity_id = {}\nsso_url \
         = \"https://idp.acme.example/sso\"\n\
         certificates = ['''{pem}''']\nsp_entity_id = {audience:?}\nacs_url = {acs:?}\n",
        answer["idp"]
    );
    let file = folder.path().join("symbolon.toml");
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    (folder, file)
}

fn text(answer: &serde_json::Value, member: &str) -> String {
    answer[member].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_response_that_fits_the_provider_is_told_step_by_step() {
    let answer = recorded("simplesamlphp-both-signed.xml");
    let (_folder, config) = configured(&text(&answer, "audience"), &text(&answer, "acs"));
    let file = fixture("simplesamlphp-both-signed.xml").display().to_string();
    let (told, accepted) = explains(&[&file, "--provider", "Acme", "--config", &config]).await.unwrap();
    assert!(accepted, "{told}");
    for step in [
        "Response signature",
        "Assertion signature",
        "Audience",
        "Recipient",
        "Everything that could be compared fits",
    ] {
        assert!(told.contains(step), "{step}: {told}");
    }
    assert!(told.contains(&text(&answer, "name_id")), "{told}");
}

#[tokio::test]
async fn every_mistake_is_told_although_one_came_first() {
    let (_folder, config) =
        configured("urn:amazon:cognito:sp:eu-west-1_A1", "https://auth.example.com/saml2/idpresponse");
    let file = fixture("simplesamlphp-both-signed.xml").display().to_string();
    let (told, accepted) = explains(&[&file, "--provider", "Acme", "--config", &config]).await.unwrap();
    assert!(!accepted, "{told}");
    for right in [
        "urn:amazon:cognito:sp:eu-west-1_A1",
        "https://auth.example.com/saml2/idpresponse",
        "Refused (",
        "To change, by",
    ] {
        assert!(told.contains(right), "{right}: {told}");
    }
    let (late, accepted) = explains(&[
        &file,
        "--provider",
        "Acme",
        "--config",
        &config,
        "--at",
        "2030-01-01T00:00:00Z",
        "--json",
    ])
    .await
    .unwrap();
    let late: serde_json::Value = serde_json::from_str(&late).unwrap();
    assert!(
        !accepted
            && late["checks"]
                .as_array()
                .unwrap()
                .iter()
                .any(|check| check["name"] == "Conditions NotOnOrAfter" && check["outcome"] == "failed"),
        "{late:#}"
    );
}

#[tokio::test]
async fn what_cannot_be_explained_is_said_in_words() {
    let folder = TempDir::new();
    let file = folder.path().join("page.txt");
    fs::write(&file, "nothing of the kind").unwrap();
    let file = file.display().to_string();
    assert!(matches!(explains(&[&file]).await, Err(ExplainError::Pasted(_))));
    assert!(matches!(explains(&["/nowhere/response.xml"]).await, Err(ExplainError::File { .. })));
    let response = fixture("simplesamlphp-unsigned.xml").display().to_string();
    assert!(matches!(explains(&[&response, "--at", "yesterday"]).await, Err(ExplainError::At(_))));
    let (told, accepted) = explains(&[&response]).await.unwrap();
    assert!(
        !accepted && told.contains("saml_no_signing_certificate"),
        "without provider and certificate: {told}"
    );
    let (_folder, config) = configured("a:b", "https://auth.example.com/saml2/idpresponse");
    let (told, accepted) = explains(&[&response, "--provider", "Acme", "--config", &config]).await.unwrap();
    assert!(!accepted && told.contains("saml_unsigned"), "{told}");
    assert!(matches!(
        explains(&[&response, "--provider", "Nobody", "--config", &config]).await,
        Err(ExplainError::Saml(_))
    ));
}
