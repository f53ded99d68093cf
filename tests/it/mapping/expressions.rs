//! Mapping expressions and their bounds.

#![expect(clippy::panic, clippy::expect_used, reason = "helpers of tests")]

use std::fmt::Write as _;

use serde_json::{Value, json};
use symbolon::provider::expression::{Expression, ExpressionError, Input};

use crate::presets::world::claims;

#[track_caller]
fn value(source: &str, from: Value) -> Result<Value, &'static str> {
    Expression::parse(source)
        .unwrap_or_else(|error| panic!("{source}: {error}"))
        .evaluate(&Input::new(&claims(from)))
}

#[track_caller]
fn refusal(source: &str) -> ExpressionError {
    Expression::parse(source).expect_err(source)
}

#[test]
fn expressions_compute_attributes() {
    let ada = || {
        json!({"first": "Ada", "last": "Lovelace", "upn": "ADA@acme.example", "level": 7,
        "staff": true, "groups": ["a", "b"], "address": {"city": "London"}})
    };
    let table = [
        ("claims.first + ' ' + claims.last", json!("Ada Lovelace")),
        ("claims.upn.lowerAscii()", json!("ada@acme.example")),
        ("claims.upn.substring(0, claims.upn.indexOf('@'))", json!("ADA")),
        ("has(claims.nick) ? claims.nick : claims.first", json!("Ada")),
        ("claims.level > 5 && claims.staff ? 'senior' : 'junior'", json!("senior")),
        ("'b' in claims.groups", json!(true)),
        ("claims['address']['city']", json!("London")),
        ("has(claims.nick) ? claims.nick : null", json!(null)),
        ("size(claims.groups)", json!(2)),
        ("claims.groups[1]", json!("b")),
        ("claims.groups", json!(["a", "b"])),
        ("string(claims.level) + 'x'", json!("7x")),
        ("claims.upn.endsWith('@acme.example')", json!(true)),
    ];
    for (source, expected) in table {
        assert_eq!(value(source, ada()), Ok(expected), "{source}");
    }
}

#[test]
fn a_failing_expression_says_why_without_showing_a_claim() {
    let secret = || json!({"email": "ada@acme.example"});
    for (source, reason) in [
        ("claims.absent", "absent"),
        ("claims.email + 1", "another type"),
        ("claims.email / 'x'", "another type"),
        ("1 / 0", "arithmetic"),
        ("[1][5]", "index"),
        ("claims.email.substring(90)", "could not be evaluated"),
    ] {
        let error = value(source, secret()).expect_err(source);
        assert!(error.contains(reason) && !error.contains("ada"), "{source}: {error}");
    }
}

#[test]
fn loops_are_refused() {
    for source in [
        "claims.groups.exists(g, g == 'a')",
        "claims.groups.all(g, g == 'a')",
        "claims.groups.exists_one(g, g == 'a')",
        "claims.groups.map(g, g)",
        "claims.groups.filter(g, g == 'a')",
        "has(claims.a) && claims.b.map(x, x + x) == []",
    ] {
        assert_eq!(refusal(source), ExpressionError::Loop, "{source}");
    }
}

/// Functions whose result can be longer than their arguments together; and H-35, patterns.
#[test]
fn unbounded_functions_are_refused() {
    for source in [
        "claims.a.replace('a', claims.a)",
        "claims.a.split('')",
        "claims.a.join(claims.b)",
        "'%s'.format([claims.a])",
        "strings.quote(claims.a)",
        "claims.a.matches(claims.b)",
        "matches('a', '(a{999}){999}')",
        "bytes(claims.a)",
        "dyn(claims.a)",
        "type(claims.a)",
        "made_up(claims.a)",
        "optional.of(claims.a)",
    ] {
        assert!(
            matches!(refusal(source), ExpressionError::Function(_) | ExpressionError::Variable(_)),
            "{source}: {:?}",
            refusal(source)
        );
    }
    assert!(matches!(refusal("Message{a: 1}"), ExpressionError::Function(_)));
}

#[test]
fn only_claims_can_be_named() {
    assert_eq!(refusal("env.HOME"), ExpressionError::Variable("env".into()));
    assert_eq!(refusal("claims.a + tokens.access"), ExpressionError::Variable("tokens".into()));
}

/// A 370-byte program of string doublings took 7.8 s and 2.1 GB.
#[test]
fn the_doubling_program_is_refused() {
    let mut program = "['x']".to_owned();
    for step in 0..8 {
        write!(program, ".map(a{step}, a{step} + a{step} + a{step} + a{step} + a{step} + a{step})").unwrap();
    }
    assert!(program.len() < 1024, "short enough to be parsed");
    assert_eq!(refusal(&program), ExpressionError::Loop);
    let sums = vec!["claims.a"; 18].join(" + ");
    assert_eq!(refusal(&sums), ExpressionError::TooManyAdditions);
    let mut nested = "claims.a".to_owned();
    for _ in 0..5 {
        nested = format!("({nested} + {nested})");
    }
    assert!(matches!(refusal(&nested), ExpressionError::TooDeep | ExpressionError::TooManyAdditions));
}

#[test]
fn the_largest_result_is_small() {
    let sums = vec!["claims.a"; 17].join(" + ");
    let result = value(&sums, json!({"a": "x".repeat(8_000)})).unwrap();
    assert_eq!(result.as_str().map(str::len), Some(17 * 8_000));
}

#[test]
fn depth_and_length_are_bounded_before_parsing() {
    assert_eq!(refusal(&format!("'{}'", "a".repeat(1100))), ExpressionError::TooLong(1102));
    for deep in [
        format!("{}1{}", "(".repeat(500), ")".repeat(500)),
        format!("{}1", "!".repeat(1000)),
        format!("{}1{}", "[".repeat(400), "]".repeat(400)),
        vec!["1"; 500].join("?"),
        format!("{}1", "true ? 1 : ".repeat(90)),
        format!("claims{}", ".a".repeat(480)),
    ] {
        let refused = refusal(&deep);
        assert!(
            matches!(refused, ExpressionError::TooDeep | ExpressionError::Syntax(_)),
            "{deep}: {refused:?}"
        );
    }
    let minus = format!("{}1", "-".repeat(1000));
    assert_eq!(value(&minus, json!({})), Ok(json!(1)), "the parser folds pairs of signs");
}

#[test]
fn what_is_no_expression_is_refused_with_one_line() {
    for source in ["", "claims.", "claims.a +", "'open", "1 2", "a = 1"] {
        let ExpressionError::Syntax(message) = refusal(source) else { panic!("{source}") };
        assert!(!message.contains('\n') && message.len() <= 800, "{message}");
    }
}

/// B-39: a claim too large for expressions is hidden from them, the others stay visible.
#[test]
fn a_huge_claim_is_hidden_from_expressions() {
    let groups: Vec<String> = (0..10_000).map(|n| format!("group-{n}")).collect();
    let input = Input::new(&claims(json!({"name": "Ada", "groups": groups, "family": "x".repeat(100_000)})));
    assert_eq!(input.hidden, ["groups", "family"]);
    let expression = Expression::parse("has(claims.groups) ? 'seen' : claims.name").unwrap();
    assert_eq!(expression.evaluate(&input), Ok(json!("Ada")));
}

/// The deepest program that passes runs on a thread with the usual stack.
#[test]
fn the_deepest_program_runs_on_a_small_stack() {
    let deep = format!("{}'x'{}", "(has(claims.a) ? claims.a : ".repeat(10), ")".repeat(10));
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || value(&deep, json!({})));
    assert_eq!(thread.unwrap().join().unwrap(), Ok(json!("x")));
}
