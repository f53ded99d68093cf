//! Any certificate, and any header or text in which one is said to be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::NOW;
use symbolon_fuzz::protocol::oauth2::client_certificate::ClientCertificate;
use symbolon_fuzz::protocol::oauth2::distinguished_name::DistinguishedName;
use symbolon_fuzz::protocol::oauth2::forwarded_certificate::{pem, read, read_chain};
use symbolon_fuzz::protocol::saml::certificate::Certificate;

fuzz_target!(|bytes: &[u8]| {
    let _ = Certificate::from_der(bytes);
    if let Some(certificate) = ClientCertificate::read(vec![bytes.to_vec()]) {
        let _ = certificate.is_current(NOW);
        assert_eq!(certificate.x5t().len(), 43);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = (Certificate::from_pem(text), Certificate::from_base64(text), DistinguishedName::parse(text));
    for chain in [read(text), read_chain(text), pem(text)].into_iter().flatten() {
        assert!(!chain.is_empty());
        let _ = ClientCertificate::read(chain);
    }
});
