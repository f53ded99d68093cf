//! The connections of one of the C: to a broker, to one of many hosts of a broker, or to the replicas of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::HOST;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use url::Url;

use super::Fail;

/// Hosts below it are reached at 127.0.0.1: the pools of one broker.
pub const LOCAL: &str = ".localhost";

/// Follows nothing by itself and keeps its connections.
#[derive(Debug, Clone)]
pub struct Connection {
    client: Client,
    /// The ports of the replicas, of which the first is in every URL.
    replicas: Arc<[u16]>,
    turn: Arc<AtomicUsize>,
}

impl Connection {
    /// To wherever a URL says.
    pub fn new() -> Result<Self, Fail> {
        Self::to_replicas([].into())
    }

    /// To the first of these ports and the others in turn, one request each: no replica sees a whole login.
    pub fn to_replicas(replicas: Arc<[u16]>) -> Result<Self, Fail> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(64)
            .timeout(Duration::from_secs(30));
        Ok(Self { client: client.build()?, replicas, turn: Arc::default() })
    }

    /// `GET`.
    pub fn get(&self, url: &Url) -> RequestBuilder {
        self.begin(Method::GET, url)
    }

    /// `POST`.
    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.begin(Method::POST, url)
    }

    /// A request to `url`, whose host may be one of many that a broker of this run answers for, and which a
    /// replica may take.
    fn begin(&self, method: Method, url: &Url) -> RequestBuilder {
        let host = url.host_str().unwrap_or_default();
        let replica = self.replica(url.port());
        if !host.ends_with(LOCAL) && replica.is_none() {
            return self.client.request(method, url.clone());
        }
        let mut direct = url.clone();
        direct.set_host(Some("127.0.0.1")).expect("an http URL takes another host");
        if replica.is_some() {
            direct.set_port(replica).expect("an http URL takes another port");
        }
        let named = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        self.client.request(method, direct).header(HOST, named)
    }

    /// Whose turn it is, where there are several.
    fn replica(&self, port: Option<u16>) -> Option<u16> {
        if self.replicas.len() < 2 || self.replicas.first().copied() != port {
            return None;
        }
        self.replicas.get(self.turn.fetch_add(1, Ordering::Relaxed) % self.replicas.len()).copied()
    }
}
