//! `POST /oauth2/token` ([RFC 6749 section 3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).
//!
//! Form, client, grant, in this order; a grant fills only its own part.

use axum::response::Response;
use serde_json::{Value, json};

use super::api::{ApiError, Caller, finish};
use super::sender_constraint;
use crate::model::fault::Refusal as _;
use crate::user_pool::client_credentials::client_credentials;
use crate::user_pool::issuer::{Issuer, Tokens};
use crate::user_pool::redeem::{Redemption, burn_unauthenticated, redeem};
use crate::user_pool::refresh::{Refresh, refresh};
use crate::user_pool::token_refusal::TokenRefusal;
use crate::web::app_call::Call;
use crate::web::client_auth::{authenticate, tried_basic};
use crate::web::cors;

/// The route.
pub async fn post(caller: Caller) -> Response {
    let issuer = caller.issuer();
    let decided = match decide(&issuer, &caller.call).await {
        Ok(tokens) => Ok(tokens),
        Err(error) => Err(caller.tell("token request of the app", error).await),
    };
    respond(&issuer, &caller.call, decided)
}

/// Answers a token request.
pub async fn answer(issuer: &Issuer<'_>, call: &Call) -> Response {
    respond(issuer, call, decide(issuer, call).await)
}

fn respond(issuer: &Issuer<'_>, call: &Call, decided: Result<Tokens, ApiError>) -> Response {
    let mut response = finish(decided.map(body), issuer);
    cors::answer(issuer.grants.pool, &call.headers, response.headers_mut());
    response
}

async fn decide(issuer: &Issuer<'_>, call: &Call) -> Result<Tokens, ApiError> {
    let form = call.form()?;
    let pool = issuer.grants.pool;
    let client = match authenticate(issuer, call, &form).await {
        Ok(client) => client.client(),
        Err(error) => {
            if let Some(code) = form.get("code").filter(|_| !error.retryable()) {
                burn_unauthenticated(issuer, code).await?;
            }
            return Err(ApiError::client_auth(pool, error, tried_basic(&call.headers)));
        }
    };
    let bound = sender_constraint::confirmation(issuer, call, client).await?;
    let issuer = &Issuer { sender: bound.as_ref(), ..*issuer };
    let tokens = match form.get("grant_type") {
        Some("authorization_code") => {
            let asked = Redemption {
                code: form.get("code").unwrap_or_default(),
                redirect_uri: form.get("redirect_uri"),
                code_verifier: form.get("code_verifier"),
                resource: form.get("resource"),
            };
            redeem(issuer, client, &asked).await
        }
        Some("refresh_token") => {
            let token = form.get("refresh_token").unwrap_or_default();
            refresh(
                issuer,
                client,
                &Refresh { token, scope: form.get("scope"), resource: form.get("resource") },
            )
            .await
        }
        Some("client_credentials") => client_credentials(issuer, client, form.get("scope")),
        Some(_) => Err(TokenRefusal::UnsupportedGrant),
        None => Err(TokenRefusal::Missing("grant_type")),
    };
    Ok(tokens?)
}

fn body(tokens: Tokens) -> Value {
    let mut body = json!({
        "access_token": tokens.access_token,
        "expires_in": tokens.expires_in,
        "token_type": tokens.token_type,
        "scope": tokens.scope.to_string(),
    });
    if let Some(members) = body.as_object_mut() {
        members.extend(tokens.id_token.map(|token| ("id_token".to_owned(), token.into())));
        members.extend(tokens.refresh_token.map(|token| ("refresh_token".to_owned(), token.into())));
    }
    body
}
