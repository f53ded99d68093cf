//! The sample app: an ordinary relying party that knows the broker alone.

mod client;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use minijinja::context;
use url::Url;

use super::fields::Fields;
use super::pages::{self, Pages};
use crate::model::encoding::{base64url, sha256};
use crate::model::secret::SecretString;
use crate::outside::Outside;
use crate::outside::http::Http;
use client::Tokens;

const COOKIE: &str = "demo_app_session";
/// Browsers that are remembered at most.
const MOST: usize = 1000;

/// What the app is made of.
pub(super) struct Setup {
    /// `http://127.0.0.1:<port>`.
    pub(super) base: String,
    /// The broker as browsers see it.
    pub(super) broker: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) outside: Outside,
    pub(super) http: Http,
    pub(super) pages: Pages,
}

struct SampleApp {
    setup: Setup,
    sessions: Mutex<HashMap<String, Session>>,
}

/// What the app knows of one browser.
#[derive(Clone, Default)]
struct Session {
    asked: Option<PendingLogin>,
    tokens: Option<Tokens>,
    notice: Option<String>,
}

/// What is remembered of an authorization request until its answer.
#[derive(Clone)]
struct PendingLogin {
    state: String,
    nonce: String,
    verifier: String,
}

/// The app's routes.
pub(super) fn router(setup: Setup) -> Router {
    let app = Arc::new(SampleApp { setup, sessions: Mutex::default() });
    Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/callback", get(callback))
        .route("/refresh", post(refresh))
        .route("/sign-out", post(sign_out))
        .route("/style.css", get(pages::style))
        .with_state(app)
}

impl SampleApp {
    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, headers: &HeaderMap) -> Option<(String, Session)> {
        let id = session_id(headers)?;
        let session = self.sessions().get(&id).cloned()?;
        Some((id, session))
    }

    fn save(&self, id: String, session: Session) {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST {
            sessions.clear();
        }
        sessions.insert(id, session);
    }

    /// The start page with what went wrong.
    fn welcome(&self, error: Option<&str>, description: Option<&str>) -> Response {
        let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        self.setup.pages.show(
            "welcome.html",
            status,
            context! { broker => self.setup.broker.as_str(), error, description },
        )
    }
}

async fn home(State(app): State<Arc<SampleApp>>, headers: HeaderMap) -> Response {
    let Some((id, mut session)) = app.session(&headers) else { return app.welcome(None, None) };
    let Some(tokens) = session.tokens.clone() else { return app.welcome(None, None) };
    let notice = session.notice.take();
    app.save(id, session);
    let user_info = client::user_info(&app.setup, &tokens.access_token).await;
    let (name, parts) = view::parts(&tokens, user_info);
    app.setup.pages.show("tokens.html", StatusCode::OK, context! { name, parts, notice })
}

async fn sign_in(State(app): State<Arc<SampleApp>>) -> Response {
    let random = &app.setup.outside.random;
    let asked = PendingLogin { state: random.token(), nonce: random.token(), verifier: random.token() };
    let query = [
        ("response_type", "code"),
        ("client_id", &app.setup.client_id),
        ("redirect_uri", &format!("{}/callback", app.setup.base)),
        ("scope", "openid email profile"),
        ("state", &asked.state),
        ("nonce", &asked.nonce),
        ("code_challenge", &base64url(sha256(&asked.verifier))),
        ("code_challenge_method", "S256"),
    ];
    let Ok(url) = Url::parse_with_params(&format!("{}/oauth2/authorize", app.setup.broker), query) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // A new id for each sign-in: one planted by somebody else is worth nothing.
    let id = random.token();
    let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax");
    app.save(id, Session { asked: Some(asked), ..Session::default() });
    with_cookie(Redirect::to(url.as_str()).into_response(), &cookie)
}

async fn callback(
    State(app): State<Arc<SampleApp>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(&query.unwrap_or_default());
    let Some((id, session)) = app.session(&headers) else {
        return app.welcome(Some("no_session"), Some("This browser did not ask for a sign-in."));
    };
    let asked = session.asked.filter(|asked| fields.get("state") == Some(&asked.state));
    let Some(asked) = asked.filter(|_| fields.get("iss") == Some(&app.setup.issuer)) else {
        return app.welcome(Some("wrong_state"), Some("The answer does not belong to this sign-in."));
    };
    app.save(id.clone(), Session::default());
    let Some(code) = fields.get("code") else {
        return app.welcome(Some(fields.get("error").unwrap_or("no_code")), fields.get("error_description"));
    };
    match client::redeem(&app.setup, code, &asked).await {
        Ok(tokens) => {
            app.save(id, Session { tokens: Some(tokens), ..Session::default() });
            Redirect::to("/").into_response()
        }
        Err(reason) => app.welcome(Some("no_tokens"), Some(&reason)),
    }
}

async fn refresh(State(app): State<Arc<SampleApp>>, headers: HeaderMap) -> Response {
    let Some((id, session)) = app.session(&headers) else { return Redirect::to("/").into_response() };
    let Some(tokens) = session.tokens else { return Redirect::to("/").into_response() };
    let (tokens, notice) = match client::refresh(&app.setup, &tokens).await {
        Ok(fresh) => (fresh, "The tokens were refreshed: compare iat and exp.".to_owned()),
        Err(reason) => (tokens, format!("The tokens were not refreshed: {reason}")),
    };
    app.save(id, Session { tokens: Some(tokens), notice: Some(notice), asked: None });
    Redirect::to("/").into_response()
}

async fn sign_out(State(app): State<Arc<SampleApp>>, headers: HeaderMap) -> Response {
    if let Some(id) = session_id(&headers) {
        app.sessions().remove(&id);
    }
    let query = [("client_id", app.setup.client_id.clone()), ("logout_uri", format!("{}/", app.setup.base))];
    match Url::parse_with_params(&format!("{}/logout", app.setup.broker), query) {
        Ok(url) => {
            with_cookie(Redirect::to(url.as_str()).into_response(), &format!("{COOKIE}=; Path=/; Max-Age=0"))
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn session_id(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('=')).map(str::to_owned)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
