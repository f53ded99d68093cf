//! From refusals to answers: the only place that chooses a status code for a page or an `error` for an app's
//! redirect.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use minijinja::context;

use crate::flow::request::RequestError;
use crate::flow::state::WrongStep;
use crate::model::fault::{Fault, Refusal};
use crate::model::ids::ReferenceId;
use crate::protocol::oidc::callback::CallbackError;
use crate::store::StoreError;
use crate::store::flows::FlowError;
use crate::store::keysets::KeyringError;
use crate::store::limits::Exceeded;
use crate::user_pool::federate::{FederationError, SamlRefusal};
use crate::user_pool::oidc_sign_out::LogoutRefusal;
use crate::user_pool::provision::ProvisionError;

use super::page::{Frame, Page, Pages};

/// Headings and texts of the error page.
pub const VISITOR_TEXTS: [(&str, &str); 9] = [
    ("error-account", "error-account-text"),
    ("error-wait", "error-wait-text"),
    ("error-sign-out", "error-sign-out-text"),
    ("error-visitor", "error-visitor-text"),
    ("error-app", "error-app-text"),
    ("error-provider", "error-provider-text"),
    ("error-pool", "error-pool-text"),
    ("error-busy", "error-busy-text"),
    ("error-us", "error-us-text"),
];

