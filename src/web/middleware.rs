//! Middleware of the public listener, as one layer around every handler: each further layer would box every
//! request and its answer once more.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::HttpBody as _;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::Response;
use futures_util::FutureExt as _;
use tower::{Layer, Service};

use super::page::Pages;
use super::request_telemetry::{self, ObservedRequest};
use super::{MAX_BODY, error, security_headers};
use crate::app::App;

/// The layer: a request is observed, its body is bounded, its handler finds the pages, a panic of it ends
/// this request alone (H-46), and the answer carries the headers that every answer carries.
#[derive(Debug, Clone)]
pub struct Middleware {
    app: Arc<App>,
    pages: Arc<Pages>,
}

/// A handler with all that around it.
#[derive(Debug, Clone)]
pub struct Surrounded<S> {
    inner: S,
    around: Middleware,
}

impl Middleware {
    /// For the handlers of `app`.
    pub const fn new(app: Arc<App>, pages: Arc<Pages>) -> Self {
        Self { app, pages }
    }
}

impl<S> Layer<S> for Middleware {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Surrounded<S> {
        Surrounded { inner, around: self.clone() }
    }
}

impl<S> Service<Request> for Surrounded<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let Middleware { app, pages } = self.around.clone();
        if !request.body().is_end_stream() {
            DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
        }
        request.extensions_mut().insert(pages);
        let asked = ObservedRequest::of(&app, &request);
        let handled = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let answered = async {
                let mut answer = match handled.await {
                    Ok(Ok(answer)) => answer,
                    Err(panic) => error::panicked(panic),
                };
                security_headers::complete(&app, answer.headers_mut());
                answer
            };
            Ok(request_telemetry::observe(&app, asked, answered).await)
        })
    }
}
