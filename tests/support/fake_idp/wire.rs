//! The provider's HTTP, written by hand: a server library would not let it misbehave.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Inner;
use super::log::Seen;
use super::routes;
use super::switch::Trouble;

/// An ordinary answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.into() }
    }

    pub(super) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    pub(super) fn error(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, &serde_json::json!({"error": error, "error_description": description}))
    }

    pub(super) fn redirect(status: u16, location: &str) -> Self {
        Self { status, headers: vec![("Location", location.to_owned())], body: Vec::new() }
    }

    pub(super) fn html(body: &str) -> Self {
        Self::new(200, "text/html; charset=utf-8", body)
    }

    fn head(&self, length: Option<u64>) -> String {
        let mut head =
            format!("HTTP/1.1 {} Whatever\r\nConnection: close\r\nCache-Control: no-store\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match length {
            Some(length) => drop(write!(head, "Content-Length: {length}\r\n\r\n")),
            None => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
        }
        head
    }
}

pub(super) async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        let inner = inner.clone();
        tokio::spawn(async move {
            // A client that hangs up early is an expected outcome of most of these tests.
            let _ = connection(stream, &inner).await;
        });
    }
}

async fn connection(mut stream: TcpStream, inner: &Inner) -> std::io::Result<()> {
    let Some(seen) = read_request(&mut stream).await? else { return Ok(()) };
    let trouble = inner.trouble_at(seen.endpoint);
    inner.record(seen.clone());
    let honest = || routes::answer(inner, &seen);
    match trouble {
        None => whole(&mut stream, &honest()).await,
        Some(trouble) => misbehave(&mut stream, trouble, honest).await,
    }
}

async fn whole(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    stream.write_all(answer.head(Some(answer.body.len() as u64)).as_bytes()).await?;
    stream.write_all(&answer.body).await?;
    stream.shutdown().await
}

async fn misbehave(
    stream: &mut TcpStream,
    trouble: Trouble,
    honest: impl Fn() -> Answer,
) -> std::io::Result<()> {
    match trouble {
        Trouble::Reset => Ok(()),
        Trouble::Never => read_until_closed(stream).await,
        Trouble::CutInTheMiddle => {
            let answer = honest();
            stream.write_all(answer.head(Some(answer.body.len() as u64)).as_bytes()).await?;
            stream.write_all(&answer.body[..answer.body.len() / 2]).await
        }
        Trouble::DripsBody => {
            let answer = honest();
            stream.write_all(answer.head(Some(answer.body.len() as u64)).as_bytes()).await?;
            for byte in answer.body {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        }
        Trouble::DripsHeaders => headers(stream, Duration::from_millis(200)).await,
        Trouble::EndlessHeaders => headers(stream, Duration::ZERO).await,
        Trouble::EndlessBody => {
            stream.write_all(honest().head(None).as_bytes()).await?;
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            loop {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
        Trouble::HugeBody => {
            stream.write_all(honest().head(Some(1 << 30)).as_bytes()).await?;
            for _ in 0..1 << 18 {
                stream.write_all(&[b' '; 1 << 12]).await?;
            }
            Ok(())
        }
        Trouble::GzipBomb => gzip_bomb(stream).await,
        other => whole(stream, &simple(other)).await,
    }
}

/// The troubles that are an ordinary answer with extraordinary content.
fn simple(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Status(status) => Answer::error(status, "server_error", "the provider has a bad day"),
        Trouble::TooManyRequests => {
            let mut answer = Answer::error(429, "temporarily_unavailable", "slow down");
            answer.headers.push(("Retry-After", "30".to_owned()));
            answer
        }
        Trouble::DeepJson => Answer::new(200, "application/json", "[".repeat(100_000)),
        Trouble::HugeNumber => {
            Answer::new(200, "application/json", format!("{{\"exp\":{}}}", "9".repeat(100_000)))
        }
        Trouble::RedirectsTo(place) => Answer::redirect(302, &place),
        Trouble::RedirectsPostTo(place) => Answer::redirect(307, &place),
        Trouble::Html => Answer::html("<!doctype html><h1>Welcome</h1>"),
        Trouble::Json(text) => Answer::new(200, "application/json", text),
        Trouble::ErrorDescription(text) => Answer::error(400, "invalid_request", &text),
        other => panic!("{other:?} is no plain answer"),
    }
}

async fn headers(stream: &mut TcpStream, pause: Duration) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    for number in 0_u64.. {
        stream.write_all(format!("X-Filler-{number}: {}\r\n", "x".repeat(64)).as_bytes()).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// Zeros without end: a fixed-Huffman block (RFC 1951 section 3.2.6) that repeats "258 bytes from one byte
/// back".
async fn gzip_bomb(stream: &mut TcpStream) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Encoding: \
        gzip\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    // Block header 1, 1, 0; literal zero; then pairs of length code 285 and distance code 0.
    let start = "110".to_owned() + "00110000";
    let pair = "1100010100000";
    let bits = start + &pair.repeat(8 * 4096);
    let whole = bits.len() / 8 * 8;
    bytes.extend(bits.as_bytes()[..whole].chunks(8).map(packed));
    stream.write_all(&bytes).await?;
    // Whatever the alignment was, eight pairs later it is the same again.
    let period: Vec<u8> = bytes[bytes.len() - 13 * 4096..].to_vec();
    loop {
        stream.write_all(&period).await?;
    }
}

fn packed(bits: &[u8]) -> u8 {
    bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'))
}

async fn read_until_closed(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Some(Seen {
        endpoint: routes::endpoint_of(path),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: String::from_utf8_lossy(&bytes[end..]).into_owned(),
    }))
}
