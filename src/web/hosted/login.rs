//! `/login`: the choice of providers, and the links that make it.

use axum::extract::{Path, RawQuery};
use axum::response::Response;
use minijinja::context;

use crate::flow::request::Parameters;
use crate::flow::state::{Flow, Stage, WrongStep};
use crate::model::ids::ProviderName;
use crate::store::flows;
use crate::web::error::Failure;
use crate::web::form;
use crate::web::oauth2::authorize;
use crate::web::page::Page;
use crate::web::sign_in;
use crate::web::story;
use crate::web::visit::Visit;

/// The sign-in page of a flow; opened with an authorization request instead of a flow, it begins one.
pub async fn get(mut visit: Visit, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    if parameters.iter().all(|(name, _)| name != "flow") && parameters.iter().any(|(name, _)| name == "client_id") {
        return authorize::answer(visit, Some(parameters)).await;
    }
    let answer = match load(&mut visit, &parameters).await {
        Ok((handle, flow)) => page(&visit, &handle, &flow),
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

async fn load(visit: &mut Visit, parameters: &Parameters) -> Result<(String, Flow), Failure> {
    let [(name, handle)] = parameters.as_slice() else { return Err(Failure::Malformed("flow is missing or not alone")) };
    if name != "flow" {
        return Err(Failure::Malformed("flow is missing"));
    }
    let flow = flows::load(&visit.app.state, handle).await?;
    story::earlier(visit, &flow);
    visit.language = flow.request.language.unwrap_or(visit.language);
    flow.check(&visit.config.pool.id, &visit.browser, visit.now())?;
    match flow.stage {
        Stage::Started => Ok((handle.clone(), flow)),
        Stage::AtProvider(_) => Err(WrongStep::OtherStage.into()),
    }
}

async fn go_to(visit: &mut Visit, flow: &Flow, provider: &str) -> Result<Response, Failure> {
    let client = visit.config.pool.client(flow.request.client.as_str()).ok_or_else(|| sign_in::gone(&flow.request))?;
    let chosen = visit.offered(client).into_iter().find(|name: &ProviderName| name.as_str() == provider);
    let chosen = chosen.ok_or(Failure::Malformed("the page does not offer this provider"))?;
    sign_in::go_to(visit, flow, &chosen).await
}

fn page(visit: &Visit, handle: &str, flow: &Flow) -> Response {
    let client = visit.config.pool.client(flow.request.client.as_str());
    let offered = client.map(|client| visit.offered(client)).unwrap_or_default();
    let providers: Vec<_> = offered
        .iter()
        .filter_map(|name| visit.config.provider(name))
        .map(|provider| context! { label => provider.label.as_str(), href => format!("/login/{}?flow={handle}", provider.name) })
        .collect();
    let client_name = client.and_then(|client| client.name.as_deref());
    visit.show(Page::SignIn, &context! { client_name, providers })
}
