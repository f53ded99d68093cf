//! Bytes that two readers could understand differently, and bytes that only cost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::clock;
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;

const SOON: Duration = Duration::from_secs(5);

async fn broker() -> (Broker, FakeIdp) {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    (builder.provider(provider("Acme", &acme)).start().await, acme)
}

fn address(broker: &Broker) -> SocketAddr {
    broker.url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// All that the server says to these bytes until it hangs up, or nothing more comes.
async fn said(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // A server that has heard enough may hang up before the end.
    drop(timeout(SOON, stream.write_all(bytes)).await);
    let (mut all, mut some) = (Vec::new(), vec![0; 16_384]);
    while let Ok(Ok(read @ 1..)) = timeout(Duration::from_millis(700), stream.read(&mut some)).await {
        all.extend_from_slice(&some[..read]);
    }
    all
}

/// D-55: whatever a front server may have understood by such a message, no second request comes out of it.
#[tokio::test]
async fn an_ambiguous_message_smuggles_no_request() {
    let (broker, _acme) = broker().await;
    let to = address(&broker);
    let hidden = "GET /assets/symbolon.css HTTP/1.1\r\nHost: a\r\n\r\n";
    let head = format!("POST /oauth2/token HTTP/1.1\r\nHost: {to}\r\n");
    let messages = [
        format!("{head}Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd{hidden}"),
        format!("{head}Content-Length: +4\r\n\r\nabcd{hidden}"),
        format!("{head}Content-Length: 4, 4\r\n\r\nabcd{hidden}"),
        format!("{head}Content-Length : 4\r\n\r\nabcd{hidden}"),
        format!("{head}Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n{hidden}"),
        format!("{head}X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nabcd{hidden}"),
        format!("{head}X: a\0b\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("{head}X: a\rContent-Length: 0\r\n\r\n{hidden}"),
    ];
    for message in messages {
        let answer = String::from_utf8_lossy(&said(to, message.as_bytes()).await).into_owned();
        assert!(!answer.contains("text/css"), "{message:?}: {answer}");
    }
    // By RFC 9112 section 6.3 the encoding wins over the length; nothing follows on that connection.
    let both = format!("{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}");
    let answer = String::from_utf8_lossy(&said(to, both.as_bytes()).await).into_owned();
    assert!(!answer.contains("text/css"), "{answer}");
}

/// A frame of HTTP/2 (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `GET / http` at the authority `a`, without Huffman coding.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x01, 0x01, b'a'];

fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [a, b, c, kind, rest @ ..] = bytes {
        kinds.push(*kind);
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        bytes = rest.get(5 + length..).unwrap_or_default();
    }
    kinds
}

/// H-33: a peer that opens and cancels without end, or never finishes its headers, is told to go away.
#[tokio::test]
async fn floods_of_http2_frames_end_the_connection_and_nothing_else() {
    let (broker, _acme) = broker().await;
    let start = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let cancelled = |number: u32| {
        let stream = 2 * number + 1;
        [
            frame(HEADERS, END_HEADERS | END_STREAM, stream, GET),
            frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()),
        ]
        .concat()
    };
    let rapid_reset = [start.clone(), (0..20_000).flat_map(cancelled).collect()].concat();
    let header = [&[0x00, 1, b'x', 100][..], &[b'y'; 100]].concat();
    let more = frame(CONTINUATION, 0, 1, &header.repeat(100));
    let endless_headers = [start, frame(HEADERS, END_STREAM, 1, GET), more.repeat(1_000)].concat();
    for (name, flood) in [("rapid reset", rapid_reset), ("continuation", endless_headers)] {
        let answer = timeout(2 * SOON, said(address(&broker), &flood))
            .await
            .unwrap_or_else(|_| panic!("{name} goes on"));
        assert!(frames(&answer).contains(&GOAWAY), "{name}: {answer:?}");
    }
    Browser::new(&broker.clock).signs_in(&broker.app("web"), "Acme").await;
}

/// H-34: as many parameters as a request can hold cost next to nothing.
#[tokio::test]
async fn tens_of_thousands_of_parameters_are_read_in_linear_time() {
    let (broker, _acme) = broker().await;
    let http = reqwest::Client::new();
    let same = "a&".repeat(30_000);
    let different = (0..9_000).map(|number| format!("{number:x}")).collect::<Vec<_>>().join("&");
    for (path, body) in [
        ("/oauth2/token", &same),
        ("/oauth2/token", &different),
        ("/oauth2/authorize", &different),
        ("/logout", &same),
    ] {
        let request = http
            .post(broker.at(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone());
        let answer =
            timeout(SOON, request.send()).await.unwrap_or_else(|_| panic!("{path} takes long")).unwrap();
        assert_ne!(answer.status().as_u16() / 100, 5, "{path}");
    }
}

/// H-46: a handler that panics fails alone, and says nothing of why.
#[tokio::test]
async fn a_panic_is_one_request_s_end() {
    use axum::Router;
    use axum::routing::get;
    use symbolon::web::middleware::Middleware;
    use symbolon::web::page::Pages;
    let panics = || async {
        assert!(std::env::var_os("PATH").is_none(), "the cause is internal");
        "never"
    };
    let router = Router::new().route("/panics", get(panics)).route("/works", get(|| async { "works" }));
    let broker = Broker::builder(&clock()).pool("signing = \"EdDSA\"").client(client("web")).start().await;
    let router = router.layer(Middleware::new(broker.app.clone(), Arc::new(Pages::embedded().unwrap())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(symbolon::web::server::serve(listener, router));
    let http = reqwest::Client::new();
    for _ in 0..3 {
        let answer = http.get(format!("{url}/panics")).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers()["x-frame-options"], "DENY");
        assert!(answer.headers().contains_key("x-amz-cognito-request-id"));
        assert!(!answer.text().await.unwrap().contains("internal"));
        assert_eq!(http.get(format!("{url}/works")).send().await.unwrap().text().await.unwrap(), "works");
    }
}

/// H-43: a provider whose name cannot be resolved keeps its own people out, and nobody else.
#[tokio::test]
async fn a_name_that_does_not_resolve_is_one_providers_trouble() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let lost = provider("Lost", &acme).with("issuer = \"https://idp.invalid\"");
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let broker = builder.provider(provider("Acme", &acme)).provider(lost).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    timeout(3 * SOON, visitor.opens(app.asks().at("Lost").url())).await.expect("the deadline of a provider");
    assert!((500..600).contains(&visitor.page().status), "{visitor}");
    visitor.signs_in(&app, "Acme").await;
}
