//! Rules other than expressions, and what no rule can do.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;

use serde_json::{Value, json};
use symbolon::model::attributes::AttributeName;
use symbolon::provider::mapping::{Mapped, MappingProblem};

use crate::presets::world::{attributes, claims, identity, problems, with_secret};

/// What a generic provider with this `[attributes]` table makes of the claims.
#[track_caller]
fn mapped(rules: &str, from: Value) -> Mapped {
    let acme = with_secret(
        "Acme",
        "oidc",
        &format!("issuer = \"https://acme.example\"\ntrust_every_email = true\n[attributes]\n{rules}"),
    );
    let mut all = claims(json!({"sub": "1"}));
    all.extend(claims(from));
    acme.mapping.apply(&identity(&acme, all, None).unwrap())
}

#[track_caller]
fn value(rule: &str, from: Value) -> Option<String> {
    mapped(&format!("\"custom:x\" = {rule}"), from).attributes.get("custom:x").map(str::to_owned)
}

#[test]
fn a_claim_is_named_or_pointed_to() {
    assert_eq!(value("\"a\"", json!({"a": "1"})).as_deref(), Some("1"));
    assert_eq!(value("\"/a/b/0\"", json!({"a": {"b": ["x"]}})).as_deref(), Some("x"));
    assert_eq!(value("\"/a~1b\"", json!({"a/b": "x"})).as_deref(), Some("x"));
    assert_eq!(
        value("\"https://slack.com/team_id\"", json!({"https://slack.com/team_id": "T1"})).as_deref(),
        Some("T1")
    );
    assert_eq!(value("\"a\"", json!({"b": "1"})), None);
}

#[test]
fn the_first_claim_that_is_there_wins() {
    let rule = "[\"nick\", \"/data/name\", \"name\"]";
    assert_eq!(value(rule, json!({"name": "c", "data": {"name": "b"}})).as_deref(), Some("b"));
    assert_eq!(
        value(rule, json!({"nick": "", "name": "c"})).as_deref(),
        Some("c"),
        "an empty text is absent"
    );
    assert_eq!(value(rule, json!({"nick": null})), None);
}

#[test]
fn constants_and_expressions() {
    assert_eq!(value("{ constant = \"acme\" }", json!({})).as_deref(), Some("acme"));
    assert_eq!(value("{ cel = \"claims.a + '!'\" }", json!({"a": "x"})).as_deref(), Some("x!"));
    assert_eq!(value("{ cel = \"has(claims.a) ? claims.a : null\" }", json!({})), None);
}

