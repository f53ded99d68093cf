//! C-21, C-80: documents with random damage. Nothing panics; whatever is read, libxml2 reads too and
//! canonicalizes to the same bytes.
//!
//! `SYMBOLON_MUTANTS=<count>:<seed>:<file>` makes more of them and writes those that were read to a file for
//! `tests/corpus/saml/compare.py`.

use std::io::Write as _;

use serde_json::json;
use symbolon::protocol::saml::c14n::exclusive;
use symbolon::protocol::saml::encryption::{DecryptionKey, Rules, decrypt};
use symbolon::protocol::saml::signature::{SignaturePolicy, verify};
use symbolon::protocol::saml::xml::Document;

use super::{certificate, json, private_key};

const PIECES: [&str; 38] = [
    "<",
    ">",
    "/",
    "&",
    "'",
    "\"",
    "=",
    "\r",
    "\n",
    "\r\n",
    " ",
    "\t",
    ":",
    "xmlns",
    "xmlns=\"\"",
    "xmlns:a='u:'",
    "a:",
    "&amp;",
    "&#13;",
    "&#10;",
    "&lt;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?x?>",
    "ID='_a1'",
    "<a/>",
    "<a>",
    "</a>",
    "xml:id='x'",
    "\u{FEFF}",
    "\0",
    "é",
    "\u{FFFE}",
    "--",
    "&#x0;",
    "#",
];

/// xorshift: the same damage for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = (at + self.below(40)).min(bytes.len());
        match self.below(6) {
            0 => drop(bytes.drain(at..end.min(at + 1))),
            1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 => {
                let (piece, to) = (bytes[at..end].to_vec(), self.below(bytes.len() + 1));
                bytes.splice(to..to, piece);
            }
            3 => drop(bytes.drain(at..end)),
            _ => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].bytes())),
        }
    }
}

#[test]
fn damaged_documents_are_refused_or_read_without_panic() {
    let asked = std::env::var("SYMBOLON_MUTANTS").unwrap_or_else(|_| "3000:1:/dev/null".to_owned());
    let mut asked = asked.splitn(3, ':');
    let count: usize = asked.next().unwrap().parse().unwrap();
    let mut chance = Chance(asked.next().unwrap().parse::<u64>().unwrap() ^ 0x9E37_79B9_7F4A_7C15);
    let mut file = std::fs::File::create(asked.next().unwrap()).unwrap();
    let whole: Vec<_> = ["signed.json", "encrypted.json", "c14n.json"].into_iter().flat_map(json).collect();
    let (key, private) = ([certificate("rsa")], [DecryptionKey::from_pkcs8(&private_key("rsa")).unwrap()]);
    let mut read = 0;
    for _ in 0..count {
        let mut bytes = whole[chance.below(whole.len())]["xml"].as_str().unwrap().as_bytes().to_vec();
        for _ in 0..=chance.below(3) {
            chance.damage(&mut bytes);
        }
        let Ok(document) = Document::parse(&bytes) else { continue };
        read += 1;
        let canonical = exclusive(document.root(), None, &[]).unwrap();
        Document::parse_canonical(&canonical).unwrap();
        if let Ok(Some(signed)) = verify(document.root(), &key, SignaturePolicy { sha1: true }) {
            Document::parse_canonical(&signed.canonical).unwrap();
        }
        drop(decrypt(document.root(), &private, Rules { rsa_1_5: true, cbc: true }));
        let line =
            json!({"xml": str::from_utf8(&bytes).unwrap(), "canonical": str::from_utf8(&canonical).unwrap()});
        writeln!(file, "{line}").unwrap();
    }
    assert!(read > count / 20, "{read} of {count} were read");
}
