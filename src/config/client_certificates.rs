//! How certificates of apps arrive ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705)), in `[server]`, and
//! whether they can, for `[[pool]]`.

use std::net::SocketAddr;

use http::HeaderName;

use super::network::{Network, address};
use super::tls_files::TlsFiles;
use crate::model::client::Client;
use crate::model::client_authentication::Authentication;
use crate::model::document::{Invalid, Table};
use crate::model::pool::Pool;
use crate::protocol::oauth2::client_certificate::ClientCertificate;
use crate::protocol::oauth2::forwarded_certificate::pem;

/// Headers that say something else.
const TAKEN: [HeaderName; 5] = [
    http::header::AUTHORIZATION,
    http::header::COOKIE,
    http::header::FORWARDED,
    http::header::HOST,
    http::header::CONTENT_TYPE,
];

/// Where certificates of apps come from, and whose word counts for them.
#[derive(Debug, Clone, Default)]
pub struct ClientCertificates {
    /// The listener that asks for them.
    pub listener: Option<CertificateListener>,
    /// The header in which trusted proxies pass them on, in lower case.
    pub header: Option<String>,
    /// Certificates (DER) of the authorities that vouch for them.
    pub authorities: Vec<Vec<u8>>,
}

/// A listener of our own that asks every peer for a certificate, which it may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateListener {
    /// Where apps connect.
    pub address: SocketAddr,
    /// The server's own certificate.
    pub tls: TlsFiles,
}

impl ClientCertificates {
    /// Whether there is a way for them to arrive.
    pub const fn arrive(&self) -> bool {
        self.listener.is_some() || self.header.is_some()
    }
}

/// Reads the keys; `files` are those of the listener that asks for certificates.
pub(super) fn read(
    table: &Table<'_>,
    trusted_proxies: &[Network],
    proxy_protocol: bool,
    files: Option<TlsFiles>,
) -> ClientCertificates {
    let header = table.parsed("trusted_client_certificate_header", header);
    if header.is_some() && trusted_proxies.is_empty() {
        let fix = "list the proxies' addresses in trusted_proxies";
        table.problem("trusted_client_certificate_header", "nobody is believed who writes it", fix);
    }
    if header.is_some() && proxy_protocol {
        let message = "a balancer that speaks the PROXY protocol passes on what apps wrote themselves";
        table.problem(
            "trusted_client_certificate_header",
            message,
            "remove the key, and take certificates at mtls_listen",
        );
    }
    let authorities = table.file("client_ca_file").map(|text| authorities(table, &text)).unwrap_or_default();
    let wanted = table.parsed("mtls_listen", address);
    let listener = match (wanted, files) {
        (Some(address), Some(tls)) => Some(CertificateListener { address, tls }),
        (Some(_), None) => {
            table.problem(
                "mtls_listen",
                "this listener has no certificate of its own",
                "add mtls_certificate_file and mtls_key_file",
            );
            None
        }
        (None, _) => {
            if table.has("mtls_certificate_file") && !table.has("mtls_listen") {
                table.problem(
                    "mtls_certificate_file",
                    "nobody listens with it",
                    "add mtls_listen, or remove the key",
                );
            }
            None
        }
    };
    ClientCertificates { listener, header, authorities }
}

fn header(text: &str) -> Result<String, Invalid> {
    match HeaderName::try_from(text) {
        Ok(name) if !TAKEN.contains(&name) && name != "x-forwarded-for" => Ok(name.as_str().to_owned()),
        _ => {
            let fix = "name the header that the proxy sets and never lets through, such as client-cert or \
                x-forwarded-client-cert";
            Err(Invalid::new(format!("{text:?} is no header for certificates"), fix))
        }
    }
}

fn authorities(table: &Table<'_>, text: &str) -> Vec<Vec<u8>> {
    // Tools write what a certificate says above it.
    let from = text.find("-----BEGIN").unwrap_or_default();
    let blocks = text.get(from..).unwrap_or_default().split_inclusive("-----END CERTIFICATE-----");
    let bare: String = blocks.filter_map(|block| block.get(block.find("-----BEGIN")?..)).collect();
    let certificates = pem(&bare).unwrap_or_default();
    let readable = certificates.iter().all(|der| ClientCertificate::read(vec![der.clone()]).is_some());
    if certificates.is_empty() || !readable {
        let fix = "name a file with -----BEGIN CERTIFICATE----- blocks and nothing secret";
        table.problem("client_ca_file", "the file holds something else than PEM certificates", fix);
    }
    certificates
}

/// Whether the certificates that the clients of a pool need can arrive and be judged.
pub(super) fn check_clients(table: &Table<'_>, certificates: &ClientCertificates, pool: &Pool) {
    let clients = pool.clients.values();
    let shows =
        |client: &&Client| client.proof.certificate_bound || client.proof.authentication.is_by_certificate();
    let chained = |client: &&Client| matches!(client.proof.authentication, Authentication::TlsClientAuth(_));
    if let Some(client) = clients.clone().find(shows).filter(|_| !certificates.arrive()) {
        let message = format!("the certificate of the client {} cannot arrive", client.id);
        table.problem("client", message, "add mtls_listen or trusted_client_certificate_header to [server]");
    }
    if let Some(client) = clients.clone().find(chained).filter(|_| certificates.authorities.is_empty()) {
        let message = format!("no authority vouches for the certificate of the client {}", client.id);
        table.problem("client", message, "add client_ca_file to [server]");
    }
    if let Some(client) =
        clients.clone().find(shows).filter(|_| certificates.listener.is_some() && pool.mtls_url.is_none())
    {
        let message =
            format!("the metadata does not tell the client {} where certificates are asked for", client.id);
        table.warn("", message, "add mtls_url, the URL at which apps reach mtls_listen");
    }
}
