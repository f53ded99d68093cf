//! Context of one request of a person's browser: the pool that its host names, and what its cookies say.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minijinja::Value;

use crate::app::App;
use crate::config::{Offered, PoolConfig, party};
use crate::flow::binding::BrowserBinding;
use crate::flow::next::LiveSession;
use crate::flow::request::Parameters;
use crate::model::client::Client;
use crate::model::fault::Refusal as _;
use crate::model::ids::{PoolId, ProviderName, ReferenceId};
use crate::model::language::Language;
use crate::model::trace::{Recorder, TraceOutcome};
use crate::store::StoreError;
use crate::store::limits::Limit;
use crate::store::sessions::{self, SessionRef};
use crate::user_pool::federate::Means;

use super::client_address::client_address;
use super::cookie::Cookie;
use super::error::Failure;
use super::page::{Frame, Page, Pages};

const LAST_USED_LABEL: &str = "last used provider";

/// A browser at a pool's host.
#[derive(Debug)]
pub struct RequestContext {
    /// The broker.
    pub app: Arc<App>,
    /// The pool whose host was asked.
    pub config: Arc<PoolConfig>,
    /// The browser's secrets whose cookies came.
    pub browser: Vec<String>,
    /// The session reference, if its cookie came and was sealed here.
    pub session: Option<SessionRef>,
    /// The provider that was used last in this browser.
    pub last_used: Option<ProviderName>,
    /// The templates.
    pub pages: Arc<Pages>,
    /// Scheme and host as the browser knows them: one of the pool's hosts. Its cookies come back there only.
    pub origin: String,
    /// The language of the pages: the app's wish, the browser's, or the pool's.
    pub language: Language,
    /// What happens in this request, in case that it is refused.
    pub recorder: Recorder,
    https: bool,
    set: Vec<HeaderValue>,
}

impl RequestContext {
    /// The present instant.
    pub fn now(&self) -> crate::model::time::Timestamp {
        self.app.outside.clock.now()
    }

    /// The browser's session, if it is alive.
    pub async fn live_session(&self) -> Result<Option<LiveSession>, StoreError> {
        match &self.session {
            Some(reference) => {
                sessions::load(&self.app.state, &self.config.pool, reference, self.now()).await
            }
            None => Ok(None),
        }
    }

    /// The binding to this browser; a browser without a secret is given one.
    pub fn bind(&mut self) -> BrowserBinding {
        if let Some(secret) = self.browser.first() {
            return BrowserBinding::to(secret);
        }
        let secret = self.app.outside.random.token();
        self.set.extend(Cookie::Browser.set(&secret, self.https));
        let binding = BrowserBinding::to(&secret);
        self.browser.push(secret);
        binding
    }

    /// Gives the browser a session cookie with `value`.
    pub fn sign_in(&mut self, value: &str) {
        self.set.extend(Cookie::Session.set(value, self.https));
    }

    /// The next sign-in page shows that `provider` was used last.
    pub fn remember(&mut self, provider: &ProviderName) {
        let value = self.app.seal.token(LAST_USED_LABEL, &(&self.config.pool.id, provider));
        self.set.extend(Cookie::LastUsed.set(&value, self.https));
    }

    /// Takes the session cookie away.
    pub fn sign_out(&mut self) {
        self.set.extend(Cookie::Session.clear(self.https));
        self.session = None;
    }

    /// Enabled providers that `client` may use, in the order of its sign-in page.
    pub fn offered<'a>(&'a self, client: &'a Client) -> Offered<'a> {
        self.config.providers.offered(client)
    }

