//! Peers that open a connection and take their time, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::routing::{get, post};
use rcgen::{CertificateParams, KeyPair};
use symbolon::config::{Network, TlsFiles};
use symbolon::web::server::tls::Tls;
use symbolon::web::server::{Capacity, ConnectionRules, Deadlines, Peer, Phase, serve_with};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

async fn server() -> SocketAddr {
    server_received(ConnectionRules::default()).await
}

async fn server_received(rules: ConnectionRules) -> SocketAddr {
    let (address, phase) = server_in_phases(rules).await;
    std::mem::forget(phase);
    address
}

async fn server_in_phases(rules: ConnectionRules) -> (SocketAddr, watch::Sender<Phase>) {
    let (phase, seen) = watch::channel(Phase::Serving);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/", post(|body: String| async move { body }))
        .route("/peer", get(|Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() }));
    let deadlines = Deadlines { headers: Duration::from_millis(300), body: Duration::from_millis(300) };
    tokio::spawn(async move {
        let (_keep, router) = watch::channel(router);
        serve_with(ConnectionRules { deadlines, ..rules }, listener, router, seen).await;
    });
    (address, phase)
}

/// What the server says to a peer that sends `first` and then `drip` again and again, before it hangs up.
async fn heard(first: &[u8], drip: &[u8]) -> String {
    let (mut read, mut write) = TcpStream::connect(server().await).await.unwrap().into_split();
    write.write_all(first).await.unwrap();
    let drip = drip.to_owned();
    let dripping = tokio::spawn(async move {
        while write.write_all(&drip).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let mut said = Vec::new();
    let ended = timeout(Duration::from_secs(5), read.read_to_end(&mut said)).await;
    dripping.abort();
    assert!(ended.is_ok(), "the connection is still open: {:?}", String::from_utf8_lossy(&said));
    String::from_utf8_lossy(&said).into_owned()
}

/// H-30
#[tokio::test]
async fn a_peer_that_says_nothing_is_hung_up_on() {
    for first in [&b""[..], b"P", b"PRI * HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let said = heard(first, b"").await;
        assert!(!said.contains("200 OK"), "{first:?}: {said}");
    }
}

/// H-30
#[tokio::test]
async fn a_connection_that_is_kept_and_not_used_is_closed() {
    let mut stream = TcpStream::connect(server().await).await.unwrap();
    assert!(asked(&mut stream).await.starts_with("HTTP/1.1 200"));
    let ended = timeout(Duration::from_secs(5), stream.read(&mut [0; 1])).await;
    assert_eq!(ended.expect("it is still open").unwrap_or(0), 0);
}

/// H-30
#[tokio::test]
async fn headers_and_bodies_that_drip_are_not_waited_for() {
    heard(b"POST / HTTP/1.1\r\nHost: a\r\nX: ", b"x").await;
    let said = heard(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", b"x").await;
    assert!(!said.contains("200 OK"), "{said}");
}

#[tokio::test]
async fn a_peer_that_keeps_asking_is_served_beyond_the_first_deadline() {
    let mut stream = TcpStream::connect(server().await).await.unwrap();
    let mut answer = [0; 1024];
    for _ in 0..6 {
        stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        assert!(
            answer[..read].starts_with(b"HTTP/1.1 200 OK"),
            "{:?}",
            String::from_utf8_lossy(&answer[..read])
        );
        sleep(Duration::from_millis(100)).await;
    }
}

async fn asked(stream: &mut TcpStream) -> String {
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// H-30
#[tokio::test]
async fn whoever_holds_every_connection_that_an_address_may_have_is_refused_more_and_others_are_served() {
    let capacity = Capacity { each: Some(3), ..Capacity::default() };
    let address = server_received(ConnectionRules { capacity, ..ConnectionRules::default() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(asked(&mut stream).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
    let mut refused = TcpStream::connect(address).await.unwrap();
    assert_eq!(refused.read(&mut [0; 10]).await.unwrap_or(0), 0, "hung up on");
    let elsewhere = tokio::net::TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = elsewhere.connect(address).await.unwrap();
    assert!(asked(&mut other).await.starts_with("HTTP/1.1 200"));
}

/// H-24
#[tokio::test]
async fn a_process_that_leaves_serves_whoever_comes_and_keeps_no_connection() {
    let (address, phase) = server_in_phases(ConnectionRules::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(!asked(&mut stream).await.contains("connection: close"));
    phase.send_replace(Phase::Leaving);
    assert!(asked(&mut stream).await.contains("connection: close"));
    let mut late = TcpStream::connect(address).await.unwrap();
    assert!(asked(&mut late).await.starts_with("HTTP/1.1 200"));
    phase.send_replace(Phase::Stopping);
    let mut ended = [0; 1];
    assert_eq!(late.read(&mut ended).await.unwrap_or(0), 0);
    while TcpStream::connect(address).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// H-24
#[tokio::test]
async fn whoever_connected_before_the_listener_closed_is_answered() {
    use std::io::{Read as _, Write as _};
    for _ in 0..20 {
        let (address, phase) = server_in_phases(ConnectionRules::default()).await;
        // This thread runs the server, too: it learns of the connections and of its end at once.
        let mut waiting: Vec<_> = (0..8).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        for stream in &mut waiting {
            stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        }
        phase.send_replace(Phase::Stopping);
        let answers = tokio::task::spawn_blocking(move || {
            let first = |mut stream: std::net::TcpStream| {
                let mut answer = [0; 12];
                stream.read_exact(&mut answer).map(|()| answer)
            };
            waiting.into_iter().map(first).collect::<Result<Vec<_>, _>>()
        });
        let answers = answers.await.unwrap().expect("nobody is cut off");
        assert!(answers.iter().all(|answer| answer == b"HTTP/1.1 200"), "{answers:?}");
    }
}

fn behind(balancer: &str) -> ConnectionRules {
    ConnectionRules {
        balancers: Some(vec![Network::parse(balancer).unwrap()].into()),
        ..ConnectionRules::default()
    }
}

/// D-36
#[tokio::test]
async fn a_balancer_says_for_whom_it_speaks_and_nobody_else_may() {
    let asking = "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let said = |first: String, rules| async move {
        let mut stream = TcpStream::connect(server_received(rules).await).await.unwrap();
        let mut said = String::new();
        // A refused peer may find the connection reset while it still writes or reads.
        drop(stream.write_all(first.as_bytes()).await);
        drop(timeout(Duration::from_secs(5), stream.read_to_string(&mut said)).await.unwrap());
        said
    };
    let proxied = format!("PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n{asking}");
    assert!(said(proxied.clone(), behind("127.0.0.1")).await.ends_with("203.0.113.7:40000"));
    assert!(!said(proxied.clone(), behind("10.0.0.0/8")).await.contains("200 OK"), "not from a balancer");
    assert!(!said(asking.to_owned(), behind("127.0.0.1")).await.contains("200 OK"), "no header");
    assert!(
        !said(proxied, ConnectionRules::default()).await.contains("200 OK"),
        "a header that nobody expects"
    );
}

/// H-44
#[tokio::test]
async fn a_peer_that_never_finishes_its_handshake_is_hung_up_on() {
    let folder = crate::support::process::TempDir::new();
    let files = certificate(&folder, "one");
    let address = server_received(ConnectionRules {
        tls: Some(Tls::load(files).unwrap()),
        ..ConnectionRules::default()
    })
    .await;
    for first in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(first).await.unwrap();
        let mut said = Vec::new();
        drop(timeout(Duration::from_secs(5), stream.read_to_end(&mut said)).await.expect("hung up"));
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_served_at_once_and_a_broken_one_never() {
    let folder = crate::support::process::TempDir::new();
    let files = certificate(&folder, "one");
    let first = std::fs::read(&files.certificate).unwrap();
    let tls = Tls::load(files.clone()).unwrap();
    let address =
        server_received(ConnectionRules { tls: Some(tls.clone()), ..ConnectionRules::default() }).await;
    assert_eq!(asks(address, &first).await.as_deref(), Some("HTTP/2.0"), "HTTP/2 where both can");

    std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
        .unwrap();
    assert!(tls.reload().is_err());
    assert!(asks(address, &first).await.is_some(), "the one in use stays");

    let second = std::fs::read(&certificate(&folder, "one").certificate).unwrap();
    assert!(asks(address, &second).await.is_none());
    tls.reload().unwrap();
    assert!(asks(address, &second).await.is_some());
    assert!(asks(address, &first).await.is_none());
}

fn certificate(folder: &crate::support::process::TempDir, name: &str) -> TlsFiles {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join(format!("{name}.pem")),
        key: folder.path().join(format!("{name}.key")),
    };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

/// The protocol in which a client that trusts `certificate` alone is answered.
async fn asks(address: SocketAddr, certificate: &[u8]) -> Option<String> {
    let trusted = reqwest::Certificate::from_pem(certificate).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusted]).build().unwrap();
    let answer = client.get(format!("https://{address}/peer")).send().await.ok()?;
    Some(format!("{:?}", answer.version()))
}
