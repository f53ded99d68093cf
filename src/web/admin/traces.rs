//! `/admin/traces`: why sign-ins were refused, for people and programs that hold the admin token.
//!
//! The token comes as `Authorization: Bearer <token>`, or as the password of `Basic`, which browsers ask for.
//! Never in a URL.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::view::{View, Views};
use crate::app::App;
use crate::model::encoding::base64_decode;
use crate::model::ids::{PoolId, ReferenceId};
use crate::model::secret::{ExposeSecret as _, same_secret};
use crate::model::time::Timestamp;
use crate::model::trace::{Trace, render};
use crate::store::StoreError;
use crate::store::traces::Search;

/// Stories on one page of the list.
const PAGE: usize = 50;

/// What the routes share.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The broker.
    pub app: Arc<App>,
    /// The templates.
    pub views: Arc<Views>,
}

/// The query of the list and of a story.
#[derive(Debug, Default, Deserialize)]
pub struct TraceQuery {
    /// A word that the reference, code, provider or client contains.
    q: Option<String>,
    /// Only this pool.
    pool: Option<String>,
    /// Only stories that ended before this, in milliseconds since the epoch.
    before: Option<i64>,
    /// `json`, `text` or `html`, before what `Accept` says.
    format: Option<String>,
}

/// How a story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Html,
    Json,
    Text,
}

/// Lets only those through who hold the token.
pub async fn guard(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let Some(token) = &desk.app.server.admin_token else {
        return (StatusCode::NOT_FOUND, "Nothing is served here until server.admin_token is set.\n")
            .into_response();
    };
    match presented(request.headers()) {
        Some(came) if same_secret(&came, token.expose_secret()) => next.run(request).await,
        _ => {
            let challenge = HeaderValue::from_static("Basic realm=\"Symbolon admin\", charset=\"UTF-8\"");
            (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, challenge)],
                "The admin token is needed.\n",
            )
                .into_response()
        }
    }
}

/// `GET /admin/traces`.
pub async fn list(State(desk): State<Desk>, headers: HeaderMap, Query(asked): Query<TraceQuery>) -> Response {
    let found = match search(&desk, &asked).await {
        Ok(found) => found,
        Err(error) => return unavailable(&error),
    };
    let next = found.last().filter(|_| found.len() == PAGE).map(|last| last.ended.millis());
    match format(&headers, &asked) {
        Format::Json => {
            let rows: Vec<_> = found.iter().map(row).collect();
            as_json(&json!({ "traces": rows, "next": next }))
        }
        Format::Text => found.iter().map(line).collect::<String>().into_response(),
        Format::Html => {
            let rows: Vec<_> = found.iter().map(|trace| Value::from(Serde(row(trace)))).collect();
            let pools: Vec<String> =
                desk.app.pools().iter().map(|config| config.pool.id.to_string()).collect();
            let older = next.map(|next| older(next, &asked));
            desk.views
                .answer(View::Traces, &context! { rows, pools, older, word => asked.q, pool => asked.pool })
        }
    }
}

/// `GET /admin/traces/{id}`.
pub async fn one(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<TraceQuery>,
) -> Response {
    let nothing = || {
        (StatusCode::NOT_FOUND, "There is no such story: stories are kept for 24 hours.\n").into_response()
    };
    // Read aloud, a reference comes in any case.
    let Ok(reference) = ReferenceId::parse(&id.to_ascii_uppercase()) else { return nothing() };
    let pools: Vec<PoolId> = desk.app.pools().iter().map(|config| config.pool.id.clone()).collect();
    match desk.app.traces.find(&pools, &reference, desk.app.outside.clock.now()).await {
        Err(error) => unavailable(&error),
        Ok(None) => nothing(),
        Ok(Some(trace)) => match format(&headers, &asked) {
            Format::Json => as_json(&render::json(&trace)),
            Format::Text => render::text(&trace).into_response(),
            Format::Html => desk.views.answer(View::Trace, &Value::from(Serde(render::json(&trace)))),
        },
    }
}

async fn search(desk: &Desk, asked: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
    let now = desk.app.outside.clock.now();
    let word = asked.q.clone().filter(|word| !word.trim().is_empty()).map(|word| word.trim().to_owned());
    let search = Search { word, before: asked.before.map(Timestamp::from_millis) };
    let mut found = Vec::new();
    let wanted = asked.pool.as_deref().filter(|id| !id.is_empty());
    for config in
        desk.app.pools().iter().filter(|config| wanted.is_none_or(|id| config.pool.id.as_str() == id))
    {
        found.extend(desk.app.traces.list(&config.pool.id, &search, PAGE, now).await?);
    }
    found.sort_by_key(|trace| std::cmp::Reverse(trace.ended));
    found.truncate(PAGE);
    Ok(found)
}

/// The address of the next page.
fn older(before: i64, asked: &TraceQuery) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("before", &before.to_string());
    for (name, value) in [("q", &asked.q), ("pool", &asked.pool)] {
        value.as_deref().map(|value| query.append_pair(name, value));
    }
    format!("/admin/traces?{}", query.finish())
}

fn as_json(value: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], value.to_string())
        .into_response()
}

fn row(trace: &Trace) -> serde_json::Value {
    json!({
        "reference": trace.reference.as_str(),
        "pool": trace.pool.as_str(),
        "ended": trace.ended.utc(),
        "code": trace.outcome.code,
        "fault": trace.outcome.fault,
        "provider": trace.provider,
        "client": trace.client,
        "hint": trace.outcome.hint,
    })
}

fn line(trace: &Trace) -> String {
    let named = |name: &Option<String>| name.as_deref().unwrap_or("-").to_owned();
    let (provider, client) = (named(&trace.provider), named(&trace.client));
    format!("{}  {}  {:<32}  {provider}  {client}\n", trace.ended.utc(), trace.reference, trace.outcome.code)
}

/// The token of a request: a bearer, or the password of Basic under any name.
fn presented(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("Bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let pair = String::from_utf8(base64_decode(credentials.trim())?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

fn format(headers: &HeaderMap, asked: &TraceQuery) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match asked.format.as_deref() {
        Some("json") => Format::Json,
        Some("text") => Format::Text,
        None if !accept.contains("text/html") && accept.contains("application/json") => Format::Json,
        None if !accept.contains("text/html") && accept.contains("text/plain") => Format::Text,
        Some(_) | None => Format::Html,
    }
}

fn unavailable(error: &StoreError) -> Response {
    tracing::error!(code = "traces_unavailable", %error, "stories could not be read");
    (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer.\n").into_response()
}
