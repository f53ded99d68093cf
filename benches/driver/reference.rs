//! The floor as a server of this run.

use std::process::Command;

use url::Url;

use super::app::App;
use super::connection::Connection;
use super::load::Crew;
use super::meter::Cpu;
use super::mode::Mode;
use super::operation::{Site, length};
use super::options::Options;
use super::report::Measured;
use super::running::{Running, client};
use super::server::Server;
use super::upstream::Upstream;
use super::{Fail, config, floor};

/// Signatures of the floor in each round.
const SIGNED: usize = 500;

/// What everything is compared with.
pub struct Floor {
    url: Url,
    /// Its process.
    pub pid: Option<u32>,
    upstream: Upstream,
    size: usize,
    /// What was measured so far.
    pub modes: Vec<Measured>,
    /// CPU of one raw signature by round, in microseconds.
    pub signing: Vec<f64>,
    _server: Option<Server>,
}

impl Floor {
    /// Starts it in a process of its own, or inside this one.
    pub async fn start(options: &Options, upstream: &Upstream) -> Result<Self, Fail> {
        let (server, address) = if options.floor_inside {
            (None, floor::serve_inside().await?)
        } else {
            let mut command = Command::new(std::env::current_exe()?);
            let (server, address) =
                Server::start(command.args(["--serve-floor", &options.threads.to_string()]), floor::READY)?;
            (Some(server), address)
        };
        let pid = server.as_ref().map_or_else(std::process::id, Server::pid);
        let url = Url::parse(&format!("http://{address}"))?;
        let (modes, signing) = (Vec::new(), Vec::new());
        Ok(Self { url, pid: Some(pid), upstream: upstream.clone(), size: 0, modes, signing, _server: server })
    }

    /// From now on its bare answers are as long as those of `case`.
    pub async fn sized_as(&mut self, case: &Running, mode: Mode) -> Result<(), Fail> {
        self.size = match case.crew.document(mode) {
            Some(url) => length(&Connection::new()?, &url).await?,
            None => 0,
        };
        Ok(())
    }

    /// Workers for one mode.
    pub fn crew(&self, options: &Options, mode: Mode) -> Result<Crew, Fail> {
        let at = |path: &str| self.url.join(path);
        let bare = at(&format!("/bare/{}", self.size))?;
        let mut authorize = at("/authorize")?;
        let to = if mode == Mode::SignInPage {
            at("/bare/4096")?.to_string()
        } else {
            format!("{}/authorize", self.upstream.issuer)
        };
        authorize.query_pairs_mut().append_pair("to", &to).append_pair("own", at("/callback")?.as_str());
        let app = App {
            authorize,
            token: at("/token")?,
            discovery: bare.clone(),
            jwks: bare,
            client: config::Client { redirect_uri: floor::APP.to_owned(), ..client(options) },
            checked: false,
        };
        let upstream = self.upstream.clone();
        let (oidc, replicas) = (vec![Vec::new()], [].into());
        let site = Site {
            apps: vec![app],
            oidc,
            saml: Vec::new(),
            page: Vec::new(),
            users: options.users,
            replicas,
            upstream,
        };
        Crew::new(site, options.workers())
    }

    /// CPU of one raw signature in microseconds.
    pub async fn signs(&self) -> Result<f64, Fail> {
        let Some(pid) = self.pid else { return Ok(0.0) };
        let http = Connection::new()?;
        let url = self.url.join(&format!("/sign/{SIGNED}"))?;
        let before = Cpu::of(pid)?;
        http.get(&url).send().await?.error_for_status()?.bytes().await?;
        Ok(Cpu::of(pid)?.since(&before).as_secs_f64() * 1e6 / SIGNED as f64)
    }
}
