//! What pages link to: the style, and what a pool lays over it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

use super::request_context::{misdirected, pool_of};
use super::security_headers;
use crate::app::App;
use crate::model::ids::ProviderName;

/// The style of every page.
pub const STYLE: &str = include_str!("../../templates/symbolon.css");

/// `GET /assets/symbolon.css`.
pub async fn style() -> Response {
    answer("text/css; charset=utf-8", STYLE.to_owned())
}

/// `GET /assets/brand.css`: the colours and the style of the pool whose host was asked.
pub async fn brand(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(config) = pool_of(&app, &request.into_parts().0) else { return misdirected() };
    config.branding.style().map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |style| answer("text/css; charset=utf-8", style),
    )
}

/// `GET /assets/logo.svg`. Opened by itself an SVG is a page, on which nothing may run (D-62).
pub async fn logo(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(config) = pool_of(&app, &request.into_parts().0) else { return misdirected() };
    let Some(logo) = config.branding.logo.clone() else { return StatusCode::NOT_FOUND.into_response() };
    security_headers::inert(answer("image/svg+xml", logo))
}

/// `GET /assets/marks/{provider}`: the logo of a provider.
pub async fn mark(State(app): State<Arc<App>>, Path(provider): Path<String>, request: Request) -> Response {
    let Some(config) = pool_of(&app, &request.into_parts().0) else { return misdirected() };
    let mark = ProviderName::parse(&provider).ok().and_then(|name| config.branding.marks.get(&name).cloned());
    mark.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |mark| security_headers::inert(answer("image/svg+xml", mark)),
    )
}

fn answer(kind: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, body).into_response()
}
