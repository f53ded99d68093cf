//! Keys, instants and documents that the tests share.

use std::sync::OnceLock;

use rcgen::{CertificateParams, DnType, KeyPair};
use symbolon::model::time::Timestamp;
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::datetime;
use symbolon::protocol::saml::signature::SpKey;

/// The identity provider of these tests.
pub const IDP: &str = "https://idp.example/saml";
/// Our single logout service.
pub const SLO: &str = "https://login.acme.example/saml2/logout";

/// An instant.
pub fn at(text: &str) -> Timestamp {
    datetime::parse(text).unwrap()
}

/// One minute after the recorded messages were issued.
pub fn now() -> Timestamp {
    at("2026-11-21T07:01:00Z")
}

/// A fresh P-256 key with its certificate.
pub fn new_key(name: &str) -> SpKey {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    SpKey::from_parts(&key.serialize_der(), params.self_signed(&key).unwrap().der()).unwrap()
}

/// The identity provider's key.
pub fn idp_key() -> &'static SpKey {
    static KEY: OnceLock<SpKey> = OnceLock::new();
    KEY.get_or_init(|| new_key("idp"))
}

/// Its certificate, as the broker knows it.
pub fn idp_keys() -> Vec<Certificate> {
    vec![idp_key().certificate().clone()]
}

/// Recorded queries of the Redirect binding and their certificates.
pub fn recorded() -> serde_json::Value {
    serde_json::from_str(include_str!("../../fixtures/saml/messages/redirect.json")).unwrap()
}

/// One of the recorded certificates.
pub fn recorded_certificate(name: &str) -> Certificate {
    Certificate::from_base64(recorded()[name].as_str().unwrap()).unwrap()
}
