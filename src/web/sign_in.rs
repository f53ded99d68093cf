//! What the steps of a sign-in share: the decision asked for, and its outcome as an answer to the browser.

use axum::response::Response;
use futures_util::future::join;

use crate::flow::next::{self, Authorization, Facts, LiveSession, Step};
use crate::flow::request::RequestError;
use crate::flow::response;
use crate::flow::state::{AuthorizeRequest, Flow};
use crate::model::client::Client;
use crate::model::ids::{FamilyId, ProviderName, ReferenceId};
use crate::model::session::CodeGrant;
use crate::model::user::User;
use crate::store::grants::Grants;
use crate::store::sessions::SessionRef;
use crate::store::{StoreError, flows, pushed, sessions};
use crate::user_pool::federate::FederationError;
use crate::user_pool::issue_code::{issue_code, open_and_issue_code};
use crate::user_pool::provision::Proved;

use super::error::Failure;
use super::oauth2::par;
use super::page::Frame;
use super::provider_redirect;
use super::redirect::see_other;
use super::request_context::RequestContext;

/// Where a sign-in stands when the decision is asked for.
#[derive(Debug)]
pub struct SignInStep<'a> {
    /// The app's request.
    pub request: &'a AuthorizeRequest,
    /// Under what its story is kept.
    pub reference: &'a ReferenceId,
    /// The browser's session.
    pub session: Option<LiveSession>,
    /// Whether the session was made by this sign-in: then it is not stored yet.
    pub fresh: bool,
    /// Who signs in for the first time, and is written with the session.
    pub newcomer: Option<Newcomer<'a>>,
    /// Whether the person was shown the session and goes on with it.
    pub accepted: bool,
    /// The provider that the app asked for.
    pub asked: Option<ProviderName>,
}

/// A person whose user is not written yet.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// What a provider proved.
    pub proved: &'a Proved<'a>,
    /// The user to be.
    pub user: &'a User,
}

impl SignInStep<'_> {
    /// Until the user is written: before that nobody may hear of a session or a code.
    async fn arrived(&self) -> Result<(), Failure> {
        match self.newcomer {
            Some(Newcomer { proved, user }) => Ok(proved.make(user).await?),
            None => Ok(()),
        }
    }
}

/// Asks for the next step and takes it.
pub async fn proceed(ctx: &mut RequestContext, current: SignInStep<'_>) -> Result<Response, Failure> {
    let config = ctx.config.clone();
    let client = config.pool.client(current.request.client.as_str()).ok_or_else(|| gone(current.request))?;
    let offered = config.providers.offered(client);
    let step = next::decide(Facts {
        request: current.request,
        session: current.session.as_ref(),
        fresh: current.fresh,
        accepted: current.accepted,
        asked: current.asked.as_ref(),
        offered: &offered,
        now: ctx.now(),
    });
    if let (Some(session), true, false) = (&current.session, current.fresh, matches!(step, Step::Issue(_))) {
        // The person is signed in, and this app gets no code.
        current.arrived().await?;
        let cookie = sessions::create(&ctx.app.state, &ctx.app.seal, &config.pool, session.session()).await?;
        ctx.sign_in(&cookie);
    }
    match step {
        Step::Issue(authorization) => {
            let grant = grant(ctx, client, current.request, &authorization);
            let code = issue(ctx, &current, grant).await?;
            let request = current.request;
            Ok(see_other(&response::success(
                &request.redirect_uri,
                &config.pool.issuer,
                request.state.as_deref(),
                &code,
            )))
        }
        Step::LoginRequired => Err(Failure::LoginRequired),
        Step::GoTo(provider) => {
            let flow = start(ctx, &current);
            go_to(ctx, &flow, &provider).await
        }
        Step::SignIn => {
            let flow = start(ctx, &current);
            let handle =
                flows::begin(&ctx.app.state, &ctx.app.outside.random, &flow).await.map_err(not_kept)?;
            Ok(see_other(&format!("/login?flow={handle}")))
        }
    }
}

/// Whether the person could go on with `session` where the app wants them to choose an account.
pub fn would_do(ctx: &RequestContext, request: &AuthorizeRequest, session: &LiveSession) -> bool {
    let Some(client) = ctx.config.pool.client(request.client.as_str()) else { return false };
    let (session, now, offered) = (Some(session), ctx.now(), ctx.offered(client));
    next::may_be_accepted(Facts {
        request,
        session,
        fresh: false,
        accepted: false,
        asked: None,
        offered: &offered,
        now,
    })
}

/// Sends the browser to `provider`: the flow is stored anew under the handle that becomes `state` or
/// `RelayState`.
pub async fn go_to(
    ctx: &mut RequestContext,
    flow: &Flow,
    provider: &ProviderName,
) -> Result<Response, Failure> {
    let config = ctx.config.clone();
    let provider = config.provider(provider).ok_or(FederationError::Disabled)?;
    let handle = ctx.app.outside.random.token();
    let (departure, pending) =
        provider_redirect::begin(ctx, provider, flow.request.wishes(), &handle).await?;
    flows::put(&ctx.app.state, &handle, &flow.send_to(pending)).await.map_err(not_kept)?;
    Ok(provider_redirect::answer(ctx, &departure, &provider.label))
}

