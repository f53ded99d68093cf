//! C-78: the 92 responses of ADFS, Auth0, Okta, OneLogin, Oracle and PingFederate that others recorded, at their recorded time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use symbolon::model::fault::Refusal;
use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::checks::Checks;
use symbolon::protocol::saml::datetime;
use symbolon::protocol::saml::encryption::DecryptionKey;
use symbolon::protocol::saml::response::{Asked, Expected, ResponseRules, verify};

#[test]
fn table() {
    let corpus = corpus();
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&std::fs::read(corpus.join("saml-expected.json")).unwrap()).unwrap();
    for (file, row) in &expected {
        let strict = outcome(&corpus, file, row, ResponseRules::default());
        let loose = outcome(&corpus, file, row, ResponseRules { sha1: true, rsa_1_5: true, unauthenticated_cbc: true, ..ResponseRules::default() });
        println!("{}|{}|{}|{}|{}", file.replace("gosaml2/providers/", ""), row["expect"], row["why"], strict, loose);
    }
}

fn corpus() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    std::env::var_os("SYMBOLON_CORPUS").map_or_else(beside, PathBuf::from)
}

fn outcome(corpus: &Path, file: &str, row: &Value, rules: ResponseRules) -> String {
    let text = std::fs::read_to_string(corpus.join(file)).unwrap();
    let xml = if text.trim_start().starts_with('<') {
        text.trim().to_owned().into_bytes()
    } else {
        STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap()
    };
    let shown = String::from_utf8_lossy(&xml).into_owned();
    let root = shown.split_once("Response").map_or("", |(_, rest)| rest.split('>').next().unwrap());
    let attribute = |name: &str| root.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value.to_owned());
    let issued = attribute("IssueInstant").and_then(|text| datetime::parse(&text));
    let at = row["at"].as_str().and_then(datetime::parse).or(issued).unwrap();
    let issued = issued.unwrap_or(at);
    let id = attribute("InResponseTo");
    let pem = std::fs::read_to_string(corpus.join(row["idp_cert"].as_str().unwrap())).unwrap();
    let keys = vec![Certificate::from_pem(&pem).unwrap()];
    let decryption: Vec<DecryptionKey> = row["sp_decryption_key"]
        .as_str()
        .map(|key| DecryptionKey::from_pkcs8(&pkcs8(&file_or_link(&corpus.join(key)))).unwrap())
        .into_iter()
        .collect();
    let request = match &id {
        Some(id) => Asked::Request { id, sent: Timestamp::from_millis(issued.millis() - 5000) },
        None => Asked::Nothing { max_age: Duration::from_secs(7200) },
    };
    let text = |field: &str| row[field].as_str().unwrap();
    let expected = Expected {
        idp: text("issuer"),
        audience: text("audience"),
        acs: text("acs"),
        request,
        keys: &keys,
        decryption: &decryption,
        rules,
        authn_context: &[],
        max_age: None,
    };
    match verify(&xml, &expected, at, &mut Checks::default()) {
        Ok(_) => "accept".into(),
        Err(error) => format!("{} {}", error.code(), error),
    }
}

/// A symbolic link of the original repository is a file with the other's name here.
fn file_or_link(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    match text.strip_prefix("./") {
        Some(other) => std::fs::read_to_string(path.with_file_name(other.trim())).unwrap(),
        None => text,
    }
}

fn pkcs8(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----") && !line.contains(':')).flat_map(|line| line.trim().chars()).collect();
    let der = STANDARD.decode(base64).unwrap();
    if pem.contains("BEGIN PRIVATE KEY") {
        return der;
    }
    let length = |bytes: usize| vec![0x82, u8::try_from(bytes >> 8).unwrap(), u8::try_from(bytes & 255).unwrap()];
    let mut inside = vec![0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x04];
    inside.extend(length(der.len()));
    inside.extend(der);
    [vec![0x30], length(inside.len()), inside].concat()
}
