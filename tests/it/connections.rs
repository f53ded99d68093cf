//! Peers that open a connection and take their time, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use symbolon::web::server::{Deadlines, serve_within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", post(|body: String| async move { body }));
    let deadlines = Deadlines { headers: Duration::from_millis(300), body: Duration::from_millis(300) };
    tokio::spawn(serve_within(deadlines, listener, router, std::future::pending()));
    address
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
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 OK"), "{:?}", String::from_utf8_lossy(&answer[..read]));
        sleep(Duration::from_millis(100)).await;
    }
}