    /// What is around the pages of this request.
    pub fn frame(&self) -> Frame<'_> {
        Frame::of(&self.config, self.language)
    }

    /// Shows a page.
    pub fn show(&self, page: Page, context: &Value) -> Response {
        self.pages.answer(page, StatusCode::OK, &self.frame(), context)
    }

    /// Pages are shown in the language that `ui_locales` asks for, if it can be had.
    pub fn speaks_as_asked(&mut self, parameters: &Parameters) {
        let asked = parameters.iter().find(|(name, _)| name == "ui_locales");
        self.language =
            asked.and_then(|(_, locales)| Language::of_ui_locales(locales)).unwrap_or(self.language);
    }

    /// What a sign-in at a provider is done with.
    pub fn means(&self) -> Means<'_> {
        Means { outside: &self.app.outside, upstreams: &self.app.upstreams, recorder: &self.recorder }
    }

    /// Logs `failure` and keeps its story; gives how the story ends.
    pub async fn note(&self, reference: &ReferenceId, failure: &Failure) -> TraceOutcome {
        failure.log(self.config.pool.id.as_str(), reference);
        self.app.outside.metrics.refused(self.config.pool.id.as_str(), failure.code());
        let recorder = &self.recorder;
        let trace = recorder.tell(&self.config.pool.id, reference, self.now(), TraceOutcome::of(failure));
        // Not the usual answer to a silent check, which apps make every few minutes.
        if !matches!(failure, Failure::LoginRequired) {
            self.app.traces.keep(&trace).await;
        }
        trace.outcome
    }

    /// Logs `failure`, keeps its story, and shows it; `back` is the address that completes the app's request
    /// with an error, and the app's name.
    pub async fn refuse(
        &self,
        reference: &ReferenceId,
        failure: &Failure,
        back: Option<(&str, Option<&str>)>,
    ) -> Response {
        self.note(reference, failure).await;
        failure.page(&self.pages, &self.frame(), reference, back)
    }

    /// A visitor, or a pool, that asks for too much is told when to come back.
    async fn within_limits(&self, address: Option<IpAddr>) -> Result<(), Response> {
        let (limits, limited, pool) = (&self.app.limits, &self.app.limited, self.config.pool.id.as_str());
        let admitted = async {
            if let Some(address) = address {
                limits.admit(Limit::Address, &party(address), limited.address).await?;
            }
            limits.admit(Limit::Pool, pool, limited.pool).await
        };
        admitted.await.map_err(|exceeded| {
            // No story is kept: a flood must not fill the store.
            let (reference, failure) = (self.app.reference(), Failure::TooMany(exceeded));
            failure.log(pool, &reference);
            failure.page(&self.pages, &self.frame(), &reference, None)
        })
    }

    /// The answer with the cookies of this request.
    pub fn with_cookies(&mut self, mut answer: Response) -> Response {
        for cookie in self.set.drain(..) {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }
}

impl FromRequestParts<Arc<App>> for RequestContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let config = pool_of(app, parts).ok_or_else(misdirected)?;
        let https = config.pool.public_url.starts_with("https://");
        let scheme = if https { "https" } else { "http" };
        let origin = format!("{scheme}://{}", host_of(parts).unwrap_or_default().to_ascii_lowercase());
        let address = client_address(parts, &app.server.listener);
        let session = Cookie::Session
            .value(&parts.headers, https)
            .and_then(|cookie| SessionRef::open(&app.seal, &config.pool.id, &cookie));
        let pages = parts
            .extensions
            .get::<Arc<Pages>>()
            .cloned()
            .ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let ctx = Self {
            app: app.clone(),
            last_used: last_used(app, &config.pool.id, Cookie::LastUsed.value(&parts.headers, https)),
            pages,
            browser: Cookie::browser(&parts.headers, https),
            session,
            recorder: Recorder::default(),
            language: language(&parts.headers).unwrap_or(config.branding.language),
            https,
            set: Vec::new(),
            origin,
            config,
        };
        ctx.within_limits(address).await?;
        Ok(ctx)
    }
}

fn last_used(app: &App, pool: &PoolId, cookie: Option<String>) -> Option<ProviderName> {
    let (of, provider) = app.seal.open_token::<(PoolId, ProviderName)>(LAST_USED_LABEL, &cookie?)?;
    (of == *pool).then_some(provider)
}

fn language(headers: &HeaderMap) -> Option<Language> {
    headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(Language::of_accept_language)
}

/// The pool that the request's host names; forwarding headers are not read (D-51, D-52).
pub fn pool_of(app: &App, parts: &Parts) -> Option<Arc<PoolConfig>> {
    host_of(parts).and_then(|host| app.pool_at(host)).cloned()
}

fn host_of(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => only_host(&parts.headers),
    }
}

fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// 421: no pool answers at this host.
pub fn misdirected() -> Response {
    (StatusCode::MISDIRECTED_REQUEST, "No pool answers at this host.\n").into_response()
}
