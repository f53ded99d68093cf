//! `POST /saml2/idpresponse`: the answer of a SAML provider becomes a session and a code for the app.
//!
//! The form comes from the provider's site, so the browser leaves our `SameSite=Lax` cookies out. An answer
//! to a sign-in that waits is kept for a moment and the browser sent on by GET, where the cookies come and
//! the binding is checked (C-59). One that nobody asked for is [`idp_initiated`]'s. `RelayState` is a handle
//! and never anything else (C-65).

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

use super::idp_initiated;
use super::{posted, relay};
use crate::flow::state::{Flow, Pending};
use crate::model::encoding::base64_decode;
use crate::model::identity::ExternalIdentity;
use crate::model::ids::ReferenceId;
use crate::protocol::saml::binding::{BindingError, Message};
use crate::protocol::saml::unverified::{Unverified, peek};
use crate::protocol::saml::verification_report::{Check, CheckOutcome, Checks};
use crate::store::flows::{self, FlowError};
use crate::user_pool::federate::saml::{self, Connection};
use crate::user_pool::federate::{FederationError, SamlRefusal};
use crate::web::complete_sign_in;
use crate::web::error::Failure;
use crate::web::form;
use crate::web::request_context::RequestContext;
use crate::web::sign_in;
use crate::web::test_login;
use crate::web::trace_recording;

/// A provider's form.
pub async fn post(mut ctx: RequestContext, headers: HeaderMap, body: Bytes) -> Response {
    let reference = ctx.app.reference();
    let answer = match receive(&mut ctx, &reference, &headers, &body).await {
        Ok(answer) => answer,
        Err(failure) => ctx.refuse(&reference, &failure, None).await,
    };
    ctx.with_cookies(answer)
}

/// The way on from a form; or a response in the query, which is refused.
pub async fn get(mut ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    let reference = ctx.app.reference();
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let named =
        |name: &str| parameters.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    let answer = match (named("relay"), named("SAMLResponse")) {
        (Some(handle), None) => go_on(&mut ctx, &reference, handle).await,
        (None, Some(_)) => {
            let refused = Err(SamlRefusal::Redirected.into());
            complete(&mut ctx, &reference, named("RelayState").unwrap_or_default(), refused).await
        }
        _ => ctx.refuse(&reference, &Failure::Malformed("this address is for a provider's form"), None).await,
    };
    ctx.with_cookies(answer)
}

