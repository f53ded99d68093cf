//! `/logout`: Cognito's two forms and [RP-initiated
//! logout](https://openid.net/specs/openid-connect-rpinitiated-1_0.html).
//!
//! | sent | done |
//! |---|---|
//! | `client_id` + `logout_uri` | signed out, back to the registered `logout_uri` |
//! | `client_id` + `redirect_uri` + `response_type` | signed out, then the sign-in of somebody else with the same parameters |
//! | `id_token_hint` [+ `post_logout_redirect_uri`, `state`] | signed out, back to the registered URI of the hint's client |
//! | anything without a valid hint | asked first |

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use minijinja::context;
use url::{Url, form_urlencoded};

use crate::flow::redirect_uri::CheckedRedirect;
use crate::flow::request::{Parameters, RequestError};
use crate::model::client::Client;
use crate::model::identity::UpstreamSession;
use crate::model::pool::Pool;
use crate::model::session::Session;
use crate::provider::settings::{Protocol, Provider};
use crate::store::sessions;
use crate::token::verify::{self, IdHint};
use crate::user_pool::backchannel::{self, SignedOut};
use crate::user_pool::end_session;
use crate::user_pool::federate::Departure;
use crate::user_pool::federate::saml::Connection;
use crate::user_pool::frontchannel;
use crate::user_pool::saml_sign_out;
use crate::web::error::Failure;
use crate::web::form;
use crate::web::hosted::signed_out;
use crate::web::page::Page;
use crate::web::provider_redirect;
use crate::web::redirect::see_other;
use crate::web::request_context::RequestContext;
use crate::web::security_headers;

const CONFIRM_LABEL: &str = "sign-out form";
const RETURN_LABEL: &str = "sign-out return";

/// Sign-out asked for by a link.
pub async fn get(ctx: RequestContext, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes())
        .map_err(|_| Failure::Malformed("the query is no form-encoded UTF-8"));
    answer(ctx, &headers, parameters).await
}

/// Sign-out asked for by a form, ours or an app's.
pub async fn post(ctx: RequestContext, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = form::body_pairs(&headers, &body).map_err(|_| Failure::Malformed("the body is no form"));
    answer(ctx, &headers, parameters).await
}

async fn answer(
    mut ctx: RequestContext,
    headers: &HeaderMap,
    parameters: Result<Parameters, Failure>,
) -> Response {
    let done = match parameters {
        Ok(parameters) => {
            ctx.speaks_as_asked(&parameters);
            sign_out(&mut ctx, headers, &parameters).await
        }
        Err(failure) => Err(failure),
    };
    let answer = match done {
        Ok(answer) => answer,
        Err(failure) => ctx.refuse(&ctx.app.reference(), &failure, None).await,
    };
    ctx.with_cookies(answer)
}

/// What was asked, each parameter at most once.
struct LogoutParameters<'a> {
    parameters: &'a Parameters,
}

impl<'a> LogoutParameters<'a> {
    fn get(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        let mut values =
            self.parameters.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str());
        let value = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() { Err(RequestError::Duplicate(name.to_owned()).into()) } else { Ok(value) }
    }
}

/// Where the browser goes when it is signed out.
enum Then {
    /// The signed-out page.
    Page,
    /// A registered sign-out address.
    Back(String),
    /// A new authorization request with the same parameters.
    Authorize,
}

