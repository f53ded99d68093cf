//! `[server]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use url::Url;

use super::listener::{self, PublicListener};
use super::network::address;
use super::secrets;
use super::uri;
use crate::model::document::{Invalid, Table};
use crate::model::secret::SecretString;

const MOST_DRAIN_DELAY: Duration = Duration::from_secs(300);

/// How the process listens and what it trusts.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where browsers and apps (or the proxy before them) connect.
    pub listen: SocketAddr,
    /// Where health checks and metrics connect.
    pub admin_listen: SocketAddr,
    /// What browsers see, without a trailing slash.
    pub public_url: String,
    /// How connections come, and who may speak for somebody else.
    pub listener: PublicListener,
    /// Whether providers may have private addresses, and plain http on loopback.
    pub allow_private_upstreams: bool,
    /// PEM certificates trusted for providers besides the system's.
    pub upstream_ca: Option<String>,
    /// Files with presets of the operator's own, besides the embedded ones.
    pub presets: Vec<String>,
    /// 32 bytes in base64 or hexadecimal that seal what is stored; without it a key is kept in the state
    /// store's folder.
    pub seal_key: Option<SecretString>,
    /// The base URL of an OpenTelemetry collector.
    pub otlp_endpoint: Option<String>,
    /// How long a process that was told to stop still takes requests while its readiness says no.
    pub drain_delay: Duration,
    /// Opens the admin listener's pages; without it they are not served.
    pub admin_token: Option<SecretString>,
}

pub(super) fn read(table: Table<'_>, folder: &Path) -> ServerConfig {
    let listen = table.parsed("listen", address).unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080));
    let admin_listen =
        table.parsed("admin_listen", address).unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8081));
    if listen == admin_listen && listen.port() != 0 {
        let key = if table.has("admin_listen") { "admin_listen" } else { "listen" };
        table.problem(
            key,
            "browsers and health checks would share one address",
            "choose another port: health and metrics are not for browsers",
        );
    }
    let listener = listener::read(&table, folder);
    if let Some(shared) =
        listener.certificates.listener.as_ref().map(|own| own.address).filter(|own| own.port() != 0)
        && [listen, admin_listen].contains(&shared)
    {
        table.problem(
            "mtls_listen",
            "two listeners would share one address",
            "choose another port: browsers are never asked for certificates",
        );
    }
    let seal_key = table.secret("seal_key");
    if let Some(Err(Invalid { message, fix })) = seal_key.as_ref().map(secrets::seal_key) {
        table.problem_at(&table.secret_spot("seal_key"), message, fix);
    }
    let admin_token = table.secret("admin_token");
    if let Some(Err(Invalid { message, fix })) = admin_token.as_ref().map(secrets::client_secret) {
        table.problem_at(&table.secret_spot("admin_token"), message, fix);
    }
    let server = ServerConfig {
        listen,
        admin_listen,
        public_url: public_url(&table, listen),
        listener,
        allow_private_upstreams: table.boolean("allow_private_upstreams").unwrap_or(false),
        upstream_ca: table
            .file("upstream_ca_file")
            .and_then(|pem| certificates(&table, "upstream_ca_file", pem)),
        presets: table.strings("presets").unwrap_or_default(),
        seal_key,
        otlp_endpoint: table.parsed("otlp_endpoint", uri::collector),
        drain_delay: table
            .duration("drain_delay", Duration::ZERO..=MOST_DRAIN_DELAY)
            .unwrap_or(Duration::from_secs(2)),
        admin_token,
    };
    if server.allow_private_upstreams {
        table.warn(
            "allow_private_upstreams",
            "providers may point the broker at private addresses",
            "remove it outside tests and closed networks",
        );
    }
    table.finish();
    server
}

fn public_url(table: &Table<'_>, listen: SocketAddr) -> String {
    let host = match listen.ip() {
        IpAddr::V4(_) => "localhost".to_owned(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let near = format!("http://{host}:{}", listen.port());
    let near = uri::base(&near).unwrap_or(near);
    if !listen.ip().is_loopback() {
        table.require("public_url");
    }
    let url = table.parsed("public_url", uri::base).unwrap_or(near);
    let plain = Url::parse(&url).is_ok_and(|url| url.scheme() == "http");
    if plain && !listen.ip().is_loopback() && table.has("public_url") {
        table.warn(
            "public_url",
            "browsers on other machines cannot use a loopback URL",
            "write the https URL that they see",
        );
    }
    url
}

/// PEM certificates read from the file that `key` names.
pub(super) fn certificates(table: &Table<'_>, key: &str, pem: String) -> Option<String> {
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        return Some(pem);
    }
    table.problem(
        key,
        "the file holds no PEM certificate",
        "name a file with -----BEGIN CERTIFICATE----- blocks",
    );
    None
}
