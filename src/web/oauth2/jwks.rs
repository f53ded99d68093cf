//! `jwks.json` ([RFC 7517 section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5)): the same for
//! everybody, from memory.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::token::pool_keys::PoolKeys;
use crate::web::{cors, security_headers};

/// The published keys, or 304 when the caller has them.
pub fn answer(keys: &PoolKeys, request: &HeaderMap) -> Response {
    let jwks = keys.jwks();
    let known = has(request, &jwks.etag);
    let mut response = Response::new(if known { Body::empty() } else { Body::from(jwks.body.clone()) });
    let headers = response.headers_mut();
    security_headers::make_room(headers);
    if !known {
        headers.insert(CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
    }
    for (name, value) in [(ETAG, &jwks.etag), (CACHE_CONTROL, &jwks.cache_control)] {
        headers.extend(HeaderValue::from_maybe_shared(value.clone()).ok().map(|value| (name, value)));
    }
    cors::public(headers);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// [RFC 9110 section 13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2): weak comparison against
/// a list.
fn has(request: &HeaderMap, etag: &[u8]) -> bool {
    let lists = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag.as_bytes() == etag)
}