async fn sign_out(
    ctx: &mut RequestContext,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, Failure> {
    if is_subresource(headers) {
        return Err(Failure::ForeignForm);
    }
    let asked = LogoutParameters { parameters };
    let config = ctx.config.clone();
    let hint = hint(ctx, asked.get("id_token_hint")?).await?;
    let client = client(&config.pool, asked.get("client_id")?, hint.as_ref())?;
    let then = destination(&asked, client)?;
    let session = ctx.live_session().await?.map(|live| live.session().clone());
    match session {
        Some(session) if !unasked(ctx, &asked, hint.as_ref(), &session)? => {
            Ok(confirmation(ctx, &session, client, &then, parameters).await)
        }
        Some(session) => {
            let frames = end(ctx).await?;
            Ok(leave(ctx, session.upstream.as_ref(), &then, (&frames, parameters)).await)
        }
        None => {
            // Only a dead session's cookie is taken away: a cross-site POST carries none, and must not sign
            // anybody out. Its record goes, too: the clock by which it is dead may be wrong.
            if let Some(reference) = ctx.session.take() {
                drop(sessions::end(&ctx.app.state, &reference).await?);
                ctx.sign_out();
            }
            Ok(leave(ctx, None, &then, (&[], parameters)).await)
        }
    }
}

/// A third-party page that loads `/logout` as an image, script or frame signs nobody out.
fn is_subresource(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_some_and(|dest| dest != "document")
}

async fn hint(ctx: &RequestContext, raw: Option<&str>) -> Result<Option<IdHint>, Failure> {
    let Some(raw) = raw else { return Ok(None) };
    let keys = ctx.app.keys.of(&ctx.config.pool).await?;
    let hint = verify::id_hint(raw, &ctx.config.pool, &keys);
    hint.map(Some).map_err(|_| {
        RequestError::Invalid { name: "id_token_hint", problem: "is no ID token of this issuer".to_owned() }
            .into()
    })
}

fn client<'p>(
    pool: &'p Pool,
    id: Option<&str>,
    hint: Option<&IdHint>,
) -> Result<Option<&'p Client>, Failure> {
    let hinted = hint.map(|hint| hint.client().as_str());
    if let (Some(id), Some(hinted)) = (id, hinted)
        && id != hinted
    {
        return Err(RequestError::Invalid {
            name: "client_id",
            problem: "is not the audience of id_token_hint".to_owned(),
        }
        .into());
    }
    let Some(id) = id.or(hinted) else { return Ok(None) };
    pool.client(id)
        .map(Some)
        .ok_or_else(|| RequestError::UnknownClient(id.chars().take(128).collect()).into())
}

fn destination(asked: &LogoutParameters<'_>, client: Option<&Client>) -> Result<Then, Failure> {
    let registered = |uri: &str| {
        let checked = client.and_then(|client| CheckedRedirect::check_sign_out(client, uri));
        checked.ok_or_else(|| Failure::UnknownLogoutUri(uri.chars().take(512).collect()))
    };
    if let Some(uri) = asked.get("logout_uri")? {
        return Ok(Then::Back(registered(uri)?.as_str().to_owned()));
    }
    if let Some(uri) = asked.get("post_logout_redirect_uri")? {
        let state = asked.get("state")?.map(|state| ("state", state));
        return Ok(Then::Back(registered(uri)?.with(state.as_slice())));
    }
    let again =
        client.is_some() && asked.get("redirect_uri")?.is_some() && asked.get("response_type")?.is_some();
    Ok(if again { Then::Authorize } else { Then::Page })
}

/// Whether the person need not be asked: the app's hint names them, they said yes, or the app used one of
/// Cognito's two forms.
fn unasked(
    ctx: &RequestContext,
    asked: &LogoutParameters<'_>,
    hint: Option<&IdHint>,
    session: &Session,
) -> Result<bool, Failure> {
    if let Some(hint) = hint {
        return Ok(*hint.sub() == session.sub);
    }
    if let Some(confirm) = asked.get("confirm")? {
        let confirmed =
            ctx.app.seal.open_token::<String>(CONFIRM_LABEL, confirm).as_deref() == Some(session.id.as_str());
        return if confirmed { Ok(true) } else { Err(Failure::ForeignForm) };
    }
    Ok(asked.get("logout_uri")?.is_some()
        || (asked.get("response_type")?.is_some() && asked.get("redirect_uri")?.is_some()))
}

