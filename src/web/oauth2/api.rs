//! What the endpoints that apps call directly share: the request, the JSON answer and the JSON error.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::app::App;
use crate::config::PoolConfig;
use crate::flow::request::RequestError;
use crate::model::fault::Refusal;
use crate::model::ids::ReferenceId;
use crate::model::pool::Pool;
use crate::model::trace::TraceOutcome;
use crate::protocol::jose::Algorithm;
use crate::protocol::oauth2::dpop;
use crate::store::StoreError;
use crate::store::grants::Grants;
use crate::store::keysets::KeyringError;
use crate::store::limits::{Exceeded, Limit};
use crate::token::pool_keys::PoolKeys;
use crate::user_pool::access_token_check::AccessRefusal;
use crate::user_pool::client_assertion::AssertionRefusal;
use crate::user_pool::client_certificate::CertificateRefusal;
use crate::user_pool::dpop::{DpopRefusal, nonce};
use crate::user_pool::issuer::Issuer;
use crate::user_pool::oidc_sign_out::LogoutRefusal;
use crate::user_pool::revoke::RevokeRefusal;
use crate::user_pool::token_refusal::TokenRefusal;
use crate::user_pool::user_info::UserInfoRefusal;
use crate::web::app_call::Call;
use crate::web::client_auth::{ClientAuthError, named};
use crate::web::client_certificate;
use crate::web::cors;
use crate::web::form::FormError;
use crate::web::request_context::{misdirected, pool_of};
use crate::web::trace_recording;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
/// What an app reads when the cause is ours.
const UNAVAILABLE: &str = "the service is temporarily unavailable; try again";
const BROKEN: &str = "the service failed to answer";

/// The pool whose host was asked; any other host is answered with 421.
pub struct AtPool(pub Arc<PoolConfig>);

impl FromRequestParts<Arc<App>> for AtPool {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        pool_of(app, parts).map(Self).ok_or_else(misdirected)
    }
}

/// An app at a pool's endpoint: its request, and what the answer is made with.
pub struct Caller {
    /// The request.
    pub call: Call,
    app: Arc<App>,
    config: Arc<PoolConfig>,
    keys: Arc<PoolKeys>,
}

impl Caller {
    /// Keeps the story of a refused request, called `what`; gives the answer that names its reference.
    pub async fn tell(&self, what: &'static str, error: ApiError) -> ApiError {
        let Some(outcome) = error.outcome() else { return error };
        let (app, reference) = (&self.app, self.app.reference());
        let recorder = trace_recording::of_app_request(what, &self.call, app.outside.clock.now());
        let trace = recorder.tell(&self.config.pool.id, &reference, app.outside.clock.now(), outcome.clone());
        if app.traces.keep(&trace).await { error.with_reference(&reference) } else { error }
    }

    /// The pool's means of issuing and checking tokens, now.
    pub fn issuer(&self) -> Issuer<'_> {
        let random = &self.app.outside.random;
        let grants =
            Grants { records: &self.app.state, seal: &self.app.seal, random, pool: &self.config.pool };
        Issuer {
            grants,
            directory: &self.app.directory,
            providers: &self.config.providers,
            keys: &self.keys,
            client_keys: &self.app.client_keys,
            authorities: &self.app.client_authorities,
            sender: None,
            now: self.app.outside.clock.now(),
        }
    }
}

impl FromRequest<Arc<App>> for Caller {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let AtPool(config) = AtPool::from_request_parts(&mut parts, app).await?;
        let (method, headers, query) =
            (parts.method.clone(), parts.headers.clone(), parts.uri.query().map(str::to_owned));
        let certificate = client_certificate::of(&parts, &app.server.listener);
        let refused = |error: ApiError| {
            let mut response = error.into_response();
            cors::answer(&config.pool, &headers, response.headers_mut());
            response
        };
        let body = Bytes::from_request(Request::from_parts(parts, body), app)
            .await
            .map_err(|_| refused(FormError::TooLarge.into()))?;
        let call = Call { method, headers: headers.clone(), query, body, certificate };
        let form = app.limited.client.and_then(|_| call.form().ok());
        if let Some(client) = form.and_then(|form| named(&config.pool, &call.headers, &form)) {
            // Counted before the secret is looked at, so that guessing is limited, too (D-34).
            let party = format!("{}:{}", config.pool.id, client.id);
            app.limits
                .admit(Limit::Client, &party, app.limited.client)
                .await
                .map_err(|exceeded| refused(exceeded.into()))?;
        }
        let keys = app.keys.of(&config.pool).await.map_err(|error| refused(error.into()))?;
        Ok(Self { call, app: app.clone(), config, keys })
    }
}

/// The answer to a preflight of an endpoint that takes POST.
pub async fn preflight_post(AtPool(config): AtPool, headers: HeaderMap) -> (StatusCode, HeaderMap) {
    (StatusCode::NO_CONTENT, cors::preflight(&config.pool, &headers, "POST"))
}

