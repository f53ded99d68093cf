//! The servers under load: brokers of this run, or one that somebody else runs.

use std::process::Command;

use url::Url;

use super::app::App;
use super::case::Case;
use super::connection::Connection;
use super::herd::Herd;
use super::load::Crew;
use super::meter::{Memory, Processes, memory};
use super::operation::{Site, discovered};
use super::options::Options;
use super::redis::Redis;
use super::report::Measured;
use super::server::{Folder, Server, free_port};
use super::soak::Soak;
use super::upstream::Upstream;
use super::{Fail, config, seed};

/// Most pools and providers that logins go through.
const USED: usize = 8;

/// A server under load.
pub struct Running {
    /// Its name in the report.
    pub name: String,
    /// What it is; none for a broker that somebody else runs.
    pub case: Option<Case>,
    /// Its processes, where they are known: one for each replica.
    pub pids: Vec<u32>,
    /// Who uses it.
    pub crew: Crew,
    /// Its Redis.
    pub redis: Option<Redis>,
    /// From start to ready in milliseconds.
    pub start: Vec<f64>,
    /// Memory when ready.
    pub idle: Option<Memory>,
    /// What was measured so far.
    pub modes: Vec<Measured>,
    /// A herd, once it was there.
    pub herd: Option<Herd>,
    /// Many logins, once they were made.
    pub soak: Option<Soak>,
    /// Killed and removed with the value.
    _servers: Vec<Server>,
    _folder: Option<Folder>,
}

impl Running {
    /// Whose CPU counts.
    pub fn processes(&self) -> Processes {
        Processes { servers: self.pids.clone(), redis: self.redis.as_ref().map(Redis::pid) }
    }
}

/// The registration of the app.
pub fn client(options: &Options) -> config::Client {
    let target = &options.target;
    config::Client {
        id: target.client_id.clone(),
        secret: target.client_secret.clone(),
        redirect_uri: target.redirect_uri.clone(),
    }
}

/// Starts the broker of a case.
pub async fn begin(
    options: &Options,
    case: &Case,
    binary: &str,
    upstream: &Upstream,
) -> Result<Running, Fail> {
    let (folder, port, client) = (Folder::new()?, free_port()?, client(options));
    if case.seeded > 0 && case.store == "memory" {
        return Err("users are seeded where they outlive a process: --store file or redis".into());
    }
    if case.replicas > 1 && case.store != "redis" {
        return Err("replicas share a Redis: --store redis".into());
    }
    let redis = if case.store == "redis" { Some(Redis::start().await?) } else { None };
    let store = match (&redis, case.store.as_str()) {
        (Some(redis), _) => redis.url.clone(),
        (None, "file") => format!("file:{}", folder.path().join("data").display()),
        (None, "memory") => "memory:".to_owned(),
        (None, other) => return Err(format!("there is no store {other}: memory, file or redis").into()),
    };
    let toml = config::toml(case, port, &store, &client, upstream);
    std::fs::write(folder.path().join("symbolon.toml"), &toml)?;
    if case.seeded > 0 {
        seed::seed(&toml, &upstream.issuer, case.seeded).await?;
    }
    let mut ports = vec![port];
    let mut server = start(options, binary, &folder, (0, port))?;
    let mut starts = vec![server.start.as_secs_f64() * 1000.0];
    if case.store != "memory" {
        drop(server);
        server = start(options, binary, &folder, (0, port))?;
        starts.push(server.start.as_secs_f64() * 1000.0);
    }
    let mut servers = vec![server];
    for number in 1..case.replicas {
        let port = free_port()?;
        servers.push(start(options, binary, &folder, (number, port))?);
        ports.push(port);
    }
    let users = if case.seeded > 0 { case.seeded } else { options.users };
    let site = Site { users, replicas: ports.into(), ..site(case, port, &client, upstream)? };
    let pids: Vec<u32> = servers.iter().map(Server::pid).collect();
    Ok(Running {
        name: case.name(),
        case: Some(case.clone()),
        crew: Crew::new(site, options.workers())?,
        redis,
        start: starts,
        idle: pids.first().copied().map(memory).transpose()?,
        pids,
        modes: Vec::new(),
        herd: None,
        soak: None,
        _servers: servers,
        _folder: Some(folder),
    })
}

/// Starts one replica at a port of its own.
fn start(
    options: &Options,
    binary: &str,
    folder: &Folder,
    (number, port): (usize, u16),
) -> Result<Server, Fail> {
    let processor = options.pin.get(number % options.pin.len().max(1));
    let mut command = match processor {
        Some(processor) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &processor.to_string(), binary]);
            command
        }
        None => Command::new(binary),
    };
    command.args(["serve", "--log", "json", "--config", "symbolon.toml"]).current_dir(folder.path());
    std::env::vars()
        .filter(|(name, _)| name.starts_with("SYMBOLON"))
        .for_each(|(name, _)| _ = command.env_remove(name));
    command
        .env("SYMBOLON__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .env("TOKIO_WORKER_THREADS", options.threads.to_string());
    Server::start(&mut command, "\"message\":\"ready\"").map(|(server, _)| server)
}

fn site(case: &Case, port: u16, client: &config::Client, upstream: &Upstream) -> Result<Site, Fail> {
    let mut apps = Vec::new();
    for pool in spread(case.pools) {
        let url = |path: &str| Url::parse(&format!("http://{}{path}", config::host(pool, port)));
        let below = format!("/{}/.well-known", config::pool(pool));
        apps.push(App {
            authorize: url("/oauth2/authorize")?,
            token: url("/oauth2/token")?,
            discovery: url(&format!("{below}/openid-configuration"))?,
            jwks: url(&format!("{below}/jwks.json"))?,
            client: client.clone(),
            checked: true,
        });
    }
    let named = |name: String| vec![("identity_provider".to_owned(), name)];
    Ok(Site {
        apps,
        oidc: spread(case.providers).map(|index| named(config::provider(index))).collect(),
        saml: named(config::SAML.to_owned()),
        page: Vec::new(),
        users: 0,
        replicas: [].into(),
        upstream: upstream.clone(),
    })
}

/// At most eight of so many, far from each other: the others are there and nobody uses them, so that no
/// figure is that of a first use.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(USED).max(1))
}

/// A broker that somebody else runs.
pub async fn target(options: &Options, issuer: &str, upstream: &Upstream) -> Result<Running, Fail> {
    let app = discovered(&Connection::new()?, issuer, client(options)).await?;
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let further: Vec<(String, String)> = options.target.parameters.iter().filter_map(pair).collect();
    let site = Site {
        apps: vec![app],
        oidc: vec![further.clone()],
        saml: further,
        page: Vec::new(),
        users: options.users,
        replicas: [].into(),
        upstream: upstream.clone(),
    };
    let pid = options.target.pid;
    Ok(Running {
        name: issuer.to_owned(),
        case: None,
        pids: pid.into_iter().collect(),
        crew: Crew::new(site, options.workers())?,
        redis: None,
        start: Vec::new(),
        idle: pid.map(memory).transpose()?,
        modes: Vec::new(),
        herd: None,
        soak: None,
        _servers: Vec::new(),
        _folder: None,
    })
}
