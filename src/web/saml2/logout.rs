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
use crate::web::departure;
use crate::web::error::Failure;
use crate::web::hosted::farewell;
use crate::web::sign_in::see_other;
use crate::web::visit::Visit;

/// A message by HTTP-Redirect.
pub async fn get(visit: Visit, RawQuery(query): RawQuery) -> Response {
    let query = RedirectQuery::parse(&query.unwrap_or_default());
    match query {
        Ok(query) => {
            answer(visit, Ok((Received::Redirect(&query), query.message, query.relay_state.as_deref()))).await
        }
        Err(error) => answer(visit, Err(SamlRefusal::Message(error).into())).await,
    }
}

/// A message by HTTP-POST.
pub async fn post(visit: Visit, headers: HeaderMap, body: Bytes) -> Response {
    match posted(&headers, &body) {
        Ok(posted) => answer(visit, Ok(of_post(&posted))).await,
        Err(refusal) => answer(visit, Err(refusal.into())).await,
    }
}

type Came<'a> = (Received<'a>, Message, Option<&'a str>);

fn of_post(posted: &PostMessage) -> Came<'_> {
    (Received::Post(posted), posted.message, posted.relay_state.as_deref())
}

async fn answer(mut visit: Visit, came: Result<Came<'_>, Failure>) -> Response {
    let done = match came {
        Ok((received, Message::Request, relay_state)) => requested(&mut visit, received, relay_state).await,
        Ok((received, Message::Response, relay_state)) => {
            answered(&visit, received, relay_state.unwrap_or_default()).await
        }
        Err(failure) => Err(failure),
    };
    let answer = match done {
        Ok(answer) => answer,
        Err(failure) => visit.refuse(&visit.app.reference(), &failure, None).await,
    };
    visit.with_cookies(answer)
}

/// A provider wants a person signed out.
async fn requested(
    visit: &mut Visit,
    received: Received<'_>,
    relay_state: Option<&str>,
) -> Result<Response, Failure> {
    let (app, config) = (visit.app.clone(), visit.config.clone());
    let issuer = claimed(received).map_err(SamlRefusal::Logout)?.issuer;
    let slo = service(visit);
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
    Ok(honour(visit, provider, &honoured))
}

fn honour(visit: &mut Visit, provider: &Provider, honoured: &Honoured) -> Response {
    let own = visit.session.as_ref().and_then(|own| honoured.ended.iter().find(|session| own.is_of(session)));
    let frames = own.map(|session| frontchannel::addresses(&visit.config.pool, session)).unwrap_or_default();
    if own.is_some() {
        visit.sign_out();
    }
    match &honoured.answer {
        Some(departure) => departure::after_frames(visit, departure, &provider.label, &frames),
        None => farewell::page(visit, &frames, ""),
    }
}

/// A provider's answer to our request. Nobody knows the handle of a sign-out but the browser and the
/// provider.
async fn answered(visit: &Visit, received: Received<'_>, handle: &str) -> Result<Response, Failure> {
    let Some(leaving) = saml_sign_out::returned(&visit.app.state, handle).await? else {
        return Ok(farewell::page(visit, &[], ""));
    };
    if let Err(error) = judge(visit, &leaving, received).await {
        let provider = &leaving.provider;
        tracing::warn!(code = "upstream_sign_out_incomplete", pool = %visit.config.pool.id, %provider, %error,
            "a provider's answer to a sign-out");
    }
    Ok(if leaving.back.is_empty() { farewell::page(visit, &[], "") } else { see_other(&leaving.back) })
}

async fn judge(visit: &Visit, leaving: &Leaving, received: Received<'_>) -> Result<(), FederationError> {
    let provider = visit.config.provider(&leaving.provider).ok_or(FederationError::Disabled)?;
    let connection = Connection { app: &visit.app, pool: &visit.config.pool, provider };
    saml_sign_out::judge(connection, &service(visit), leaving, received).await
}

/// Our single logout service, as browsers of this host know it.
fn service(visit: &Visit) -> String {
    format!("{}/saml2/logout", visit.origin)
}
