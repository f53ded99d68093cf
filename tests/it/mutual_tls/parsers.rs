//! Whatever bytes come, they are read or refused.

use proptest::prelude::*;
use symbolon::model::encoding::base64;
use symbolon::protocol::oauth2::client_certificate::ClientCertificate;
use symbolon::protocol::oauth2::distinguished_name::DistinguishedName;
use symbolon::protocol::oauth2::forwarded_certificate::{read, read_chain};

use super::world::Identity;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_of_a_name_comes_back_whatever_is_in_it(value in "\\PC{1,20}",
        kind in "(CN|O|2\\.5\\.4\\.97|emailAddress)") {
        let oid = match kind.as_str() { "CN" => "2.5.4.3", "O" => "2.5.4.10", "2.5.4.97" => "2.5.4.97",
            _ => "1.2.840.113549.1.9.1" };
        let held = DistinguishedName::of_certificate(std::iter::once(vec![(oid.to_owned(), 12,
            value.as_bytes())]));
        prop_assert_eq!(DistinguishedName::parse(&held.to_string()), Some(held));
    }

    #[test]
    fn any_text_is_a_name_that_is_written_as_it_is_read_or_none(text in "[a-zA-Z0-9=,+#\\\\\" .;ü]{0,30}") {
        if let Some(name) = DistinguishedName::parse(&text) {
            prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Some(name));
        }
    }

    #[test]
    fn any_header_is_certificates_or_nothing(text in "(:|Cert=|Hash=|Chain=|By=|\"|;|,|%2[0-9A-F]|-----BEGIN \
        CERTIFICATE-----|-----END CERTIFICATE-----|[A-Za-z0-9+/=%\\\\ ]){0,12}") {
        for chain in [read(&text), read_chain(&text)].into_iter().flatten() {
            prop_assert!(ClientCertificate::read(chain).is_none());
        }
    }

    /// A changed certificate is another one, if it is one at all.
    #[test]
    fn no_byte_of_a_certificate_is_without_meaning(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let own = Identity::self_signed("app");
        let mut changed = own.der.clone();
        changed[at.index(own.der.len())] ^= 1 << bit;
        if let Some(other) = read(&base64(&changed)).and_then(ClientCertificate::read) {
            prop_assert_ne!(other.x5t(), own.thumbprint());
        }
    }
}