#[test]
fn values_that_are_no_text_become_text() {
    for (from, text) in [
        (json!(true), "true"),
        (json!(false), "false"),
        (json!(42), "42"),
        (json!(1.5), "1.5"),
        (json!(["a", "b"]), r#"["a","b"]"#),
        (json!({"city": "London", "zip": 1}), r#"{"city":"London","zip":1}"#),
    ] {
        assert_eq!(value("\"a\"", json!({ "a": from })).as_deref(), Some(text));
    }
    assert_eq!(value("\"a\"", json!({"a": []})), None);
    assert_eq!(value("\"a\"", json!({"a": {}})), None);
}

/// B-39
#[test]
fn a_value_over_the_limit_is_left_out_and_reported() {
    let name = AttributeName::parse("custom:x").unwrap();
    let fits = mapped("\"custom:x\" = \"a\"", json!({"a": "x".repeat(2048)}));
    assert_eq!((fits.attributes.get("custom:x").map(str::len), fits.problems.len()), (Some(2048), 0));
    for rule in ["\"a\"", "{ cel = \"claims.a\" }"] {
        let over = mapped(
            &format!("\"custom:x\" = {rule}\nname = \"name\""),
            json!({"a": "x".repeat(2049), "name": "Ada"}),
        );
        assert_eq!(over.problems, [MappingProblem::TooLong { attribute: name.clone(), length: 2049 }]);
        assert_eq!((over.attributes.get("custom:x"), over.attributes.get("name")), (None, Some("Ada")));
        assert!(over.dropped.contains(&name));
    }
    let huge = mapped("\"custom:x\" = { cel = \"claims.a\" }", json!({"a": "x".repeat(100_000)}));
    assert!(huge.problems.contains(&MappingProblem::Hidden("a".into())), "{:?}", huge.problems);
    assert!(huge.problems.iter().any(|problem| matches!(problem, MappingProblem::Expression { .. })));
}

/// B-39: thirty of the longest values would not fit into a user record.
#[test]
fn attributes_together_are_bounded() {
    let mut rules = String::new();
    for n in 10..40 {
        writeln!(rules, "\"custom:x{n}\" = \"a\"").unwrap();
    }
    let all = mapped(&rules, json!({"a": "\u{1}".repeat(2048)}));
    assert_eq!(all.attributes.iter().count(), 2, "a control character has six bytes in JSON");
    assert!(all.problems.contains(&MappingProblem::TooMuch(AttributeName::parse("custom:x39").unwrap())));
}

/// F-13: tokens are made of reserved claims, which no provider sets.
#[test]
fn reserved_claims_are_refused_with_their_line() {
    let reserved = [
        "sub",
        "iss",
        "aud",
        "token_use",
        "identities",
        "cognito:groups",
        "cognito:username",
        "email_verified",
        "phone_number_verified",
        "updated_at",
    ];
    for name in reserved {
        let found = problems(&format!(
            "name = \"Acme\"\nuse = \"oidc\"\nissuer = \"https://acme.example\"\nclient_id \
             = \"c\"\nclient_secret = \"s\"\n[attributes]\nname = \"name\"\n\"{name}\" = \"claim\""
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("symbolon.toml:8: attributes.")
                && found[0].contains("no attribute that a mapping may set"),
            "{}",
            found[0]
        );
    }
}

/// F-13, F-01: `email_verified` speaks of the provider's own `email` claim and of no other value.
#[test]
fn a_verified_address_is_the_one_that_the_provider_verified() {
    let from = || json!({"email": "Ada@acme.example", "upn": "victim@acme.example"});
    for (rule, email, verified) in [
        ("email = \"email\"", "Ada@acme.example", "true"),
        ("email = { cel = \"claims.email.lowerAscii()\" }", "ada@acme.example", "true"),
        ("email = \"upn\"", "victim@acme.example", "false"),
        ("email = { constant = \"root@acme.example\" }", "root@acme.example", "false"),
        ("email = [\"upn\", \"email\"]", "victim@acme.example", "false"),
    ] {
        let mapped = mapped(rule, from());
        assert_eq!(
            (mapped.attributes.get("email"), mapped.attributes.get("email_verified")),
            (Some(email), Some(verified)),
            "{rule}"
        );
    }
    let unmapped = mapped("email = { none = true }", from());
    assert_eq!((unmapped.attributes.get("email"), unmapped.attributes.get("email_verified")), (None, None));
}

#[test]
fn the_pool_lies_over_the_preset_attribute_by_attribute() {
    let google = with_secret(
        "Google",
        "google",
        "[attributes]\nname = { constant = \"x\" }\npicture = { none = true }\n\"custom:hd\" = \"hd\"",
    );
    let who = identity(
        &google,
        claims(json!({"sub": "1", "name": "Ada", "given_name": "Ada", "picture": "p", "hd": "acme.example"})),
        None,
    )
    .unwrap();
    assert_eq!(
        Value::Object(attributes(&google, &who)),
        json!({"custom:hd": "acme.example", "given_name": "Ada", "name": "x"})
    );
}

#[test]
fn malformed_rules_are_refused() {
    for (rule, message) in [
        ("name = { constant = \"a\", cel = \"claims.a\" }", "one source is expected"),
        ("name = {}", "one source is expected"),
        (
            "name = { unsigned = \"/name\" }\nemail = { unsigned = \"/email\" }",
            "an unsigned claim may only fill a name",
        ),
        ("name = { cel = \"claims.a.map(x, x)\" }", "loops over a list"),
        ("name = 5", "expected a string"),
        ("nmae = \"name\"", "no attribute that a mapping may set"),
        ("name = { claim = \"x\" }", "unknown key"),
    ] {
        let table = format!(
            "name = \"Acme\"\nuse = \"oidc\"\nissuer = \"https://acme.example\"\nclient_id \
             = \"c\"\nclient_secret = \"s\"\n[attributes]\n{rule}"
        );
        let found = problems(&table);
        assert!(found.iter().any(|problem| problem.contains(message)), "{rule}: {found:?}");
    }
}
