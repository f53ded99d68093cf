//! `symbolon test-login`: a link that tries a provider out in the running broker.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::ConfigFile;
use crate::app::{self, AppError};
use crate::config::{Config, PoolConfig};
use crate::model::ids::ProviderName;
use crate::outside::Outside;
use crate::provider::settings::Provider;
use crate::user_pool::test_login;

/// Arguments of `symbolon test-login`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The provider to sign in with
    provider: String,
    /// The pool, where several have a provider of this name
    #[arg(long, value_name = "ID")]
    pool: Option<String>,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No pool has this provider.
    #[error("there is no provider {0:?}; there are: {1}")]
    Unknown(String, String),
    /// Several pools have it.
    #[error("several pools have a provider {0:?}: name one with --pool")]
    Several(String),
    /// The serving process keeps its key in memory.
    #[error(
        "the stores are in memory and server.seal_key is not set, so only the serving process could make a \
         link: set server.seal_key"
    )]
    InMemory,
    /// The key is unusable.
    #[error(transparent)]
    App(#[from] AppError),
}

/// Prints the link. Exit code 2 when the command names what does not exist.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.file.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    match link(&config, &arguments.provider, arguments.pool.as_deref(), &Outside::real()) {
        Ok(link) => {
            let _ = writeln!(std::io::stdout(), "{link}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "symbolon test-login: {failure}");
            if matches!(failure, Failure::App(_)) { ExitCode::FAILURE } else { ExitCode::from(2) }
        }
    }
}

/// The link for the provider called `provider`. The stores stay closed, so that the broker may run meanwhile.
pub fn link(
    config: &Config,
    provider: &str,
    pool: Option<&str>,
    outside: &Outside,
) -> Result<String, Failure> {
    let (config_of_pool, found) = find(config, provider, pool)?;
    let seal = app::seal(config, outside)?.ok_or(Failure::InMemory)?;
    Ok(test_login::link(&seal, config_of_pool, found, outside.clock.now()))
}

fn find<'c>(
    config: &'c Config,
    provider: &str,
    pool: Option<&str>,
) -> Result<(&'c PoolConfig, &'c Provider), Failure> {
    let pools = || config.pools.iter().filter(|config| pool.is_none_or(|id| config.pool.id.as_str() == id));
    let name = ProviderName::parse(provider).ok();
    let mut found = pools().filter_map(|config| Some((config, config.provider(name.as_ref()?)?)));
    match (found.next(), found.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(Failure::Several(provider.to_owned())),
        (None, _) => {
            let have: Vec<&str> =
                pools().flat_map(|config| &config.providers).map(|provider| provider.name.as_str()).collect();
            Err(Failure::Unknown(provider.to_owned(), have.join(", ")))
        }
    }
}
