//! The command line. Exit codes: 0 done, 1 failed, 2 the configuration or the command is wrong and nothing
//! was started.

mod backup;
pub mod check;
mod text_table;
pub mod demo;
pub mod doctor;
pub mod health;
pub mod gallery;
pub mod keys;
mod manual;
mod reload;
pub mod saml;
pub mod serve;
mod sign_out;
mod span_fields;
pub mod test_login;
pub mod trace;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::config::{self, Config};
use crate::model::document::Problems;
use crate::outside::clock::Clock;

/// Any OpenID Connect or OAuth 2 sign-in becomes one Amazon Cognito-format token.
#[derive(Debug, Parser)]
#[command(name = "symbolon", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pools of a configuration
    Serve(serve::Arguments),
    /// Try it: two demo providers and a sample app, nothing to install
    Demo(demo::Arguments),
    /// Check a configuration and say what it would serve
    Check(check::Arguments),
    /// Write every hosted page in every state, language and theme to a folder
    Gallery(gallery::Arguments),
    /// List, rotate or retire signing keys
    Keys(keys::Arguments),
    /// SAML: show our certificates and those of identity providers, rotate ours, accept theirs
    Saml(saml::Arguments),
    /// Copy users and keys of the embedded store to a folder, beside the running broker
    Backup(backup::Arguments),
    /// Sign everybody out: every session, code and refresh token made so far becomes worthless
    SignOut(sign_out::Arguments),
    /// Print a link that tries a provider out: a whole sign-in that creates nothing
    TestLogin(test_login::Arguments),
    /// Ask providers, stores and this broker's own address what a sign-in will need, and say what to change
    Doctor(doctor::Arguments),
    /// Tell why a sign-in was refused, by the reference id of its error page
    Trace(trace::Arguments),
    /// Ask a running broker whether it can serve sign-ins: the health check of a container
    Health(health::Arguments),
    /// Print the completions of a shell
    Completions(manual::Completions),
    /// Print the manual page, or write those of all commands to a folder
    Man(manual::Man),
}

/// Which configuration file.
#[derive(Debug, Clone, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "SYMBOLON_CONFIG", default_value = "symbolon.toml")]
    pub config: PathBuf,
}

impl ConfigFile {
    /// Reads the file and the environment.
    pub fn read(&self) -> Result<Config, Problems> {
        let mut config = config::load(&self.config, &environment())?;
        let due = config.expiry_warnings(&self.config.display().to_string(), Clock::Real.now());
        config.warnings.extend(due);
        Ok(config)
    }

    /// Like [`ConfigFile::read`]; problems are printed, and the error is the exit code.
    pub fn load(&self) -> Result<Config, ExitCode> {
        self.read().map_err(|problems| {
            let _ = writeln!(std::io::stderr(), "{problems}");
            ExitCode::from(2)
        })
    }
}

/// Which pools, and how to print.
#[derive(Debug, Clone, Args)]
pub struct Selection {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this pool
    #[arg(long, value_name = "ID")]
    pool: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command that the process was called with.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Gallery(arguments) => gallery::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Saml(arguments) => saml::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::SignOut(arguments) => sign_out::run(&arguments),
        Command::TestLogin(arguments) => test_login::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Trace(arguments) => trace::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments, Cli::command()),
        Command::Man(arguments) => manual::man(&arguments, Cli::command()),
    }
}

/// Does the work of `symbolon <command>` and prints what it gives, or why it failed, which decides the exit
/// code.
fn perform<E: fmt::Display>(
    command: &str,
    work: impl Future<Output = Result<String, E>>,
    code: impl Fn(&E) -> u8,
) -> ExitCode {
    let failed = |reason: &dyn fmt::Display, code: u8| {
        let _ = writeln!(std::io::stderr(), "symbolon {command}: {reason}");
        ExitCode::from(code)
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, 1),
    };
    match runtime.block_on(work) {
        Ok(text) => {
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure, code(&failure)),
    }
}

/// The variables that override the configuration.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with(config::ENVIRONMENT_PREFIX))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