/// The answer to a preflight of an endpoint that takes GET and POST.
pub async fn preflight_get_and_post(AtPool(config): AtPool, headers: HeaderMap) -> (StatusCode, HeaderMap) {
    (StatusCode::NO_CONTENT, cors::preflight(&config.pool, &headers, "GET, POST"))
}

/// A refused request ([RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: &'static str,
    description: String,
    code: &'static str,
    challenge: Option<String>,
    outcome: Option<Box<TraceOutcome>>,
    retry_after: Option<u64>,
}

impl ApiError {
    fn refused(error: &'static str, refusal: &impl Refusal) -> Self {
        let status = match error {
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let description = match error {
            "temporarily_unavailable" => UNAVAILABLE.to_owned(),
            "server_error" => BROKEN.to_owned(),
            _ => refusal.to_string(),
        };
        Self {
            status,
            error,
            description,
            code: refusal.code(),
            challenge: None,
            retry_after: None,
            outcome: Some(Box::new(TraceOutcome::of(refusal))),
        }
    }

    /// How the story of this refusal ends; none where it is no part of a sign-in.
    pub fn outcome(&self) -> Option<&TraceOutcome> {
        self.outcome.as_deref()
    }

    /// The same answer, with the reference id under which its story is kept.
    #[must_use]
    pub fn with_reference(mut self, reference: &ReferenceId) -> Self {
        self.description = format!("{} (reference {reference})", self.description);
        self
    }

    /// A malformed request.
    pub fn invalid_request(code: &'static str, description: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: "invalid_request",
            description: description.to_owned(),
            code,
            challenge: None,
            retry_after: None,
            outcome: None,
        }
    }

    /// A failed client authentication. It is a 401 with a challenge when the client used the header, or where
    /// `always` asks for it.
    pub fn client_auth(pool: &Pool, error: ClientAuthError, always: bool) -> Self {
        if let ClientAuthError::Assertion(AssertionRefusal::Store(error)) = error {
            return error.into();
        }
        let mut answer = Self::refused(error.oauth_error(), &error);
        if always && answer.error == "invalid_client" {
            answer.status = StatusCode::UNAUTHORIZED;
            answer.challenge = Some(format!("Basic realm=\"{}\", charset=\"UTF-8\"", pool.id));
        }
        answer
    }

    /// A refused authorization request that was pushed.
    pub fn request(error: &RequestError) -> Self {
        Self::refused(error.oauth_error(), error)
    }

    /// A provider's sign-out that is not honoured.
    pub fn logout(refusal: &LogoutRefusal) -> Self {
        Self::refused(refusal.oauth_error(), refusal)
    }

    /// A certificate to which no token can be bound.
    pub fn certificate(refusal: &CertificateRefusal) -> Self {
        Self::refused("invalid_request", refusal)
    }

    /// A DPoP proof that proves nothing, away from resources.
    pub fn dpop(refusal: &DpopRefusal) -> Self {
        match refusal {
            DpopRefusal::Store(error) => error.clone().into(),
            other => Self::refused(other.oauth_error(), other),
        }
    }

    /// Whether the app is asked to repeat its request with a nonce.
    fn wants_nonce(&self) -> bool {
        self.error == "use_dpop_nonce"
    }

