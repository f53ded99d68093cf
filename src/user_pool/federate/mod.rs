//! Signing in with an external provider: [`begin`] sends the browser there, [`finish`] turns its answer into
//! an identity.

mod advice;
mod error;
mod oauth2;
mod oidc;
pub(in crate::user_pool) mod provider_keys;
pub(in crate::user_pool) mod trace_recording;
pub mod saml;
mod saml_refusal;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use error::FederationError;
pub use saml_refusal::SamlRefusal;

use crate::flow::state::{Pending, Wishes};
use crate::model::identity::{Claims, ExternalIdentity, IdentityKey, UpstreamSession};
use crate::model::pool::Pool;
use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::time::Timestamp;
use crate::model::trace::Recorder;
use crate::outside::Outside;
use crate::outside::http::{Request, Response};
use crate::outside::upstreams::{Upstream, UpstreamError, Upstreams};
use crate::protocol::oauth2::provider_credentials::authenticate;
use crate::protocol::oauth2::token_request::{self, TokenAnswer};
use crate::protocol::oidc::callback::CallbackAnswer;
use crate::protocol::oidc::request::{AuthorizationRequest, Forwarded, authorization_url};
use crate::provider::email_trust;
use crate::provider::quirks;
use crate::provider::settings::{Protocol, Provider, RequestRules};

/// What a sign-in is done with.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// The clock and randomness.
    pub outside: &'a Outside,
    /// The providers.
    pub upstreams: &'a Upstreams,
    /// Remembers what happens, in case that it ends badly.
    pub recorder: &'a Recorder,
}

/// What a sign-in at a provider starts from.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The pool.
    pub pool: &'a Pool,
    /// The provider that was chosen.
    pub provider: &'a Provider,
    /// What the app wishes of the sign-in there.
    pub wishes: Wishes<'a>,
    /// The fresh handle under which the flow is stored next: the `state` that is sent.
    pub handle: String,
    /// The broker's callback at this pool's host.
    pub redirect_uri: String,
}

/// How the browser leaves for a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departure {
    /// By redirect.
    Redirect(Url),
    /// With a form that submits itself.
    Post {
        /// Where the form goes.
        action: Url,
        /// Its hidden fields.
        fields: Vec<(&'static str, String)>,
    },
}

/// Where to send the browser, and what its answer will be checked against.
pub async fn begin(means: Means<'_>, begin: Begin<'_>) -> Result<(Url, Pending), FederationError> {
    let (provider, redirect_uri) = (begin.provider, begin.redirect_uri.clone());
    means.recorder.provider(&provider.name);
    trace_recording::secrets(means.recorder, provider);
    let outcome = send(means, begin).await;
    if let Err(error) = &outcome {
        advice::give(means.recorder, error, provider, &redirect_uri);
    }
    outcome
}

async fn send(means: Means<'_>, begin: Begin<'_>) -> Result<(Url, Pending), FederationError> {
    let Means { outside, upstreams, .. } = means;
    let provider = begin.provider;
    if !provider.enabled {
        return Err(FederationError::Disabled);
    }
    let upstream = upstreams.of(provider);
    let (endpoint, rules, nonce) = match &provider.protocol {
        Protocol::Oidc(oidc) => {
            let endpoints = trace_recording::metadata(means, oidc, upstream.endpoints(oidc).await)?;
            let endpoint =
                endpoints.authorization.clone().ok_or(UpstreamError::EndpointMissing("authorization"))?;
            (endpoint, &oidc.request, Some(outside.random.token()))
        }
        Protocol::Oauth2(oauth2) => (
            oauth2::endpoint(&upstream, oauth2.endpoints.authorization.as_deref(), "authorization")?,
            &oauth2.request,
            None,
        ),
        Protocol::Saml(_) => return Err(FederationError::OtherProtocol),
    };
    let (verifier, forwarded) = (outside.random.token(), forwarded(rules, begin.wishes));
    let max_age = forwarded.max_age.map(Duration::from_secs);
    let url = authorization_url(&AuthorizationRequest {
        endpoint: &endpoint,
        client_id: &provider.client_id,
        redirect_uri: &begin.redirect_uri,
        scope: rules.scopes.join(&rules.scope_separator),
        state: &begin.handle,
        nonce: nonce.as_deref(),
        verifier: &verifier,
        form_post: rules.form_post,
        fixed: &rules.parameters,
        forwarded,
    })?;
    let pending = Pending {
        provider: provider.name.clone(),
        nonce: nonce.unwrap_or_default(),
        verifier,
        redirect_uri: begin.redirect_uri,
        form_post: rules.form_post,
        sent: outside.clock.now(),
        max_age,
        saml: None,
    };
    Ok((url, pending))
}

/// Checks the answer of the provider that `pending` names, redeems its code, and proves who the person is.
pub async fn finish(
    means: Means<'_>,
    provider: &Provider,
    pending: &Pending,
    answer: &CallbackAnswer,
) -> Result<ExternalIdentity, FederationError> {
    trace_recording::secrets(means.recorder, provider);
    trace_recording::answer(means, pending, answer);
    let outcome = prove(means, provider, pending, answer).await;
    if let Err(error) = &outcome {
        advice::give(means.recorder, error, provider, &pending.redirect_uri);
    }
    outcome
}

