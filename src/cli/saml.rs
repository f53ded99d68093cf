//! `symbolon saml`: the certificates of SAML, ours and those of identity providers; and what is wrong with a
//! response.

pub mod explain;
mod report;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::Selection;
use super::keys::is_busy;
use crate::app::{App, AppError};
use crate::config::{Config, PoolConfig, StoreUrl};
use crate::model::fault::Refusal as _;
use crate::outside::Outside;
use crate::provider::saml::Saml;
use crate::provider::settings::{Protocol, Provider};
use crate::store::saml_trust::{Party, TrustError};
use crate::store::sp_keys::{LEAD, SpKeysError};

use report::Report;

/// Arguments of `symbolon saml`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Explain a saved response step by step: what was checked, what failed, what to change
    Explain(explain::Arguments),
    #[command(flatten)]
    Keys(Action),
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Show our certificates and those of the identity providers, believed and waiting
    Keys(Selection),
    /// Publish a second pair of our own keys, which signs 14 days later; every kept pair decrypts
    RotateKeys {
        /// Which pools, and how to print
        #[command(flatten)]
        selection: Selection,
        /// Sign with it at once: identity providers that check our signatures refuse them until they know the
        /// certificate
        #[arg(long)]
        now: bool,
    },
    /// Believe a certificate that an identity provider's metadata names and that waits
    AcceptKey {
        /// The provider
        provider: String,
        /// SHA-256 fingerprint of the certificate, compared with the one that the provider shows
        fingerprint: String,
        /// Which pools, and how to print
        #[command(flatten)]
        selection: Selection,
    },
}

/// Why the command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The directory or the configuration cannot be used.
    #[error(transparent)]
    App(AppError),
    /// The embedded store belongs to the running broker.
    #[error(
        "{0}\nAn embedded store has one user at a time: stop the broker, run this again, start the broker."
    )]
    Busy(AppError),
    /// Our keys.
    #[error("{0}; {hint}", hint = .0.hint())]
    Keys(#[from] SpKeysError),
    /// The providers' keys.
    #[error("{0}; {hint}", hint = .0.hint())]
    Trust(#[from] TrustError),
    /// The directory lives in the memory of another process.
    #[error("store.directory is memory: its keys live and die with the serving process")]
    InMemory,
    /// No such pool.
    #[error("the configuration has no pool {0}")]
    UnknownPool(String),
    /// No such provider, or several.
    #[error("{0} pools have a SAML provider {1:?}; name one, with --pool if needed")]
    UnclearProvider(usize, String),
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        if is_busy(&error) { Self::Busy(error) } else { Self::App(error) }
    }
}

impl Failure {
    /// 2 when the command names what does not exist, else 1.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::UnknownPool(_)
            | Self::UnclearProvider(..)
            | Self::InMemory
            | Self::Trust(TrustError::NotPending(_) | TrustError::Configured(_)) => ExitCode::from(2),
            Self::App(_) | Self::Busy(_) | Self::Keys(_) | Self::Trust(_) => ExitCode::FAILURE,
        }
    }
}

/// Does what the arguments say and prints the certificates after it. Exit codes as for every command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let failed = |reason: &dyn std::fmt::Display, code: ExitCode| {
        let _ = writeln!(std::io::stderr(), "symbolon saml: {reason}");
        code
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, ExitCode::FAILURE),
    };
    let print = |text: &str| drop(writeln!(std::io::stdout(), "{}", text.trim_end()));
    match &arguments.command {
        Command::Explain(asked) => match runtime.block_on(explain::execute(asked, Outside::real())) {
            Ok((text, accepted)) => {
                print(&text);
                if accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => failed(&error, ExitCode::from(2)),
        },
        Command::Keys(action) => {
            let config = match action.selection().file.load() {
                Ok(config) => config,
                Err(code) => return code,
            };
            match runtime.block_on(execute(action, config, Outside::real())) {
                Ok(text) => {
                    print(&text);
                    ExitCode::SUCCESS
                }
                Err(failure) => failed(&failure, failure.exit_code()),
            }
        }
    }
}

/// Does what `action` says; gives what to print.
pub async fn execute(action: &Action, config: Config, outside: Outside) -> Result<String, Failure> {
    if matches!(config.store.directory, StoreUrl::Memory) {
        return Err(Failure::InMemory);
    }
    let clock = outside.clock.clone();
    let app = App::build(config, outside).await?;
    let selection = action.selection();
    let pools = selected(&app, selection.pool.as_deref())?;
    let mut report = Report::default();
    match action {
        Action::Keys(_) => {}
        Action::RotateKeys { now, .. } => {
            for config in pools.iter().filter(|config| saml_providers(config).next().is_some()) {
                let set = app.sp_keys.rotate(&config.pool.id, *now).await?;
                let when = match set.upcoming(clock.now()) {
                    Some(_) => format!("is published and signs within {} days", LEAD.as_secs() / 86_400),
                    None => "signs".to_owned(),
                };
                report.note(format!(
                    "{}: the new key {when}; give its certificate to providers that check our signatures",
                    config.pool.id
                ));
            }
        }
        Action::AcceptKey { provider, fingerprint, .. } => {
            let (config, found, saml) = the_provider(&pools, provider)?;
            app.idps
                .accept(Party { pool: &config.pool.id, provider: &found.name, saml }, fingerprint)
                .await?;
            report.note(format!(
                "{}: the certificate of {} is believed everywhere within 30 seconds",
                config.pool.id, found.name
            ));
        }
    }
    for config in &pools {
        let pool = &config.pool.id;
        report.own(pool, &app.sp_keys.stored(pool).await?.unwrap_or_default(), clock.now());
        for (provider, saml) in saml_providers(config) {
            let trust = app.idps.stored(Party { pool, provider: &provider.name, saml }).await?;
            report.provider(pool, provider, saml, trust.as_ref());
        }
    }
    Ok(if selection.json { report.json() } else { report.table(clock.now()) })
}

impl Action {
    fn selection(&self) -> &Selection {
        match self {
            Self::Keys(selection)
            | Self::RotateKeys { selection, .. }
            | Self::AcceptKey { selection, .. } => selection,
        }
    }
}

fn saml_providers(config: &PoolConfig) -> impl Iterator<Item = (&Provider, &Saml)> {
    config.providers.iter().filter_map(|provider| match &provider.protocol {
        Protocol::Saml(saml) => Some((provider, &**saml)),
        Protocol::Oidc(_) | Protocol::Oauth2(_) => None,
    })
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

fn the_provider<'p>(
    pools: &'p [Arc<PoolConfig>],
    name: &str,
) -> Result<(&'p PoolConfig, &'p Provider, &'p Saml), Failure> {
    let all = pools
        .iter()
        .flat_map(|config| saml_providers(config).map(move |(provider, saml)| (&**config, provider, saml)));
    let found: Vec<_> = all.filter(|(_, provider, _)| provider.name.as_str() == name).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        several => Err(Failure::UnclearProvider(several.len(), name.to_owned())),
    }
}
