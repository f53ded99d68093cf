//! Which origins a browser may let read an answer ([RFC 9700 section
//! 2.6](https://www.rfc-editor.org/rfc/rfc9700#section-2.6)). The authorization endpoint takes no part: it is
//! for navigation.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue};

use crate::model::pool::Pool;

const ALLOWED_HEADERS: &str = "authorization, content-type, cache-control, dpop, x-amz-user-agent";
const EXPOSED_HEADERS: &str = "www-authenticate, retry-after, dpop-nonce, x-amz-cognito-request-id";

/// Adds the headers of an actual answer: the origin is named when a client of the pool registered it.
pub fn answer(pool: &Pool, request: &HeaderMap, answer: &mut HeaderMap) {
    answer.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = registered(pool, request) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }
}

/// The headers of the answer to a preflight for `methods`; an unregistered origin learns nothing.
pub fn preflight(pool: &Pool, request: &HeaderMap, methods: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    answer(pool, request, &mut headers);
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    headers
}

/// Opens a public document, the same for everybody, to every origin.
pub fn public(answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, const { HeaderValue::from_static("*") });
}

fn registered(pool: &Pool, request: &HeaderMap) -> Option<HeaderValue> {
    let origin = request.get(ORIGIN)?;
    let text = origin.to_str().ok()?;
    pool.clients
        .values()
        .any(|client| client.enabled && client.cors_origins.contains(text))
        .then(|| origin.clone())
}
