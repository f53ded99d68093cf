//! `symbolon keys`: lists, rotates and retires signing keys.

mod report;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::Selection;
use crate::app::{App, AppError};
use crate::config::{Config, PoolConfig, StoreUrl};
use crate::model::fault::Refusal as _;
use crate::outside::Outside;
use crate::store::StoreError;
use crate::store::keysets::KeyringError;
use crate::token::keyset::{KeysetError, LEAD};

use report::Report;

/// Arguments of `symbolon keys`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with the keys.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Show the signing keys of every pool
    List(Selection),
    /// Publish successors, which start to sign 65 minutes later; the old keys verify until their last token
    /// expired
    Rotate(Selection),
    /// Take one key out at once, for emergencies: its tokens are refused within 30 seconds everywhere
    Retire {
        /// Which pools, and how to print
        #[command(flatten)]
        selection: Selection,
        /// The key to take out
        #[arg(long)]
        kid: String,
    },
}

/// Why the command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The directory or the configuration cannot be used.
    #[error(transparent)]
    App(#[from] AppError),
    /// The embedded store belongs to the running broker.
    #[error(
        "{0}\nAn embedded store has one user at a time: stop the broker, run this again, start the broker."
    )]
    Busy(AppError),
    /// The keys.
    #[error("{0}; {hint}", hint = .0.hint())]
    Keys(#[from] KeyringError),
    /// The directory lives in the memory of another process.
    #[error("store.directory is memory: its keys live and die with the serving process")]
    InMemory,
    /// No such pool.
    #[error("the configuration has no pool {0}")]
    UnknownPool(String),
}

impl Failure {
    /// 2 when the command names what does not exist, else 1.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::UnknownPool(_)
            | Self::InMemory
            | Self::Keys(KeyringError::Keyset(KeysetError::UnknownKid(_))) => ExitCode::from(2),
            Self::App(_) | Self::Busy(_) | Self::Keys(_) => ExitCode::FAILURE,
        }
    }
}

/// Does what the arguments say and prints the keys after it. Exit codes as for every command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let selection = arguments.action.selection();
    let config = match selection.file.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let failed = |reason: &dyn std::fmt::Display, code: ExitCode| {
        let _ = writeln!(std::io::stderr(), "symbolon keys: {reason}");
        code
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, ExitCode::FAILURE),
    };
    match runtime.block_on(execute(&arguments.action, config, Outside::real())) {
        Ok(text) => {
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure, failure.exit_code()),
    }
}

/// Does what `action` says; gives what to print.
pub async fn execute(action: &Action, config: Config, outside: Outside) -> Result<String, Failure> {
    if matches!(config.store.directory, StoreUrl::Memory) {
        return Err(Failure::InMemory);
    }
    let clock = outside.clock.clone();
    let app = App::build(config, outside).await.map_err(unusable)?;
    let selection = action.selection();
    let pools = selected(&app, selection.pool.as_deref())?;
    let mut report = Report::default();
    if let Action::Retire { kid, .. } = action {
        report.note(retire(&app, &pools, kid).await?);
    }
    for config in pools {
        let pool = &config.pool;
        if let Action::Rotate(_) = action {
            let rotation = app.keys.rotate(pool).await?;
            report.note(match rotation.added.len() {
                0 => format!("{}: successors are published already, nothing changed", pool.id),
                count => format!(
                    "{}: {count} new keys published, signing in {} minutes",
                    pool.id,
                    LEAD.as_secs() / 60
                ),
            });
        }
        let set = app.keys.stored(&pool.id).await?.unwrap_or_default();
        report.add(&pool.id, &set, clock.now());
    }
    Ok(if selection.json { report.json() } else { report.table() })
}

impl Action {
    fn selection(&self) -> &Selection {
        match self {
            Self::List(selection) | Self::Rotate(selection) | Self::Retire { selection, .. } => selection,
        }
    }
}

fn unusable(error: AppError) -> Failure {
    if is_busy(&error) { Failure::Busy(error) } else { Failure::App(error) }
}

/// Whether the embedded store belongs to the running broker.
pub(super) fn is_busy(error: &AppError) -> bool {
    matches!(error, AppError::Store { error: StoreError::Misconfigured(reason), .. } if reason.contains("in \
        use"))
}

fn selected(app: &App, id: Option<&str>) -> Result<Vec<Arc<PoolConfig>>, Failure> {
    let chosen: Vec<_> = app
        .pools()
        .iter()
        .filter(|config| id.is_none_or(|id| config.pool.id.as_str() == id))
        .cloned()
        .collect();
    match id {
        Some(id) if chosen.is_empty() => Err(Failure::UnknownPool(id.to_owned())),
        _ => Ok(chosen),
    }
}

/// Retires `kid` in the pool that has it: a `kid` is a digest of the key, so no two pools share one.
async fn retire(app: &App, pools: &[Arc<PoolConfig>], kid: &str) -> Result<String, Failure> {
    for config in pools {
        match app.keys.retire(&config.pool, kid).await {
            Ok(_) => {
                return Ok(format!(
                    "{}: {kid} is out; apps that cached the key set see the change within an hour",
                    config.pool.id
                ));
            }
            Err(KeyringError::Keyset(KeysetError::UnknownKid(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(KeyringError::from(KeysetError::UnknownKid(kid.chars().take(64).collect())).into())
}
