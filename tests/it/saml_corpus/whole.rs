//! What holds for the corpus as a whole.

use std::net::TcpListener;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use symbolon::model::fault::Refusal;
use symbolon::protocol::saml::binding::{Message, decode, inflate};
use symbolon::protocol::saml::verification_report::Checks;

use super::row::{Row, certificate, folder};
use super::{CASES, case};

/// Cases whose refusals are about being asked or not.
const ABOUT_REQUESTS: [&str; 2] = ["C-55", "C-56"];

#[test]
fn what_is_refused_is_refused_too_where_idps_may_begin() {
    for id in CASES.iter().filter(|id| !ABOUT_REQUESTS.contains(id)) {
        for row in Row::of(id).iter().filter(|row| row.refusals().is_some()) {
            let Ok(mut party) = row.party() else { continue };
            party.asked = None;
            assert!(party.verify(&row.document(), &mut Checks::default()).is_err(), "{id} {}", row.name());
        }
    }
}

/// C-60
#[test]
fn what_one_tenants_idp_says_is_nothing_to_another() {
    for id in CASES {
        for row in Row::of(id).iter().filter(|row| row.refusals().is_none()) {
            let document = row.document();
            let mut party = row.party().unwrap();
            party.keys = vec![certificate("b").unwrap()];
            let error = party.verify(&document, &mut Checks::default()).unwrap_err();
            let hidden = ["saml_signature_refused", "saml_decryption_refused"];
            assert!(hidden.contains(&error.code()), "{id} {}: {error}", row.name());
        }
    }
}

/// C-25, C-27: the rows name this port wherever something could be fetched from; modules of `protocol` name
/// no file and no socket either.
#[test]
fn nothing_is_fetched_for_a_message() {
    let listener = TcpListener::bind("127.0.0.1:18099").expect("the port that the corpus names is free");
    listener.set_nonblocking(true).unwrap();
    for id in ["C-22", "C-25", "C-27", "C-45"] {
        case(id);
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody connected");
}

/// C-57
#[test]
fn an_assertion_in_a_new_response_leaves_the_mark_of_the_first() {
    let marks = |case: &str, name: &str| {
        let row = Row::of(case).into_iter().find(|row| row.name() == name).unwrap();
        let assertion = row.party().unwrap().verify(&row.document(), &mut Checks::default()).unwrap();
        (assertion.id, assertion.acceptable_until)
    };
    let first = marks("C-00", "assertion");
    assert_eq!(first, marks("C-57", "once more, assertion"));
    assert_eq!(first, marks("C-00", "assertion-encrypted"));
    assert_eq!(
        first.1.utc(),
        "2026-06-01T12:07:01Z",
        "its last end, the largest clock difference and a second more than any rounding"
    );
}

/// C-73
#[test]
fn base64_is_strict_and_bounded() {
    let honest = std::fs::read(folder().join("bases/both.xml")).unwrap();
    let text = STANDARD.encode(&honest);
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let read = |text: &str| decode(text, Message::Response).ok();
    assert_eq!(read(&text).as_ref(), Some(&honest));
    assert_eq!(read(&lines.join("\r\n")).as_ref(), Some(&honest));
    let url_safe = text.replace('+', "-").replace('/', "_");
    assert_ne!(url_safe, text);
    for wrong in [
        url_safe,
        format!("{text}$"),
        format!("{text}===="),
        format!("data:;base64,{text}"),
        text.replace('=', ""),
        "A".into(),
    ] {
        assert!(
            read(&wrong).is_none_or(|bytes| wrong == text && bytes == honest),
            "{}",
            &wrong[..20.min(wrong.len())]
        );
    }
    assert!(read(&"A".repeat(20 << 20)).is_none(), "20 MB");
}

/// C-73
#[test]
fn a_deflate_bomb_is_cut() {
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let (mut bomb, zeros) = (Vec::with_capacity(256 * 1024), vec![b' '; 64 << 20]);
    deflate.compress_vec(&zeros, &mut bomb, flate2::FlushCompress::Finish).unwrap();
    assert!(bomb.len() < 100_000, "64 MB in {} bytes", bomb.len());
    assert!(inflate(&STANDARD.encode(&bomb), Message::Response).is_err());
}
