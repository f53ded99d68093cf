//! One or two replicas, their store, the provider, and the way in: what people and faults act on.

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{HOST, LOCATION, SET_COOKIE};
use symbolon::app::App;
use symbolon::model::ids::Sub;
use symbolon::outside::Outside;
use symbolon::user_pool::sign_out::sign_out_everywhere;
use url::Url;

use crate::history::{Micros, Recorder};
use crate::proxy::Proxy;
use crate::replica::{Disk, Replica};
use crate::support::process::{TempDir, free_port};
use crate::support::redis::{Redis, RedisOptions};
use crate::support::redis_groups::{Cluster, Sentinels};
use crate::upstream::{self, Upstream};

const SEAL_KEY: &str = "bPm3kq8sNw1Zt5Vx9Ya2Cd4Ef6Gh7Jk0LmNoPqRsTuU=";
/// Longer than anything that the broker waits for.
const PATIENCE: Duration = Duration::from_secs(15);

/// The apps: id, and whether its refresh tokens rotate.
pub(crate) const APPS: [(&str, bool); 3] = [("shop", true), ("forum", true), ("wiki", false)];
pub(crate) const APP_SECRET: &str = "correct-horse-battery-staple";
pub(crate) const APP_URL: &str = "http://127.0.0.1:9/callback";
pub(crate) const APP_HOME: &str = "http://127.0.0.1:9/";

/// Where everything is kept.
pub(crate) enum Backing {
    File(Disk),
    Redis(Redis),
    Sentinels(Sentinels),
    Cluster(Cluster),
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Redis,
    /// A master and two replicas, of which so many must have what may not be lost.
    Sentinels(u32),
    Cluster,
}

/// All of it.
pub(crate) struct World {
    pub(crate) recorder: Recorder,
    pub(crate) upstream: Upstream,
    pub(crate) replicas: Vec<Replica>,
    /// In front of a single Redis, one for each replica.
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) backing: tokio::sync::Mutex<Backing>,
    public: String,
    http: reqwest::Client,
    /// A further replica in this process, through which people are signed out everywhere: no page of the
    /// broker does that yet.
    office: Option<Arc<App>>,
}

/// What came back over HTTP.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<Url>,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) body: String,
    /// The replica that answered, and the earliest instants at which its first and its second call to the
    /// store can have arrived there.
    pub(crate) effects: [Micros; 2],
}

/// Why nothing came back.
pub(crate) enum NoReply {
    /// Nobody was reached.
    NotSent,
    /// The request was sent.
    Lost(String),
}

