//! `symbolon serve`: the pools of a configuration on two listeners, until it is told to stop or to read its configuration again.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::ConfigFile;
use super::live::Live;
use crate::app::App;
use crate::config::Config;
use crate::model::fault::Refusal as _;
use crate::web;
use crate::web::server::Reception;
use crate::web::server::tls::{Tls, TlsError};

const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// `symbolon serve`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The form of the log; people on a terminal get pretty, everything else JSON
    #[arg(long, value_enum)]
    log: Option<LogFormat>,
}

/// Serves until SIGTERM or SIGINT, then finishes what runs. 2 for a configuration that cannot be used, 1 for a start that fails.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    start_log(arguments.log);
    for warning in &config.warnings {
        tracing::warn!(code = "configuration", "{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let outcome = runtime.block_on(serve(&arguments.config, config));
    runtime.shutdown_timeout(Duration::from_secs(5));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

async fn serve(file: &ConfigFile, config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let public =
        TcpListener::bind(config.server.listen).await.map_err(|error| format!("server.listen {}: {error}", config.server.listen))?;
    let admin = TcpListener::bind(config.server.admin_listen).await;
    let admin = admin.map_err(|error| format!("server.admin_listen {}: {error}", config.server.admin_listen))?;
    let reception = reception(&config)?;
    let live = Live::start(config).await?;
    make_first_keys(&live.app).await;
    announce(&live.app, &public, &admin)?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        until_told().await;
        tracing::info!("stopping: finishing what runs");
        stop.send_replace(true);
    });
    let (routes, admin_routes, tls) = (live.public.subscribe(), live.admin.subscribe(), reception.tls.clone());
    let public = web::server::serve_with(reception, public, routes, until(stopped.clone()));
    let admin = web::server::serve_with(Reception::default(), admin, admin_routes, until(stopped));
    let serving = async { tokio::join!(public, admin) };
    tokio::select! {
        _ = serving => {}
        () = renew(file, live, tls) => {}
    }
    Ok(())
}

/// How the public listener receives connections.
fn reception(config: &Config) -> Result<Reception, TlsError> {
    let how = &config.server.reception;
    let balancers = how.proxy_protocol.then(|| how.trusted_proxies.clone().into());
    Ok(Reception { balancers, tls: how.tls.clone().map(Tls::load).transpose()?, ..Reception::default() })
}

/// On SIGHUP, reads certificate and configuration again; every minute, the certificate alone, for whoever renews it may not tell.
async fn renew(file: &ConfigFile, mut live: Live, tls: Option<Tls>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    let mut minutes = tokio::time::interval(CERTIFICATE_LOOK);
    loop {
        let told = tokio::select! {
            received = hangup.recv() => received.is_some(),
            _ = minutes.tick() => false,
        };
        if let Some(Err(error)) = tls.as_ref().map(Tls::reload) {
            tracing::error!(code = "certificate_unusable", %error, "the certificate in use stays");
        }
        if told {
            match live.reload(file).await {
                Ok(()) => tracing::info!(code = "configuration_applied", "the configuration was read again and applies from now on"),
                Err(error) => tracing::error!(code = "configuration_refused", %error, "the configuration in use stays"),
            }
        }
    }
}

/// Signing keys are made at the first start, not by the first visitor. A store that is down is no reason not to start: they are made when it is back.
pub(super) async fn make_first_keys(app: &App) {
    for config in app.pools() {
        if let Err(error) = app.keys.of(&config.pool).await {
            tracing::warn!(code = error.code(), pool = %config.pool.id, "no signing keys yet: {error}");
        }
    }
}

fn announce(app: &Arc<App>, public: &TcpListener, admin: &TcpListener) -> std::io::Result<()> {
    let (listen, admin_listen) = (public.local_addr()?, admin.local_addr()?);
    for config in app.pools() {
        tracing::info!(pool = %config.pool.id, issuer = config.pool.issuer, providers = config.providers.len(), "serving a pool");
    }
    tracing::info!(%listen, %admin_listen, "ready");
    Ok(())
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    drop(stopped.wait_for(|stop| *stop).await);
}

pub(super) async fn until_told() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Starts the log on standard error; `SYMBOLON_LOG` filters it, for example `symbolon=debug`.
pub fn start_log(format: Option<LogFormat>) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SYMBOLON_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let pretty = std::io::stderr().is_terminal();
    let started = match format.unwrap_or(if pretty { LogFormat::Pretty } else { LogFormat::Json }) {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Pretty => builder.try_init(),
    };
    // Only a second start in one process fails, and the first log goes on.
    drop(started);
}

fn failed(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "symbolon: {reason}");
    ExitCode::FAILURE
}
