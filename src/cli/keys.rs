//! `symbolon keys`: lists, rotates and retires signing keys.

use std::io::Write as _;
use std::process::ExitCode;

use super::ConfigFile;

/// Arguments of `symbolon keys`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

/// Checks the configuration, then says that this build goes no further; exit code 1, or 2 for a wrong configuration.
pub fn run(arguments: &Arguments) -> ExitCode {
    if let Err(code) = arguments.file.load() {
        return code;
    }
    let _ = writeln!(std::io::stderr(), "the configuration is valid, but this build has no keys");
    ExitCode::FAILURE
}