impl World {
    /// `planted` names the bug that the replicas have, if they are built to have some.
    pub(crate) async fn start(kind: Kind, count: usize, planted: Option<&str>) -> Arc<Self> {
        let upstream = Upstream::start().await;
        let folder = TempDir::new();
        let (backing, mut environment) = match kind {
            Kind::File => {
                let disk = Disk::new();
                let environment = disk.environment(&folder.path().join("data"));
                (Backing::File(disk), environment)
            }
            Kind::Redis => {
                let durable =
                    RedisOptions::default().directive("appendonly yes").directive("appendfsync always");
                (Backing::Redis(durable.start()), Vec::new())
            }
            Kind::Sentinels(_) => (Backing::Sentinels(Sentinels::start()), Vec::new()),
            Kind::Cluster => (Backing::Cluster(Cluster::start()), Vec::new()),
        };
        environment.extend(planted.map(|bug| ("FAULTS_PLANTED".to_owned(), bug.to_owned())));
        let mut proxies = Vec::new();
        if let Backing::Redis(redis) = &backing {
            for _ in 0..count {
                proxies.push(Proxy::before(redis.port()).await);
            }
        }
        let mut folders = vec![folder];
        folders.resize_with(count, TempDir::new);
        let replicas: Vec<Replica> =
            folders.into_iter().map(|folder| Replica::new(environment.clone(), folder)).collect();
        let public = format!("127.0.0.1:{}", free_port());
        for (at, replica) in replicas.iter().enumerate() {
            replica.configure(&toml(
                &public,
                replica.port,
                &store(kind, &backing, proxies.get(at)),
                &upstream,
            ));
            replica.start();
        }
        let office = match kind {
            Kind::File => None,
            _ => Some(office(&toml(&public, 0, &store(kind, &backing, None), &upstream)).await),
        };
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0);
        let http = http.timeout(PATIENCE).build().expect("an HTTP client");
        let backing = tokio::sync::Mutex::new(backing);
        Arc::new(Self {
            recorder: Recorder::new(),
            upstream,
            replicas,
            proxies,
            backing,
            public,
            http,
            office,
        })
    }

    /// Asks the replica at `first`, or as a balancer does another one when nobody listens there.
    pub(crate) async fn ask(
        &self,
        first: usize,
        build: impl Fn(&reqwest::Client, String) -> RequestBuilder,
    ) -> Result<Reply, NoReply> {
        for turn in 0..self.replicas.len() {
            let at = (first + turn) % self.replicas.len();
            if self.replicas[at].is_leaving() {
                continue;
            }
            let (invoked, slow) = (self.recorder.now(), self.proxies.get(at).map(Proxy::delay));
            let request = build(&self.http, format!("http://127.0.0.1:{}", self.replicas[at].port))
                .header(HOST, &self.public);
            match request.send().await {
                Ok(response) => {
                    let reply = read(response).await.map_err(|error| NoReply::Lost(error.to_string()))?;
                    // A way that was slow from beginning to end: a call takes it three times until the second
                    // one arrives.
                    let slow = slow.filter(|slow| self.proxies.get(at).map(Proxy::delay) == Some(*slow));
                    let way = slow.map_or(0, |(millis, _)| millis * 1000);
                    return Ok(Reply { effects: [invoked + way, invoked + 3 * way], ..reply });
                }
                Err(error) if error.is_connect() => {}
                Err(error) => return Err(NoReply::Lost(format!("{error:?}"))),
            }
        }
        Err(NoReply::NotSent)
    }

    /// Signs a person out everywhere, if there is an office for it.
    pub(crate) async fn signs_out_everywhere(&self, sub: &str) -> Option<Result<(), String>> {
        let office = self.office.as_ref()?;
        let (pool, sub) = (&office.pools()[0].pool, Sub::parse(sub).expect("a sub"));
        Some(sign_out_everywhere(office, pool, &sub).await.map_err(|error| error.to_string()))
    }

    pub(crate) fn has_office(&self) -> bool {
        self.office.is_some()
    }

    /// Whether every replica says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        for replica in &self.replicas {
            if !self.says_ready(replica).await {
                return false;
            }
        }
        true
    }

    /// Whether a replica says that it is ready.
    pub(crate) async fn says_ready(&self, replica: &Replica) -> bool {
        self.http.get(replica.readiness()).send().await.is_ok_and(|answer| answer.status() == 200)
    }

    /// Waits until every replica is ready again; whether that happened within half a minute.
    pub(crate) async fn becomes_ready(&self) -> bool {
        for _ in 0..300 {
            if self.is_ready().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

async fn read(response: reqwest::Response) -> reqwest::Result<Reply> {
    let status = response.status().as_u16();
    let location = response.headers().get(LOCATION).and_then(|value| Url::parse(value.to_str().ok()?).ok());
    let pairs = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next()?.split_once('='));
    let cookies = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Reply { status, location, cookies, body: response.text().await?, effects: [0, 0] })
}

async fn office(toml: &str) -> Arc<App> {
    let config =
        symbolon::config::parse(toml, "symbolon.toml", &[], &|name| Err(format!("{name} is not there")));
    App::build(config.expect("a configuration"), Outside::real()).await.expect("an application")
}

fn store(kind: Kind, backing: &Backing, proxy: Option<&Proxy>) -> String {
    let url = match (backing, proxy) {
        (Backing::File(_), _) => "file:data".to_owned(),
        (Backing::Redis(_), Some(proxy)) => format!("redis://127.0.0.1:{}/0", proxy.port),
        (Backing::Redis(redis), None) => redis.url(),
        (Backing::Sentinels(group), _) => group.url(),
        (Backing::Cluster(group), _) => group.url(),
    };
    let confirming =
        if let Kind::Sentinels(replicas) = kind { format!("\nreplicas = {replicas}") } else { String::new() };
    format!("state = {url:?}\ndirectory = {url:?}{confirming}")
}

fn toml(public: &str, port: u16, store: &str, upstream: &Upstream) -> String {
    let app = |(id, rotates): (&str, bool)| {
        let rotation = if rotates { "rotation = true\nrotation_grace = \"60s\"" } else { "" };
        format!(
            "[[pool.client]]\nid = {id:?}\nsecret = {APP_SECRET:?}\nredirect_uris = \
             [{APP_URL:?}]\nlogout_uris = [{APP_HOME:?}]\nscopes = [\"openid\"]\n{rotation}\n"
        )
    };
    format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:0\"\npublic_url \
         = \"http://{public}\"\n\
         allow_private_upstreams = true\ndrain_delay = \"1s\"\nseal_key = {SEAL_KEY:?}\n\n[limits]\naddress \
         = 0\n\n[store]\n{store}\n\n\
         [[pool]]\nid = \"eu-west-1_Faults\"\nsigning = \"EdDSA\"\n\n{}\n\
         [[pool.provider]]\nname = \"Acme\"\nuse = \"oidc\"\nissuer = {:?}\nclient_id \
         = \"broker\"\nclient_secret = {:?}\n",
        APPS.map(app).join("\n"),
        upstream.issuer,
        upstream::SECRET,
    )
}
