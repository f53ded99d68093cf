//! `/saml2/logout`: a provider signs a person out, or answers our own request
//! ([SAML Profiles section 4.4](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! No cookie is needed: a provider may ask in a frame, and whom it means its signed request says. An answer
//! decides nothing; the browser goes where the person who signed out was promised to go, and nowhere that a
//! message names (C-72).

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

use super::posted;
use crate::protocol::saml::binding::{Message, PostMessage, RedirectQuery};
use crate::protocol::saml::logout::{Received, claimed};
use crate::provider::settings::{Protocol, Provider};
use crate::user_pool::federate::saml::{Connection, entity_id};
use crate::user_pool::federate::{FederationError, SamlRefusal};
use crate::user_pool::frontchannel;
use crate::user_pool::saml_sign_out::{self, Honoured, Leaving};
use crate::web::error::Failure;
use crate::web::hosted::signed_out;
use crate::web::provider_redirect;
use crate::web::redirect::see_other;
use crate::web::request_context::RequestContext;

/// A message by HTTP-Redirect.
pub async fn get(ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    let query = RedirectQuery::parse(&query.unwrap_or_default());
    match query {
        Ok(query) => {
            answer(ctx, Ok((Received::Redirect(&query), query.message, query.relay_state.as_deref()))).await
        }
        Err(error) => answer(ctx, Err(SamlRefusal::Message(error).into())).await,
    }
}

/// A message by HTTP-POST.
pub async fn post(ctx: RequestContext, headers: HeaderMap, body: Bytes) -> Response {
    match posted(&headers, &body) {
        Ok(posted) => answer(ctx, Ok(of_post(&posted))).await,
        Err(refusal) => answer(ctx, Err(refusal.into())).await,
    }
}

type Came<'a> = (Received<'a>, Message, Option<&'a str>);

fn of_post(posted: &PostMessage) -> Came<'_> {
    (Received::Post(posted), posted.message, posted.relay_state.as_deref())
}

async fn answer(mut ctx: RequestContext, came: Result<Came<'_>, Failure>) -> Response {
    let done = match came {
        Ok((received, Message::Request, relay_state)) => requested(&mut ctx, received, relay_state).await,
        Ok((received, Message::Response, relay_state)) => {
            answered(&ctx, received, relay_state.unwrap_or_default()).await
        }
        Err(failure) => Err(failure),
    };
    let answer = match done {
        Ok(answer) => answer,
        Err(failure) => ctx.refuse(&ctx.app.reference(), &failure, None).await,
    };
    ctx.with_cookies(answer)
}

/// A provider wants a person signed out.
async fn requested(
    ctx: &mut RequestContext,
    received: Received<'_>,
    relay_state: Option<&str>,
) -> Result<Response, Failure> {
    let (app, config) = (ctx.app.clone(), ctx.config.clone());
    let issuer = claimed(received).map_err(SamlRefusal::Logout)?.issuer;
    let slo = service(ctx);
    let unknown = SamlRefusal::UnknownSender(issuer.chars().take(200).collect());
    let mut outcome: Result<(&Provider, Honoured), FederationError> = Err(unknown.into());
    for provider in config.providers.iter().filter(|provider| provider.enabled && provider.end_session) {
        let Protocol::Saml(saml) = &provider.protocol else { continue };
        let connection = Connection { app: &app, pool: &config.pool, provider };
        if entity_id(connection, saml).await.ok().as_deref() != Some(issuer.as_str()) {
            continue;
        }
        // Two connections to one provider may know the person by the same name: each signs them out.
        outcome = match (outcome, saml_sign_out::honour(connection, &slo, received, relay_state).await) {
            (Ok((first, mut honoured)), Ok(further)) => {
                honoured.ended.extend(further.ended);
                Ok((first, honoured))
            }
            (Ok(honoured), Err(_)) => Ok(honoured),
            (Err(_), further) => further.map(|honoured| (provider, honoured)),
        };
    }
    let (provider, honoured) = outcome?;
    Ok(honour(ctx, provider, &honoured))
}

fn honour(ctx: &mut RequestContext, provider: &Provider, honoured: &Honoured) -> Response {
    let own = ctx.session.as_ref().and_then(|own| honoured.ended.iter().find(|session| own.is_of(session)));
    let frames = own.map(|session| frontchannel::addresses(&ctx.config.pool, session)).unwrap_or_default();
    if own.is_some() {
        ctx.sign_out();
    }
    match &honoured.answer {
        Some(departure) => provider_redirect::after_frames(ctx, departure, &provider.label, &frames),
        None => signed_out::page(ctx, &frames, ""),
    }
}

/// A provider's answer to our request. Nobody knows the handle of a sign-out but the browser and the
/// provider.
async fn answered(ctx: &RequestContext, received: Received<'_>, handle: &str) -> Result<Response, Failure> {
    let Some(leaving) = saml_sign_out::returned(&ctx.app.state, handle).await? else {
        return Ok(signed_out::page(ctx, &[], ""));
    };
    if let Err(error) = judge(ctx, &leaving, received).await {
        let provider = &leaving.provider;
        tracing::warn!(code = "upstream_sign_out_incomplete", pool = %ctx.config.pool.id, %provider, %error,
            "a provider's answer to a sign-out");
    }
    Ok(if leaving.back.is_empty() { signed_out::page(ctx, &[], "") } else { see_other(&leaving.back) })
}

async fn judge(
    ctx: &RequestContext,
    leaving: &Leaving,
    received: Received<'_>,
) -> Result<(), FederationError> {
    let provider = ctx.config.provider(&leaving.provider).ok_or(FederationError::Disabled)?;
    let connection = Connection { app: &ctx.app, pool: &ctx.config.pool, provider };
    saml_sign_out::judge(connection, &service(ctx), leaving, received).await
}

/// Our single logout service, as browsers of this host know it.
fn service(ctx: &RequestContext) -> String {
    format!("{}/saml2/logout", ctx.origin)
}
