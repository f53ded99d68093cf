//! `/login`: the choice of providers, and the links and forms that make it.

use std::sync::Arc;

use axum::extract::{Path, RawQuery};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use minijinja::{Value, context};

use crate::config::{Offered, PoolConfig};
use crate::flow::next::Catalogue as _;
use crate::flow::next::LiveSession;
use crate::flow::request::Parameters;
use crate::flow::state::{Flow, Stage, WrongStep};
use crate::model::ids::ProviderName;
use crate::provider::routing;
use crate::provider::settings::{Protocol, Provider};
use crate::store::flows;
use crate::store::users::Users;
use crate::web::error::Failure;
use crate::web::form;
use crate::web::oauth2::authorize;
use crate::web::page::Page;
use crate::web::request_context::RequestContext;
use crate::web::security_headers;
use crate::web::sign_in::{self, SignInStep};
use crate::web::trace_recording;

/// Providers shown at once; the others are folded.
const UNFOLDED: usize = 4;
const ACCOUNT_LABEL: &str = "account chooser";

/// The sign-in page of a flow; opened with an authorization request instead of a flow, it begins one.
pub async fn get(mut ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    if parameters.iter().all(|(name, _)| name != "flow")
        && parameters.iter().any(|(name, _)| name == "client_id")
    {
        return authorize::answer(ctx, Some(parameters)).await;
    }
    let answer = match load(&mut ctx, &parameters).await {
        Ok((handle, flow)) => match account(&ctx, &flow).await {
            Ok(account) => page(&ctx, &handle, &flow, &Shown { account, ..Shown::default() }),
            Err(failure) => sign_in::failed(&ctx, &flow.request, &flow.reference, &failure).await,
        },
        Err(failure) => ctx.refuse(&ctx.app.reference(), &failure, None).await,
    };
    ctx.with_cookies(answer)
}

/// The page's forms: the address that the person typed, or the account that they go on with.
pub async fn post(mut ctx: RequestContext, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = form::body_pairs(&headers, &body).unwrap_or_default();
    let (flow, sent): (Parameters, Parameters) = parameters.into_iter().partition(|(name, _)| name == "flow");
    let answer = match load(&mut ctx, &flow).await {
        Ok((handle, flow)) => match take(&mut ctx, &handle, &flow, &sent).await {
            Ok(answer) => answer,
            Err(failure) => sign_in::failed(&ctx, &flow.request, &flow.reference, &failure).await,
        },
        Err(failure) => ctx.refuse(&ctx.app.reference(), &failure, None).await,
    };
    ctx.with_cookies(answer)
}

/// `GET /login/{provider}?flow=…`: the person chose.
pub async fn choose(
    mut ctx: RequestContext,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let answer = match load(&mut ctx, &parameters).await {
        Ok((_, flow)) => match go_to(&mut ctx, &flow, &provider).await {
            Ok(answer) => answer,
            Err(failure) => sign_in::failed(&ctx, &flow.request, &flow.reference, &failure).await,
        },
        Err(failure) => ctx.refuse(&ctx.app.reference(), &failure, None).await,
    };
    ctx.with_cookies(answer)
}

async fn load(ctx: &mut RequestContext, parameters: &Parameters) -> Result<(String, Arc<Flow>), Failure> {
    let [(name, handle)] = parameters.as_slice() else {
        return Err(Failure::Malformed("flow is missing or not alone"));
    };
    if name != "flow" {
        return Err(Failure::Malformed("flow is missing"));
    }
    let flow = Arc::new(flows::load(&ctx.app.state, handle).await?);
    trace_recording::earlier(ctx, &flow);
    ctx.language = flow.request.language.unwrap_or(ctx.language);
    flow.check(&ctx.config.pool.id, &ctx.browser, ctx.now())?;
    match &flow.stage {
        Stage::Started => Ok((handle.clone(), flow)),
        Stage::AtProvider(_) => Err(WrongStep::OtherStage.into()),
    }
}

async fn go_to(ctx: &mut RequestContext, flow: &Flow, provider: &str) -> Result<Response, Failure> {
    let client =
        ctx.config.pool.client(flow.request.client.as_str()).ok_or_else(|| sign_in::gone(&flow.request))?;
    let chosen = ProviderName::parse(provider).ok().filter(|name| ctx.offered(client).has(name));
    let chosen = chosen.ok_or(Failure::Malformed("the page does not offer this provider"))?;
    sign_in::go_to(ctx, flow, &chosen).await
}

/// Takes the step that a form asks for.
async fn take(
    ctx: &mut RequestContext,
    handle: &str,
    flow: &Flow,
    sent: &Parameters,
) -> Result<Response, Failure> {
    match sent.as_slice() {
        [(name, address)] if name == "email" => by_address(ctx, handle, flow, address.trim()).await,
        [(name, token)] if name == "account" => go_on(ctx, flow, token).await,
        _ => Err(Failure::Malformed("the form is not that of the sign-in page")),
    }
}

/// On to the provider for the domain of `address`, or a choice among several. The answer depends on the
/// domain alone, so it tells nobody which addresses exist (D-32).
async fn by_address(
    ctx: &mut RequestContext,
    handle: &str,
    flow: &Flow,
    address: &str,
) -> Result<Response, Failure> {
    let again = |problem| Shown {
        problem: Some(problem),
        email: address.chars().take(routing::MAX_ADDRESS).collect(),
        ..Shown::default()
    };
    let Some(domain) = routing::domain(address) else {
        return Ok(page(ctx, handle, flow, &again("invalid")));
    };
    let config = ctx.config.clone();
    let at = offered(&config, flow).map(|offered| offered.at(&domain)).unwrap_or_default();
    match at.as_slice() {
        [] => Ok(page(ctx, handle, flow, &again("unknown"))),
        [only] => {
            let mut flow = flow.clone();
            flow.request.login_hint = Some(address.to_owned());
            sign_in::go_to(ctx, &flow, &only.name).await
        }
        several => {
            let providers: Vec<Value> =
                several.iter().map(|provider| button(ctx, handle, provider)).collect();
            let (providers, more) = fold(providers);
            Ok(ctx.show(Page::SignIn, &context! { flow => handle, domain, providers, more }))
        }
    }
}

