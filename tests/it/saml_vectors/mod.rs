//! The layers below SAML's own rules: XML, canonicalization, signatures and encryption, against what other
//! implementations made.
//!
//! Everything in `tests/fixtures/saml` was made by xmlsec1, libxml2, OpenSSL or signxml through the scripts
//! in `tests/corpus/saml`.

mod c14n;
mod cost;
mod encryption;
mod mutants;
mod parse;
mod shape;
mod sign;
mod signature;
mod wycheproof;

use std::path::{Path, PathBuf};

use serde_json::Value;
use symbolon::model::encoding::base64_decode;
use symbolon::protocol::saml::certificate::Certificate;

/// A file of `tests/fixtures/saml`.
fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saml").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> Vec<Value> {
    serde_json::from_str(&fixture(name)).unwrap()
}

/// The fixture document of that name.
fn named(file: &str, name: &str) -> String {
    let found = json(file).into_iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{file} has no {name}"))["xml"].as_str().unwrap().to_owned()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&fixture(&format!("keys/{name}.crt.pem"))).unwrap()
}

/// A private key in PKCS#8 DER.
fn private_key(name: &str) -> Vec<u8> {
    let pem = fixture(&format!("keys/{name}.key.pem"));
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64_decode(&body).unwrap()
}

/// A folder of the corpus beside the checkout, if it is there.
fn corpus(folder: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("SYMBOLON_CORPUS").map_or_else(beside, PathBuf::from).join(folder);
    if !path.exists() {
        println!("{} is absent: these vectors were not run", path.display());
        return None;
    }
    Some(path)
}
