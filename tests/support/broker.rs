//! A whole broker in the test's process, configured by the text that an operator would write.

use std::sync::Arc;

use symbolon::app::App;
use symbolon::config::{self, Config};
use symbolon::outside::Outside;
use symbolon::outside::clock::Clock;
use symbolon::outside::random::Random;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) mod app;
mod toml;

pub(crate) use app::{AppUnderTest, Ask};
pub(crate) use toml::{ClientToml, ProviderToml, client, provider};

/// The pool of every test.
pub(crate) const POOL: &str = "eu-west-1_Example01";

/// Seals the records of replicas that share a store.
const SEAL_KEY: &str = "349685f3afa83a290c14b8ff3c52a0ee3e8b906c72e79ffe01106283714155b2";

/// What a broker is made of.
pub(crate) struct Builder {
    clock: Clock,
    seed: u64,
    server: Vec<String>,
    limits: Vec<String>,
    store: Vec<String>,
    pool: Vec<String>,
    files: Vec<(String, String)>,
    change: Option<fn(&mut Config)>,
    clients: Vec<ClientToml>,
    providers: Vec<ProviderToml>,
}

/// A running broker; it stops when dropped.
pub(crate) struct Broker {
    /// `http://127.0.0.1:<port>`: another site than the providers' `localhost`.
    pub(crate) url: String,
    pub(crate) issuer: String,
    pub(crate) clock: Clock,
    pub(crate) app: Arc<App>,
    clients: Vec<ClientToml>,
    task: JoinHandle<()>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Builder {
    /// A line of `[server]`.
    pub(crate) fn server(mut self, line: &str) -> Self {
        self.server.push(line.to_owned());
        self
    }

    /// A line of `[limits]`.
    pub(crate) fn limits(mut self, line: &str) -> Self {
        self.limits.push(line.to_owned());
        self
    }

    /// Both stores at this URL instead of in memory.
    pub(crate) fn store(mut self, url: &str) -> Self {
        self.store = vec![format!("state = {url:?}"), format!("directory = {url:?}")];
        self
    }

    /// A line of `[[pool]]`.
    pub(crate) fn pool(mut self, line: &str) -> Self {
        self.pool.push(line.to_owned());
        self
    }

    /// A file that the configuration may name.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// A change of what was read, for what no file may say.
    pub(crate) fn changed(mut self, change: fn(&mut Config)) -> Self {
        self.change = Some(change);
        self
    }

    /// An app.
    pub(crate) fn client(mut self, client: ClientToml) -> Self {
        self.clients.push(client);
        self
    }

    /// A provider.
    pub(crate) fn provider(mut self, provider: ProviderToml) -> Self {
        self.providers.push(provider);
        self
    }

    /// Another sequence of random bytes; brokers on one store need different ones.
    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The configuration file of brokers that listen on `ports`; the first one's address is the public one.
    pub(crate) fn toml(&self, ports: &[u16]) -> String {
        let port = ports[0];
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:0\"\npublic_url \
             = \"http://127.0.0.1:{port}\"\n\
             allow_private_upstreams = true\n{}\n\n[limits]\n{}\n\n[store]\n{}\n\n[[pool]]\nid \
             = \"{POOL}\"\nname = \"Example\"\nhosts = {hosts:?}\n{}\n",
            self.server.join("\n"),
            self.limits.join("\n"),
            self.store.join("\n"),
            self.pool.join("\n"),
        );
        for client in &self.clients {
            text = text + "\n" + &client.toml();
        }
        for provider in &self.providers {
            text = text + "\n" + &provider.0;
        }
        text.replace("{port}", &port.to_string())
    }

    /// Starts the broker; a mistake in the configuration stops the test with the broker's own explanation.
    pub(crate) async fn start(self) -> Broker {
        let (listener, port) = listen().await;
        let app =
            App::build(self.config(&[port]), self.outside(0)).await.unwrap_or_else(|error| panic!("{error}"));
        self.broker(listener, &[port], app)
    }

    /// Starts two replicas on one store: the same configuration, other randomness, caches of their own.
    pub(crate) async fn start_pair(self) -> (Broker, Broker) {
        let ((first, port), (second, other)) = (listen().await, listen().await);
        let pair = self.server(&format!("seal_key = {SEAL_KEY:?}"));
        let ports = [port, other];
        let one =
            App::build(pair.config(&ports), pair.outside(0)).await.unwrap_or_else(|error| panic!("{error}"));
        let stores = (one.state.store.clone(), one.directory.store.clone());
        let two = App::with_stores(pair.config(&ports), pair.outside(1), stores.0, stores.1)
            .unwrap_or_else(|error| panic!("{error}"));
        (pair.broker(first, &ports, one), pair.broker(second, &[other, port], two))
    }

    /// Starts a broker with a configuration of its own on the stores of `other`; both need the same
    /// `seal_key`.
    pub(crate) async fn start_beside(self, other: &Broker) -> Broker {
        let (listener, port) = listen().await;
        let (state, directory) = (other.app.state.store.clone(), other.app.directory.store.clone());
        let app = App::with_stores(self.config(&[port]), self.outside(7), state, directory)
            .unwrap_or_else(|error| panic!("{error}"));
        self.broker(listener, &[port], app)
    }

    /// With a seal key that brokers on one store share.
    pub(crate) fn sealed(self) -> Self {
        self.server(&format!("seal_key = {SEAL_KEY:?}"))
    }

    fn config(&self, ports: &[u16]) -> Config {
        let text = self.toml(ports);
        let file = |wanted: &str| {
            let found = self.files.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
            found.ok_or_else(|| format!("no file {wanted:?} in this test"))
        };
        let mut config = config::parse(&text, "symbolon.toml", &[], &file)
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        self.change.into_iter().for_each(|change| change(&mut config));
        config
    }

    fn outside(&self, replica: u64) -> Outside {
        Outside::of(self.clock.clone(), Random::fake(self.seed * 1000 + replica))
    }

    /// Serves `app` at the first of `ports`.
    fn broker(&self, listener: TcpListener, ports: &[u16], app: Arc<App>) -> Broker {
        let router = symbolon::web::router(app.clone()).expect("the pages are well-formed");
        let task = tokio::spawn(symbolon::web::server::serve(listener, router));
        let issuer = app.pools()[0].pool.issuer.clone();
        Broker {
            url: format!("http://127.0.0.1:{}", ports[0]),
            issuer,
            clock: self.clock.clone(),
            app,
            clients: self.clients.clone(),
            task,
        }
    }
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

impl Broker {
    /// A broker with stores in memory and a clock that tests move.
    pub(crate) fn builder(clock: &Clock) -> Builder {
        Builder {
            clock: clock.clone(),
            seed: 1,
            server: Vec::new(),
            limits: Vec::new(),
            store: vec!["state = \"memory:\"".to_owned(), "directory = \"memory:\"".to_owned()],
            pool: Vec::new(),
            files: Vec::new(),
            change: None,
            clients: Vec::new(),
            providers: Vec::new(),
        }
    }

    /// The app registered under `id`, ready to sign people in.
    #[track_caller]
    pub(crate) fn app(&self, id: &str) -> AppUnderTest {
        let client =
            self.clients.iter().find(|client| client.id == id).unwrap_or_else(|| panic!("no client {id:?}"));
        AppUnderTest::new(self, client)
    }

    /// A URL of the broker.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}
