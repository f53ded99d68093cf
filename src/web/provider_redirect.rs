//! Sending the browser to a provider: by redirect, or with a form that submits itself.

use axum::response::Response;
use minijinja::context;

use super::error::Failure;
use super::hosted::signed_out;
use super::page::Page;
use super::redirect::see_other;
use super::request_context::RequestContext;
use super::security_headers;
use crate::flow::state::{Pending, Wishes};
use crate::provider::settings::{Protocol, Provider};
use crate::user_pool::federate::saml::Connection;
use crate::user_pool::federate::{self, Begin, Departure};

/// What submits the form where scripts run; where they do not, the person presses its button.
const SUBMIT: &str = "document.forms[0].submit()";
/// The same when the page and its frames have loaded, or will not.
const SUBMIT_AFTER_FRAMES: &str =
    "let go=()=>document.forms[0].submit();addEventListener('load',go);setTimeout(go,5000)";

/// How to leave for `provider` under `handle`, and what its answer will be checked against.
pub async fn begin(
    ctx: &RequestContext,
    provider: &Provider,
    wishes: Wishes<'_>,
    handle: &str,
) -> Result<(Departure, Pending), Failure> {
    if let Protocol::Saml(saml) = &provider.protocol {
        let pool = &ctx.config.pool;
        ctx.recorder.provider(&provider.name);
        let begin = Begin {
            pool,
            provider,
            wishes,
            handle: handle.to_owned(),
            redirect_uri: federate::saml::acs_url(saml, &ctx.origin),
        };
        return Ok(federate::saml::begin(Connection { app: &ctx.app, pool, provider }, begin).await?);
    }
    let own = if provider.own_callback { format!("/{}", provider.name) } else { String::new() };
    let redirect_uri = format!("{}/oauth2/idpresponse{own}", ctx.origin);
    let begin = Begin { pool: &ctx.config.pool, provider, wishes, handle: handle.to_owned(), redirect_uri };
    let (url, pending) = federate::begin(ctx.means(), begin).await?;
    Ok((Departure::Redirect(url), pending))
}

/// The answer that sends the browser off; `label` is the provider's name for people.
pub fn answer(ctx: &RequestContext, departure: &Departure, label: &str) -> Response {
    after_frames(ctx, departure, label, &[])
}

/// [`answer`], once the browser has loaded these frames.
pub fn after_frames(ctx: &RequestContext, departure: &Departure, label: &str, frames: &[String]) -> Response {
    match departure {
        Departure::Redirect(url) if frames.is_empty() => see_other(url.as_str()),
        Departure::Redirect(url) => signed_out::page(ctx, frames, url.as_str()),
        Departure::Post { action, fields } => {
            let script = if frames.is_empty() { SUBMIT } else { SUBMIT_AFTER_FRAMES };
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| context! { name => *name, value => value.as_str() })
                .collect();
            let page = ctx.show(
                Page::Departure,
                &context! { label, action => action.as_str(), fields, script, frames => frames.to_vec() },
            );
            signed_out::framing(security_headers::submits_itself_to(page, action, script), frames)
        }
    }
}
