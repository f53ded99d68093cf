//! A TCP proxy that loses what it is told to lose.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// They arrive.
    None = 0,
    /// Requests vanish.
    LoseRequests = 1,
    /// Answers vanish.
    LoseAnswers = 2,
    /// The first request arrives, then both sides are closed; later connections work.
    CloseAfterRequest = 3,
}

/// A proxy in front of a port.
pub(super) struct Proxy {
    port: u16,
    fault: Arc<AtomicU8>,
}

impl Proxy {
    pub(super) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(AtomicU8::new(Fault::None as u8));
        let shared = Arc::clone(&fault);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
                    tokio::spawn(serve(client, server, Arc::clone(&shared)));
                }
            }
        });
        Self { port, fault }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }
}

async fn serve(client: TcpStream, server: TcpStream, fault: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let cut = AtomicBool::new(false);
    let requests = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let now = fault.load(Ordering::SeqCst);
            cut.store(now == Fault::CloseAfterRequest as u8, Ordering::SeqCst);
            if now != Fault::LoseRequests as u8 && to_server.write_all(&buffer[..length]).await.is_err() {
                return;
            }
            if cut.load(Ordering::SeqCst) {
                fault.store(Fault::None as u8, Ordering::SeqCst);
                return;
            }
        }
    };
    let answers = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let lost = fault.load(Ordering::SeqCst) == Fault::LoseAnswers as u8 || cut.load(Ordering::SeqCst);
            if !lost && to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}
