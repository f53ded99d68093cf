//! `symbolon trace`: why a sign-in was refused, by its reference id.
//!
//! A store that several processes may use is read directly. The embedded store belongs to the running broker,
//! which is asked at its admin listener with `server.admin_token`; when none is running, its folder is read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;
use http::{HeaderValue, StatusCode, header};
use url::Url;

use super::{ConfigFile, perform};
use crate::app::{self, AppError};
use crate::config::{Config, StoreUrl};
use crate::model::ids::ReferenceId;
use crate::model::secret::ExposeSecret as _;
use crate::model::trace::render;
use crate::outside::Outside;
use crate::outside::http::{Http, HttpError, HttpLimits, Request};
use crate::store::StoreError;

/// Arguments of `symbolon trace`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The reference id that the error page shows, for example 7K2M-Q0XW-94TA
    reference: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Why there is no story.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The text is none.
    #[error("{0:?} is no reference id: it looks like 7K2M-Q0XW-94TA")]
    NoReference(String),
    /// Nothing is kept under it.
    #[error(
        "there is no story under {0}: stories are kept for 24 hours, and the log of that time has a line \
         with this reference"
    )]
    Unknown(ReferenceId),
    /// The running broker may not be asked.
    #[error(
        "the stories are with the running broker, which tells them at its admin listener: set \
         server.admin_token (and restart it)"
    )]
    NoToken,
    /// The broker does not take the token.
    #[error(
        "the broker at {0} does not accept server.admin_token of this configuration: was it restarted since?"
    )]
    TokenRefused(SocketAddr),
    /// The broker answered something else.
    #[error("the broker at {0} answered with status {1}")]
    Status(SocketAddr, StatusCode),
    /// The broker does not answer.
    #[error("the broker's admin listener: {0}")]
    Http(#[from] HttpError),
    /// The store.
    #[error(transparent)]
    App(#[from] AppError),
    /// Reading.
    #[error("store.state: {0}")]
    Store(#[from] StoreError),
}

/// Prints the story. Exit code 2 when there is none or the command is wrong, 1 when it could not be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let config = match arguments.file.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    perform("trace", story(&config, &arguments.reference, arguments.json, &Outside::real()), |failure| {
        match failure {
            Failure::NoReference(_) | Failure::Unknown(_) | Failure::NoToken => 2,
            _ => 1,
        }
    })
}

/// The story under `reference`, as text or as JSON.
pub async fn story(
    config: &Config,
    reference: &str,
    json: bool,
    outside: &Outside,
) -> Result<String, Failure> {
    let no_reference = || Failure::NoReference(reference.chars().take(64).collect());
    let reference = ReferenceId::parse(&reference.trim().to_ascii_uppercase()).map_err(|_| no_reference())?;
    match &config.store.state {
        StoreUrl::Redis(_) => stored(config, &reference, json, outside).await,
        StoreUrl::Memory => asked(config, &reference, json).await,
        // A port that the system chose is known to nobody.
        StoreUrl::File(_) if config.server.admin_listen.port() == 0 => {
            stored(config, &reference, json, outside).await
        }
        StoreUrl::File(_) => match asked(config, &reference, json).await {
            // Nobody serves, so nobody holds the folder.
            Err(Failure::Http(HttpError::Transport { .. })) => {
                stored(config, &reference, json, outside).await
            }
            outcome => outcome,
        },
    }
}

/// From the store itself.
async fn stored(
    config: &Config,
    reference: &ReferenceId,
    json: bool,
    outside: &Outside,
) -> Result<String, Failure> {
    let traces = app::traces(config, outside).await?.ok_or(Failure::NoToken)?;
    let pools: Vec<_> = config.pools.iter().map(|config| config.pool.id.clone()).collect();
    let found = traces.find(&pools, reference, outside.clock.now()).await?;
    let trace = found.ok_or_else(|| Failure::Unknown(reference.clone()))?;
    Ok(if json { render::json(&trace).to_string() } else { render::text(&trace) })
}

/// From the running broker.
async fn asked(config: &Config, reference: &ReferenceId, json: bool) -> Result<String, Failure> {
    let place = reachable(config.server.admin_listen);
    let format = if json { "json" } else { "text" };
    let url = format!("http://{place}/admin/traces/{reference}?format={format}");
    let url = Url::parse(&url).map_err(|_| Failure::NoReference(reference.to_string()))?;
    let token = config.server.admin_token.as_ref();
    let bearer =
        token.and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok());
    let request = Request::get(url);
    let request = match bearer.clone() {
        Some(bearer) => request.secret_header(header::AUTHORIZATION, bearer),
        None => request,
    };
    let answer = Http::new(HttpLimits::default(), true, None)?.send(request).await?;
    match answer.status {
        StatusCode::OK => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        _ if bearer.is_none() => Err(Failure::NoToken),
        StatusCode::UNAUTHORIZED => Err(Failure::TokenRefused(place)),
        StatusCode::NOT_FOUND => Err(Failure::Unknown(reference.clone())),
        status => Err(Failure::Status(place, status)),
    }
}

/// Where this machine reaches the admin listener.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}
