//! Telemetry of every public request under its id: in the log, in the answer, in the metrics, and in the
//! trace that it belongs to.

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;

use crate::app::App;
use crate::model::trace_context::TraceContext;
use crate::outside::telemetry::{Work, WorkKind, within};
use crate::web::server::Peer;

/// Where Cognito's clients look for the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-cognito-request-id");
const TRACEPARENT: &str = "traceparent";

/// What is known of a request when it comes.
#[derive(Debug)]
pub struct ObservedRequest {
    endpoint: Option<MatchedPath>,
    method: Method,
    parent: Option<TraceContext>,
}

impl ObservedRequest {
    /// Looks at a request. A trace may begin at a trusted proxy; whatever else says so is not believed.
    pub fn of(app: &App, request: &Request) -> Self {
        Self {
            endpoint: request.extensions().get().cloned(),
            method: request.method().clone(),
            parent: parent(app, request),
        }
    }
}

/// Answers a request as one step of a trace.
pub async fn observe(
    app: &App,
    asked: ObservedRequest,
    answered: impl Future<Output = Response>,
) -> Response {
    let outside = &app.outside;
    let ObservedRequest { endpoint, method, parent } = asked;
    let endpoint = endpoint.as_ref().map_or("other", MatchedPath::as_str);
    let context = match parent {
        Some(parent) => parent.step(outside.random.bytes()),
        None => begin(outside.random.bytes(), outside.telemetry.is_on()),
    };
    let id = context.uuid();
    let (began, watch) = (outside.clock.now(), outside.clock.stopwatch());
    let logged = tracing::info_span!("request", id, endpoint);
    let mut answer = within(context, answered.instrument(logged)).await;
    let (took, status) = (watch.elapsed(), answer.status());
    outside.metrics.request(endpoint, status.as_u16(), took);
    if outside.telemetry.is_on() {
        outside.telemetry.report(Work {
            name: format!("{} {endpoint}", known(&method)),
            kind: WorkKind::Server,
            context,
            parent: parent.map(|parent| parent.span),
            began,
            took,
            attributes: vec![
                ("http.request.method", known(&method).to_owned()),
                ("http.route", endpoint.to_owned()),
                ("http.response.status_code", status.as_str().to_owned()),
            ],
            failed: status.is_server_error(),
        });
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

/// A trace that begins here: its id and that of its first step, from one call of the random source.
fn begin(random: [u8; 24], sampled: bool) -> TraceContext {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    let (of_trace, of_span) = random.split_at(trace.len());
    trace.copy_from_slice(of_trace);
    span.copy_from_slice(of_span);
    TraceContext::begin(trace, span, sampled)
}

fn parent(app: &App, request: &Request) -> Option<TraceContext> {
    let Peer(peer) = request.extensions().get::<Peer>()?;
    let believed = app.server.listener.trusted_proxies.iter().any(|proxy| proxy.contains(peer.ip()));
    believed.then(|| TraceContext::parse(request.headers().get(TRACEPARENT)?.to_str().ok()?))?
}

/// A method that anybody made up is nobody's word of ours.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::POST
        | Method::HEAD
        | Method::OPTIONS
        | Method::PUT
        | Method::DELETE
        | Method::PATCH => method.as_str(),
        _ => "_OTHER",
    }
}
