//! C-78: the 92 responses of ADFS, Auth0, Okta, OneLogin, Oracle and PingFederate that others recorded, at
//! their recorded time.

mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use symbolon::model::fault::Refusal;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::datetime;
use symbolon::protocol::saml::encryption::DecryptionKey;
use symbolon::protocol::saml::expected::{Expected, ResponseRules, ResponseTo};
use symbolon::protocol::saml::response::verify;
use symbolon::protocol::saml::verification_report::Checks;

use self::table::{DIFFERENCES, LATER, Ours, REASONS, WITHOUT_PERMISSION};
use crate::saml_corpus::row::pem_bytes;

/// What three dated permissions together allow: SHA-1, PKCS#1 1.5, CBC that nothing authenticates.
const PERMITTED: ResponseRules =
    ResponseRules { skew: Duration::from_secs(60), sha1: true, rsa_1_5: true, unauthenticated_cbc: true };

#[test]
fn ninety_two_recorded_responses_end_as_recorded_or_as_argued() {
    let Some(expected) = recorded() else { return };
    let mut problems = Vec::new();
    for (file, row) in &expected {
        let name = short(file);
        let came = outcome(file, row, PERMITTED, None);
        let difference = DIFFERENCES.iter().find(|(other, ..)| *other == name).map(|(_, ours, _)| *ours);
        let fits = match (difference, row["why"].as_str(), came) {
            (Some(Ours::Accepts), _, came) => came == "accept" && row["expect"] == "refuse",
            (Some(Ours::Refuses(code)), _, came) => came == code,
            (None, None, came) => came == "accept",
            (None, Some(why), came) => {
                REASONS.iter().any(|(other, codes)| *other == why && codes.contains(&came))
            }
        };
        if !fits {
            problems.push(format!("{name}: {} there ({}), {came} here", row["expect"], row["why"]));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(expected.len(), 92);
}

#[test]
fn without_permissions_only_modern_recordings_are_accepted() {
    let Some(expected) = recorded() else { return };
    let accepted =
        expected.iter().filter(|(file, row)| outcome(file, row, ResponseRules::default(), None) == "accept");
    let accepted: Vec<&str> = accepted.map(|(file, _)| short(file)).collect();
    assert_eq!(accepted, WITHOUT_PERMISSION);
}

#[test]
fn those_refused_for_the_clock_alone_are_accepted_at_their_time() {
    let Some(expected) = recorded() else { return };
    for (name, at) in LATER {
        let (file, row) = expected.iter().find(|(file, _)| short(file) == name).unwrap();
        assert_eq!(outcome(file, row, PERMITTED, Some(at)), "accept", "{name}");
    }
}

fn short(file: &str) -> &str {
    file.strip_prefix("gosaml2/providers/").unwrap()
}

fn recorded() -> Option<serde_json::Map<String, Value>> {
    let path = corpus().join("saml-expected.json");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("{} is absent: these recordings were not run", path.display());
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn corpus() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    std::env::var_os("SYMBOLON_CORPUS").map_or_else(beside, PathBuf::from)
}

/// The code of the refusal, or `accept`, at the recorded time or at `at`. What answers no request is treated
/// as unasked, and each other one as the answer to the request that it names, sent five seconds before it was
/// issued.
fn outcome(file: &str, row: &Value, rules: ResponseRules, at: Option<&str>) -> &'static str {
    let text = std::fs::read_to_string(corpus().join(file)).unwrap();
    let xml = match text.trim() {
        xml if xml.starts_with('<') => xml.as_bytes().to_vec(),
        base64 => STANDARD.decode(base64.split_whitespace().collect::<String>()).unwrap(),
    };
    let issued = root_attribute(&xml, "IssueInstant").and_then(|text| datetime::parse(&text));
    let at = at.or(row["at"].as_str()).and_then(datetime::parse).or(issued).unwrap();
    let id = root_attribute(&xml, "InResponseTo");
    let request = match &id {
        Some(id) => ResponseTo::Request { id, sent: issued.unwrap().minus(Duration::from_secs(5)) },
        None => ResponseTo::Nothing { max_age: Duration::from_secs(7200) },
    };
    let pem = std::fs::read_to_string(corpus().join(row["idp_cert"].as_str().unwrap())).unwrap();
    let Ok(key) = Certificate::from_pem(&pem) else { return "certificate_refused" };
    let decryption = row["sp_decryption_key"].as_str().map(|key| pkcs8(&file_or_link(&corpus().join(key))));
    let decryption: Vec<DecryptionKey> =
        decryption.iter().map(|key| DecryptionKey::from_pkcs8(key).unwrap()).collect();
    let text = |field: &str| row[field].as_str().unwrap();
    let expected = Expected {
        idp: text("issuer"),
        audience: text("audience"),
        acs: text("acs"),
        request,
        keys: &[key],
        decryption: &decryption,
        rules,
        authn_context: &[],
        max_age: None,
    };
    verify(&xml, &expected, at, &mut Checks::default()).map_or_else(|error| error.code(), |_| "accept")
}

/// An attribute of the root, read as a person would.
fn root_attribute(xml: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(xml);
    let (_, root) = text.split_once("Response")?;
    let (_, value) = root.split('>').next()?.split_once(&format!("{name}=\""))?;
    value.split_once('"').map(|(value, _)| value.to_owned())
}

/// A symbolic link of the original repository is a file with the other's name here.
fn file_or_link(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    match text.strip_prefix("./") {
        Some(other) => std::fs::read_to_string(path.with_file_name(other.trim())).unwrap(),
        None => text,
    }
}

/// PKCS#8 of a PEM file, whose key may be PKCS#1 and is then wrapped.
fn pkcs8(pem: &str) -> Vec<u8> {
    let der = pem_bytes(pem);
    if pem.contains("BEGIN PRIVATE KEY") {
        return der;
    }
    let length =
        |bytes: usize| vec![0x82, u8::try_from(bytes >> 8).unwrap(), u8::try_from(bytes & 255).unwrap()];
    let mut inside = vec![
        0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
        0x00, 0x04,
    ];
    inside.extend(length(der.len()));
    inside.extend(der);
    [vec![0x30], length(inside.len()), inside].concat()
}
