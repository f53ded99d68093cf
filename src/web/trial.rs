//! `/test-login`: an administrator tries a provider out. The sign-in runs as any other does and ends on a
//! page.

use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use minijinja::{Value, context};

use super::departure;
use super::error::Failure;
use super::form;
use super::page::{Frame, Page};
use super::visit::Visit;
use crate::flow::state::{Trial, Wishes};
use crate::model::identity::ExternalIdentity;
use crate::model::ids::{ProviderName, ReferenceId};
use crate::model::language::Language;
use crate::provider::settings::Provider;
use crate::store::flows;
use crate::user_pool::federate::FederationError;
use crate::user_pool::trial::{self, Report};

/// `GET /test-login?ticket=…`: off to the provider.
pub async fn get(mut visit: Visit, RawQuery(query): RawQuery) -> Response {
    let reference = visit.app.reference();
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let ticket =
        parameters.iter().find(|(name, _)| name == "ticket").map_or("", |(_, ticket)| ticket.as_str());
    let answer = match trial::open(&visit.app.seal, &visit.config.pool.id, ticket, visit.now()) {
        Some(provider) => match begin(&mut visit, &reference, &provider).await {
            Ok(answer) => answer,
            Err(failure) => failed(&visit, &reference, provider.as_str(), &failure).await,
        },
        None => visit.refuse(&reference, &Failure::TestLink, None).await,
    };
    visit.with_cookies(answer)
}

async fn begin(
    visit: &mut Visit,
    reference: &ReferenceId,
    provider: &ProviderName,
) -> Result<Response, Failure> {
    let config = visit.config.clone();
    let provider = config.provider(provider).ok_or(FederationError::Disabled)?;
    let handle = flows::trial_handle(&visit.app.outside.random);
    let (departure, pending) = departure::begin(visit, provider, Wishes::default(), &handle).await?;
    let trial = Trial {
        pool: config.pool.id.clone(),
        reference: reference.clone(),
        pending,
        binding: visit.bind(),
        expires: visit.now().plus(config.pool.flow_lifetime),
    };
    flows::put_trial(&visit.app.state, &handle, &trial).await?;
    Ok(departure::answer(visit, &departure, &provider.label))
}

/// The trial under `handle`, consumed, if it may go on in this browser.
pub async fn consume(visit: &Visit, handle: &str) -> Result<Trial, Failure> {
    let trial = flows::take_trial(&visit.app.state, handle).await?;
    trial.check(&visit.config.pool.id, &visit.browser, visit.now())?;
    Ok(trial)
}

/// The provider that a trial is at.
pub fn provider<'c>(visit: &'c Visit, trial: &Trial) -> Result<&'c Provider, Failure> {
    Ok(visit.config.provider(&trial.pending.provider).ok_or(FederationError::Disabled)?)
}

/// The page that ends a trial; `checks` is what was looked at on the way, for people.
pub async fn ended(
    visit: &Visit,
    trial: &Trial,
    outcome: Result<ExternalIdentity, Failure>,
    checks: &[String],
) -> Response {
    let name = &trial.pending.provider;
    let shown = outcome.and_then(|identity| Ok((provider(visit, trial)?, identity)));
    let (provider, identity) = match shown {
        Ok(shown) => shown,
        Err(failure) => return refused(visit, (&trial.reference, name.as_str()), &failure, checks).await,
    };
    let Report { subject, username, email_verified, received, mapped, warnings } =
        Report::of(&visit.config.pool, provider, &identity);
    tracing::info!(pool = %visit.config.pool.id, provider = %name, reference = %trial.reference, "a test \
        sign-in worked");
    let items = |list: Vec<(String, String)>| {
        list.into_iter().map(|(name, value)| context! { name, value }).collect::<Vec<_>>()
    };
    let context = context! {
        label => provider.label.as_str(),
        reference => trial.reference.as_str(),
        received => items(received),
        mapped => items(mapped),
        checks => checks.to_vec(),
        subject, username, email_verified, warnings,
    };
    page(visit, &context)
}

async fn failed(visit: &Visit, reference: &ReferenceId, label: &str, failure: &Failure) -> Response {
    refused(visit, (reference, label), failure, &[]).await
}

/// The whole refusal: this page is the administrator's.
async fn refused(
    visit: &Visit,
    (reference, label): (&ReferenceId, &str),
    failure: &Failure,
    checks: &[String],
) -> Response {
    let outcome = visit.note(reference, failure).await;
    let context = context! {
        label,
        checks => checks.to_vec(),
        reference => reference.as_str(),
        failure => context! { hint => outcome.hint, cause => outcome.cause, fault => outcome.fault.who(),
            code => outcome.code },
    };
    page(visit, &context)
}

/// The administrator's page, in English as the causes and hints on it are.
fn page(visit: &Visit, context: &Value) -> Response {
    visit.pages.answer(Page::Trial, StatusCode::OK, &Frame::of(&visit.config, Language::English), context)
}
