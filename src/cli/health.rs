//! `symbolon health`: whether a running broker can serve sign-ins, as its admin listener says.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use url::Url;

use super::ConfigFile;
use super::trace::reachable;
use crate::config::Config;
use crate::outside::http::{Http, HttpError, HttpLimits, Request};

/// Arguments of `symbolon health`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The admin listener, in place of the configuration's `server.admin_listen`
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// How long to wait for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// Why the broker is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A store is down.
    #[error("not ready: {0}")]
    NotReady(String),
    /// Something else listens there.
    #[error("{0} answered with status {1}")]
    Status(SocketAddr, StatusCode),
    /// Nobody answers.
    #[error("{0}: {1}")]
    Silent(SocketAddr, HttpError),
    /// The address is none.
    #[error("{0} cannot be asked")]
    Address(SocketAddr),
}

/// Prints the answer. Exit code 0 when the broker is ready, 1 when it is not, 2 when the configuration is
/// wrong.
pub fn run(arguments: &Arguments) -> ExitCode {
    let listen = match arguments
        .admin
        .map_or_else(|| arguments.file.load().map(|config: Config| config.server.admin_listen), Ok)
    {
        Ok(listen) => listen,
        Err(code) => return code,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(ask(reachable(listen), Duration::from_secs(arguments.timeout))) {
        Ok(answer) => {
            let _ = writeln!(std::io::stdout(), "ready: {answer}");
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure),
    }
}

fn failed(reason: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "symbolon health: {reason}");
    ExitCode::FAILURE
}

/// What `/health/ready` of the listener at `place` says.
pub async fn ask(place: SocketAddr, patience: Duration) -> Result<String, Failure> {
    let url = Url::parse(&format!("http://{place}/health/ready")).map_err(|_| Failure::Address(place))?;
    let silent = |error| Failure::Silent(place, error);
    let limits = HttpLimits { total: patience, ..HttpLimits::default() };
    let answer =
        Http::new(limits, true, None).map_err(silent)?.send(Request::get(url)).await.map_err(silent)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    match answer.status {
        StatusCode::OK => Ok(text),
        StatusCode::SERVICE_UNAVAILABLE => Err(Failure::NotReady(text)),
        status => Err(Failure::Status(place, status)),
    }
}
