//! `GET` and `POST /oauth2/idpresponse`: the answer of a provider becomes a session and a code for the app.
//!
//! A form POST comes from the provider's site, so the browser leaves our `SameSite=Lax` cookies out. It is
//! therefore kept for a moment under a fresh handle and the browser is sent on by GET, where the cookies come
//! and the binding is checked (B-31).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::OriginalUri;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use crate::flow::state::{Flow, Pending};
use crate::model::identity::ExternalIdentity;
use crate::model::ids::ReferenceId;
use crate::protocol::oidc::callback::{CallbackError, CallbackParameters, Transport};
use crate::store::flows::{self, FlowError};
use crate::store::{Batch, Expect, Key, Life, Outcome, StoreError};
use crate::user_pool::federate::{self, FederationError};
use crate::web::arrival;
use crate::web::error::Failure;
use crate::web::sign_in;
use crate::web::story;
use crate::web::trial;
use crate::web::visit::Visit;

const FORM: &str = "application/x-www-form-urlencoded";
const RELAY_LIFE: Duration = Duration::from_secs(60);

/// A form POST on its way to the GET that completes it.
#[derive(Debug, Serialize, Deserialize)]
struct Relay {
    body: String,
}

/// The answer in the query, or the handle of a relayed form.
pub async fn get(mut visit: Visit, OriginalUri(uri): OriginalUri) -> Response {
    let reference = visit.app.reference();
    let answer = match receive(&visit, uri.query().unwrap_or_default()).await {
        Ok(parameters) => complete(&mut visit, &reference, uri.path(), parameters).await,
        Err(failure) => visit.refuse(&reference, &failure, None).await,
    };
    visit.with_cookies(answer)
}

/// A form POST (`response_mode=form_post`): kept, and the browser sent on by GET.
pub async fn post(
    mut visit: Visit,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reference = visit.app.reference();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let answer = match relay(&visit, content_type, uri.query(), &body).await {
        Ok(handle) => sign_in::see_other(&format!("{}?relay={handle}", uri.path())),
        Err(failure) => visit.refuse(&reference, &failure, None).await,
    };
    visit.with_cookies(answer)
}

async fn receive(visit: &Visit, query: &str) -> Result<CallbackParameters, Failure> {
    let Some(handle) = query.strip_prefix("relay=") else {
        return Ok(CallbackParameters::from_query(query)?);
    };
    let relay = visit.app.state.take::<Relay>(&Key::relay(handle)).await?.ok_or(FlowError::NotFound)?;
    Ok(CallbackParameters::from_form(Some(FORM), None, relay.body.as_bytes())?)
}

async fn relay(
    visit: &Visit,
    content_type: Option<&str>,
    query: Option<&str>,
    body: &Bytes,
) -> Result<String, Failure> {
    let parameters = CallbackParameters::from_form(content_type, query, body)?;
    // Only an answer to a flow that waits for a form is kept, so strangers cannot fill the store.
    let (pending, expires) = flows::waiting(&visit.app.state, parameters.state()).await?;
    if !pending.form_post || pending.saml.is_some() {
        return Err(CallbackError::Transport { came: Transport::Form, asked: Transport::Query }.into());
    }
    let body = String::from_utf8(body.to_vec()).map_err(|_| Failure::Malformed("the body is no UTF-8"))?;
    let handle = visit.app.outside.random.token();
    let key = Key::relay(&handle);
    let life = Life::Until(expires.min(visit.now().plus(RELAY_LIFE)));
    let records = &visit.app.state;
    let batch =
        Batch::new(key.partition()).put(&key, records.encode(&key, &Relay { body }), life, Expect::Absent);
    match records.store.commit(batch).await? {
        Outcome::Committed => Ok(handle),
        Outcome::Conflict => Err(StoreError::Misuse("a relay handle was used twice").into()),
    }
}

/// Consumes the flow and finishes it. A flow is consumed whatever its answer holds.
async fn complete(
    visit: &mut Visit,
    reference: &ReferenceId,
    path: &str,
    parameters: CallbackParameters,
) -> Response {
    if flows::is_trial(parameters.state()) {
        return match trial::consume(visit, parameters.state()).await {
            Ok(trial) => {
                let outcome = match check_callback(visit, &trial.pending, path) {
                    Ok(()) => prove(visit, &trial.pending, parameters).await,
                    Err(failure) => Err(failure),
                };
                trial::ended(visit, &trial, outcome, &[]).await
            }
            Err(failure) => visit.refuse(reference, &failure, None).await,
        };
    }
    let flow = match consume(visit, path, parameters.state()).await {
        Ok(flow) => flow,
        Err(failure) => return visit.refuse(reference, &failure, None).await,
    };
    match finish(visit, &flow, parameters).await {
        Ok(answer) => answer,
        Err(failure) => sign_in::failed(visit, &flow.request, &flow.reference, &failure).await,
    }
}

async fn consume(visit: &Visit, path: &str, state: &str) -> Result<Arc<Flow>, Failure> {
    let flow = Arc::new(flows::take(&visit.app.state, state).await?);
    story::earlier(visit, &flow);
    flow.check(&visit.config.pool.id, &visit.browser, visit.now())?;
    check_callback(visit, flow.pending()?, path)?;
    Ok(flow)
}

async fn finish(visit: &mut Visit, flow: &Flow, parameters: CallbackParameters) -> Result<Response, Failure> {
    let pending = flow.pending()?;
    let identity = prove(visit, pending, parameters).await?;
    let config = visit.config.clone();
    let provider = config.provider(&pending.provider).ok_or(FederationError::Disabled)?;
    arrival::admit(visit, flow, provider, &identity).await
}

/// A provider with a callback of its own answers there, and nobody else does (B-20).
fn check_callback(visit: &Visit, pending: &Pending, path: &str) -> Result<(), Failure> {
    if format!("{}{path}", visit.origin) == pending.redirect_uri {
        Ok(())
    } else {
        Err(Failure::OtherCallback)
    }
}

async fn prove(
    visit: &Visit,
    pending: &Pending,
    parameters: CallbackParameters,
) -> Result<ExternalIdentity, Failure> {
    let provider = visit.config.provider(&pending.provider).ok_or(FederationError::Disabled)?;
    let answer = parameters.answer()?;
    Ok(federate::finish(visit.means(), provider, pending, &answer).await?)
}
