//! The certificate that an app showed: to our own TLS listener, or to a trusted proxy that passes it on.

use http::HeaderMap;
use http::request::Parts;

use super::server::{Peer, PeerCertificates};
use crate::config::{Network, PublicListener};
use crate::protocol::oauth2::client_certificate::ClientCertificate;
use crate::protocol::oauth2::forwarded_certificate;
use crate::user_pool::client_certificate::Presented;

/// The header of [RFC 9440 section 2.2](https://www.rfc-editor.org/rfc/rfc9440#section-2.2) and the one that
/// may stand beside it.
const CLIENT_CERT: &str = "client-cert";
const CLIENT_CERT_CHAIN: &str = "client-cert-chain";

/// What the sender of this request showed. Of a trusted proxy only the header counts, for a certificate of
/// its connection is its own; of anybody else only the connection's.
pub fn of(parts: &Parts, listener: &PublicListener) -> Presented {
    let Some(Peer(peer)) = parts.extensions.get::<Peer>() else { return Presented::Nothing };
    // Behind a PROXY header the peer is whoever speaks TLS with us.
    let by_proxy = !listener.proxy_protocol
        && listener.trusted_proxies.iter().any(|network: &Network| network.contains(peer.ip()));
    if by_proxy {
        return listener
            .certificates
            .header
            .as_deref()
            .map_or(Presented::Nothing, |header| forwarded(&parts.headers, header));
    }
    match parts.extensions.get::<PeerCertificates>() {
        Some(PeerCertificates(chain)) => presented(Some(chain.to_vec())),
        None => Presented::Nothing,
    }
}

/// What the proxy wrote. An empty header says that nothing was shown; two are not the proxy's alone.
fn forwarded(headers: &HeaderMap, name: &str) -> Presented {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Presented::Nothing,
        (Some(value), None) if value.as_bytes().trim_ascii().is_empty() => Presented::Nothing,
        (Some(value), None) => {
            let chain = value.to_str().ok().and_then(forwarded_certificate::read);
            presented(if name == CLIENT_CERT {
                chain.and_then(|own| with_chain(own, headers))
            } else {
                chain
            })
        }
        (Some(_), Some(_)) => Presented::Unreadable,
    }
}

fn with_chain(mut own: Vec<Vec<u8>>, headers: &HeaderMap) -> Option<Vec<Vec<u8>>> {
    for line in headers.get_all(CLIENT_CERT_CHAIN) {
        own.extend(forwarded_certificate::read_chain(line.to_str().ok()?)?);
    }
    Some(own)
}

fn presented(chain: Option<Vec<Vec<u8>>>) -> Presented {
    let read = chain.and_then(ClientCertificate::read);
    read.map_or(Presented::Unreadable, |certificate| Presented::Certificate(Box::new(certificate)))
}
