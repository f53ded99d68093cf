use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use symbolon::outside::http::{Http, HttpError, HttpLimits, Request};

/// A TLS server with a self-signed certificate that serves one connection; its address and the certificate as
/// PEM.
fn serve(name: &str, alter: impl FnOnce(&mut CertificateParams)) -> (SocketAddr, String) {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    alter(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let pem = certificate.pem();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        // A refused handshake ends here, as it should.
        let Ok(1..) = stream.read(&mut [0; 4096]) else { return };
        let sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
        drop(sent.and_then(|()| stream.flush()));
    });
    (address, pem)
}

async fn ask(address: SocketAddr, trusted: Option<&str>) -> Result<u16, HttpError> {
    let http = Http::new(HttpLimits::default(), true, trusted.map(str::as_bytes)).unwrap();
    let url = format!("https://{address}/").parse().unwrap();
    http.send(Request::get(url)).await.map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn a_certificate_of_an_added_authority_is_accepted() {
    let (address, pem) = serve("127.0.0.1", |_| {});
    assert_eq!(ask(address, Some(&pem)).await, Ok(200));
}

/// B-34
#[tokio::test]
async fn no_tls_error_is_ever_accepted() {
    let (self_signed, _) = serve("127.0.0.1", |_| {});
    let (wrong_name, wrong_name_pem) = serve("idp.example", |_| {});
    let (expired, expired_pem) =
        serve("127.0.0.1", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    for (what, address, trusted) in [
        ("self-signed", self_signed, None),
        ("wrong name", wrong_name, Some(wrong_name_pem)),
        ("expired", expired, Some(expired_pem)),
    ] {
        let outcome = ask(address, trusted.as_deref()).await;
        assert!(matches!(outcome, Err(HttpError::Tls { .. })), "{what}: {outcome:?}");
    }
}

#[test]
fn an_authority_that_is_no_certificate_is_refused_at_start() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(Http::new(HttpLimits::default(), false, Some(broken)), Err(HttpError::Setup(_))));
}
