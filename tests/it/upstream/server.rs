//! A server that misbehaves on demand.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens after a request was read.
#[derive(Clone)]
pub(super) enum Behaviour {
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Silence,
    /// Header lines without end.
    EndlessHeaders,
    /// A body without end, in chunks.
    EndlessBody,
    /// The head of an answer, then single bytes for as long as the client stays.
    Drip,
    /// The connection ends at once.
    HangUp,
    /// `{}`, and the same to each request that follows on the connection.
    KeepOpen,
}

/// A running server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (requests, connections) = (Arc::clone(&server.requests), Arc::clone(&server.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (behaviour, requests) = (behaviour.clone(), Arc::clone(&requests));
                tokio::spawn(async move { answer(stream, behaviour, &requests).await });
            }
        });
        server
    }

    /// How many requests came.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self, path: &str) -> url::Url {
        url::Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }
}

/// A whole answer with a body.
pub(super) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn answer(mut stream: TcpStream, behaviour: Behaviour, requests: &AtomicUsize) -> io::Result<()> {
    let mut head = Vec::new();
    if !reads_head(&mut stream, &mut head, requests).await? {
        return Ok(());
    }
    match behaviour {
        Behaviour::Raw(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Behaviour::Silence => {
            while stream.read_buf(&mut head).await? > 0 {}
            Ok(())
        }
        Behaviour::EndlessHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"x-more: and more\r\n").await?;
            }
        }
        Behaviour::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        Behaviour::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await?;
            let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
            loop {
                pace.tick().await;
                stream.write_all(b" ").await?;
            }
        }
        Behaviour::HangUp => Ok(()),
        Behaviour::KeepOpen => loop {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await?;
            head.clear();
            if !reads_head(&mut stream, &mut head, requests).await? {
                return Ok(());
            }
        },
    }
}

/// Whether a whole request came, without a body, before the client left.
async fn reads_head(stream: &mut TcpStream, head: &mut Vec<u8>, requests: &AtomicUsize) -> io::Result<bool> {
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(head).await? == 0 {
            return Ok(false);
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    Ok(true)
}

/// `length` zero bytes as gzip, about a hundred-and-sixtieth of that long: one deflate block with fixed
/// codes, whose every 13 bits repeat the byte before 258 times.
pub(super) fn gzip_bomb(length: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.code(0b1, 1);
    bits.code(0b10, 2);
    bits.code(0b0011_0000, 8);
    for _ in 0..length / 258 {
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(bits.bytes);
    gzip.extend([0; 8]);
    gzip
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    /// Appends the `width` low bits of `code`, the highest first, as Huffman codes stand in deflate.
    fn code(&mut self, code: u16, width: u32) {
        for shift in (0..width).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if code >> shift & 1 == 1 {
                *self.bytes.last_mut().unwrap() |= 1 << (self.used % 8);
            }
            self.used += 1;
        }
    }
}
