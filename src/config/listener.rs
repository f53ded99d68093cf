//! The public listener in `[server]`: reached directly or through proxies, with or without TLS.

use std::path::Path;

use super::client_certificates::{self, ClientCertificates};
use super::network::Network;
use super::tls_files::{self, TlsFiles};
use crate::model::document::Table;

/// What lies between browsers and the public listener.
#[derive(Debug, Clone, Default)]
pub struct PublicListener {
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

pub(super) fn read(table: &Table<'_>, folder: &Path) -> PublicListener {
    let mut listener = PublicListener {
        trusted_proxies: table.parsed_list("trusted_proxies", Network::parse).unwrap_or_default(),
        forwarded: table
            .one_of(
                "forwarded_header",
                &[("x-forwarded-for", Forwarded::XForwardedFor), ("forwarded", Forwarded::Forwarded)],
            )
            .unwrap_or_default(),
        proxy_protocol: table.boolean("proxy_protocol").unwrap_or(false),
        tls: tls_files::read(table, folder, ["tls_certificate_file", "tls_key_file"]),
        certificates: ClientCertificates::default(),
    };
    if listener.proxy_protocol && listener.trusted_proxies.is_empty() {
        table.problem(
            "proxy_protocol",
            "no proxy may connect",
            "list the balancers' addresses in trusted_proxies",
        );
    }
    let own = tls_files::read(table, folder, ["mtls_certificate_file", "mtls_key_file"]);
    let files = own.or_else(|| listener.tls.clone());
    listener.certificates =
        client_certificates::read(table, &listener.trusted_proxies, listener.proxy_protocol, files);
    listener
}
