//! The end of a sign-in at a provider: user, session, and the app's code.

use axum::response::Response;
use futures_util::future::join;

use super::error::Failure;
use super::request_context::RequestContext;
use super::sign_in::{Newcomer, SignInStep, proceed};
use super::trace_recording;
use crate::flow::next::LiveSession;
use crate::flow::state::{AuthorizeRequest, Flow};
use crate::model::identity::{ExternalIdentity, SamlSession};
use crate::model::ids::{ReferenceId, SessionId};
use crate::model::session::{Epoch, Session, SignIn};
use crate::model::time::Timestamp;
use crate::model::user::User;
use crate::protocol::jose::numeric_date;
use crate::provider::settings::Provider;
use crate::store::users::Users;
use crate::store::{sessions, upstream_sessions};
use crate::user_pool::backchannel::{self, SignedOut};
use crate::user_pool::federate::FederationError;
use crate::user_pool::provision::{FoundUser, Proved};

/// Signs the person whom `provider` proved in and gives the app of `flow` its code.
pub async fn admit(
    ctx: &mut RequestContext,
    flow: &Flow,
    provider: &Provider,
    identity: &ExternalIdentity,
) -> Result<Response, Failure> {
    admit_to(ctx, (&flow.request, &flow.reference), provider, identity).await
}

/// [`admit`] for a request that is in no flow.
pub async fn admit_to(
    ctx: &mut RequestContext,
    (request, reference): (&AuthorizeRequest, &ReferenceId),
    provider: &Provider,
    identity: &ExternalIdentity,
) -> Result<Response, Failure> {
    let (app, config) = (ctx.app.clone(), ctx.config.clone());
    let proved = Proved::of((&app.directory, &app.outside), &config.pool, provider, identity)
        .inspect_err(|_| trace_recording::mapped(ctx, provider, identity))?;
    let likely = Users::new(&app.directory, &config.pool.id).likely(&identity.key);
    // The epoch is asked for with the user, so that the one does not wait for the other.
    let (found, epoch) = join(proved.find(), sessions::epoch(&app.state, &config.pool.id, &likely)).await;
    let found = found.inspect_err(|_| trace_recording::mapped(ctx, provider, identity))?;
    let (FoundUser::Known(user) | FoundUser::New(user)) = &found;
    let epoch = if user.sub == likely {
        epoch?
    } else {
        sessions::epoch(&app.state, &config.pool.id, &user.sub).await?
    };
    let session = new_session(ctx, (provider, identity), user, epoch).await?;
    ctx.remember(&provider.name);
    let noted = provider.may_sign_out().then(|| session.session().clone());
    let newcomer = matches!(found, FoundUser::New(_)).then_some(Newcomer { proved: &proved, user });
    let step = SignInStep {
        request,
        reference,
        session: Some(session),
        fresh: true,
        newcomer,
        accepted: false,
        asked: None,
    };
    let answer = proceed(ctx, step).await?;
    match noted {
        Some(session) => still_signed_in(ctx, &session, identity).await.map(|()| answer),
        None => Ok(answer),
    }
}

/// A person whom the provider signed out meanwhile is not signed in: nobody receives the code (B-46).
async fn still_signed_in(
    ctx: &mut RequestContext,
    session: &Session,
    identity: &ExternalIdentity,
) -> Result<(), Failure> {
    let (app, config) = (ctx.app.clone(), ctx.config.clone());
    let issued = identity.claims.get("iat").and_then(numeric_date).map_or(ctx.now(), Timestamp::from_secs);
    let names = (session, identity.key.issuer.as_str());
    let Some(ended) = upstream_sessions::end_if_over(&app.state, &config.pool.id, names, issued).await?
    else {
        return Ok(());
    };
    backchannel::announce(&app, &config.pool, SignedOut::of(&ended)).await;
    ctx.sign_out();
    Err(FederationError::SignedOutThere.into())
}

/// A new session under a new id, which is stored with the code; the browser's old one ends (D-11, D-13). For
/// the apps of the same person it goes on under its `sid`; the apps of another person hear that theirs is
/// over.
async fn new_session(
    ctx: &mut RequestContext,
    (provider, identity): (&Provider, &ExternalIdentity),
    user: &User,
    epoch: Epoch,
) -> Result<LiveSession, Failure> {
    let app = ctx.app.clone();
    let pool = &ctx.config.clone().pool;
    let now = ctx.now();
    let old = match ctx.session.take() {
        Some(old) => sessions::end(&app.state, &old).await?,
        None => None,
    };
    let id = SessionId::from_random(app.outside.random.bytes());
    let (sid, clients) = match old {
        Some(old) if old.sub == user.sub => (old.sid, old.clients),
        Some(old) => {
            backchannel::announce(&app, pool, SignedOut::of(&old)).await;
            (id.clone(), Vec::new())
        }
        None => (id.clone(), Vec::new()),
    };
    let session = Session {
        id,
        sid,
        sub: user.sub.clone(),
        sign_in: SignIn {
            at: identity.authenticated_at,
            provider: Some(identity.key.provider.clone()),
            amr: vec!["fed".to_owned()],
        },
        last_used: now,
        expires: end(identity, now.plus(pool.session.absolute)),
        epoch,
        clients,
        upstream: identity.upstream.clone(),
    };
    if provider.may_sign_out() {
        upstream_sessions::note(&app.state, &pool.id, &session, &identity.key.issuer).await?;
    }
    let epoch = session.epoch.clone();
    LiveSession::check(session, pool.session, &epoch, now).ok_or(Failure::LoginRequired)
}

/// No session outlives the sign-in that it came of (C-49).
fn end(identity: &ExternalIdentity, latest: Timestamp) -> Timestamp {
    let saml: Option<&SamlSession> = identity.upstream.as_ref().and_then(|upstream| upstream.saml.as_ref());
    saml.and_then(|saml| saml.ends).map_or(latest, |ends| ends.min(latest))
}
