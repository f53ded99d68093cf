//! A TCP proxy that delays, holds or cuts what goes through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy in front of a port. Clones share it.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// Milliseconds that bytes take, in each direction.
    delay: Arc<AtomicU64>,
    /// How often the delay was changed.
    changes: Arc<AtomicU64>,
    /// Whether there is a way through at all.
    open: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (open, _) = watch::channel(true);
        let proxy = Self { port, delay: Arc::default(), changes: Arc::default(), open: Arc::new(open) };
        let this = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *this.open.borrow()
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await
                {
                    tokio::spawn(this.clone().serve(client, server));
                }
            }
        });
        proxy
    }

    /// Bytes take so long from now on, in each direction.
    pub(crate) fn delays(&self, millis: u64) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.delay.store(millis, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// The present delay, and how often it was changed before: alike at two instants when it was the same all
    /// the time between them.
    pub(crate) fn delay(&self) -> (u64, u64) {
        (self.delay.load(Ordering::SeqCst), self.changes.load(Ordering::SeqCst))
    }

    /// Cuts every connection, and lets none through while `open` is false.
    pub(crate) fn lets_through(&self, open: bool) {
        self.open.send_replace(open);
    }

    async fn serve(self, client: TcpStream, server: TcpStream) {
        let mut cut = self.open.subscribe();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = pump(from_client, to_server, &self.delay) => {}
            () = pump(from_server, to_client, &self.delay) => {}
            _ = cut.wait_for(|open| !open) => {}
        }
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: &AtomicU64) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        match delay.load(Ordering::SeqCst) {
            0 => {}
            millis => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
