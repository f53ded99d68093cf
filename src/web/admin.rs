//! The second listener: health and metrics for machines; with the admin token, why sign-ins were refused.

pub mod metrics;
pub mod traces;
pub mod view;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use http::{StatusCode, header};
use serde_json::json;
use tokio::sync::watch;

use self::traces::Desk;
use self::view::Views;
use super::security_headers;
use super::server::Phase;
use crate::app::App;

/// The admin listener's routes.
pub fn router(app: Arc<App>) -> Result<Router, minijinja::Error> {
    let desk = Desk { app: app.clone(), views: Arc::new(Views::embedded()?) };
    let guarded = Router::new()
        .route("/admin/traces", get(traces::list))
        .route("/admin/traces/{id}", get(traces::one))
        .layer(middleware::from_fn_with_state(desk.clone(), traces::guard))
        .with_state(desk);
    let health = Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics::get))
        .with_state(app.clone());
    let style = Router::new().route("/assets/admin.css", get(view::style));
    Ok(health.merge(guarded).merge(style).layer(middleware::from_fn_with_state(app, security_headers::add)))
}

/// The process runs.
async fn live() -> &'static str {
    "live\n"
}

/// Whether sign-ins can be served: both stores answer, and the process does not leave. Providers do not
/// count, so that one of them being down stops nobody else.
async fn ready(State(app): State<Arc<App>>, phase: Option<Extension<watch::Receiver<Phase>>>) -> Response {
    if phase.is_some_and(|Extension(phase)| *phase.borrow() != Phase::Serving) {
        let body = json!({ "process": "leaving" });
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::CONTENT_TYPE, "application/json")],
            body.to_string(),
        )
            .into_response();
    }
    let (state, directory) = tokio::join!(app.state.store.ping(), app.directory.store.ping());
    let text = |result: &Result<(), _>| if result.is_ok() { "up" } else { "down" };
    let status =
        if state.is_ok() && directory.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "state": text(&state), "directory": text(&directory) });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
