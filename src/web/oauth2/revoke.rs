//! `POST /oauth2/revoke` ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)).

use axum::response::Response;

use super::api::{ApiError, Caller, finish_empty};
use crate::user_pool::issuer::Issuer;
use crate::user_pool::revoke::revoke;
use crate::web::app_call::Call;
use crate::web::client_auth::authenticate;
use crate::web::cors;

/// The route.
pub async fn post(caller: Caller) -> Response {
    answer(&caller.issuer(), &caller.call).await
}

/// Ends the family of a refresh token; 200 also when there is nothing left to end.
pub async fn answer(issuer: &Issuer<'_>, call: &Call) -> Response {
    let mut response = finish_empty(decide(issuer, call).await);
    cors::answer(issuer.grants.pool, &call.headers, response.headers_mut());
    response
}

async fn decide(issuer: &Issuer<'_>, call: &Call) -> Result<(), ApiError> {
    let form = call.form()?;
    let pool = issuer.grants.pool;
    let client =
        authenticate(issuer, call, &form).await.map_err(|error| ApiError::client_auth(pool, error, true))?;
    let token = form
        .get("token")
        .ok_or_else(|| ApiError::invalid_request("token_missing", "parameter token is missing"))?;
    Ok(revoke(issuer, client.client(), token).await?)
}
