//! Any query and any body: refused, or a message of bounded size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::KEYS;
use symbolon_fuzz::protocol::saml::binding::{PostMessage, RedirectQuery};
use symbolon_fuzz::protocol::saml::signature::SignaturePolicy;
use symbolon_fuzz::protocol::saml::xml::MAX_MESSAGE;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(query) = RedirectQuery::parse(text) {
        assert!(query.xml.len() <= MAX_MESSAGE);
        let _ = query.verify(&KEYS, SignaturePolicy { sha1: true });
    }
    if let Ok(message) = PostMessage::parse(text) {
        assert!(message.xml.len() <= MAX_MESSAGE);
    }
});
