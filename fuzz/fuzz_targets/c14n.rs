//! The canonical form of any document is a document whose canonical form is itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_fuzz::protocol::saml::c14n::exclusive;
use symbolon_fuzz::protocol::saml::xml::{Document, Node};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else { return };
    let lists: [&[&str]; 3] = [&[], &["xs", "#default"], &["ds", "saml", "samlp"]];
    for (number, element) in document.root().descendants().filter(Node::is_element).take(16).enumerate() {
        let prefixes = lists[number % lists.len()];
        let without = element.children().find(Node::is_element).filter(|_| number % 2 == 1);
        let Ok(canonical) = exclusive(element, without, prefixes) else { continue };
        let again = Document::parse_canonical(&canonical).expect("a canonical form can be parsed");
        assert_eq!(exclusive(again.root(), None, prefixes).expect("no longer than before"), canonical);
    }
});
