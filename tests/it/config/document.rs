//! The document reader by itself: every getter, every kind of problem.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use symbolon::model::document::{Document, Invalid, Table};
use symbolon::model::ids::PoolId;
use symbolon::model::secret::ExposeSecret as _;

/// Reads one table with `getter` and finishes it; the problems, one line each.
fn noted(text: &str, getter: impl FnOnce(&Table<'_>)) -> Vec<String> {
    let document = Document::parse("a.toml", text);
    let root = document.root();
    getter(&root);
    root.finish();
    document
        .finish()
        .err()
        .map(|problems| problems.as_slice().iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    let found = noted("redirect_uri = 1", |table| {
        table.strings("redirect_uris");
        table.string("name");
    });
    assert_eq!(
        found,
        ["a.toml:1: redirect_uri: unknown key; fix: remove it; the nearest known key is redirect_uris"]
    );
}

#[test]
fn an_unknown_key_of_a_table_without_keys_is_to_be_removed() {
    assert_eq!(noted("\nx = 1", |_| ()), ["a.toml:2: x: unknown key; fix: remove it"]);
}

#[test]
fn a_duplicate_key_is_a_problem_and_the_rest_is_still_read() {
    let found = noted("name = \"a\"\nsize = \"big\"\nname = \"b\"", |table| {
        assert_eq!(table.string("name").as_deref(), Some("a"));
        table.integer("size", 1..=9);
        table.require("missing");
    });
    assert_eq!(
        found,
        [
            "a.toml:1: missing: missing; fix: add missing".replace(":1:", ":"),
            "a.toml:2: size: expected an integer, found a string; fix: write a number from 1 to 9".to_owned(),
            "a.toml:3: name: duplicate key; fix: keep one of them".to_owned(),
        ]
    );
}

#[test]
fn every_syntax_error_is_reported_and_hides_no_wrong_value() {
    let found = noted("a = \nb = 1\nc = \"open\nd = 2", |table| {
        table.require("a");
        table.string("b");
        table.integer("d", 0..=1);
        table.has("c");
    });
    let lines: Vec<&str> =
        found.iter().map(|problem| problem.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines, ["a.toml:1", "a.toml:2", "a.toml:3", "a.toml:4"], "{found:#?}");
    assert!(found[0].ends_with("; fix: correct the TOML syntax on this line"), "{}", found[0]);
}

#[test]
fn each_kind_of_value_is_told_from_the_others() {
    let text = "a = 1\nb = \"x\"\nc = \"x\"\nd = 1.5\ne = \"x\"\nf = 1\ng = [1]\nh = 1979-05-27\ni = \"\"";
    let found = noted(text, |table| {
        table.string("a");
        table.boolean("b");
        table.integer("c", 0..=1);
        table.duration("d", Duration::ZERO..=Duration::from_secs(60));
        table.strings("e");
        table.table("f");
        table.tables("g");
        table.strings("h");
        table.string("i");
    });
    assert_eq!(
        found,
        [
            "a.toml:1: a: expected a string, found an integer; fix: write it in quotes",
            "a.toml:2: b: expected a boolean, found a string; fix: write true or false, without quotes",
            "a.toml:3: c: expected an integer, found a string; fix: write a number from 0 to 1",
            "a.toml:4: d: expected a duration, found a float; fix: write a duration from \"0s\" to \"1m\"",
            "a.toml:5: e: expected a list of strings, found a string; fix: write a list: [\"…\"]",
            "a.toml:6: f: expected a table, found an integer; fix: write [f]",
            "a.toml:7: g[0]: expected a table, found an integer; fix: write [[g]]",
            "a.toml:8: h: expected a list of strings, found a date; fix: write a list: [\"…\"]",
            "a.toml:9: i: the text is empty; fix: write a value or remove the key",
        ]
    );
}

#[test]
fn values_out_of_range_say_what_fits() {
    let text = "a = 12\nb = \"2h\"\nc = \"soon\"\nd = -1\ne = \"blue\"\nf = 99999999999999999999";
    let minute = Duration::from_secs(60);
    let found = noted(text, |table| {
        table.integer("a", 1..=9);
        table.duration("b", minute..=60 * minute);
        table.duration("c", minute..=60 * minute);
        table.duration("d", minute..=60 * minute);
        table.one_of("e", &[("red", 1), ("green", 2)]);
        table.integer("f", 1..=9);
    });
    assert_eq!(
        found,
        [
            "a.toml:1: a: 12 is out of range; fix: write a number from 1 to 9",
            "a.toml:2: b: \"2h\" is out of range; fix: write a duration from \"1m\" to \"1h\"",
            "a.toml:3: c: this is no duration; fix: write a duration from \"1m\" to \"1h\"",
            "a.toml:4: d: this is no duration; fix: write a duration from \"1m\" to \"1h\"",
            "a.toml:5: e: \"blue\" is not known here; fix: write \"red\" or \"green\"",
            "a.toml:6: f: the number is out of range; fix: write a number from 1 to 9",
        ]
    );
}

#[test]
fn a_value_that_does_not_parse_is_reported_where_it_stands() {
    let found = noted("[[pool]]\nhosts = [\n  \"a\",\n  \"b c\",\n]\nid = \"x\"", |root| {
        for pool in root.tables("pool") {
            pool.required("id", PoolId::parse);
            pool.parsed_list("hosts", |text| {
                if text.contains(' ') { Err(Invalid::new("no", "yes")) } else { Ok(()) }
            });
            pool.finish();
        }
    });
    assert_eq!(
        found,
        [
            "a.toml:4: pool[0].hosts[1]: no; fix: yes",
            "a.toml:6: pool[0].id: pool id \"x\" is not valid; fix: it must look like eu-west-1_Example01: a \
             region, an underscore, letters and digits; at most 55 characters",
        ]
    );
}

#[test]
fn keys_that_are_not_bare_are_quoted_in_paths() {
    let found = noted("[map]\n\"custom:x\" = 1", |table| assert_eq!(table.map("map"), Some(BTreeMap::new())));
    assert_eq!(
        found,
        ["a.toml:2: map.\"custom:x\": expected a string, found an integer; fix: write it in quotes"]
    );
}

#[test]
fn a_secret_comes_from_the_key_or_its_file_but_not_from_both() {
    let files = |path: &str| match path {
        "good" => Ok("hunter2 hunter2\r\n".to_owned()),
        "blank" => Ok("\n".to_owned()),
        _ => Err("no such file".to_owned()),
    };
    let read = |text: &str| {
        let document = Document::parse("a.toml", text).with_files(&files);
        let root = document.root();
        let secret = root.secret("key").map(|secret| secret.expose_secret().to_owned());
        root.finish();
        document.finish().map(|_| secret).map_err(|problems| problems.to_string())
    };
    assert_eq!(read("key = \"direct\""), Ok(Some("direct".to_owned())));
    assert_eq!(read("key_file = \"good\""), Ok(Some("hunter2 hunter2".to_owned())));
    assert_eq!(read(""), Ok(None));
    for (text, problem) in [
        (
            "key = \"a\"\nkey_file = \"good\"",
            "a.toml:2: key_file: key is given as well; fix: keep one of the two",
        ),
        (
            "key_file = \"blank\"",
            "a.toml:1: key_file: \"blank\" is empty; fix: write the value into the file",
        ),
        (
            "key_file = \"gone\"",
            "a.toml:1: key_file: \"gone\" cannot be read: no such file; fix: name a readable file; paths \
             start at the folder of this one",
        ),
    ] {
        assert_eq!(read(text), Err(problem.to_owned()));
    }
}

#[test]
fn spots_keep_their_place_for_later() {
    let document = Document::parse("a.toml", "[t]\nlist = [\"x\",\n\"y\"]");
    let root = document.root();
    let table = root.section("t");
    let (item, absent) = (table.spot_of_item("list", 1), table.spot("gone"));
    document.problem(&item, "late", "sooner");
    document.problem(&absent, "late", "sooner");
    document.problem(&absent, "late", "sooner");
    let problems = document.finish().unwrap_err().to_string();
    assert_eq!(problems, "a.toml:1: t.gone: late; fix: sooner\na.toml:3: t.list[1]: late; fix: sooner");
}

proptest! {
    /// Whatever is in the file: problems or values, never a panic.
    #[test]
    fn no_text_stops_the_reader(text in "[\\[\\]a-c.=\"'{}, \n0-9#é-]{0,120}") {
        noted(&text, |table| {
            table.string("a");
            for inner in table.tables("b") {
                inner.strings("c");
                inner.finish();
            }
            table.map("c");
        });
    }
}
