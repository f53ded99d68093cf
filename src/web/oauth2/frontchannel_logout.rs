//! `GET /oauth2/frontchannel_logout/<provider>`: a provider's page loads this one in a frame
//! ([Front-Channel Logout section
//! 2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout)).
//!
//! Browsers keep our cookies from frames of other sites, so the session is found by `iss` and `sid`, both of
//! which have to come: what is asked without them could be asked by any page, for anybody who loads it.

use axum::extract::{Path, RawQuery};
use axum::response::Response;

use crate::user_pool::frontchannel;
use crate::user_pool::oidc_sign_out::{Door, LogoutRefusal};
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::hosted::signed_out;
use crate::web::request_context::RequestContext;
use crate::web::security_headers::framed_by;

/// The signed-out page, which pages of the provider may frame; the same whether or not there was something to
/// end.
pub async fn get(
    mut ctx: RequestContext,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = match sign_out(&mut ctx, &provider, &query.unwrap_or_default()).await {
        Ok(page) => page,
        Err(refusal) => ctx.refuse(&ctx.app.reference(), &Failure::SignOut(refusal), None).await,
    };
    ctx.with_cookies(answer)
}

async fn sign_out(ctx: &mut RequestContext, provider: &str, query: &str) -> Result<Response, LogoutRefusal> {
    let (app, config) = (ctx.app.clone(), ctx.config.clone());
    let door = Door::of(&app, &config, provider, |rule| rule.front_channel)?;
    ctx.recorder.provider(&door.provider().name);
    let form = Form::parse(query.as_bytes()).map_err(|error| LogoutRefusal::Request(error.to_string()))?;
    let ended = door.honours_frame(form.get("iss"), form.get("sid")).await?;
    // Only the browser whose session it was is told which apps were used in it.
    let own = ctx.session.as_ref().and_then(|own| ended.iter().find(|session| own.is_of(session)));
    let frames = own.map(|session| frontchannel::addresses(&config.pool, session)).unwrap_or_default();
    if own.is_some() {
        ctx.sign_out();
    }
    let pages = door.pages().await;
    Ok(framed_by(signed_out::page(ctx, &frames, ""), pages.iter().map(String::as_str)))
}
