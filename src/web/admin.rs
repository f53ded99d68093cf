//! The second listener: health, for machines only.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::json;

use crate::app::App;

/// The admin listener's routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state(app)
}

/// The process runs.
async fn live() -> &'static str {
    "live\n"
}

/// Whether sign-ins can be served: both stores answer. Providers do not count, so that one of them being down stops nobody else.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let (state, directory) = tokio::join!(app.state.store.ping(), app.directory.store.ping());
    let text = |result: &Result<(), _>| if result.is_ok() { "up" } else { "down" };
    let status = if state.is_ok() && directory.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "state": text(&state), "directory": text(&directory) });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
