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
use crate::store::{Batch, CommitOutcome, Expect, Key, Life, StoreError};
use crate::user_pool::federate::{self, FederationError};
use crate::web::complete_sign_in;
use crate::web::error::Failure;
use crate::web::redirect::see_other;
use crate::web::request_context::RequestContext;
use crate::web::sign_in;
use crate::web::test_login;
use crate::web::trace_recording;

const FORM: &str = "application/x-www-form-urlencoded";
const RELAY_LIFE: Duration = Duration::from_secs(60);

/// A form POST on its way to the GET that completes it.
#[derive(Debug, Serialize, Deserialize)]
struct Relay {
    body: String,
}

/// The answer in the query, or the handle of a relayed form.
pub async fn get(mut ctx: RequestContext, OriginalUri(uri): OriginalUri) -> Response {
    let reference = ctx.app.reference();
    let answer = match receive(&ctx, uri.query().unwrap_or_default()).await {
        Ok(parameters) => complete(&mut ctx, &reference, uri.path(), parameters).await,
        Err(failure) => ctx.refuse(&reference, &failure, None).await,
    };
    ctx.with_cookies(answer)
}

/// A form POST (`response_mode=form_post`): kept, and the browser sent on by GET.
pub async fn post(
    mut ctx: RequestContext,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reference = ctx.app.reference();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let answer = match relay(&ctx, content_type, uri.query(), &body).await {
        Ok(handle) => see_other(&format!("{}?relay={handle}", uri.path())),
        Err(failure) => ctx.refuse(&reference, &failure, None).await,
    };
    ctx.with_cookies(answer)
}

async fn receive(ctx: &RequestContext, query: &str) -> Result<CallbackParameters, Failure> {
    let Some(handle) = query.strip_prefix("relay=") else {
        return Ok(CallbackParameters::from_query(query)?);
    };
    let relay = ctx
        .app
        .state
        .take::<Relay>(&Key::relay(handle))
        .await?
        .map(|record| record.value)
        .ok_or(FlowError::NotFound)?;
    Ok(CallbackParameters::from_form(Some(FORM), None, relay.body.as_bytes())?)
}

async fn relay(
    ctx: &RequestContext,
    content_type: Option<&str>,
    query: Option<&str>,
    body: &Bytes,
) -> Result<String, Failure> {
    let parameters = CallbackParameters::from_form(content_type, query, body)?;
    // Only an answer to a flow that waits for a form is kept, so strangers cannot fill the store.
    let (pending, expires) = flows::waiting(&ctx.app.state, parameters.state()).await?;
    if !pending.form_post || pending.saml.is_some() {
        return Err(CallbackError::Transport { came: Transport::Form, asked: Transport::Query }.into());
    }
    let body = String::from_utf8(body.to_vec()).map_err(|_| Failure::Malformed("the body is no UTF-8"))?;
    let handle = ctx.app.outside.random.token();
    let key = Key::relay(&handle);
    let life = Life::Until(expires.min(ctx.now().plus(RELAY_LIFE)));
    let records = &ctx.app.state;
    let batch =
        Batch::new(key.partition()).put(&key, records.encode(&key, &Relay { body }), life, Expect::Absent);
    match records.store.commit(batch).await? {
        CommitOutcome::Committed => Ok(handle),
        CommitOutcome::Conflict => Err(StoreError::Misuse("a relay handle was used twice").into()),
    }
}

/// Consumes the flow and finishes it. A flow is consumed whatever its answer holds.
async fn complete(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    path: &str,
    parameters: CallbackParameters,
) -> Response {
    if flows::is_trial(parameters.state()) {
        return match test_login::consume(ctx, parameters.state()).await {
            Ok(trial) => {
                let outcome = match check_callback(ctx, &trial.pending, path) {
                    Ok(()) => prove(ctx, &trial.pending, parameters).await,
                    Err(failure) => Err(failure),
                };
                test_login::ended(ctx, &trial, outcome, &[]).await
            }
            Err(failure) => ctx.refuse(reference, &failure, None).await,
        };
    }
    let flow = match consume(ctx, path, parameters.state()).await {
        Ok(flow) => flow,
        Err(failure) => return ctx.refuse(reference, &failure, None).await,
    };
    match finish(ctx, &flow, parameters).await {
        Ok(answer) => answer,
        Err(failure) => sign_in::failed(ctx, &flow.request, &flow.reference, &failure).await,
    }
}

async fn consume(ctx: &RequestContext, path: &str, state: &str) -> Result<Arc<Flow>, Failure> {
    let flow = Arc::new(flows::take(&ctx.app.state, state).await?);
    trace_recording::earlier(ctx, &flow);
    flow.check(&ctx.config.pool.id, &ctx.browser, ctx.now())?;
    check_callback(ctx, flow.pending()?, path)?;
    Ok(flow)
}

async fn finish(
    ctx: &mut RequestContext,
    flow: &Flow,
    parameters: CallbackParameters,
) -> Result<Response, Failure> {
    let pending = flow.pending()?;
    let identity = prove(ctx, pending, parameters).await?;
    let config = ctx.config.clone();
    let provider = config.provider(&pending.provider).ok_or(FederationError::Disabled)?;
    complete_sign_in::admit(ctx, flow, provider, &identity).await
}

/// A provider with a callback of its own answers there, and nobody else does (B-20).
fn check_callback(ctx: &RequestContext, pending: &Pending, path: &str) -> Result<(), Failure> {
    if format!("{}{path}", ctx.origin) == pending.redirect_uri { Ok(()) } else { Err(Failure::OtherCallback) }
}

async fn prove(
    ctx: &RequestContext,
    pending: &Pending,
    parameters: CallbackParameters,
) -> Result<ExternalIdentity, Failure> {
    let provider = ctx.config.provider(&pending.provider).ok_or(FederationError::Disabled)?;
    let answer = parameters.answer()?;
    Ok(federate::finish(ctx.means(), provider, pending, &answer).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a release stored is read by the next one, which writes it alike.
    #[test]
    fn the_stored_record_is_this_one() {
        let stored = r#"{"body":"state=s&code=c"}"#;
        let read: Relay = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }
}
