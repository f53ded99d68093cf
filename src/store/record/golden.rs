//! Stored bytes of every kind and shape that was ever released: they must be read for ever, and the present
//! shape is written like this. `tests/fixtures/records.json` has them with what they say; a new shape adds
//! rows and changes none. `records.py` beside it makes the same bytes from what the rows say, without the
//! program.

use serde_json::{Value as Json, json};

use super::super::compact_codec::{ShortFamily, ShortSession};
use super::super::grants::CodeRecord;
use super::super::kind::Kind;
use super::super::pushed::Pushed;
use super::super::saml_trust::Trust;
use super::super::sign_out_generations::Generations;
use super::super::sp_keys::SpKeySet;
use super::super::users::{Deleted, Pointer};
use super::tests::{key_of, read, written};
use super::*;
use crate::flow::state::{Flow, Trial};
use crate::model::session::Epoch;
use crate::model::trace::Trace;
use crate::model::user::User;
use crate::token::keyset::Keyset;

const ROWS: &str = include_str!("../../../tests/fixtures/records.json");

#[derive(Deserialize)]
struct Row {
    kind: String,
    /// Of compact records.
    shape: Option<u8>,
    /// The record as JSON.
    says: Json,
    /// Hexadecimal: shape, fields and tagged fields of a compact record.
    bytes: Option<String>,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(ROWS).unwrap()
}

#[test]
fn every_record_of_every_release_is_read_and_the_present_shape_is_written_alike() {
    for row in rows() {
        match row.kind.as_str() {
            "flow" => check::<Flow>(Kind::Flow, &row),
            "trial" => check::<Trial>(Kind::Trial, &row),
            "code" => check::<CodeRecord>(Kind::Code, &row),
            "session" => check::<ShortSession>(Kind::Session, &row),
            "grant" => check::<ShortFamily>(Kind::Grant, &row),
            "epoch" => check::<Epoch>(Kind::Epoch, &row),
            "user" => check::<User>(Kind::User, &row),
            "deleted" => check::<Deleted>(Kind::Deleted, &row),
            "username" => check::<Pointer>(Kind::Username, &row),
            "identity" => check::<Pointer>(Kind::Identity, &row),
            "generations" => check::<Generations>(Kind::SignOutGenerations, &row),
            "keyset" => check::<Keyset>(Kind::Keyset, &row),
            "sp_keys" => check::<SpKeySet>(Kind::SpKeys, &row),
            "saml_trust" => check::<Trust>(Kind::SamlTrust, &row),
            "pushed" => check::<Pushed>(Kind::Pushed, &row),
            "trace" => check::<Trace>(Kind::Trace, &row),
            other => panic!("{other:?} is no kind of record"),
        }
    }
}

/// Counters and marks hold a number, an index holds no record, and the types of three kinds live above the
/// store: a test beside each reads their bytes.
#[test]
fn no_kind_of_record_is_without_its_row() {
    let without = |kind: Kind| {
        kind.is_index()
            || matches!(
                kind,
                Kind::Mark
                    | Kind::Limit
                    | Kind::PushedSpent
                    | Kind::Relay
                    | Kind::SamlResponse
                    | Kind::SignOut
            )
    };
    let rows = rows();
    for kind in Kind::ALL.into_iter().filter(|kind| !without(*kind)) {
        let row = rows.iter().find(|row| row.kind == kind.names().0);
        let row = row.unwrap_or_else(|| panic!("{kind:?} has no row"));
        assert_eq!(row.shape.is_some(), kind.is_compact(), "{kind:?}");
    }
}

fn check<T: DeserializeOwned + Serialize>(kind: Kind, row: &Row) {
    let key = key_of(kind);
    let stored = match (&row.bytes, row.shape) {
        (Some(bytes), Some(shape)) => [&[COMPACT, shape], unhex(bytes).as_slice()].concat(),
        _ => [&[JSON], row.says.to_string().as_bytes()].concat(),
    };
    let record = read::<T>(&key, &stored).unwrap_or_else(|error| {
        let value: T = serde_json::from_value(row.says.clone()).unwrap();
        panic!("{kind:?}: {error}; now {}", hex(written(&key, &value).get(2..).unwrap_or_default()))
    });
    assert_eq!(json!(record.value), row.says, "{kind:?}");
    if row.shape.is_some_and(|shape| shape != kind.shape()) {
        return;
    }
    let again = written(&key, &record.value);
    if row.shape.is_some() {
        assert_eq!(again, stored, "{kind:?}");
    } else {
        let again: Json = serde_json::from_slice(again.get(1..).unwrap()).unwrap();
        assert_eq!(again, row.says, "{kind:?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
