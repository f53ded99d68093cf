//! `/test-login`: an administrator tries a provider out. The sign-in runs as any other does and ends on a
//! page.

use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use minijinja::{Value, context};

use super::error::Failure;
use super::form;
use super::page::{Frame, Page};
use super::provider_redirect;
use super::request_context::RequestContext;
use crate::flow::state::{Trial, Wishes};
use crate::model::identity::ExternalIdentity;
use crate::model::ids::{ProviderName, ReferenceId};
use crate::model::language::Language;
use crate::provider::settings::Provider;
use crate::store::flows;
use crate::user_pool::federate::FederationError;
use crate::user_pool::test_login::{self, Report};

/// `GET /test-login?ticket=…`: off to the provider.
pub async fn get(mut ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    let reference = ctx.app.reference();
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let ticket =
        parameters.iter().find(|(name, _)| name == "ticket").map_or("", |(_, ticket)| ticket.as_str());
    let answer = match test_login::open(&ctx.app.seal, &ctx.config.pool.id, ticket, ctx.now()) {
        Some(provider) => match begin(&mut ctx, &reference, &provider).await {
            Ok(answer) => answer,
            Err(failure) => failed(&ctx, &reference, provider.as_str(), &failure).await,
        },
        None => ctx.refuse(&reference, &Failure::TestLink, None).await,
    };
    ctx.with_cookies(answer)
}

async fn begin(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    provider: &ProviderName,
) -> Result<Response, Failure> {
    let config = ctx.config.clone();
    let provider = config.provider(provider).ok_or(FederationError::Disabled)?;
    let handle = flows::trial_handle(&ctx.app.outside.random);
    let (departure, pending) = provider_redirect::begin(ctx, provider, Wishes::default(), &handle).await?;
    let trial = Trial {
        pool: config.pool.id.clone(),
        reference: reference.clone(),
        pending,
        binding: ctx.bind(),
        expires: ctx.now().plus(config.pool.flow_lifetime),
    };
    flows::put_trial(&ctx.app.state, &handle, &trial).await?;
    Ok(provider_redirect::answer(ctx, &departure, &provider.label))
}

/// The trial under `handle`, consumed, if it may go on in this browser.
pub async fn consume(ctx: &RequestContext, handle: &str) -> Result<Trial, Failure> {
    let trial = flows::take_trial(&ctx.app.state, handle).await?;
    trial.check(&ctx.config.pool.id, &ctx.browser, ctx.now())?;
    Ok(trial)
}

/// The provider that a trial is at.
pub fn provider<'c>(ctx: &'c RequestContext, trial: &Trial) -> Result<&'c Provider, Failure> {
    Ok(ctx.config.provider(&trial.pending.provider).ok_or(FederationError::Disabled)?)
}

/// The page that ends a trial; `checks` is what was looked at on the way, for people.
pub async fn ended(
    ctx: &RequestContext,
    trial: &Trial,
    outcome: Result<ExternalIdentity, Failure>,
    checks: &[String],
) -> Response {
    let name = &trial.pending.provider;
    let shown = outcome.and_then(|identity| Ok((provider(ctx, trial)?, identity)));
    let (provider, identity) = match shown {
        Ok(shown) => shown,
        Err(failure) => return refused(ctx, (&trial.reference, name.as_str()), &failure, checks).await,
    };
    let Report { subject, username, email_verified, received, mapped, warnings } =
        Report::of(&ctx.config.pool, provider, &identity);
    tracing::info!(pool = %ctx.config.pool.id, provider = %name, reference = %trial.reference, "a test \
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
    page(ctx, &context)
}

async fn failed(ctx: &RequestContext, reference: &ReferenceId, label: &str, failure: &Failure) -> Response {
    refused(ctx, (reference, label), failure, &[]).await
}

/// The whole refusal: this page is the administrator's.
async fn refused(
    ctx: &RequestContext,
    (reference, label): (&ReferenceId, &str),
    failure: &Failure,
    checks: &[String],
) -> Response {
    let outcome = ctx.note(reference, failure).await;
    let context = context! {
        label,
        checks => checks.to_vec(),
        reference => reference.as_str(),
        failure => context! { hint => outcome.hint, cause => outcome.cause, fault => outcome.fault.who(),
            code => outcome.code },
    };
    page(ctx, &context)
}

/// The administrator's page, in English as the causes and hints on it are.
fn page(ctx: &RequestContext, context: &Value) -> Response {
    ctx.pages.answer(Page::Trial, StatusCode::OK, &Frame::of(&ctx.config, Language::English), context)
}
