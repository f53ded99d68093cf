//! The accept loop: deadlines, a connection cap and graceful drain, which `axum::serve` lacks (H-30, H-32).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};
use tower::ServiceExt as _;

const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
const PING_DEADLINE: Duration = Duration::from_secs(30);
const MAX_CONNECTIONS: usize = 10_000;
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How long a peer may take to say what it wants.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For the first request of a connection, and for the headers of each.
    pub headers: Duration,
    /// For the body of a request, from its headers to its last byte.
    pub body: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { headers: Duration::from_secs(10), body: Duration::from_secs(30) }
    }
}

/// Serves `router` on `listener` until `stop` resolves, then finishes what runs within 30 s.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve_within(Deadlines::default(), listener, router, stop).await;
}

/// [`serve`] with other deadlines.
pub async fn serve_within(deadlines: Deadlines, listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let draining = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        spawn(deadlines, (stream, slot), router.clone(), &draining);
    }
    drop(listener);
    if timeout(DRAIN_DEADLINE, draining.shutdown()).await.is_err() {
        tracing::warn!(code = "drain_deadline", "connections were still busy when the drain deadline passed");
    }
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return std::future::pending().await };
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(error) => {
                tracing::warn!(code = "accept_failed", %error, "a connection could not be accepted");
                // Out of file descriptors: accepting at once again would only burn the processor.
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn spawn(deadlines: Deadlines, (stream, slot): (TcpStream, OwnedSemaphorePermit), router: Router, draining: &GracefulShutdown) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let service = TowerToHyperService::new(router.map_request(move |request: hyper::Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        request.map(|body| Body::new(TimedBody { body, deadline: Box::pin(sleep(deadlines.body)) }))
    }));
    let connection = builder(deadlines).serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let mut watched = Box::pin(draining.watch(connection));
    tokio::spawn(async move {
        // hyper starts its own timers once it knows the protocol, so until the first request this one counts.
        let over = timeout(deadlines.headers, &mut watched).await.is_ok();
        if !over && asked.load(Ordering::Relaxed) {
            // A broken or slow connection concerns nobody but its peer.
            drop(watched.await);
        }
        drop(slot);
    });
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

/// A request's body that fails when it is not complete in time.
struct TimedBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl hyper::body::Body for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.deadline.as_mut().poll(context).map(|()| Some(Err("the body took too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
