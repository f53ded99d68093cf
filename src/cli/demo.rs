//! `symbolon demo`: two demo providers and a sample app around a broker in a temporary folder.

use std::io::Write as _;
use std::process::ExitCode;

/// Arguments of `symbolon demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Says that this build has no demo; exit code 1.
pub fn run(_: &Arguments) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "this build has no demo");
    ExitCode::FAILURE
}
