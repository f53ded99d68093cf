//! `symbolon sign-out`: makes every session, code and refresh token of all pools, or of one, worthless.
//!
//! It writes to the state store itself, whether or not brokers run on it, and is done when each of them has
//! to know.

use std::process::ExitCode;

use clap::Args;

use super::{ConfigFile, perform};
use crate::app::{self, AppError};
use crate::config::Config;
use crate::model::ids::PoolId;
use crate::outside::Outside;
use crate::store::StoreError;

/// Arguments of `symbolon sign-out`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Really everybody
    #[arg(long, required = true)]
    everyone: bool,
    /// Everybody of this pool only
    #[arg(long, value_name = "ID")]
    pool: Option<String>,
}

/// Why nobody is signed out.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// No such pool.
    #[error("the configuration has no pool {0}")]
    UnknownPool(String),
    /// The sessions live in another process.
    #[error(
        "store.state is memory: it lives and dies with the serving process, so a restart signs everybody out"
    )]
    InMemory,
    /// The store cannot be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// The store did not confirm it.
    #[error("store.state: {0}; nobody may rely on it before this command succeeds: run it again")]
    Store(#[from] StoreError),
}

/// Signs out and says when it is true everywhere. Exit code 2 when the command is wrong, 1 when it was not
/// confirmed.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.file.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    perform("sign-out", sign_out(&config, arguments.pool.as_deref(), &Outside::real()), |failure| {
        match failure {
            Failure::UnknownPool(_) | Failure::InMemory => 2,
            _ => 1,
        }
    })
}

async fn sign_out(config: &Config, pool: Option<&str>, outside: &Outside) -> Result<String, Failure> {
    let pool = pool.map(|id| selected(config, id)).transpose()?;
    let state = app::state_beside(&config.store, outside).await?.ok_or(Failure::InMemory)?;
    state.sign_everybody_out(pool).await?;
    tokio::time::sleep(state.obeyed_within()).await;
    let whom = pool.map_or_else(|| "everybody".to_owned(), |pool| format!("everybody of {pool}"));
    Ok(format!(
        "{whom} is signed out: no session, code or refresh token that was made before is good at any broker \
         on this store"
    ))
}

fn selected<'a>(config: &'a Config, id: &str) -> Result<&'a PoolId, Failure> {
    let pools = config.pools.iter().map(|config| &config.pool.id);
    pools.into_iter().find(|pool| pool.as_str() == id).ok_or_else(|| Failure::UnknownPool(id.to_owned()))
}
