//! Variables that override keys.

use super::{read_with, refused};

const LEAST: &str = "[server]\nlisten = \"127.0.0.1:1\"\n[[pool]]\nid \
    = \"eu-west-1_A1\"\n[[pool.client]]\nid = \"web\"\nredirect_uris = [\"https://a.example/\"]\n";

#[test]
fn a_variable_wins_over_the_file() {
    let config = read_with(
        LEAST,
        &[("SYMBOLON__SERVER__LISTEN", "127.0.0.1:2"), ("SYMBOLON__POOL__0__SIGNING", "ES256")],
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.pools[0].pool.signing.as_str(), "ES256");
}

#[test]
fn variables_reach_into_lists_and_may_add_to_them() {
    let config = read_with(
        LEAST,
        &[
            ("SYMBOLON__POOL__0__CLIENT__0__SECRET", "0123456789012345"),
            ("SYMBOLON__POOL__0__CLIENT__0__REDIRECT_URIS__1", "https://b.example/"),
            ("SYMBOLON__POOL__0__CLIENT__1__ID", "other"),
            ("SYMBOLON__POOL__0__CLIENT__1__REDIRECT_URIS", "[\"https://c.example/\"]"),
            ("SYMBOLON__POOL__0__CLIENT__1__NATIVE", "true"),
        ],
    )
    .unwrap();
    let pool = &config.pools[0].pool;
    assert!(
        pool.client("web").unwrap().accepts_secret("0123456789012345"),
        "digits are a secret too, not a number"
    );
    assert_eq!(pool.client("web").unwrap().redirect_uris, ["https://a.example/", "https://b.example/"]);
    assert!(pool.client("other").unwrap().native);
}

#[test]
fn a_whole_configuration_fits_into_variables() {
    let config =
        read_with("", &[("SYMBOLON__POOL__0__ID", "eu-west-1_A1"), ("SYMBOLON__STORE__STATE", "memory:")])
            .unwrap();
    assert_eq!(config.pools[0].pool.id.as_str(), "eu-west-1_A1");
}

#[test]
fn a_secret_from_a_variable_replaces_one_from_a_file() {
    let text = format!("{LEAST}secret_file = \"secret.txt\"\n");
    let config =
        read_with(&text, &[("SYMBOLON__POOL__0__CLIENT__0__SECRET", "from the environment")]).unwrap();
    assert!(config.pools[0].pool.client("web").unwrap().accepts_secret("from the environment"));
}

#[track_caller]
fn refused_variable(name: &str, value: &str, problem: &str) {
    assert_eq!(read_with(LEAST, &[(name, value)]).err().unwrap_or_default(), [problem]);
}

#[test]
fn an_unknown_variable_names_the_nearest_one() {
    refused_variable(
        "SYMBOLON__SERVER__LISTN",
        "x",
        "SYMBOLON__SERVER__LISTN: server.listn: unknown key; fix: remove it; the nearest known key is \
         SYMBOLON__SERVER__LISTEN",
    );
    refused_variable(
        "SYMBOLON__POOL__0__CLIENT__0__SECRETT",
        "x",
        "SYMBOLON__POOL__0__CLIENT__0__SECRETT: pool[0].client[0].secrett: unknown key; fix: remove it; the \
         nearest known key is SYMBOLON__POOL__0__CLIENT__0__SECRET",
    );
    refused_variable(
        "SYMBOLON__SERVR__X",
        "1",
        "SYMBOLON__SERVR__X: servr: unknown key; fix: remove it; the nearest known key is SYMBOLON__SERVER",
    );
}

#[test]
fn a_wrong_value_names_its_variable() {
    refused_variable(
        "SYMBOLON__SERVER__LISTEN",
        "here",
        "SYMBOLON__SERVER__LISTEN: server.listen: \"here\" is no address and port; fix: write \
         127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080",
    );
}

#[test]
fn a_variable_that_fits_nowhere_is_a_problem() {
    refused_variable(
        "SYMBOLON__POOL__2__ID",
        "x",
        "SYMBOLON__POOL__2__ID: \"2\" is no position in a list of 1; fix: use a number from 0 to 1; 1 adds \
         an entry",
    );
    refused_variable(
        "SYMBOLON__POOL__ID",
        "x",
        "SYMBOLON__POOL__ID: \"id\" is no position in a list of 1; fix: use a number from 0 to 1; 1 adds an \
         entry",
    );
    refused_variable(
        "SYMBOLON__SERVER____LISTEN",
        "x",
        "SYMBOLON__SERVER____LISTEN: a part of the name is empty; fix: separate keys with exactly two \
         underscores",
    );
    refused_variable(
        "SYMBOLON__SERVER__LISTEN__X",
        "x",
        "SYMBOLON__SERVER__LISTEN__X: the key before \"x\" holds a string, not a table or list; fix: remove \
         the last part of the name",
    );
}

#[test]
fn other_variables_are_left_alone() {
    let environment = [("SYMBOLON_CONFIG", "x"), ("SYMBOLON_LOG", "debug"), ("PATH", "/bin")];
    assert!(read_with(LEAST, &environment).is_ok());
}

#[test]
fn without_variables_the_file_is_held_to_its_lines() {
    refused(
        "[[pool]]\nid = \"eu-west-1_A1\"\nclient = 1",
        "symbolon.toml:3: pool[0].client: expected a list of tables, found an integer; fix: write \
         [[pool.client]]",
    );
}
