//! Any bytes: refused, or a tree whose every text and attribute can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::protocol::saml::xml::{self, Document};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else { return };
    for node in document.root().descendants().filter(xml::Node::is_element) {
        let _ = xml::text(node);
        let _ = xml::attribute(node, "ID");
        assert!(node.ancestors().count() <= 80);
    }
});
