//! A load balancer that sends each request to the next replica, so that no two steps of a sign-in meet the
//! same one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Requests served so far.
#[derive(Clone, Default)]
pub(crate) struct Served(Arc<AtomicUsize>);

impl Served {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens on `port` and deals the requests out to the replicas on `backends`, in turn.
pub(crate) async fn balance(port: u16, backends: Vec<u16>) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let served = Served::default();
    let counter = served.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let turn = counter.0.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(forward(client, backends[turn % backends.len()]));
        }
    });
    served
}

/// One request, one answer, one connection.
async fn forward(mut client: TcpStream, backend: u16) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.trim().parse().expect("a length"));
    while request.len() < head + 4 + length {
        client.read_buf(&mut request).await?;
    }
    let kept = text
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .collect::<Vec<_>>()
        .join("\r\n");
    let mut server = TcpStream::connect(("127.0.0.1", backend)).await?;
    server.write_all(format!("{kept}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    server.write_all(&request[head + 4..]).await?;
    tokio::io::copy(&mut server, &mut client).await?;
    client.shutdown().await
}
