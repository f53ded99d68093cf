//! The Node peers of `tests/e2e/peers` as values of a test; each script's header lists its settings and
//! routes.
#![expect(clippy::expect_used, clippy::panic, reason = "a helper of tests fails the test")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::process::Process;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/peers");

/// An upstream OpenID Provider: `oidc-provider`.
pub(crate) struct OpenIdProvider {
    /// Its issuer identifier, `http://127.0.0.1:<port>` unless the settings name another host.
    pub(crate) issuer: String,
    process: Process,
}

impl OpenIdProvider {
    /// Starts the provider with the settings of `op.mjs`.
    #[track_caller]
    pub(crate) fn start(settings: &Value) -> Self {
        let (process, ready) = start("op.mjs", settings);
        Self { issuer: text(&ready, "issuer"), process }
    }

    /// The provider's process, to pause or end it.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// An app: `openid-client`.
pub(crate) struct RelyingParty {
    /// Where the app is, without a slash at the end.
    pub(crate) url: String,
    /// The redirect URI to register.
    pub(crate) redirect_uri: String,
    _process: Process,
}

impl RelyingParty {
    /// Starts the app with the settings of `rp.mjs`.
    #[track_caller]
    pub(crate) fn start(settings: &Value) -> Self {
        let (process, ready) = start("rp.mjs", settings);
        Self { url: text(&ready, "url"), redirect_uri: text(&ready, "redirect_uri"), _process: process }
    }
}

/// Runs the steps of `browser.mjs` in Chromium and gives its report, whether or not all steps went well: see
/// `ok` and `failure`.
#[track_caller]
pub(crate) fn chromium(input: &Value) -> Value {
    let (_, output) = Process::start("browser.mjs", &mut node("browser.mjs")).communicate(&input.to_string());
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|report| report.get("ok").is_some())
        .unwrap_or_else(|| panic!("Chromium gave no report:\n{output}"))
}

/// What ajv finds wrong with each document under a JSON Schema; nothing for a valid one.
#[track_caller]
pub(crate) fn schema_errors(schema: &Value, documents: &[Value]) -> Vec<Vec<String>> {
    let input = serde_json::json!({ "schema": schema, "documents": documents }).to_string();
    let (_, output) = Process::start("schema.mjs", &mut node("schema.mjs")).communicate(&input);
    let report = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|report| report.get("ok").is_some());
    let report = report.unwrap_or_else(|| panic!("ajv gave no report:\n{output}"));
    serde_json::from_value(report.get("errors").cloned().unwrap_or_default()).expect("lists of texts")
}

/// Has `axe.mjs` look at files and gives its report.
#[track_caller]
pub(crate) fn axe(input: &Value) -> Value {
    let (_, output) = Process::start("axe.mjs", &mut node("axe.mjs")).communicate(&input.to_string());
    let report = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|report| report.get("ok").is_some());
    report.unwrap_or_else(|| panic!("axe gave no report:\n{output}"))
}

#[track_caller]
fn start(script: &str, settings: &Value) -> (Process, Value) {
    let process =
        Process::start(script, node(script).arg(settings.to_string()).env("PEER_ENDS_WITH_STDIN", "1"));
    let ready = process.wait_for_line("{\"");
    let ready = serde_json::from_str(&ready).expect("the ready line is JSON");
    (process, ready)
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(SCRIPTS).join(script));
    command
}

#[track_caller]
fn text(object: &Value, member: &str) -> String {
    object.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("no {member} in {object}")).to_owned()
}
