//! TLS in front of the provider, with a certificate that is good or bad in one way (B-34).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

/// What is wrong with the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// Nothing, for those who trust [`super::FakeIdp::ca_pem`].
    Good,
    Expired,
    NotYetValid,
    /// For another host.
    OtherHost,
    SelfSigned,
    /// From an authority that nobody trusts.
    UnknownAuthority,
}

/// The certificate chain, its key, and the authority to trust.
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    pub(super) ca_pem: String,
}

impl Identity {
    pub(super) fn make(certificate: Certificate) -> Self {
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().expect("a key");
            let pem = params.self_signed(&key).expect("a certificate").pem();
            (Issuer::new(params, key), pem)
        };
        let (trusted, ca_pem) = authority();
        let host = if certificate == Certificate::OtherHost { "elsewhere.example" } else { "localhost" };
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a host name");
        match certificate {
            Certificate::Expired => {
                (params.not_before, params.not_after) =
                    (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
            }
            Certificate::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().expect("a key");
        let leaf = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            Certificate::UnknownAuthority => params.signed_by(&key, &authority().0),
            _ => params.signed_by(&key, &trusted),
        };
        let chain: Vec<CertificateDer<'static>> = vec![leaf.expect("a certificate").der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            })
            .expect("a TLS configuration");
        Self { config: Arc::new(config), ca_pem }
    }

    /// Passes each request on to the provider at `behind`, on threads of its own; they end with the process.
    pub(super) fn terminate(&self, front: TcpListener, behind: SocketAddr) {
        let config = self.config.clone();
        std::thread::spawn(move || {
            while let Ok((client, _)) = front.accept() {
                let config = config.clone();
                std::thread::spawn(move || drop(pass_on(client, config, behind)));
            }
        });
    }
}

/// One request and its answer, which the provider ends by closing.
fn pass_on(mut client: TcpStream, config: Arc<ServerConfig>, behind: SocketAddr) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = Stream::new(&mut session, &mut client);
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !is_whole(&request) {
        let read = tls.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&chunk[..read]);
    }
    let mut provider = TcpStream::connect(behind)?;
    provider.write_all(&request)?;
    loop {
        let read = provider.read(&mut chunk)?;
        if read == 0 {
            tls.conn.send_close_notify();
            return tls.flush();
        }
        tls.write_all(&chunk[..read])?;
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}