async fn confirmation(
    ctx: &RequestContext,
    session: &Session,
    client: Option<&Client>,
    then: &Then,
    parameters: &Parameters,
) -> Response {
    let confirm = ctx.app.seal.token(CONFIRM_LABEL, &session.id.to_string());
    let kept = ["logout_uri", "post_logout_redirect_uri", "state"];
    let kept = parameters
        .iter()
        .filter(|(name, _)| kept.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let client = client.map(|client| ("client_id", client.id.as_str()));
    let fields: Vec<_> =
        client.into_iter().chain(kept).map(|(name, value)| context! { name, value }).collect();
    let page = ctx.show(Page::SignOut, &context! { confirm, fields });
    let back = if let Then::Back(uri) = then { uri.as_str() } else { "" };
    match leads_to(ctx, session.upstream.as_ref(), back).await {
        Upstream::None => security_headers::forms_may_lead_to(page, [back]),
        Upstream::At(url) => security_headers::forms_may_lead_to(page, [back, &url]),
        Upstream::Onwards(url) => security_headers::forms_may_lead_onwards(page, [back, &url]),
    }
}

/// Ends the session and tells the apps that took part in it, without waiting for their answers; gives what
/// the browser is to load for others.
async fn end(ctx: &mut RequestContext) -> Result<Vec<String>, Failure> {
    let mut frames = Vec::new();
    if let Some(reference) = ctx.session.take()
        && let Some(ended) = sessions::end(&ctx.app.state, &reference).await?
    {
        backchannel::announce(&ctx.app, &ctx.config.pool, SignedOut::of(&ended)).await;
        frames = frontchannel::addresses(&ctx.config.pool, &ended);
    }
    ctx.sign_out();
    Ok(frames)
}

/// The provider's own sign-out is visited on the way where the pool asks for it and the provider has one; it
/// is never waited for.
async fn leave(
    ctx: &RequestContext,
    upstream: Option<&UpstreamSession>,
    then: &Then,
    (frames, parameters): (&[String], &Parameters),
) -> Response {
    let onwards = |next: &str| {
        if frames.is_empty() && !next.is_empty() {
            see_other(next)
        } else {
            signed_out::page(ctx, frames, next)
        }
    };
    let back = match then {
        Then::Authorize => return onwards(&somebody_else(parameters)),
        Then::Back(uri) => uri.as_str(),
        Then::Page => "",
    };
    match at_upstream(ctx, upstream, back).await {
        Some((departure, label)) => provider_redirect::after_frames(ctx, &departure, &label, frames),
        None => onwards(back),
    }
}

/// The provider's own sign-out, from which the browser comes back to us and goes on to `back`; and the
/// provider's name for people.
async fn at_upstream(
    ctx: &RequestContext,
    upstream: Option<&UpstreamSession>,
    back: &str,
) -> Option<(Departure, String)> {
    let upstream = upstream?;
    let provider = ctx.config.provider(&upstream.provider).filter(|provider| provider.end_session)?;
    let departure = match &provider.protocol {
        Protocol::Saml(_) => saml_sign_out::leave(connection(ctx, provider), upstream, back).await?,
        Protocol::Oidc(_) | Protocol::Oauth2(_) => {
            Departure::Redirect(end_session(ctx, provider, upstream, back).await?)
        }
    };
    Some((departure, provider.label.clone()))
}

async fn end_session(
    ctx: &RequestContext,
    provider: &Provider,
    upstream: &UpstreamSession,
    back: &str,
) -> Option<Url> {
    let return_to = format!("{}/logout/return", ctx.config.pool.public_url);
    let state = ctx.app.seal.token(RETURN_LABEL, &back);
    end_session::end_session_url(&ctx.app.upstreams, provider, upstream, &return_to, &state).await
}

/// Where the confirmation of a sign-out leads besides the app.
enum Upstream {
    /// Nowhere.
    None,
    /// To this address.
    At(String),
    /// To this address, which may send people on to anybody else who has to sign them out.
    Onwards(String),
}

async fn leads_to(ctx: &RequestContext, upstream: Option<&UpstreamSession>, back: &str) -> Upstream {
    let Some(upstream) = upstream else { return Upstream::None };
    let Some(provider) = ctx.config.provider(&upstream.provider).filter(|provider| provider.end_session)
    else {
        return Upstream::None;
    };
    match &provider.protocol {
        Protocol::Saml(_) => {
            saml_sign_out::location(connection(ctx, provider)).await.map_or(Upstream::None, Upstream::Onwards)
        }
        Protocol::Oidc(_) | Protocol::Oauth2(_) => end_session(ctx, provider, upstream, back)
            .await
            .map_or(Upstream::None, |url| Upstream::At(url.into())),
    }
}

fn connection<'v>(ctx: &'v RequestContext, provider: &'v Provider) -> Connection<'v> {
    Connection { app: &ctx.app, pool: &ctx.config.pool, provider }
}

/// The sign-in of another person. The provider is told to ask, for it may still know the last one, and with a
/// single provider no page comes in between.
fn somebody_else(parameters: &Parameters) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(
        parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "id_token_hint" | "confirm")),
    );
    if parameters.iter().all(|(name, _)| name != "prompt") {
        query.append_pair("prompt", "select_account");
    }
    format!("/login?{}", query.finish())
}

/// `GET /logout/return`: back from the provider's sign-out, on to the app.
pub async fn returned(ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    let parameters = form::pairs(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let state = parameters.iter().find(|(name, _)| name == "state").map(|(_, value)| value.as_str());
    let back =
        state.and_then(|state| ctx.app.seal.open_token::<String>(RETURN_LABEL, state)).unwrap_or_default();
    if back.is_empty() { signed_out::page(&ctx, &[], "") } else { see_other(&back) }
}
