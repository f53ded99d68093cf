//! `symbolon demo`: two demo providers and a sample app around a broker in a temporary folder.
//!
//! Everything listens on loopback and nowhere else, every secret is made afresh, and the folder goes with the
//! process. The broker is `localhost`, the providers and the app are `127.0.0.1`: other sites, so that
//! Apple's answer is the cross-site POST that it is in real life.

mod broker;
mod fields;
mod folder;
mod idp;
mod pages;
mod people;
mod sample_app;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::AppError;
use crate::model::document::Problems;
use crate::model::pool::SigningAlgorithm;
use crate::outside::Outside;
use crate::outside::http::{Http, HttpError, HttpLimits};
use crate::outside::keygen::{self, KeygenError};
use crate::protocol::jose::{Algorithm, KeySet, SigningKey, SigningKeyError, Unusable};
use crate::token::keyset::Uses;
use folder::Folder;
use pages::Pages;

/// Arguments of `symbolon demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The sample app's port; the broker and the two providers take the three after it. Without it any free
    /// ports are used
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65532))]
    port: Option<u16>,
}

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A port is taken.
    #[error("port {port} of 127.0.0.1: {error}; choose others with --port")]
    Port {
        /// The port, 0 for any.
        port: u16,
        /// What the system says.
        error: std::io::Error,
    },
    /// The temporary folder.
    #[error("a temporary folder: {0}")]
    Folder(std::io::Error),
    /// No keys could be made.
    #[error(transparent)]
    Keys(#[from] KeygenError),
    /// A key that was just made is unusable.
    #[error("a demo key: {0}")]
    Key(#[from] SigningKeyError),
    /// Its public half is unusable.
    #[error("a demo key: {0}")]
    PublicKey(#[from] Unusable),
    /// The demo's own configuration.
    #[error("{0}")]
    Config(Problems),
    /// The broker.
    #[error(transparent)]
    App(#[from] AppError),
    /// A template.
    #[error("a demo page: {0}")]
    Page(#[from] minijinja::Error),
    /// The sample app's HTTP client.
    #[error("the sample app: {0}")]
    Http(#[from] HttpError),
}

/// A running demo; everything ends and is removed when it is dropped.
#[derive(Debug)]
pub struct Demo {
    /// The sample app: the one URL to open.
    pub url: String,
    /// The broker.
    pub broker: String,
    /// The provider that behaves like Google.
    pub google: String,
    /// The provider that behaves like Apple.
    pub apple: String,
    servers: Vec<JoinHandle<()>>,
    _folder: Folder,
}

impl Drop for Demo {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

/// Runs the demo until Ctrl-C or SIGTERM. Exit code 1 when it cannot start.
pub fn run(arguments: &Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    runtime.block_on(async {
        match Demo::start(Outside::real(), arguments.port).await {
            Ok(demo) => {
                let _ = writeln!(std::io::stdout(), "{}", greeting(&demo));
                super::serve::until_told().await;
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error.to_string()),
        }
    })
}

fn greeting(demo: &Demo) -> String {
    format!(
        "\n  Symbolon demo: open  {}/\n\n  Two made-up providers behave like Google and Apple; the people \
         are made up too.\n  \
         Ctrl-C ends the demo and removes what it stored.\n",
        demo.url
    )
}

fn failed(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "symbolon demo: {reason}");
    ExitCode::FAILURE
}

/// The sockets and what their owners are called.
struct Places {
    listeners: [TcpListener; 4],
    app: String,
    broker: String,
    google: String,
    apple: String,
}

/// Secrets of one run.
struct Secrets {
    app: String,
    google: String,
    /// PKCS#8 PEM, as Apple's `.p8` files are.
    apple_key_pem: String,
    apple_key: SigningKey,
}

impl Demo {
    /// Starts everything; `port` is the first of four, `None` takes free ones.
    pub async fn start(outside: Outside, port: Option<u16>) -> Result<Self, DemoError> {
        let places = places(port).await?;
        let folder = Folder::create(&outside.random).map_err(DemoError::Folder)?;
        let secrets = secrets(&outside).await?;
        let pages = Pages::embedded()?;
        let broker = broker::start(&places, &secrets, &folder, outside.clone()).await?;
        let google = idp::Kind::Google { secret: secrets.google.as_str().into() };
        let keys = KeySet::from_keys(vec![secrets.apple_key.public_key()?]);
        let apple = idp::Kind::Apple {
            keys,
            key_id: broker::APPLE_KEY.to_owned(),
            team_id: broker::APPLE_TEAM.to_owned(),
        };
        let google = provider(google, &places.google, &places.broker, &outside, &pages).await?;
        let apple = provider(apple, &places.apple, &places.broker, &outside, &pages).await?;
        let app = sample_app::router(sample_app::Setup {
            base: places.app.clone(),
            broker: places.broker.clone(),
            issuer: format!("{}/{}", places.broker, broker::POOL),
            client_id: broker::CLIENT.to_owned(),
            client_secret: secrets.app.as_str().into(),
            http: Http::new(HttpLimits::default(), true, None)?,
            outside,
            pages,
        });
        let Places { listeners, app: url, broker: broker_url, google: google_url, apple: apple_url } = places;
        let servers = listeners
            .into_iter()
            .zip([app, broker, google, apple])
            .map(|(listener, router)| serve(listener, router))
            .collect();
        Ok(Self { url, broker: broker_url, google: google_url, apple: apple_url, servers, _folder: folder })
    }
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(crate::web::server::serve(listener, router))
}

async fn places(first: Option<u16>) -> Result<Places, DemoError> {
    let port = |offset: u16| first.map_or(0, |first| first.saturating_add(offset));
    let listeners = [bind(port(0)).await?, bind(port(1)).await?, bind(port(2)).await?, bind(port(3)).await?];
    let url = |host: &str, listener: &TcpListener| match listener.local_addr() {
        Ok(address) => Ok(format!("http://{host}:{}", address.port())),
        Err(error) => Err(DemoError::Port { port: 0, error }),
    };
    let [app, broker, google, apple] = &listeners;
    let (app, broker) = (url("127.0.0.1", app)?, url("localhost", broker)?);
    let (google, apple) = (url("127.0.0.1", google)?, url("127.0.0.1", apple)?);
    Ok(Places { listeners, app, broker, google, apple })
}

/// Loopback only: the demo's providers let anyone in.
async fn bind(port: u16) -> Result<TcpListener, DemoError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| DemoError::Port { port, error })
}

async fn secrets(outside: &Outside) -> Result<Secrets, DemoError> {
    let der = new_key(SigningAlgorithm::Es256).await?;
    let apple_key = SigningKey::from_pkcs8_der(Algorithm::Es256, Some(broker::APPLE_KEY.to_owned()), &der)?;
    Ok(Secrets {
        app: outside.random.token(),
        google: outside.random.token(),
        apple_key_pem: broker::pem(&der),
        apple_key,
    })
}

async fn provider(
    kind: idp::Kind,
    base: &str,
    broker: &str,
    outside: &Outside,
    pages: &Pages,
) -> Result<Router, DemoError> {
    let key = SigningKey::from_pkcs8_der(Algorithm::Rs256, None, &new_key(SigningAlgorithm::Rs256).await?)?
        .with_thumbprint_kid();
    Ok(idp::Idp::router(idp::Setup {
        kind,
        base: base.to_owned(),
        key,
        client_id: broker::CLIENT_AT_PROVIDERS.to_owned(),
        redirect_uri: format!("{broker}/oauth2/idpresponse"),
        outside: outside.clone(),
        pages: pages.clone(),
    }))
}

async fn new_key(algorithm: SigningAlgorithm) -> Result<Vec<u8>, DemoError> {
    let keys = keygen::generate(vec![(Uses::Both, algorithm)]).await?;
    keys.first().map(|key| key.private.expose().to_vec()).ok_or(DemoError::Keys(KeygenError))
}
