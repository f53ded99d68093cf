//! The documents under `/.well-known`, found by the pool's host and, where the path names a pool, only for
//! that one.

use std::sync::Arc;

use axum::extract::{Path, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::api::{ApiError, AtPool};
use super::{discovery, jwks};
use crate::app::App;
use crate::config::PoolConfig;
use crate::web::cors;

/// `/.well-known/{document}`: of the pool that the host names.
pub async fn of_host(
    State(app): State<Arc<App>>,
    AtPool(config): AtPool,
    Path(document): Path<String>,
    request: Request,
) -> Response {
    answer(&app, &config, ("", &document), request.headers()).await
}

/// `/{pool}/.well-known/{document}`: below the issuer ([Discovery section
/// 4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
pub async fn below_issuer(
    State(app): State<Arc<App>>,
    AtPool(config): AtPool,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    // Not copied, for relying parties ask often.
    let mut values = parameters.iter().map(|(_, value)| value);
    let named = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
    answer(&app, &config, named, request.headers()).await
}

/// The same below an issuer whose path has several segments, which no route can name; 404 for everything
/// else.
pub async fn below_deep_issuer(
    State(app): State<Arc<App>>,
    AtPool(config): AtPool,
    request: Request,
) -> Response {
    match request.uri().path().rsplit_once("/.well-known/") {
        Some((issuer, document)) if request.method() == Method::GET => {
            answer(&app, &config, (issuer, document), request.headers()).await
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `/.well-known/{document}/{*pool}`: the issuer's path after the document's name ([RFC 8414 section
/// 3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)).
pub async fn before_issuer(
    State(app): State<Arc<App>>,
    AtPool(config): AtPool,
    Path((document, pool)): Path<(String, String)>,
    request: Request,
) -> Response {
    answer(&app, &config, (&pool, &document), request.headers()).await
}

async fn answer(
    app: &App,
    config: &PoolConfig,
    (path, document): (&str, &str),
    request: &HeaderMap,
) -> Response {
    let pool = &config.pool;
    match document {
        _ if !discovery::names(pool, path) => StatusCode::NOT_FOUND.into_response(),
        "openid-configuration" | "oauth-authorization-server" => {
            discovery::answer(pool, app.keys.of(pool).await.ok().as_deref())
        }
        "jwks.json" => match app.keys.of(pool).await {
            Ok(keys) => jwks::answer(&keys, request),
            Err(error) => {
                let mut response = ApiError::from(error).into_response();
                cors::public(response.headers_mut());
                response
            }
        },
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
