//! Any bytes: refused, or metadata with a key to verify with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::protocol::saml::metadata::{MetadataRules, parse};
use symbolon_fuzz::{KEYS, NOW};

fuzz_target!(|bytes: &[u8]| {
    for (entity_id, signer) in
        [(None, None), (Some("https://idp.a.test/metadata"), None), (None, Some(KEYS.as_slice()))]
    {
        let rules = MetadataRules { entity_id, signer, allow_http_loopback: false };
        if let Ok(metadata) = parse(bytes, &rules, NOW) {
            assert!(!metadata.signing.is_empty(), "C-30");
            assert!(
                metadata.sso.iter().chain(&metadata.slo).all(|endpoint| endpoint
                    .location
                    .get(..8)
                    .is_some_and(|start| start.eq_ignore_ascii_case("https://"))),
                "C-70"
            );
        }
    }
});