/// Whatever can end a request for a page.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The authorization request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The flow's handle.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The flow's stage, browser, pool or lifetime.
    #[error(transparent)]
    Step(#[from] WrongStep),
    /// The shape of the provider's answer.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The provider.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// A provider that signs a person out.
    #[error(transparent)]
    SignOut(#[from] LogoutRefusal),
    /// The user.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// The request's own form: query, body, method.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// The answer came to another callback than the provider was given.
    #[error("the answer came to the callback of another provider")]
    OtherCallback,
    /// A form was posted without proof that this browser was shown it.
    #[error("the form does not belong to this browser's session")]
    ForeignForm,
    /// A test link that this broker did not make for this pool, or that is too old.
    #[error("the test link was not made here for this pool, or has expired")]
    TestLink,
    /// A sign-out address that the app did not register.
    #[error("sign-out address {0:?} is not registered for the client")]
    UnknownLogoutUri(String),
    /// More was asked for in a minute than is allowed.
    #[error(transparent)]
    TooMany(#[from] Exceeded),
    /// The person who signed in is not the one whom the app expects, or no page may be shown.
    #[error("a sign-in page would be needed, or another person signed in than the app expects")]
    LoginRequired,
}

impl From<SamlRefusal> for Failure {
    fn from(refusal: SamlRefusal) -> Self {
        Self::Federation(refusal.into())
    }
}

impl Failure {
    fn refusal(&self) -> Option<&dyn Refusal> {
        match self {
            Self::Request(error) => Some(error),
            Self::Flow(error) => Some(error),
            Self::Callback(error) => Some(error),
            Self::Federation(error) => Some(error),
            Self::SignOut(error) => Some(error),
            Self::Provision(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Keys(error) => Some(error),
            Self::TooMany(error) => Some(error),
            Self::Step(_)
            | Self::Malformed(_)
            | Self::OtherCallback
            | Self::ForeignForm
            | Self::TestLink
            | Self::UnknownLogoutUri(_)
            | Self::LoginRequired => None,
        }
    }

    /// Whether this is an answer that the app is waiting for rather than something gone wrong.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::LoginRequired => true,
            Self::Federation(error) => cancelled(error),
            _ => false,
        }
    }

    /// The `error` that the app receives ([RFC 6749 section
    /// 4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
    pub fn oauth_error(&self) -> &'static str {
        match self {
            Self::Request(error) => error.oauth_error(),
            Self::Federation(error) => error.oauth_error(),
            Self::Callback(_)
            | Self::Provision(_)
            | Self::Flow(FlowError::NotFound)
            | Self::Step(_)
            | Self::OtherCallback
            | Self::ForeignForm
            | Self::TestLink => "access_denied",
            Self::LoginRequired => "login_required",
            Self::TooMany(_) => "temporarily_unavailable",
            Self::Malformed(_) | Self::UnknownLogoutUri(_) => "invalid_request",
            Self::SignOut(error) => error.oauth_error(),
            Self::Store(_) | Self::Keys(_) | Self::Flow(FlowError::Store(_)) => {
                if self.retryable() {
                    "temporarily_unavailable"
                } else {
                    "server_error"
                }
            }
        }
    }

    /// What the app's developer may read: whose move it is and where the story is kept, nothing internal.
    pub fn description(&self, reference: &ReferenceId) -> String {
        let what = match self {
            Self::Request(error) => error.to_string(),
            Self::LoginRequired => "a sign-in page would be needed".to_owned(),
            Self::Federation(error) if cancelled(error) => "the person cancelled at the provider".to_owned(),
            other => format!("sign-in failed: {}", other.code()),
        };
        format!("{what} (reference {reference})")
    }

    fn status(&self) -> StatusCode {
        match self.fault() {
            _ if matches!(self, Self::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS,
            // It is the provider that asks here.
            Fault::Provider | Fault::Pool if matches!(self, Self::SignOut(_)) && !self.retryable() => {
                StatusCode::BAD_REQUEST
            }
            Fault::Visitor | Fault::App => StatusCode::BAD_REQUEST,
            Fault::Provider => StatusCode::BAD_GATEWAY,
            Fault::Us if self.retryable() => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Pool | Fault::Us => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the person is known and not let in, so that starting again would end the same way.
    fn is_closed_to_the_account(&self) -> bool {
        match self {
            Self::Provision(ProvisionError::Disabled(_) | ProvisionError::EmailNotVerified { .. }) => true,
            Self::Federation(FederationError::Quirk(error)) => error.fault() == Fault::Visitor,
            _ => false,
        }
    }

    /// Heading and text of the page, as messages of the catalogues.
    fn for_the_visitor(&self) -> (&'static str, &'static str) {
        let [account, wait, sign_out, visitor, app, provider, pool, busy, us] = VISITOR_TEXTS;
        match self.fault() {
            _ if self.is_closed_to_the_account() => account,
            _ if matches!(self, Self::TooMany(_)) => wait,
            _ if matches!(
                self,
                Self::Federation(FederationError::Saml(
                    SamlRefusal::Logout(_) | SamlRefusal::UnknownSender(_)
                ))
            ) =>
            {
                sign_out
            }
            _ if matches!(self, Self::SignOut(_)) && !self.retryable() => sign_out,
            Fault::Visitor => visitor,
            Fault::App => app,
            Fault::Provider => provider,
            Fault::Pool => pool,
            Fault::Us if self.retryable() => busy,
            Fault::Us => us,
        }
    }

    /// Logs the refusal once, with everything that an administrator needs to find and mend the cause.
    pub fn log(&self, pool: &str, reference: &ReferenceId) {
        let fault = format!("{:?}", self.fault()).to_lowercase();
        tracing::warn!(pool, %reference, code = self.code(), fault, cause = %self, hint = %self.hint(), "a \
            sign-in was refused");
    }

    /// The error page; `back` completes the app's request with an OAuth error.
    pub fn page(
        &self,
        pages: &Pages,
        frame: &Frame<'_>,
        reference: &ReferenceId,
        back: Option<(&str, Option<&str>)>,
    ) -> Response {
        let (heading, text) = self.for_the_visitor();
        let context = context! {
            heading, text,
            reference => reference.as_str(),
            code => self.code(),
            back => back.map(|(href, _)| href),
            client_name => back.and_then(|(_, name)| name),
        };
        let mut answer = pages.answer(Page::Error, self.status(), frame, &context);
        let wait = match self {
            Self::TooMany(exceeded) => Some(exceeded.retry_after.as_secs().max(1)),
            _ if answer.status() == StatusCode::SERVICE_UNAVAILABLE => Some(5),
            _ => None,
        };
        if let Some(seconds) = wait {
            answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

impl Refusal for Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::Step(WrongStep::Expired) => "flow_expired",
            Self::Step(WrongStep::OtherBrowser) => "flow_other_browser",
            Self::Step(WrongStep::OtherPool) => "flow_other_pool",
            Self::Step(WrongStep::OtherStage) => "flow_other_stage",
            Self::Malformed(_) => "request_malformed",
            Self::OtherCallback => "callback_other_provider",
            Self::ForeignForm => "form_foreign",
            Self::TestLink => "test_link_unusable",
            Self::UnknownLogoutUri(_) => "logout_uri_not_registered",
            Self::LoginRequired => "login_required",
            other => other.refusal().map_or("internal", Refusal::code),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Step(_) | Self::ForeignForm | Self::TestLink | Self::LoginRequired => Fault::Visitor,
            Self::Malformed(_) | Self::UnknownLogoutUri(_) => Fault::App,
            Self::OtherCallback => Fault::Provider,
            other => other.refusal().map_or(Fault::Us, Refusal::fault),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Step(WrongStep::OtherBrowser) => {
                "Allow cookies for this site and start again in the app, in one browser.".to_owned()
            }
            Self::Step(_) | Self::ForeignForm => "Go back to the app and start again.".to_owned(),
            Self::TestLink => {
                "Make a new link with symbolon test-login, and open it at the address that it names."
                    .to_owned()
            }
            Self::OtherCallback => {
                "An attack, or a redirect URI registered at the wrong provider: compare own_callback here \
                 with the URI there."
                    .to_owned()
            }
            Self::Malformed(_) => "Send the parameters that the specification names, each once.".to_owned(),
            Self::UnknownLogoutUri(uri) => {
                format!("Add {uri:?} to logout_uris of the client, or send a registered one exactly.")
            }
            Self::LoginRequired => "Send the person through an interactive sign-in.".to_owned(),
            other => other.refusal().map(Refusal::hint).unwrap_or_default(),
        }
    }

    fn retryable(&self) -> bool {
        self.refusal().is_some_and(Refusal::retryable)
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::OtherCallback => {
                Some("the answer at the callback of the provider that was asked".to_owned())
            }
            other => other.refusal().and_then(Refusal::expected),
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::UnknownLogoutUri(uri) => Some(uri.clone()),
            other => other.refusal().and_then(Refusal::received),
        }
    }
}

/// The answer when a handler panicked: nothing of the cause leaves the process.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!(code = "panic", "a request ended in a panic");
    (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here.\n").into_response()
}

/// The provider says that the person did not want to.
fn cancelled(error: &FederationError) -> bool {
    matches!(error, FederationError::Answered { .. }) && error.oauth_error() == "access_denied"
}
