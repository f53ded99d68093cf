//! The accept loop: deadlines, a connection cap, TLS, the PROXY protocol and graceful drain, which
//! `axum::serve` lacks (H-30, H-32).

mod body;
mod connection_limits;
mod proxy_protocol;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{HeaderValue, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use self::body::TimedBody;
pub use self::connection_limits::Capacity;
use self::connection_limits::{ConnectionLimits, ConnectionPermit, ConnectionSlot};
use self::tls::Tls;
use crate::config::Network;

const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
/// For the first request of whoever connected just before nobody is received any more.
const FIRST_WORDS: Duration = Duration::from_millis(100);
const PING_DEADLINE: Duration = Duration::from_secs(30);
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How long a peer may take to say what it wants.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For what comes before HTTP (PROXY header, TLS handshake), for the first request of a connection, and
    /// for the headers of each.
    pub headers: Duration,
    /// For the body of a request, from its headers to its last byte.
    pub body: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { headers: Duration::from_secs(10), body: Duration::from_secs(30) }
    }
}

/// How a listener receives connections.
#[derive(Debug, Clone, Default)]
pub struct ConnectionRules {
    /// What a peer may take its time for.
    pub deadlines: Deadlines,
    /// The balancers that begin every connection with a PROXY header; nobody else may connect then.
    pub balancers: Option<Arc<[Network]>>,
    /// The certificate; plain HTTP without.
    pub tls: Option<Tls>,
    /// How many connections may be open.
    pub capacity: Capacity,
}

/// How far a listener is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It serves whoever comes, and asks them to come elsewhere next time.
    Leaving,
    /// It finishes what runs.
    Stopping,
}

/// Whoever opened the connection, or for whom the balancer did: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The certificates (DER) that the peer showed to a listener that asks, its own first, whose key it holds: an
/// extension of every request of its connection. Nobody has judged them yet.
#[derive(Debug, Clone)]
pub struct PeerCertificates(pub Arc<[Vec<u8>]>);

/// Serves `router` on `listener` for ever.
pub async fn serve(listener: TcpListener, router: Router) {
    let (_keep, router) = watch::channel(router);
    let (_phase, phase) = watch::channel(Phase::Serving);
    serve_with(ConnectionRules::default(), listener, router, phase).await;
}

/// Serves on `listener` until the phase is [`Phase::Stopping`] or its sender is gone, then finishes what runs
/// within 30 s. Each request is answered by the router of its moment.
pub async fn serve_with(
    rules: ConnectionRules,
    listener: TcpListener,
    router: watch::Receiver<Router>,
    phase: watch::Receiver<Phase>,
) {
    let limits = ConnectionLimits::new(rules.capacity.clone());
    let draining = GracefulShutdown::new();
    let receive = |(stream, peer, place): Arrival| {
        let (rules, watcher) = (rules.clone(), draining.watcher());
        let connection = Connection {
            rules,
            router: router.clone(),
            phase: phase.clone(),
            limits: limits.clone(),
            watcher,
        };
        tokio::spawn(async move {
            // A broken or slow connection concerns nobody but its peer.
            if let Err(error) = connection.receive(stream, peer).await {
                tracing::debug!(%peer, %error, "a connection was not served");
            }
            drop(place);
        });
    };
    let mut stop = std::pin::pin!(told_to_stop(phase.clone()));
    loop {
        tokio::select! {
            arrival = accept(&listener, &limits) => receive(arrival),
            () = &mut stop => break,
        }
    }
    // Whoever waits in the listener's queue is connected already, and would be cut off with it. The runtime
    // learns of them while this task yields.
    yield_now().await;
    while let Some(arrival) = accept(&listener, &limits).now_or_never() {
        receive(arrival);
    }
    drop(listener);
    sleep(FIRST_WORDS).await;
    if timeout(DRAIN_DEADLINE, draining.shutdown()).await.is_err() {
        tracing::warn!(code = "drain_deadline", "connections were still busy when the drain deadline passed");
    }
}

async fn told_to_stop(mut phase: watch::Receiver<Phase>) {
    // An error means that the sender is gone, which is an end too.
    drop(phase.wait_for(|phase| *phase == Phase::Stopping).await);
}

type Arrival = (TcpStream, SocketAddr, ConnectionPermit);

async fn accept(listener: &TcpListener, limits: &ConnectionLimits) -> Arrival {
    loop {
        let place = limits.place().await;
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(code = "accept_failed", %error, "a connection could not be accepted");
                // Out of file descriptors: accepting at once again would only burn the processor.
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// What one connection is served with.
struct Connection {
    rules: ConnectionRules,
    router: watch::Receiver<Router>,
    phase: watch::Receiver<Phase>,
    limits: ConnectionLimits,
    watcher: Watcher,
}

impl Connection {
    /// PROXY header and TLS, then HTTP. What comes before the first request shares one deadline.
    async fn receive(self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let deadline = self.rules.deadlines.headers;
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let peer = match &self.rules.balancers {
            None => peer,
            Some(balancers) if balancers.iter().any(|network| network.contains(peer.ip())) => {
                timeout(deadline, proxy_protocol::read(&mut stream)).await.map_err(late)??.unwrap_or(peer)
            }
            Some(_) => return Err(io::ErrorKind::PermissionDenied.into()),
        };
        let seat = self
            .limits
            .seat(peer.ip())
            .ok_or_else(|| io::Error::other("this address has as many connections as it may"))?;
        match self.rules.tls.as_ref().map(Tls::acceptor) {
            None => self.speak(stream, peer, None, seat).await,
            Some(acceptor) => {
                let stream = timeout(deadline, acceptor.accept(stream)).await.map_err(late)??;
                let shown = tls::shown_by(stream.get_ref().1).map(|chain| PeerCertificates(chain.into()));
                self.speak(stream, peer, shown, seat).await;
            }
        }
        Ok(())
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        shown: Option<PeerCertificates>,
        _seat: ConnectionSlot,
    ) {
        let Deadlines { headers, body } = self.rules.deadlines;
        let asked = Arc::new(AtomicBool::new(false));
        let seen = asked.clone();
        let phase = Arc::new(self.phase);
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            seen.store(true, Ordering::Relaxed);
            let version = request.version();
            let mut request = request.map(|incoming| timed(incoming, body));
            request.extensions_mut().insert(Peer(peer));
            if let Some(shown) = &shown {
                request.extensions_mut().insert(shown.clone());
            }
            let (router, phase) = (self.router.borrow().clone(), phase.clone());
            async move { router.oneshot(request).await.map(|answer| farewell(answer, version, &phase)) }
        });
        let connection = builder(self.rules.deadlines)
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .into_owned();
        let mut watched = Box::pin(self.watcher.watch(connection));
        // hyper starts its own timers once it knows the protocol, so until the first request this one counts.
        let over = timeout(headers, &mut watched).await.is_ok();
        if !over && asked.load(Ordering::Relaxed) {
            drop(watched.await);
        }
    }
}

/// Most requests have no body, and nothing to wait for.
fn timed(incoming: Incoming, within: Duration) -> Body {
    if incoming.is_end_stream() { Body::empty() } else { Body::new(TimedBody::new(incoming, within)) }
}

/// While the process is leaving, a kept connection would only be in the way of its end. HTTP/2 has a word of
/// its own for that.
fn farewell(mut answer: Response, version: Version, phase: &watch::Receiver<Phase>) -> Response {
    if *phase.borrow() != Phase::Serving && version < Version::HTTP_2 {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn builder(deadlines: Deadlines) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.headers)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(deadlines.headers)
        .keep_alive_timeout(PING_DEADLINE);
    builder
}