    /// No credentials at all at a resource ([RFC 6750 section
    /// 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    pub fn no_token(pool: &Pool) -> Self {
        let description = "send the access token as Authorization: Bearer";
        Self::bearer(
            pool,
            StatusCode::UNAUTHORIZED,
            ("invalid_token", "access_token_missing"),
            description.to_owned(),
        )
    }

    /// A refused access token.
    pub fn user_info(pool: &Pool, refusal: &UserInfoRefusal) -> Self {
        match refusal {
            UserInfoRefusal::Access(AccessRefusal::Store(error))
            | UserInfoRefusal::Dpop(DpopRefusal::Store(error)) => Self::from(error.clone()),
            UserInfoRefusal::Access(refusal) => Self::bearer(
                pool,
                StatusCode::UNAUTHORIZED,
                ("invalid_token", refusal.code()),
                "Access token is expired, disabled, or deleted, or the user has globally signed out."
                    .to_owned(),
            ),
            UserInfoRefusal::Dpop(refusal) => Self::bearer(
                pool,
                StatusCode::UNAUTHORIZED,
                (refusal.oauth_error(), refusal.code()),
                refusal.to_string(),
            )
            .under_dpop(),
            UserInfoRefusal::Binding { dpop } => {
                let error = Self::bearer(
                    pool,
                    StatusCode::UNAUTHORIZED,
                    ("invalid_token", "access_token_binding"),
                    refusal.to_string(),
                );
                if *dpop { error.under_dpop() } else { error }
            }
            UserInfoRefusal::Scope => Self::bearer(
                pool,
                StatusCode::FORBIDDEN,
                ("insufficient_scope", "access_token_without_openid"),
                refusal.to_string(),
            ),
        }
    }

    fn bearer(
        pool: &Pool,
        status: StatusCode,
        (error, code): (&'static str, &'static str),
        description: String,
    ) -> Self {
        let scope = if error == "insufficient_scope" { ", scope=\"openid\"" } else { "" };
        let detail = if code == "access_token_missing" {
            String::new()
        } else {
            format!(", error=\"{error}\", error_description=\"{description}\"{scope}")
        };
        let challenge = Some(format!("Bearer realm=\"{}\"{detail}", pool.id));
        Self { status, error, description, code, challenge, retry_after: None, outcome: None }
    }

    /// The same with the challenge of [RFC 9449 section
    /// 7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1).
    fn under_dpop(mut self) -> Self {
        let algorithms = dpop::ALGORITHMS.map(Algorithm::as_str).join(" ");
        self.challenge = self
            .challenge
            .map(|challenge| format!("{}, algs=\"{algorithms}\"", challenge.replacen("Bearer", "DPoP", 1)));
        self
    }

    /// The answer. `error_message` repeats the description for Amplify, which reads only that.
    pub fn into_response(self) -> Response {
        if !self.status.is_server_error() {
            tracing::info!(
                code = self.code,
                status = self.status.as_u16(),
                error = self.error,
                "request refused"
            );
        }
        let description: String = self
            .description
            .chars()
            .map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '\'' })
            .collect();
        let body =
            json!({ "error": self.error, "error_description": description, "error_message": description });
        let mut response = json_answer(self.status, &body);
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        let wait = self.retry_after.or((self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        if let Some(seconds) = wait {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Exceeded> for ApiError {
    fn from(exceeded: Exceeded) -> Self {
        let mut answer = Self::refused("temporarily_unavailable", &exceeded);
        answer.status = StatusCode::TOO_MANY_REQUESTS;
        answer.retry_after = Some(exceeded.retry_after.as_secs().max(1));
        answer
    }
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> Self {
        let name = match &error {
            FormError::Duplicate(name) if name == "resource" => "invalid_target",
            _ => "invalid_request",
        };
        let mut answer = Self::refused(name, &error);
        if error == FormError::TooLarge {
            answer.status = StatusCode::PAYLOAD_TOO_LARGE;
        }
        answer
    }
}

impl From<TokenRefusal> for ApiError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Store(error) => error.into(),
            TokenRefusal::Issue(error) => {
                tracing::error!(code = error.code(), %error, "no token was issued");
                Self::refused("server_error", &error)
            }
            other => Self::refused(other.oauth_error(), &other),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(code = error.code(), %error, "the store gave no answer");
        let down = error.retryable() || matches!(error, StoreError::Misconfigured(_));
        Self::refused(if down { "temporarily_unavailable" } else { "server_error" }, &error)
    }
}

impl From<KeyringError> for ApiError {
    fn from(error: KeyringError) -> Self {
        tracing::error!(code = error.code(), %error, "the signing keys are not there");
        Self::refused(if error.retryable() { "temporarily_unavailable" } else { "server_error" }, &error)
    }
}

impl From<RevokeRefusal> for ApiError {
    fn from(refusal: RevokeRefusal) -> Self {
        let (error, code) = match refusal {
            RevokeRefusal::Store(error) => return error.into(),
            RevokeRefusal::UnsupportedTokenType => ("unsupported_token_type", "revoke_access_token"),
            RevokeRefusal::ForeignToken => ("unauthorized_client", "revoke_token_of_other_client"),
        };
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: refusal.to_string(),
            code,
            challenge: None,
            retry_after: None,
            outcome: None,
        }
    }
}

/// The JSON of a decision, or its error; never cached.
pub fn finish(result: Result<Value, ApiError>, issuer: &Issuer<'_>) -> Response {
    answered(StatusCode::OK, result, issuer)
}

/// [`finish`] with another status of success.
pub fn answered(status: StatusCode, result: Result<Value, ApiError>, issuer: &Issuer<'_>) -> Response {
    match result {
        Ok(body) => json_answer(status, &body),
        Err(error) => {
            let fresh = error.wants_nonce().then(|| HeaderValue::try_from(nonce(issuer)).ok()).flatten();
            let mut response = error.into_response();
            if let Some(nonce) = fresh {
                response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
            }
            response
        }
    }
}

/// A 200 without a body, or the error.
pub fn finish_empty(result: Result<(), ApiError>) -> Response {
    match result {
        Ok(()) => never_cached(Response::new(Body::empty())),
        Err(error) => error.into_response(),
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    never_cached(response)
}

fn never_cached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
