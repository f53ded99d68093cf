//! C-44: probes of the padding of CBC and of PKCS#1 1.5 all end in one way.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use symbolon::model::fault::Refusal;
use symbolon::protocol::saml::verification_report::Checks;

use super::row::Row;

const PROBES: usize = 1_200;

/// Every code and fault that came of changing one byte after the other of the `which`th `CipherValue`.
fn probe(row: &Row, which: usize) -> BTreeSet<(String, String)> {
    let (document, party) = (String::from_utf8(row.document()).unwrap(), row.party().unwrap());
    let start =
        document.match_indices("<xenc:CipherValue>").nth(which).unwrap().0 + "<xenc:CipherValue>".len();
    let end = start + document[start..].find('<').unwrap();
    let honest = STANDARD.decode(&document[start..end]).unwrap();
    let outcome = |number: usize| {
        let mut changed = honest.clone();
        // From the end: the last blocks are where padding is.
        let place = changed.len() - 1 - number % changed.len();
        changed[place] ^= u8::try_from(1 + (number / honest.len()) * 37 % 255).unwrap();
        let forged = format!("{}{}{}", &document[..start], STANDARD.encode(changed), &document[end..]);
        let error = party.verify(forged.as_bytes(), &mut Checks::default()).unwrap_err();
        (error.code().to_owned(), format!("{:?}", error.fault()))
    };
    (0..PROBES).map(outcome).collect()
}

fn row(case: &str, name: &str) -> Row {
    Row::of(case).into_iter().find(|row| row.name() == name).unwrap()
}

#[test]
fn c_44_probes_of_cbc_padding_end_in_one_way() {
    assert_eq!(probe(&row("C-42", "signed inside CBC, as ADFS sends it"), 1).len(), 1);
    assert_eq!(probe(&row("C-78", "adfs"), 1).len(), 1);
}

#[test]
fn c_44_probes_of_the_wrapped_key_end_in_one_way() {
    assert_eq!(probe(&row("C-44", "rsa-1_5 by permission, assertion-encrypted"), 0).len(), 1);
    assert_eq!(probe(&row("C-00", "assertion-encrypted"), 0).len(), 1);
}
