//! The accept loop: deadlines, a connection cap and graceful drain, which `axum::serve` lacks (H-30, H-32).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

const HEADER_DEADLINE: Duration = Duration::from_secs(10);
const BODY_DEADLINE: Duration = Duration::from_secs(30);
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
const MAX_CONNECTIONS: usize = 10_000;
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Serves `router` on `listener` until `stop` resolves, then finishes what runs within 30 s.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let draining = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        spawn(stream, slot, router.clone(), &draining);
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

fn spawn(stream: TcpStream, slot: OwnedSemaphorePermit, router: Router, draining: &GracefulShutdown) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service =
        TowerToHyperService::new(router.map_request(|request: hyper::Request<hyper::body::Incoming>| request.map(axum::body::Body::new)));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(HEADER_DEADLINE)
        .keep_alive_timeout(BODY_DEADLINE);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let watched = draining.watch(connection);
    tokio::spawn(async move {
        // A broken or slow connection concerns nobody but its peer.
        drop(watched.await);
        drop(slot);
    });
}
