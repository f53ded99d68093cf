//! `GET` and `POST /oauth2/authorize`: an app's request becomes a flow, a code or an error.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

use super::par;
use crate::config::PoolConfig;
use crate::flow::next::Catalogue as _;
use crate::flow::redirect_uri::CheckedRedirect;
use crate::flow::request::{self, Parameters, ProviderHint, Refused, RequestError};
use crate::flow::response;
use crate::flow::state::AuthorizeRequest;
use crate::model::client::Client;
use crate::model::ids::{ProviderName, ReferenceId};
use crate::store::pushed::{self, Pushed};
use crate::token::verify;
use crate::web::error::Failure;
use crate::web::form;
use crate::web::redirect::see_other;
use crate::web::request_context::RequestContext;
use crate::web::sign_in::{self, SignInStep, proceed};
use crate::web::trace_recording;

/// Parameters in the query.
pub async fn get(ctx: RequestContext, RawQuery(query): RawQuery) -> Response {
    answer(ctx, form::pairs(query.unwrap_or_default().as_bytes()).ok()).await
}

/// Parameters in a form ([OpenID Connect Core section
/// 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).
pub async fn post(ctx: RequestContext, headers: HeaderMap, body: Bytes) -> Response {
    answer(ctx, form::body_pairs(&headers, &body).ok()).await
}

/// Checks the request and takes the first step. `None` parameters could not be decoded.
pub async fn answer(mut ctx: RequestContext, parameters: Option<Parameters>) -> Response {
    let reference = ctx.app.reference();
    let parameters = parameters.map(Arc::new);
    trace_recording::asked(&ctx, parameters.clone().unwrap_or_default());
    if let Some(parameters) = &parameters {
        ctx.speaks_as_asked(parameters);
    }
    let answer = match begin(&mut ctx, &reference, parameters).await {
        Ok(answer) => answer,
        Err(Stop::Page(failure)) => ctx.refuse(&reference, &failure, None).await,
        Err(Stop::Redirect(location, failure)) => {
            ctx.note(&reference, &failure).await;
            see_other(&location)
        }
        Err(Stop::Failed(request, failure)) => sign_in::failed(&ctx, &request, &reference, &failure).await,
    };
    ctx.with_cookies(answer)
}

enum Stop {
    /// The app is not established.
    Page(Failure),
    /// The app's request is refused.
    Redirect(String, Failure),
    /// The request was good and something else failed.
    Failed(Box<AuthorizeRequest>, Failure),
}

async fn begin(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    parameters: Option<Arc<Parameters>>,
) -> Result<Response, Stop> {
    let parameters =
        parameters.ok_or(Stop::Page(Failure::Malformed("the parameters are no form-encoded UTF-8")))?;
    let (parameters, pushed) = pushed_before(ctx, parameters).await?;
    let config = ctx.config.clone();
    let keys = ctx.app.keys.of(&config.pool).await.map_err(|error| Stop::Page(error.into()))?;
    let hinted = |client: &Client, raw: &str| {
        let hint = verify::id_hint(raw, &config.pool, &keys).ok()?;
        (hint.client() == &client.id).then(|| hint.sub().to_string())
    };
    let redirect = |to: &CheckedRedirect, state: Option<String>, error: RequestError| {
        let failure = Failure::Request(error);
        let description = failure.description(reference);
        Stop::Redirect(
            response::error(to, &config.pool.issuer, state.as_deref(), failure.oauth_error(), &description),
            failure,
        )
    };
    let (mut request, hint) =
        request::check(&config.pool, &parameters, hinted).map_err(|refused| match refused {
            Refused::Page(error) => Stop::Page(error.into()),
            Refused::Redirect { to, state, error } => redirect(&to, state, error),
        })?;
    let must_push =
        config.pool.client(request.client.as_str()).is_some_and(|client| client.proof.require_par);
    if must_push && pushed.is_none() {
        return Err(redirect(&request.redirect_uri, request.state.clone(), RequestError::PushRequired));
    }
    request.pushed = pushed;
    let asked = asked_provider(&config, &request, hint)
        .map_err(|error| redirect(&request.redirect_uri, request.state.clone(), error))?;
    let session =
        ctx.live_session().await.map_err(|error| Stop::Failed(Box::new(request.clone()), error.into()))?;
    let step = SignInStep {
        request: &request,
        reference,
        session,
        fresh: false,
        newcomer: None,
        accepted: false,
        asked,
    };
    proceed(ctx, step).await.map_err(|failure| Stop::Failed(Box::new(request.clone()), failure))
}

/// The parameters that the app pushed under the `request_uri` that came, with its handle; else those that
/// came. What came beside a `request_uri` counts for nothing but the `client_id`, which has to be the same
/// ([RFC 9126 section 4](https://www.rfc-editor.org/rfc/rfc9126#section-4)).
async fn pushed_before(
    ctx: &mut RequestContext,
    parameters: Arc<Parameters>,
) -> Result<(Arc<Parameters>, Option<String>), Stop> {
    let Some(handle) = par::handle(&parameters) else { return Ok((parameters, None)) };
    let refused = |error: RequestError| Stop::Page(error.into());
    let handle = handle.map_err(refused)?.to_owned();
    let found =
        pushed::load(&ctx.app.state, &handle, ctx.now()).await.map_err(|error| Stop::Page(error.into()))?;
    let mut clients = parameters.iter().filter(|(name, _)| name == "client_id").map(|(_, id)| id.as_str());
    let (client, only) = (clients.next(), clients.next().is_none());
    let mine =
        |pushed: &Pushed| only && client == Some(pushed.client.as_str()) && pushed.pool == ctx.config.pool.id;
    let pushed = found.filter(mine).ok_or_else(|| refused(RequestError::UnknownRequestUri))?;
    let parameters = Arc::new(pushed.parameters);
    trace_recording::asked(ctx, parameters.clone());
    ctx.speaks_as_asked(&parameters);
    Ok((parameters, Some(handle)))
}

/// The provider that the app asked for, among those that its people may use.
fn asked_provider(
    config: &PoolConfig,
    request: &AuthorizeRequest,
    hint: ProviderHint,
) -> Result<Option<ProviderName>, RequestError> {
    let (parameter, asked) = match hint {
        ProviderHint::None => return Ok(None),
        ProviderHint::Name(name) => ("identity_provider", name),
        ProviderHint::Identifier(identifier) => ("idp_identifier", identifier),
    };
    let offered = config.pool.client(request.client.as_str()).map(|client| config.providers.offered(client));
    let found = offered.and_then(|offered| match parameter {
        "identity_provider" => ProviderName::parse(&asked).ok().filter(|name| offered.has(name)),
        _ => offered.identified(&asked).map(|provider| provider.name.clone()),
    });
    found
        .map(Some)
        .ok_or(RequestError::UnknownProvider { parameter, asked: asked.chars().take(64).collect() })
}
