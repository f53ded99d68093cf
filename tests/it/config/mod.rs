//! The configuration file: what is accepted, and the exact words for what is not.

mod branding;
mod check;
mod client;
mod document;
mod environment;
mod pool;
mod saml;
mod scale;
mod schema;
mod server;
mod single;
mod whole;

use symbolon::config::{self, Config};

/// Reads `text` as `symbolon.toml`; the only file is `secret.txt`.
fn read(text: &str) -> Result<Config, Vec<String>> {
    read_with(text, &[])
}

fn read_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let files = |path: &str| match path {
        "secret.txt" => Ok("a secret read from a file\n".to_owned()),
        "empty.txt" => Ok(" \n".to_owned()),
        _ => Err("no such file".to_owned()),
    };
    config::parse(text, "symbolon.toml", &environment, &files)
        .map_err(|problems| problems.as_slice().iter().map(ToString::to_string).collect())
}

/// The problems of a text; none when it is accepted.
fn problems(text: &str) -> Vec<String> {
    read(text).err().unwrap_or_default()
}

/// Asserts that `text` has exactly this one problem.
#[track_caller]
fn refused(text: &str, problem: &str) {
    assert_eq!(problems(text), [problem]);
}