async fn receive(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Failure> {
    let posted = posted(headers, body)?;
    if posted.message == Message::Request {
        return Err(SamlRefusal::Message(BindingError::NoMessage).into());
    }
    if let Some(handle) = &posted.relay_state {
        match flows::waiting(&ctx.app.state, handle).await {
            // Only an answer to a sign-in that waits is kept, and only the last one, so strangers cannot fill
            // the store.
            Ok((pending, expires)) if pending.saml.is_some() => {
                return relay::keep(ctx, handle, &posted.xml, (None, expires)).await;
            }
            Ok(_) => return Err(SamlRefusal::OtherProtocol.into()),
            Err(FlowError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let seen = peek(&posted.xml).map_err(SamlRefusal::Unreadable)?;
    if let Unverified { in_response_to: Some(request), .. } = seen {
        return Err(SamlRefusal::NoFlow(request.chars().take(100).collect()).into());
    }
    idp_initiated::receive(ctx, reference, &seen, &posted.xml).await
}

async fn go_on(ctx: &mut RequestContext, reference: &ReferenceId, handle: &str) -> Response {
    let kept = match relay::take(ctx, handle).await {
        Ok(Some(kept)) => kept,
        Ok(None) => return ctx.refuse(reference, &FlowError::NotFound.into(), None).await,
        Err(error) => return ctx.refuse(reference, &error.into(), None).await,
    };
    let xml = base64_decode(&kept.response).unwrap_or_default();
    match kept.unsolicited {
        None => complete(ctx, reference, handle, Ok(xml)).await,
        Some(provider) => match idp_initiated::accept(ctx, reference, &provider, &xml).await {
            Ok(answer) => answer,
            Err(failure) => ctx.refuse(reference, &failure, None).await,
        },
    }
}

/// Consumes the flow or trial under `handle` and finishes it. It is consumed whatever the answer holds.
async fn complete(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    handle: &str,
    xml: Result<Vec<u8>, Failure>,
) -> Response {
    let mut checks = Checks::default();
    if flows::is_trial(handle) {
        return match test_login::consume(ctx, handle).await {
            Ok(trial) => {
                let outcome = prove(ctx, &trial.pending, xml, &mut checks).await;
                test_login::ended(ctx, &trial, outcome, &lines(&checks)).await
            }
            Err(failure) => ctx.refuse(reference, &failure, None).await,
        };
    }
    let flow = match consume(ctx, handle).await {
        Ok(flow) => flow,
        Err(failure) => return ctx.refuse(reference, &failure, None).await,
    };
    match finish(ctx, &flow, xml, &mut checks).await {
        Ok(answer) => answer,
        Err(failure) => sign_in::failed(ctx, &flow.request, &flow.reference, &failure).await,
    }
}

async fn consume(ctx: &RequestContext, handle: &str) -> Result<Arc<Flow>, Failure> {
    let flow = Arc::new(flows::take(&ctx.app.state, handle).await?);
    trace_recording::earlier(ctx, &flow);
    flow.check(&ctx.config.pool.id, &ctx.browser, ctx.now())?;
    Ok(flow)
}

async fn finish(
    ctx: &mut RequestContext,
    flow: &Flow,
    xml: Result<Vec<u8>, Failure>,
    checks: &mut Checks,
) -> Result<Response, Failure> {
    let pending = flow.pending()?;
    let identity = prove(ctx, pending, xml, checks).await?;
    let config = ctx.config.clone();
    let provider = config.provider(&pending.provider).ok_or(FederationError::Disabled)?;
    complete_sign_in::admit(ctx, flow, provider, &identity).await
}

/// The person is looked for only at the provider that the flow names, with only its keys (C-60, C-61).
async fn prove(
    ctx: &RequestContext,
    pending: &Pending,
    xml: Result<Vec<u8>, Failure>,
    checks: &mut Checks,
) -> Result<ExternalIdentity, Failure> {
    let xml = xml?;
    let provider = ctx.config.provider(&pending.provider).ok_or(FederationError::Disabled)?;
    let connection = Connection { app: &ctx.app, pool: &ctx.config.pool, provider };
    let outcome = saml::finish(connection, pending, &xml, checks).await;
    tell(ctx, checks);
    Ok(outcome?)
}

/// What was checked becomes part of the story, in case that the sign-in is refused.
pub(super) fn tell(ctx: &RequestContext, checks: &Checks) {
    let details: Vec<(&str, String)> =
        checks.list().iter().map(|check| (check.name.as_ref(), line(check))).collect();
    ctx.recorder.step(ctx.now(), "SAML response of the provider, checked", details);
}

fn lines(checks: &Checks) -> Vec<String> {
    checks.list().iter().map(|check| format!("{}: {}", check.name, line(check))).collect()
}

/// One check for people.
fn line(check: &Check) -> String {
    let received = if check.received.is_empty() { "nothing" } else { &check.received };
    match check.outcome {
        CheckOutcome::Passed => check.skew_used.map_or_else(
            || format!("passed ({received})"),
            |skew| format!("passed ({received}), {skew} s of clock difference forgiven"),
        ),
        CheckOutcome::Note => received.to_owned(),
        CheckOutcome::Failed => {
            format!(
                "FAILED: expected {}, received {received}. {}",
                check.expected,
                check.hint.as_deref().unwrap_or_default()
            )
        }
    }
}
