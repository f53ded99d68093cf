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
use crate::web::security_headers;
use crate::web::sign_in::{self, Standing};
use crate::web::story;
use crate::web::visit::Visit;

/// Providers shown at once; the others are folded.
const UNFOLDED: usize = 4;
const ACCOUNT_LABEL: &str = "account chooser";

/// The sign-in page of a flow; opened with an authorization request instead of a flow, it begins one.
pub async fn get(mut visit: Visit, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    if parameters.iter().all(|(name, _)| name != "flow")
        && parameters.iter().any(|(name, _)| name == "client_id")
    {
        return authorize::answer(visit, Some(parameters)).await;
    }
    let answer = match load(&mut visit, &parameters).await {
        Ok((handle, flow)) => match account(&visit, &flow).await {
            Ok(account) => page(&visit, &handle, &flow, &Shown { account, ..Shown::default() }),
            Err(failure) => sign_in::failed(&visit, &flow.request, &flow.reference, &failure).await,
        },
        Err(failure) => visit.refuse(&visit.app.reference(), &failure, None).await,
    };
    visit.with_cookies(answer)
}

/// The page's forms: the address that the person typed, or the account that they go on with.
pub async fn post(mut visit: Visit, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = form::body_pairs(&headers, &body).unwrap_or_default();
    let (flow, sent): (Parameters, Parameters) = parameters.into_iter().partition(|(name, _)| name == "flow");
    let answer = match load(&mut visit, &flow).await {
        Ok((handle, flow)) => match take(&mut visit, &handle, &flow, &sent).await {
            Ok(answer) => answer,
            Err(failure) => sign_in::failed(&visit, &flow.request, &flow.reference, &failure).await,
        },
        Err(failure) => visit.refuse(&visit.app.reference(), &failure, None).await,
    };
    visit.with_cookies(answer)
}

/// `GET /login/{provider}?flow=…`: the person chose.
pub async fn choose(mut visit: Visit, Path(provider): Path<String>, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let answer = match load(&mut visit, &parameters).await {
        Ok((_, flow)) => match go_to(&mut visit, &flow, &provider).await {
            Ok(answer) => answer,
            Err(failure) => sign_in::failed(&visit, &flow.request, &flow.reference, &failure).await,
        },
        Err(failure) => visit.refuse(&visit.app.reference(), &failure, None).await,
    };
    visit.with_cookies(answer)
}

async fn load(visit: &mut Visit, parameters: &Parameters) -> Result<(String, Arc<Flow>), Failure> {
    let [(name, handle)] = parameters.as_slice() else {
        return Err(Failure::Malformed("flow is missing or not alone"));
    };
    if name != "flow" {
        return Err(Failure::Malformed("flow is missing"));
    }
    let flow = Arc::new(flows::load(&visit.app.state, handle).await?);
    story::earlier(visit, &flow);
    visit.language = flow.request.language.unwrap_or(visit.language);
    flow.check(&visit.config.pool.id, &visit.browser, visit.now())?;
    match &flow.stage {
        Stage::Started => Ok((handle.clone(), flow)),
        Stage::AtProvider(_) => Err(WrongStep::OtherStage.into()),
    }
}

async fn go_to(visit: &mut Visit, flow: &Flow, provider: &str) -> Result<Response, Failure> {
    let client =
        visit.config.pool.client(flow.request.client.as_str()).ok_or_else(|| sign_in::gone(&flow.request))?;
    let chosen = ProviderName::parse(provider).ok().filter(|name| visit.offered(client).has(name));
    let chosen = chosen.ok_or(Failure::Malformed("the page does not offer this provider"))?;
    sign_in::go_to(visit, flow, &chosen).await
}

/// Takes the step that a form asks for.
async fn take(visit: &mut Visit, handle: &str, flow: &Flow, sent: &Parameters) -> Result<Response, Failure> {
    match sent.as_slice() {
        [(name, address)] if name == "email" => by_address(visit, handle, flow, address.trim()).await,
        [(name, token)] if name == "account" => go_on(visit, flow, token).await,
        _ => Err(Failure::Malformed("the form is not that of the sign-in page")),
    }
}