async fn prove(
    means: Means<'_>,
    provider: &Provider,
    pending: &Pending,
    answer: &CallbackAnswer,
) -> Result<ExternalIdentity, FederationError> {
    if provider.name != pending.provider {
        return Err(FederationError::OtherProvider {
            asked: pending.provider.clone(),
            used: provider.name.clone(),
        });
    }
    if !provider.enabled {
        return Err(FederationError::Disabled);
    }
    answer.check_transport(pending.form_post)?;
    let upstreams = means.upstreams;
    let upstream = upstreams.of(provider);
    let exchange =
        Exchange { means, upstream: &upstream, provider, pending, answer, now: means.outside.clock.now() };
    let proof = async {
        match &provider.protocol {
            Protocol::Oidc(oidc) => exchange.oidc(oidc).await,
            Protocol::Oauth2(oauth2) => exchange.oauth2(oauth2).await,
            Protocol::Saml(_) => Err(FederationError::OtherProtocol),
        }
    };
    match tokio::time::timeout(upstreams.budget(), proof).await {
        Ok(outcome) => outcome,
        Err(_) => Err(UpstreamError::Budget(upstreams.budget()).into()),
    }
}

/// What the app's request says to this provider, by the provider's rules. Signing in anew is also asked for
/// as `max_age=0` where that is understood, for only then does the answer prove it. Where the provider knows
/// only one of `login` and `select_account`, it stands in for the other: whoever was to be asked something is
/// asked something.
fn forwarded<'a>(rules: &RequestRules, wishes: Wishes<'a>) -> Forwarded<'a> {
    let asked = wishes.prompt;
    let prompts = [
        ("none", asked.none),
        ("login", asked.login),
        ("select_account", asked.select_account),
        ("consent", asked.consent),
    ];
    let known = |name: &str| rules.prompts.iter().any(|have| have == name);
    let stands_in = |name: &str| match name {
        "login" => asked.select_account && !known("select_account"),
        "select_account" => asked.login && !known("login"),
        _ => false,
    };
    let prompt = prompts
        .into_iter()
        .filter(|(name, on)| known(name) && (*on || stands_in(name)))
        .map(|(name, _)| name)
        .collect();
    let max_age = if asked.login { Some(0) } else { wishes.max_age };
    Forwarded {
        login_hint: wishes.login_hint.filter(|_| rules.login_hint),
        prompt,
        max_age: max_age.filter(|_| rules.max_age),
    }
}

/// One answer being turned into an identity.
struct Exchange<'a> {
    means: Means<'a>,
    upstream: &'a Upstream,
    provider: &'a Provider,
    pending: &'a Pending,
    answer: &'a CallbackAnswer,
    now: Timestamp,
}

impl Exchange<'_> {
    /// The code, or the provider's refusal as an error.
    fn code(&self) -> Result<&SecretString, FederationError> {
        match self.answer {
            CallbackAnswer::Code { code, .. } => Ok(code),
            CallbackAnswer::Error { error, description, .. } => Err(FederationError::Answered {
                error: error.clone(),
                description: description.clone().unwrap_or_default(),
            }),
        }
    }

    /// Redeems the code at this provider's own token endpoint, with this provider's own credentials (B-21,
    /// B-22).
    async fn redeem(&self, token_endpoint: Url, code: &SecretString) -> Result<TokenAnswer, FederationError> {
        let credentials = self.upstream.credentials(self.provider, &token_endpoint)?;
        let mut form = token_request::authorization_code(
            code.expose_secret(),
            &self.pending.redirect_uri,
            &self.pending.verifier,
        );
        let header = authenticate(&self.provider.client_id, &credentials, &mut form);
        let mut request = Request::form(token_endpoint, &form);
        if let Some(header) = header {
            request = request.secret_header(http::header::AUTHORIZATION, value(&header)?);
        }
        let answer = self.call("token request", request).await?;
        Ok(token_request::parse(answer.status.as_u16(), &answer.body)?)
    }

    /// The identity, by the provider's rules for all claims together.
    fn identity(
        &self,
        key: IdentityKey,
        mut claims: Claims,
        auth_time: Option<Timestamp>,
        upstream: UpstreamSession,
    ) -> Result<ExternalIdentity, FederationError> {
        quirks::normalise(self.provider, &mut claims);
        let claims = Arc::new(claims);
        trace_recording::claims(self.means, "the provider's claims", claims.clone());
        quirks::admit(self.provider, &claims)?;
        let unsigned = match self.answer {
            CallbackAnswer::Code { user: Some(field), .. } => quirks::unsigned_user(self.provider, field),
            CallbackAnswer::Code { .. } | CallbackAnswer::Error { .. } => Claims::new(),
        };
        let email_verified = email_trust::email_verified(self.provider, &claims);
        let authenticated_at = auth_time.unwrap_or(self.now);
        Ok(ExternalIdentity {
            key,
            claims,
            unsigned,
            email_verified,
            authenticated_at,
            upstream: Some(upstream),
        })
    }

    /// Sends a request to the provider and remembers both it and its answer.
    async fn call(&self, what: &'static str, request: Request) -> Result<Response, FederationError> {
        let began = self.means.outside.clock.now();
        let answer = self.upstream.call(request.clone()).await;
        trace_recording::call(self.means, what, began, request, &answer);
        Ok(answer?)
    }

    /// A GET with the access token as bearer.
    async fn get_with(
        &self,
        what: &'static str,
        url: Url,
        access_token: &SecretString,
    ) -> Result<Response, FederationError> {
        let bearer = format!("Bearer {}", access_token.expose_secret()).into();
        let request = Request::get(url).secret_header(http::header::AUTHORIZATION, value(&bearer)?);
        self.call(what, request).await
    }
}

/// A secret as a header value; one with control characters is none.
fn value(secret: &SecretString) -> Result<http::HeaderValue, FederationError> {
    http::HeaderValue::from_str(secret.expose_secret()).map_err(|_| FederationError::AccessTokenUnusable)
}
