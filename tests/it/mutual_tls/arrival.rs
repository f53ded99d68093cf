//! How certificates arrive: by our own TLS listener, or in the header of a proxy that is trusted, and in no
//! other way.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use symbolon::model::encoding::base64;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::world::{Identity, PROXY, Way, World, certified, pem_of};
use crate::support::broker::ClientToml;

const STRANGER: &str = "127.0.0.1";

fn machine(id: &str) -> ClientToml {
    certified(id).scopes(&["api/read"]).with("grants = [\"client_credentials\"]")
}

fn escaped(pem: &str) -> String {
    pem.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

#[tokio::test]
async fn a_trusted_proxy_passes_on_certificates_in_its_own_way() {
    let header = "x-client";
    let world = World::behind(header, vec![machine("bank")]).await;
    let (own, below) = (world.authority.issues("bank"), world.authority.below().issues("bank"));
    let pem = escaped(&own.pem);
    let chain = escaped(&format!("{}{}", pem_of(&below.der), pem_of(&below.between[0])));
    for value in [
        own.byte_sequence(),
        base64(&own.der),
        pem.clone(),
        chain.clone(),
        format!("{},{}", base64(&below.der), base64(&below.between[0])),
        format!("Hash=00;Cert=\"{pem}\";Subject=\"CN=bank\";URI=https://bank.example/bank"),
        format!("By=spiffe://x;Hash=00;Cert=\"{}\";Chain=\"{chain}\"", escaped(&pem_of(&below.der))),
    ] {
        let headers = [(header, value)];
        let answer = world.asks(Way::Plain { from: PROXY, headers: &headers }, "bank").await;
        assert_eq!(answer.status, 200, "{} {}", headers[0].1, answer.body);
    }
}

#[tokio::test]
async fn the_chain_of_rfc_9440_stands_in_a_header_of_its_own() {
    let world = World::with(vec![machine("bank")]).await;
    let below = world.authority.below().issues("bank");
    let between: Vec<String> = below.between.iter().map(|der| format!(":{}:", base64(der))).collect();
    let headers = [("client-cert", below.byte_sequence()), ("client-cert-chain", between.join(", "))];
    assert_eq!(world.asks(Way::Plain { from: PROXY, headers: &headers }, "bank").await.status, 200);
    let alone = [headers[0].clone()];
    let answer = world.asks(Way::Plain { from: PROXY, headers: &alone }, "bank").await;
    world.is_refused(&answer, "invalid_client", "client_certificate_untrusted").await;
}

/// D-36: the header is anybody's to write, so it counts from nobody but a trusted proxy.
#[tokio::test]
async fn a_header_from_anywhere_else_shows_nothing() {
    let world = World::with(vec![machine("bank")]).await;
    let headers = [("client-cert", world.authority.issues("bank").byte_sequence())];
    for way in [
        Way::Plain { from: STRANGER, headers: &headers },
        Way::Tls { from: STRANGER, shows: None, headers: &headers },
    ] {
        world
            .is_refused(&world.asks(way, "bank").await, "invalid_client", "client_certificate_missing")
            .await;
    }
    let claimed =
        [headers[0].clone(), ("x-forwarded-for", PROXY.to_owned()), ("forwarded", format!("for={PROXY}"))];
    let answer = world.asks(Way::Plain { from: STRANGER, headers: &claimed }, "bank").await;
    world.is_refused(&answer, "invalid_client", "client_certificate_missing").await;
    for other in ["x-client-cert", "x-forwarded-client-cert", "ssl-client-cert", "x-ssl-client-cert"] {
        let headers = [(other, headers[0].1.clone())];
        let answer = world.asks(Way::Plain { from: PROXY, headers: &headers }, "bank").await;
        world.is_refused(&answer, "invalid_client", "client_certificate_missing").await;
    }
}

/// D-36
#[tokio::test]
async fn of_a_header_beside_a_tls_certificate_the_one_that_proves_something_counts() {
    let world = World::with(vec![machine("bank"), machine("other"), machine("proxy")]).await;
    let (bank, other, proxy) =
        (world.authority.issues("bank"), world.authority.issues("other"), world.authority.issues("proxy"));
    let headers = [("client-cert", bank.byte_sequence())];
    let stranger = Way::Tls { from: STRANGER, shows: Some(&other), headers: &headers };
    world.is_refused(&world.asks(stranger, "bank").await, "invalid_client", "client_certificate_name").await;
    assert_eq!(world.asks(stranger, "other").await.status, 200, "its own certificate, whatever it writes");
    let passed_on = Way::Tls { from: PROXY, shows: Some(&proxy), headers: &headers };
    assert_eq!(world.asks(passed_on, "bank").await.status, 200);
    world
        .is_refused(&world.asks(passed_on, "proxy").await, "invalid_client", "client_certificate_name")
        .await;
    // The proxy's own certificate is that of no app behind it.
    let without = Way::Tls { from: PROXY, shows: Some(&proxy), headers: &[] };
    world
        .is_refused(&world.asks(without, "proxy").await, "invalid_client", "client_certificate_missing")
        .await;
}

#[tokio::test]
async fn what_a_proxy_cannot_have_written_alone_is_not_read() {
    let world = World::with(vec![machine("bank")]).await;
    let own = world.authority.issues("bank").byte_sequence();
    let twice = [("client-cert", own.clone()), ("client-cert", own.clone())];
    let listed = [("client-cert", format!("{own}, {own}"))];
    let rubbish = [("client-cert", format!(":{}:", base64(b"no certificate")))];
    let bent = [("client-cert", own.clone()), ("client-cert-chain", "x".to_owned())];
    let long = [("client-cert", own.clone()), ("client-cert-chain", vec![own.clone(); 8].join(","))];
    for headers in [&twice[..], &listed, &rubbish, &bent, &long] {
        let answer = world.asks(Way::Plain { from: PROXY, headers }, "bank").await;
        world.is_refused(&answer, "invalid_client", "client_certificate_unreadable").await;
    }
    let empty = [("client-cert", String::new())];
    let answer = world.asks(Way::Plain { from: PROXY, headers: &empty }, "bank").await;
    world.is_refused(&answer, "invalid_client", "client_certificate_missing").await;
}

/// What the broker says to who shows the certificate of `shown` and signs with the key of `signer`.
async fn says_with(
    world: &World,
    version: &'static SupportedProtocolVersion,
    shown: &Identity,
    signer: &Identity,
) -> String {
    #[derive(Debug)]
    struct Shows(Arc<CertifiedKey>);
    impl ResolvesClientCert for Shows {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&signer.private_key()).unwrap();
    let shows = Shows(Arc::new(CertifiedKey::new(vec![shown.der.clone().into()], key)));
    let mut roots = RootCertStore::empty();
    roots.add(world.server_der.clone().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let config = builder.with_root_certificates(roots).with_client_cert_resolver(Arc::new(shows));
    let address = world.mtls_url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut said = String::new();
    if let Ok(mut stream) = connector.connect("127.0.0.1".try_into().unwrap(), stream).await {
        let request = format!(
            "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        );
        // A refused peer may find the connection closed while it still writes or reads.
        drop(stream.write_all(request.as_bytes()).await);
        drop(stream.read_to_string(&mut said).await);
    }
    said
}

/// A stolen certificate is public; only its key proves anything.
#[tokio::test]
async fn a_handshake_without_the_key_of_the_certificate_does_not_come_about() {
    let world = World::with(vec![machine("bank")]).await;
    let (own, thief) = (world.authority.issues("bank"), Identity::self_signed("thief"));
    for version in [&TLS12, &TLS13] {
        assert!(says_with(&world, version, &own, &own).await.starts_with("HTTP/1.1 200"));
        assert_eq!(says_with(&world, version, &own, &thief).await, "");
    }
}