/// On to the provider for the domain of `address`, or a choice among several. The answer depends on the
/// domain alone, so it tells nobody which addresses exist (D-32).
async fn by_address(
    visit: &mut Visit,
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
        return Ok(page(visit, handle, flow, &again("invalid")));
    };
    let config = visit.config.clone();
    let at = offered(&config, flow).map(|offered| offered.at(&domain)).unwrap_or_default();
    match at.as_slice() {
        [] => Ok(page(visit, handle, flow, &again("unknown"))),
        [only] => {
            let mut flow = flow.clone();
            flow.request.login_hint = Some(address.to_owned());
            sign_in::go_to(visit, &flow, &only.name).await
        }
        several => {
            let providers: Vec<Value> =
                several.iter().map(|provider| button(visit, handle, provider)).collect();
            let (providers, more) = fold(providers);
            Ok(visit.show(Page::SignIn, &context! { flow => handle, domain, providers, more }))
        }
    }
}

/// On with the session that the browser has, if it is still the one that the page showed.
async fn go_on(visit: &mut Visit, flow: &Flow, token: &str) -> Result<Response, Failure> {
    let session = visit.live_session().await?;
    let shown = visit.app.seal.open_token::<String>(ACCOUNT_LABEL, token);
    let same = |session: &LiveSession| shown.as_deref() == Some(session.session().id.as_str());
    let session = session.filter(same).ok_or(Failure::ForeignForm)?;
    let standing = Standing {
        request: &flow.request,
        reference: &flow.reference,
        session: Some(session),
        fresh: false,
        newcomer: None,
        accepted: true,
        asked: None,
    };
    sign_in::proceed(visit, standing).await
}

/// The account that the person may go on with, where the app wants them to choose: its name for them, and the
/// proof of the form.
async fn account(visit: &Visit, flow: &Flow) -> Result<Option<(String, String)>, Failure> {
    if !flow.request.prompt.select_account {
        return Ok(None);
    }
    let Some(session) = visit.live_session().await? else { return Ok(None) };
    if !sign_in::would_do(visit, &flow.request, &session) {
        return Ok(None);
    }
    let session = session.session();
    let Some(user) = Users::new(&visit.app.directory, &visit.config.pool.id).get(&session.sub).await? else {
        return Ok(None);
    };
    let user = user.value;
    let label =
        ["email", "name", "preferred_username"].into_iter().find_map(|name| user.attributes.get(name));
    let label = label.unwrap_or(&user.username).to_owned();
    Ok(Some((label, visit.app.seal.token(ACCOUNT_LABEL, &session.id.as_str()))))
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
fn page(visit: &Visit, handle: &str, flow: &Flow, shown: &Shown) -> Response {
    let client = visit.config.pool.client(flow.request.client.as_str());
    let offered = offered(&visit.config, flow);
    let last_used = visit.last_used.as_ref().filter(|name| offered.is_some_and(|offered| offered.has(name)));
    let recent = last_used
        .and_then(|name| visit.config.provider(name))
        .filter(|provider| !provider.domains.is_empty());
    let recent = recent.map(|provider| button(visit, handle, provider));
    let listed: Vec<&Provider> = offered.into_iter().flat_map(Offered::listed).collect();
    let mut routed = offered.into_iter().flat_map(Offered::routed).peekable();
    let by_email = routed.peek().is_some();
    let last_is_folded =
        listed.iter().skip(UNFOLDED).any(|provider| visit.last_used.as_ref() == Some(&provider.name));
    let (providers, more) = fold(listed.iter().map(|provider| button(visit, handle, provider)).collect());
    let email = if shown.email.is_empty() {
        flow.request.login_hint.as_deref().unwrap_or_default()
    } else {
        shown.email.as_str()
    };
    let page = visit.show(
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

fn button(visit: &Visit, handle: &str, provider: &Provider) -> Value {
    let branding = &visit.config.branding;
    let mark = branding
        .marks
        .contains_key(&provider.name)
        .then(|| format!("/assets/marks/{}?v={}", provider.name, branding.version()));
    context! {
        mark,
        brand => provider.preset.as_str(),
        label => provider.label.as_str(),
        href => format!("/login/{}?flow={handle}", provider.name),
        last_used => visit.last_used.as_ref() == Some(&provider.name),
    }
}

/// The first few, and the rest.
fn fold(mut providers: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let more = providers.split_off(providers.len().min(UNFOLDED));
    (providers, more)
}