/// On with the session that the browser has, if it is still the one that the page showed.
async fn go_on(ctx: &mut RequestContext, flow: &Flow, token: &str) -> Result<Response, Failure> {
    let session = ctx.live_session().await?;
    let shown = ctx.app.seal.open_token::<String>(ACCOUNT_LABEL, token);
    let same = |session: &LiveSession| shown.as_deref() == Some(session.session().id.as_str());
    let session = session.filter(same).ok_or(Failure::ForeignForm)?;
    let step = SignInStep {
        request: &flow.request,
        reference: &flow.reference,
        session: Some(session),
        fresh: false,
        newcomer: None,
        accepted: true,
        asked: None,
    };
    sign_in::proceed(ctx, step).await
}

/// The account that the person may go on with, where the app wants them to choose: its name for them, and the
/// proof of the form.
async fn account(ctx: &RequestContext, flow: &Flow) -> Result<Option<(String, String)>, Failure> {
    if !flow.request.prompt.select_account {
        return Ok(None);
    }
    let Some(session) = ctx.live_session().await? else { return Ok(None) };
    if !sign_in::would_do(ctx, &flow.request, &session) {
        return Ok(None);
    }
    let session = session.session();
    let Some(user) = Users::new(&ctx.app.directory, &ctx.config.pool.id).get(&session.sub).await? else {
        return Ok(None);
    };
    let user = user.value;
    let label =
        ["email", "name", "preferred_username"].into_iter().find_map(|name| user.attributes.get(name));
    let label = label.unwrap_or(&user.username).to_owned();
    Ok(Some((label, ctx.app.seal.token(ACCOUNT_LABEL, &session.id.as_str()))))
}

/// What is special about a sign-in page.
#[derive(Default)]
struct Shown {
    account: Option<(String, String)>,
    problem: Option<&'static str>,
    email: String,
}

fn offered<'c>(config: &'c PoolConfig, flow: &Flow) -> Option<Offered<'c>> {
    config.pool.client(flow.request.client.as_str()).map(|client| config.providers.offered(client))
}

/// Providers with `domains` are reached by an address and not listed, but for the one that was used last in
/// this browser.
fn page(ctx: &RequestContext, handle: &str, flow: &Flow, shown: &Shown) -> Response {
    let client = ctx.config.pool.client(flow.request.client.as_str());
    let offered = offered(&ctx.config, flow);
    let last_used = ctx.last_used.as_ref().filter(|name| offered.is_some_and(|offered| offered.has(name)));
    let recent =
        last_used.and_then(|name| ctx.config.provider(name)).filter(|provider| !provider.domains.is_empty());
    let recent = recent.map(|provider| button(ctx, handle, provider));
    let listed: Vec<&Provider> = offered.into_iter().flat_map(Offered::listed).collect();
    let mut routed = offered.into_iter().flat_map(Offered::routed).peekable();
    let by_email = routed.peek().is_some();
    let last_is_folded =
        listed.iter().skip(UNFOLDED).any(|provider| ctx.last_used.as_ref() == Some(&provider.name));
    let (providers, more) = fold(listed.iter().map(|provider| button(ctx, handle, provider)).collect());
    let email = if shown.email.is_empty() {
        flow.request.login_hint.as_deref().unwrap_or_default()
    } else {
        shown.email.as_str()
    };
    let page = ctx.show(
        Page::SignIn,
        &context! {
            flow => handle, providers, more, recent, email,
            more_open => last_is_folded,
            by_email,
            problem => shown.problem,
            client_name => client.and_then(|client| client.name.as_deref()),
            account => shown.account.as_ref().map(|(label, token)| context! { label, token }),
        },
    );
    // A form may lead on to a provider, from there to wherever that one sends people, and in the end to the
    // app.
    let goals = routed.filter_map(address).chain([flow.request.redirect_uri.as_str()]);
    if !by_email && shown.account.is_none() {
        page
    } else {
        security_headers::forms_may_lead_onwards(page, goals)
    }
}

fn address(provider: &Provider) -> Option<&str> {
    match &provider.protocol {
        Protocol::Oidc(oidc) => Some(oidc.endpoints.authorization.as_deref().unwrap_or(&oidc.issuer)),
        Protocol::Oauth2(oauth2) => oauth2.endpoints.authorization.as_deref(),
        Protocol::Saml(_) => None,
    }
}

fn button(ctx: &RequestContext, handle: &str, provider: &Provider) -> Value {
    let branding = &ctx.config.branding;
    let mark = branding
        .marks
        .contains_key(&provider.name)
        .then(|| format!("/assets/marks/{}?v={}", provider.name, branding.version()));
    context! {
        mark,
        brand => provider.preset.as_str(),
        label => provider.label.as_str(),
        href => format!("/login/{}?flow={handle}", provider.name),
        last_used => ctx.last_used.as_ref() == Some(&provider.name),
    }
}

/// The first few, and the rest.
fn fold(mut providers: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let more = providers.split_off(providers.len().min(UNFOLDED));
    (providers, more)
}
