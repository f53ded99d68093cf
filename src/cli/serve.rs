//! `symbolon serve`: the pools of a configuration on two listeners, until it is told to stop or to read its
//! configuration again.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::future::{OptionFuture, join};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use super::ConfigFile;
use super::reload::{Live, make_first_keys};
use super::span_fields::SpanFields;
use crate::app::App;
use crate::config::{CertificateListener, Config};
use crate::web;
use crate::web::server::tls::{Tls, TlsError};
use crate::web::server::{Capacity, ConnectionRules, Phase};

/// So many connections that fewer may surprise somebody.
const FEW: u64 = 5_000;
/// Lines of the log that wait to be written.
const MOST_LINES: usize = 20_000;
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

/// Serves until SIGTERM or SIGINT, then finishes what runs. 2 for a configuration that cannot be used, 1 for
/// a start that fails.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let _written = start_log(arguments.log);
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
    let public = TcpListener::bind(config.server.listen)
        .await
        .map_err(|error| format!("server.listen {}: {error}", config.server.listen))?;
    let admin = TcpListener::bind(config.server.admin_listen).await;
    let admin =
        admin.map_err(|error| format!("server.admin_listen {}: {error}", config.server.admin_listen))?;
    let rules = rules(&config)?;
    let for_apps = match &config.server.listener.certificates.listener {
        Some(own) => Some(certificate_listener(own, &rules).await?),
        None => None,
    };
    let live = Live::start(config).await?;
    make_first_keys(&live.app).await;
    announce(&live.app, &public, &admin)?;
    tokio::spawn(stop_when_told(live.phase.clone(), live.app.server.drain_delay));
    let telemetry = live.app.outside.telemetry.clone();
    let own = rules.tls.iter().chain(for_apps.iter().filter_map(|(_, rules)| rules.tls.as_ref()));
    let tls: Vec<Tls> = own.cloned().collect();
    let serving = |rules, listener| {
        web::server::serve_with(rules, listener, live.public.subscribe(), live.phase.subscribe())
    };
    let for_apps = OptionFuture::from(for_apps.map(|(listener, rules)| serving(rules, listener)));
    let public = join(serving(rules, public), for_apps);
    // Whoever asks is told that the process leaves until the last sign-in is through.
    let (over, rest) = watch::channel(Phase::Serving);
    tokio::spawn(web::server::serve_with(ConnectionRules::default(), admin, live.admin.subscribe(), rest));
    tokio::select! {
        _ = public => {}
        () = renew(file, live, tls) => {}
    }
    drop(over);
    tokio::task::spawn_blocking(move || telemetry.flush()).await?;
    Ok(())
}

/// At SIGTERM readiness says no, so that balancers look elsewhere, and after `delay` nobody is received any
/// more; SIGINT, or a second signal, waits for no balancer.
async fn stop_when_told(phase: watch::Sender<Phase>, delay: Duration) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {
            tracing::info!("leaving: readiness says no");
            phase.send_replace(Phase::Leaving);
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: finishing what runs");
    phase.send_replace(Phase::Stopping);
}

/// How the public listener receives connections.
fn rules(config: &Config) -> Result<ConnectionRules, TlsError> {
    let how = &config.server.listener;
    let balancers = how.proxy_protocol.then(|| how.trusted_proxies.clone().into());
    let capacity = Capacity {
        total: places(config.limits.connections),
        each: config.limits.connections_per_address.and_then(|each| usize::try_from(each).ok()),
        proxies: how.trusted_proxies.clone().into(),
    };
    Ok(ConnectionRules {
        balancers,
        tls: how.tls.clone().map(Tls::load).transpose()?,
        capacity,
        ..ConnectionRules::default()
    })
}

/// The listener that asks apps for certificates; peers are received there as at the public one.
async fn certificate_listener(
    own: &CertificateListener,
    public: &ConnectionRules,
) -> Result<(TcpListener, ConnectionRules), String> {
    let listener = TcpListener::bind(own.address)
        .await
        .map_err(|error| format!("server.mtls_listen {}: {error}", own.address))?;
    let tls = Tls::asking(own.tls.clone()).map_err(|error| error.to_string())?;
    let asking = listener.local_addr().map_err(|error| error.to_string())?;
    tracing::info!(%asking, "asking apps for certificates");
    Ok((listener, ConnectionRules { tls: Some(tls), ..public.clone() }))
}

/// As many connections as wanted, as long as open files are left for stores and providers (H-42).
fn places(wanted: u32) -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(256);
    let possible = files - files / 4;
    if possible < u64::from(wanted).min(FEW) {
        tracing::warn!(
            code = "few_open_files",
            files,
            connections = possible,
            "the limit of open files allows few connections"
        );
    }
    usize::try_from(possible.min(wanted.into())).unwrap_or(usize::MAX)
}

/// On SIGHUP, reads certificate and configuration again; every minute, the certificate alone, for whoever
/// renews it may not tell.
async fn renew(file: &ConfigFile, mut live: Live, tls: Vec<Tls>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    let mut minutes = tokio::time::interval(CERTIFICATE_LOOK);
    loop {
        let told = tokio::select! {
            received = hangup.recv() => received.is_some(),
            _ = minutes.tick() => false,
        };
        for error in tls.iter().filter_map(|tls| tls.reload().err()) {
            tracing::error!(code = "certificate_unusable", %error, "the certificate in use stays");
        }
        if told {
            match live.reload(file).await {
                Ok(()) => tracing::info!(
                    code = "configuration_applied",
                    "the configuration was read again and applies from now on"
                ),
                Err(error) => {
                    tracing::error!(code = "configuration_refused", %error, "the configuration in use stays");
                }
            }
        }
    }
}

fn announce(app: &Arc<App>, public: &TcpListener, admin: &TcpListener) -> std::io::Result<()> {
    let (listen, admin_listen) = (public.local_addr()?, admin.local_addr()?);
    for config in app.pools() {
        tracing::info!(pool = %config.pool.id, issuer = config.pool.issuer,
            providers = config.providers.len(), "serving a pool");
    }
    tracing::info!(%listen, %admin_listen, "ready");
    Ok(())
}

pub(super) async fn until_told() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Starts the log on standard error; `SYMBOLON_LOG` filters it, for example `symbolon=debug`. Lines are
/// written beside the requests: when nobody reads them, they are dropped in the end, and requests go on
/// (H-41). What is left is written when the guard is dropped.
pub fn start_log(format: Option<LogFormat>) -> WorkerGuard {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SYMBOLON_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MOST_LINES).finish(std::io::stderr());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let pretty = std::io::stderr().is_terminal();
    let started = match format.unwrap_or(if pretty { LogFormat::Pretty } else { LogFormat::Json }) {
        LogFormat::Json => {
            builder.json().flatten_event(true).with_span_list(false).fmt_fields(SpanFields).try_init()
        }
        LogFormat::Pretty => builder.try_init(),
    };
    // Only a second start in one process fails, and the first log goes on.
    drop(started);
    guard
}

fn failed(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "symbolon: {reason}");
    ExitCode::FAILURE
}
