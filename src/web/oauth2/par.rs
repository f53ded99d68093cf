//! `POST /oauth2/par` ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)): an app lays its authorization
//! request down before it sends the browser, which then carries a reference only.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::api::{ApiError, Caller, answered};
use super::sender_constraint;
use crate::flow::request::{self, Refused, RequestError};
use crate::model::client::Client;
use crate::store::StoreError;
use crate::store::pushed::{self, Pushed};
use crate::token::verify;
use crate::user_pool::dpop::DpopRefusal;
use crate::user_pool::issuer::Issuer;
use crate::web::app_call::Call;
use crate::web::client_auth::{authenticate, tried_basic};
use crate::web::cors;
use crate::web::form::{self, Form};

/// What every `request_uri` of ours begins with.
pub const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";
/// The path of the endpoint.
pub const PATH: &str = "/oauth2/par";
/// How long a pushed request waits for the browser.
pub const LIFETIME: Duration = Duration::from_secs(90);
/// What authenticates the app and is no part of the authorization request.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// The route.
pub async fn post(caller: Caller) -> Response {
    let issuer = caller.issuer();
    let decided = match decide(&issuer, &caller.call).await {
        Ok(body) => Ok(body),
        Err(error) => Err(caller.tell("pushed authorization request of the app", error).await),
    };
    let mut response = answered(StatusCode::CREATED, decided, &issuer);
    cors::answer(issuer.grants.pool, &caller.call.headers, response.headers_mut());
    response
}

async fn decide(issuer: &Issuer<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = call.form()?;
    let pool = issuer.grants.pool;
    let client = match authenticate(issuer, call, &form).await {
        Ok(client) => client.client(),
        Err(error) => return Err(ApiError::client_auth(pool, error, tried_basic(&call.headers))),
    };
    if form.has("request_uri") {
        return Err(ApiError::invalid_request(
            "request_uri_pushed",
            "a pushed request cannot name another one: send no request_uri",
        ));
    }
    let mut parameters = form::pairs(&call.body)?;
    parameters.retain(|(name, _)| !CREDENTIALS.contains(&name.as_str()) && name != "client_id");
    parameters.push(("client_id".to_owned(), client.id.to_string()));
    bind(issuer, call, client, &form, &mut parameters).await?;
    let hinted = |client: &Client, raw: &str| {
        let hint = verify::id_hint(raw, pool, issuer.keys).ok()?;
        (hint.client() == &client.id).then(|| hint.sub().to_string())
    };
    request::check(pool, &parameters, hinted).map_err(|refused| match refused {
        Refused::Page(error) | Refused::Redirect { error, .. } => ApiError::request(&error),
    })?;
    let expires = issuer.now.plus(LIFETIME);
    let pushed = Pushed { pool: pool.id.clone(), client: client.id.clone(), parameters, expires };
    let handle = pushed::put(issuer.grants.records, issuer.grants.random, &pushed).await.map_err(
        |error| match error {
            StoreError::TooLarge { .. } => ApiError::invalid_request(
                "pushed_request_too_large",
                "the authorization request is too large to be kept",
            ),
            other => other.into(),
        },
    )?;
    Ok(json!({ "request_uri": format!("{REQUEST_URI}{handle}"), "expires_in": LIFETIME.as_secs() }))
}

/// A proof at this endpoint binds the code to its key ([RFC 9449 section
/// 10.1](https://www.rfc-editor.org/rfc/rfc9449#section-10.1)).
async fn bind(
    issuer: &Issuer<'_>,
    call: &Call,
    client: &Client,
    form: &Form,
    parameters: &mut Vec<(String, String)>,
) -> Result<(), ApiError> {
    let Some(jkt) = sender_constraint::proof_key(issuer, call, client, PATH)
        .await
        .map_err(|refusal| ApiError::dpop(&refusal))?
    else {
        return Ok(());
    };
    match form.get("dpop_jkt") {
        Some(announced) if announced != jkt => Err(ApiError::dpop(&DpopRefusal::OtherKey)),
        Some(_) => Ok(()),
        None => {
            parameters.retain(|(name, _)| name != "dpop_jkt");
            parameters.push(("dpop_jkt".to_owned(), jkt));
            Ok(())
        }
    }
}

/// The handle of a `request_uri` that this endpoint gave out, among the parameters of an authorization
/// request.
pub fn handle(parameters: &request::Parameters) -> Option<Result<&str, RequestError>> {
    let mut values =
        parameters.iter().filter(|(name, _)| name == "request_uri").map(|(_, value)| value.as_str());
    let handle = values.next()?.strip_prefix(REQUEST_URI)?;
    Some(if values.next().is_some() {
        Err(RequestError::Duplicate("request_uri".to_owned()))
    } else {
        Ok(handle)
    })
}
