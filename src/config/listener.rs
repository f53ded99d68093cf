//! The public listener in `[server]`: reached directly or through proxies, with or without TLS.

use std::path::{Path, PathBuf};

use super::client_certificates::{self, ClientCertificates};
use super::network::Network;
use crate::model::document::Table;

/// What lies between browsers and the public listener.
#[derive(Debug, Clone, Default)]
pub struct Listener {
    /// Proxies that are believed when they say for whom they speak.
    pub trusted_proxies: Vec<Network>,
    /// The header in which they say it.
    pub forwarded: Forwarded,
    /// Whether every connection comes from one of them and begins with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// The certificate, where no proxy terminates TLS.
    pub tls: Option<TlsFiles>,
    /// How certificates of apps arrive.
    pub certificates: ClientCertificates,
}

/// The one header that names the client's address. A proxy that writes one of them lets the other pass as the
/// client sent it, so only one can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwarded {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)).
    Forwarded,
}

/// The files of a certificate chain (PEM, the server's own first) and its private key (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

pub(super) fn read(table: &Table<'_>, folder: &Path) -> Listener {
    let mut reception = Listener {
        trusted_proxies: table.parsed_list("trusted_proxies", Network::parse).unwrap_or_default(),
        forwarded: table
            .one_of(
                "forwarded_header",
                &[("x-forwarded-for", Forwarded::XForwardedFor), ("forwarded", Forwarded::Forwarded)],
            )
            .unwrap_or_default(),
        proxy_protocol: table.boolean("proxy_protocol").unwrap_or(false),
        tls: tls(table, folder, ["tls_certificate_file", "tls_key_file"]),
        certificates: ClientCertificates::default(),
    };
    if reception.proxy_protocol && reception.trusted_proxies.is_empty() {
        table.problem(
            "proxy_protocol",
            "no proxy may connect",
            "list the balancers' addresses in trusted_proxies",
        );
    }
    let own = tls(table, folder, ["mtls_certificate_file", "mtls_key_file"]);
    reception.certificates = client_certificates::read(table, &reception, own);
    reception
}

fn tls(table: &Table<'_>, folder: &Path, [certificate_file, key_file]: [&str; 2]) -> Option<TlsFiles> {
    let path = |key: &str, holds: &str| {
        let content = table.file(key)?;
        if !content.contains(holds) {
            table.problem(key, "the file holds nothing of the kind", format!("name a PEM file with {holds}"));
        }
        table.string(key).map(|name| folder.join(name))
    };
    let certificate = path(certificate_file, "-----BEGIN CERTIFICATE-----");
    let key = path(key_file, "PRIVATE KEY-----");
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            table.require(key_file);
            None
        }
        (None, Some(_)) => {
            table.require(certificate_file);
            None
        }
    }
}