/// The answer when a good request could not be fulfilled: told to the app at once when the person cancelled
/// or no page may be shown, else shown to the person with a link that tells the app.
pub async fn failed(
    ctx: &RequestContext,
    request: &AuthorizeRequest,
    reference: &ReferenceId,
    failure: &Failure,
) -> Response {
    let description = failure.description(reference);
    let pool = &ctx.config.pool;
    let back = response::error(
        &request.redirect_uri,
        &pool.issuer,
        request.state.as_deref(),
        failure.oauth_error(),
        &description,
    );
    if request.prompt.none || failure.is_answer() {
        ctx.note(reference, failure).await;
        return see_other(&back);
    }
    let client_name = pool.client(request.client.as_str()).and_then(|client| client.name.as_deref());
    ctx.note(reference, failure).await;
    let frame = Frame::of(&ctx.config, request.language.unwrap_or(ctx.language));
    failure.page(&ctx.pages, &frame, reference, Some((&back, client_name)))
}

fn start(ctx: &mut RequestContext, current: &SignInStep<'_>) -> Flow {
    let binding = ctx.bind();
    Flow::start(&ctx.config.pool, current.request.clone(), current.reference.clone(), binding, ctx.now())
}

/// What the app's code will stand for.
fn grant(
    ctx: &RequestContext,
    client: &Client,
    request: &AuthorizeRequest,
    authorization: &Authorization,
) -> CodeGrant {
    CodeGrant {
        client: client.id.clone(),
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        scopes: request.scopes.clone(),
        nonce: request.nonce.clone(),
        code_challenge: request.code_challenge.clone(),
        dpop_jkt: request.dpop_jkt.clone(),
        resource: request.resource.clone(),
        sub: authorization.sub().clone(),
        sign_in: authorization.sign_in().clone(),
        session: authorization.session().clone(),
        epoch: authorization.epoch().clone(),
        family: FamilyId::from_random(ctx.app.outside.random.bytes()),
        expires: ctx.now().plus(client.proof.code_lifetime(ctx.config.pool.code_lifetime)),
    }
}

/// The code, with which a new session is opened; one that was there before is marked as used.
async fn issue(
    ctx: &mut RequestContext,
    current: &SignInStep<'_>,
    grant: CodeGrant,
) -> Result<String, Failure> {
    let (app, config) = (ctx.app.clone(), ctx.config.clone());
    if let Some(handle) = &current.request.pushed {
        // Remembered longer than any sign-in that it began.
        let until = ctx.now().plus(config.pool.flow_lifetime).plus(par::LIFETIME);
        if !pushed::spend(&app.state, handle, until).await? {
            return Err(Failure::Request(RequestError::UnknownRequestUri));
        }
    }
    match &current.session {
        Some(session) if current.fresh => {
            let grants = Grants {
                records: &app.state,
                seal: &app.seal,
                random: &app.outside.random,
                pool: &config.pool,
            };
            let (opened, arrived) =
                join(open_and_issue_code(grants, session.session().clone(), &grant), current.arrived()).await;
            let (code, cookie) = match (opened, arrived) {
                (opened, Ok(())) => opened?,
                (Ok((_, cookie)), Err(failure)) => {
                    discard(ctx, &cookie).await;
                    return Err(failure);
                }
                (Err(_), Err(failure)) => return Err(failure),
            };
            ctx.sign_in(&cookie);
            return Ok(code);
        }
        Some(session) => {
            sessions::touch(&app.state, &config.pool, session, &grant.client, ctx.now()).await?;
        }
        None => {}
    }
    Ok(issue_code(&app.state, &app.seal, &app.outside.random, &config.pool, grant).await?)
}

/// Ends a session that nobody has heard of and that has no user.
async fn discard(ctx: &RequestContext, cookie: &str) {
    if let Some(reference) = SessionRef::open(&ctx.app.seal, &ctx.config.pool.id, cookie) {
        drop(sessions::end(&ctx.app.state, &reference).await);
    }
}

/// A flow that is too large holds too much of what the app sent.
fn not_kept(error: StoreError) -> Failure {
    match error {
        StoreError::TooLarge { .. } => {
            let problem =
                "is too long to be kept together with nonce, login_hint and redirect_uri".to_owned();
            RequestError::Invalid { name: "state", problem }.into()
        }
        other => other.into(),
    }
}

/// The app was there when the flow began and is not any more.
pub fn gone(request: &AuthorizeRequest) -> Failure {
    Failure::Request(RequestError::UnknownClient(request.client.to_string()))
}
