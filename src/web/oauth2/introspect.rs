//! `POST /oauth2/introspect` ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)). For servers: no origin may
//! read it from a browser.

use axum::response::Response;
use serde_json::Value;

use super::api::{ApiError, Caller, finish};
use crate::user_pool::introspect::introspect;
use crate::user_pool::issuer::Issuer;
use crate::web::app_call::Call;
use crate::web::client_auth::{ClientAuthError, authenticate};

/// The route.
pub async fn post(caller: Caller) -> Response {
    answer(&caller.issuer(), &caller.call).await
}

/// Describes a token to a client that authenticated.
pub async fn answer(issuer: &Issuer<'_>, call: &Call) -> Response {
    finish(decide(issuer, call).await, issuer)
}

async fn decide(issuer: &Issuer<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = call.form()?;
    let pool = issuer.grants.pool;
    let client = authenticate(issuer, call, &form)
        .await
        .and_then(
            |client| if client.client().is_public() { Err(ClientAuthError::Refused) } else { Ok(client) },
        )
        .map_err(
            |error| if matches!(error, ClientAuthError::Missing) { ClientAuthError::Refused } else { error },
        )
        .map_err(|error| ApiError::client_auth(pool, error, true))?;
    let token = form
        .get("token")
        .ok_or_else(|| ApiError::invalid_request("token_missing", "parameter token is missing"))?;
    Ok(Value::Object(introspect(issuer, client.client(), token).await?))
}
