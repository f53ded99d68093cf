//! C-80: mutants of honest messages. Whatever is accepted says what an honest message says, and xmlsec1 and
//! signxml accept it too, with the same NameID and attributes.

mod mutate;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use symbolon::protocol::saml::verification_report::Checks;

use self::mutate::{Draw, mutant};
use crate::row::{Party, Row, claims, folder};

/// A message that every oracle can verify, and who expects it.
struct Honest {
    document: Vec<u8>,
    party: Party,
    says: Value,
    key: String,
}

/// A mutant that was accepted.
struct Accepted {
    document: Vec<u8>,
    says: Value,
    key: String,
}

/// Rows that an oracle has no algorithm for: xmlsec1 of Debian 12 has no RSA-PSS and no OAEP with SHA-256,
/// signxml refuses SHA-1, and each is asked with one key.
fn everybody_can(row: &Row) -> bool {
    let name = row.name();
    let foreign =
        name.starts_with("RSA-PSS") || name.starts_with("oaep-sha256") || name.starts_with("the other s");
    let settings =
        ["sha1", "rsa_1_5", "unauthenticated_cbc", "decryption", "skew", "max_age", "authn_context"];
    let one_key = row.0["keys"].as_array().is_none_or(|keys| keys.len() == 1);
    row.refusals().is_none() && !foreign && one_key && settings.iter().all(|setting| row.0[setting].is_null())
}

fn honest() -> Vec<Honest> {
    let cases = [
        "C-00",
        "C-12",
        "C-13",
        "C-20",
        "C-24",
        "C-36",
        "C-42",
        "C-50",
        "C-52",
        "C-54",
        "C-58",
        "C-66",
        "C-67",
        "C-78",
        "algorithms",
    ];
    let rows = cases.into_iter().flat_map(Row::of).filter(everybody_can);
    let each = |row: Row| Honest {
        document: row.document(),
        party: row.party().unwrap(),
        says: row.0["accept"].clone(),
        key: row.0["keys"][0].as_str().unwrap_or("a").to_owned(),
    };
    rows.map(each).collect()
}

/// Verifies `count` mutants. Each that is accepted must say what an honest message with the same keys says; a
/// panic ends the test.
fn accepted(count: usize, seed: u64) -> Vec<Accepted> {
    let (honest, mut draw, mut accepted) = (honest(), Draw(seed), Vec::new());
    for number in 0..count {
        let original = &honest[draw.below(honest.len())];
        let donor = &honest[draw.below(honest.len())];
        let document = mutant(&original.document, &donor.document, &mut draw);
        let Ok(assertion) = original.party.verify(&document, &mut Checks::default()) else { continue };
        let says = claims(&assertion);
        let known = says == original.says
            || honest.iter().any(|other| other.key == original.key && other.says == says);
        assert!(known, "mutant {number} of seed {seed} says {says}:\n{}", String::from_utf8_lossy(&document));
        if document != original.document {
            accepted.push(Accepted { document, says, key: original.key.clone() });
        }
    }
    accepted
}

#[test]
fn no_mutant_says_what_nobody_signed() {
    let accepted = accepted(3_000, 80);
    assert!(
        accepted.len() > 100,
        "{} were accepted: the mutants are too wild to say anything",
        accepted.len()
    );
}

/// `SYMBOLON_MUTANTS` (10,000) from `SYMBOLON_SEED` (4); `SYMBOLON_PYTHON` has the packages of
/// `tests/corpus/saml/forge/requirements.txt`.
#[test]
#[ignore = "minutes long; needs xmlsec1 and signxml: tests/run differential"]
fn what_we_accept_of_thousands_of_mutants_xmlsec1_and_signxml_accept_with_the_same_claims() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap());
    let (count, seed) = (number("SYMBOLON_MUTANTS", 10_000), number("SYMBOLON_SEED", 4));
    let accepted = accepted(usize::try_from(count).unwrap(), seed);
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("saml-mutants");
    write(&place, &accepted);
    let python = std::env::var("SYMBOLON_PYTHON").unwrap_or_else(|_| "python3".into());
    let oracle = Command::new(python).arg(folder().join("oracle.py")).arg(&place).output().unwrap();
    let said = String::from_utf8_lossy(&oracle.stdout).into_owned();
    println!("{count} mutants of seed {seed}, {} accepted\n{said}", accepted.len());
    assert!(oracle.status.success(), "{said}{}", String::from_utf8_lossy(&oracle.stderr));
    std::fs::remove_dir_all(&place).unwrap();
}

/// One file each, and `index.jsonl` of what they say.
fn write(place: &Path, accepted: &[Accepted]) {
    let _ = std::fs::remove_dir_all(place);
    std::fs::create_dir_all(place).unwrap();
    let mut index = std::fs::File::create(place.join("index.jsonl")).unwrap();
    for (number, one) in accepted.iter().enumerate() {
        let file = format!("{number:06}.xml");
        std::fs::write(place.join(&file), &one.document).unwrap();
        writeln!(index, "{}", json!({ "file": file, "key": one.key, "says": one.says })).unwrap();
    }
}
