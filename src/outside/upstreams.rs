//! Upstream providers and everything that is kept about them: connections, metadata, keys, breakers. Nothing
//! is fetched before it is needed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use url::Url;

use super::Outside;
use super::address::origin_of;
use super::circuit_breaker::{CallRefused, ProviderGuard};
use super::http::{Http, HttpError, HttpLimits, MAX_BYTES, Request, Response};
use super::provider_credentials::ProviderCredentials;
use super::stale_while_revalidate::{Asker, FreshnessPolicy, StaleWhileRevalidate};
use super::telemetry::{self, Work, WorkKind};
use crate::model::fault::{Fault, Refusal};
use crate::model::ids::ProviderName;
use crate::protocol::jose::{JwkError, KeySet, SigningKeyError};
use crate::protocol::oauth2::provider_credentials::Credentials;
use crate::protocol::oidc::discovery::{self, DiscoveryError, Expectation, Metadata};
use crate::protocol::oidc::issuer::Issuer;
use crate::provider::settings::{Oidc, Protocol, Provider};

/// Metadata is read again every hour and bridges a day's outage.
const METADATA: FreshnessPolicy = FreshnessPolicy {
    fresh: Duration::from_secs(3600),
    usable: Duration::from_secs(24 * 3600),
    cool_down: Duration::from_secs(60),
    first_pause: Duration::from_secs(2),
    last_pause: Duration::from_secs(60),
};
/// Keys are read again every quarter of an hour and bridge a day's outage; tokens with unknown keys make them
/// be read again at most twice a minute, and as often those that anybody may have made (B-19).
pub(super) const KEYS: FreshnessPolicy =
    FreshnessPolicy { fresh: Duration::from_secs(900), cool_down: Duration::from_secs(30), ..METADATA };

/// All calls of one sign-in together: a person waits for them.
const BUDGET: Duration = Duration::from_secs(15);

/// Why an upstream could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// All calls for one sign-in together took too long.
    #[error("the provider took longer than {0:?} for one sign-in")]
    Budget(Duration),
    /// Not asked at all: breaker or bulkhead.
    #[error(transparent)]
    CallRefused(#[from] CallRefused),
    /// Metadata is unusable.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The key set's URL answered with another status than 200.
    #[error("the key set's URL answered with status {0}")]
    KeysStatus(u16),
    /// The key set is unusable.
    #[error("key set: {0}")]
    Keys(JwkError),
    /// Neither settings nor metadata name an endpoint.
    #[error("neither settings nor metadata name the {0} endpoint")]
    EndpointMissing(&'static str),
    /// An endpoint or discovery URL in the settings is no usable URL.
    #[error("the settings hold an unusable URL for {0}")]
    EndpointUnusable(&'static str),
}

impl Refusal for UpstreamError {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(HttpError::Url(_) | HttpError::PrivateName(_)) => "provider_address_refused",
            Self::Http(HttpError::Deadline { .. }) | Self::Budget(_) => "provider_too_slow",
            Self::Http(HttpError::Tls { .. }) => "provider_tls",
            Self::Http(HttpError::TooLarge { .. }) => "provider_answer_too_large",
            Self::Http(HttpError::Transport { .. }) => "provider_unreachable",
            Self::Http(HttpError::Setup(_)) => "http_client_setup",
            Self::CallRefused(CallRefused::Broken { .. }) => "provider_circuit_open",
            Self::CallRefused(CallRefused::Full) => "provider_overloaded",
            Self::Discovery(error) => error.code(),
            Self::KeysStatus(_) => "keys_status",
            Self::Keys(_) => "keys_malformed",
            Self::EndpointMissing(_) => "endpoint_missing",
            Self::EndpointUnusable(_) => "endpoint_unusable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Http(HttpError::Url(_) | HttpError::PrivateName(_))
            | Self::EndpointMissing(_)
            | Self::EndpointUnusable(_) => Fault::Pool,
            Self::Http(HttpError::Setup(_)) => Fault::Us,
            Self::Http(_) | Self::Budget(_) | Self::CallRefused(_) | Self::KeysStatus(_) | Self::Keys(_) => {
                Fault::Provider
            }
            Self::Discovery(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Http(HttpError::Url(_) | HttpError::PrivateName(_)) => {
                "the provider's URLs must be https and public; [server] allow_private_upstreams = true \
                 admits private addresses"
                    .into()
            }
            Self::Http(HttpError::Tls { .. }) => {
                "the provider's certificate must be valid for its name; a private authority is added by \
                 server.upstream_ca_file"
                    .into()
            }
            Self::Http(HttpError::TooLarge { .. }) => {
                "the provider's answer is larger than any real one; check the URL".into()
            }
            Self::Http(HttpError::Setup(_)) => {
                "install the system's root certificates (package ca-certificates) or name an authority as \
                 server.upstream_ca_file"
                    .into()
            }
            Self::Http(_) | Self::Budget(_) | Self::CallRefused(_) => {
                "see the provider's status page and the network between this server and the provider".into()
            }
            Self::Discovery(error) => error.hint(),
            Self::KeysStatus(_) | Self::Keys(_) => {
                "the provider's jwks_uri must answer with a JSON Web Key Set".into()
            }
            Self::EndpointMissing(name) => {
                format!("set endpoints.{name} of this provider, or its discovery_url")
            }
            Self::EndpointUnusable(name) => format!("give {name} of this provider as an absolute https URL"),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Http(HttpError::Deadline { .. } | HttpError::Transport { .. })
            | Self::Budget(_)
            | Self::CallRefused(_) => true,
            Self::Discovery(error) => error.retryable(),
            Self::KeysStatus(status) => matches!(status, 429 | 500..),
            _ => false,
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Discovery(error) => error.expected(),
            Self::KeysStatus(_) => Some("status 200".to_owned()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Discovery(error) => error.received(),
            Self::KeysStatus(status) => Some(format!("status {status}")),
            _ => None,
        }
    }
}

/// All upstreams of all pools. Clones share everything.
#[derive(Clone)]
pub struct Upstreams {
    outside: Outside,
    http: Http,
    allow_private: bool,
    budget: Duration,
    known: Arc<Mutex<HashMap<String, Arc<Upstream>>>>,
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams")
            .field("http", &self.http)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

impl Upstreams {
    /// Upstreams on the network. `extra_ca` is PEM, trusted besides the system's roots. Nothing is called
    /// yet.
    pub fn new(outside: &Outside, allow_private: bool, extra_ca: Option<&[u8]>) -> Result<Self, HttpError> {
        let http = Http::new(HttpLimits::default(), allow_private, extra_ca)?;
        Ok(Self::with_http(outside, allow_private, http))
    }

    /// Upstreams behind the given client.
    pub fn with_http(outside: &Outside, allow_private: bool, http: Http) -> Self {
        Self { outside: outside.clone(), http, allow_private, budget: BUDGET, known: Arc::default() }
    }

    /// The client underneath, with its rules, for calls that belong to no provider.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Whether private addresses are called.
    pub fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// The same with another limit for all calls of one sign-in together.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// How long all calls of one sign-in may take together.
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// What is known about one provider of one client; made on first use.
    pub fn of(&self, provider: &Provider) -> Arc<Upstream> {
        let name = match &provider.protocol {
            Protocol::Oidc(oidc) => {
                [&oidc.issuer, oidc.discovery_url.as_deref().unwrap_or_default(), &provider.client_id]
                    .join("\n")
            }
            Protocol::Oauth2(oauth2) => {
                [oauth2.endpoints.token.as_deref().unwrap_or_default(), &provider.client_id].join("\n")
            }
            // Nothing is called at a SAML provider but its metadata, which has a place of its own.
            Protocol::Saml(_) => ["saml", provider.name.as_str(), &provider.client_id].join("\n"),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(name).or_insert_with(|| Arc::new(Upstream::new(self, &provider.name))))
    }
}

/// One provider of one client: its own breaker and bulkhead, so that its troubles stay its own.
pub struct Upstream {
    name: ProviderName,
    pub(super) outside: Outside,
    http: Http,
    allow_private: bool,
    gate: ProviderGuard,
    metadata: Arc<StaleWhileRevalidate<Metadata, UpstreamError>>,
    keys: Mutex<Option<(Url, Keys)>>,
    minting: ProviderCredentials,
}

type Keys = Arc<StaleWhileRevalidate<KeySet, UpstreamError>>;

impl Upstream {
    fn new(all: &Upstreams, name: &ProviderName) -> Self {
        Self {
            name: name.clone(),
            outside: all.outside.clone(),
            http: all.http.clone(),
            allow_private: all.allow_private,
            gate: ProviderGuard::default(),
            metadata: Arc::new(StaleWhileRevalidate::new(METADATA)),
            keys: Mutex::default(),
            minting: ProviderCredentials::default(),
        }
    }

    /// What to send with one token request to `token_endpoint`.
    pub fn credentials(
        &self,
        provider: &Provider,
        token_endpoint: &Url,
    ) -> Result<Credentials, SigningKeyError> {
        self.minting.credentials(&self.outside, provider, token_endpoint)
    }

    /// Sends a request through the breaker and the bulkhead. Any answer below 500 except 429 shows a healthy
    /// provider, so that nobody can open the breaker with worthless codes.
    pub async fn call(&self, request: Request) -> Result<Response, UpstreamError> {
        let _turn = self.gate.enter(self.outside.clock.now()).await?;
        let outcome = self.observed(request).await;
        let healthy = match &outcome {
            Ok(answer) => !answer.status.is_server_error() && answer.status != StatusCode::TOO_MANY_REQUESTS,
            Err(HttpError::Url(_) | HttpError::PrivateName(_) | HttpError::Setup(_)) => return Ok(outcome?),
            Err(_) => false,
        };
        let [jitter] = self.outside.random.bytes::<1>();
        self.gate.record(healthy, self.outside.clock.now(), jitter);
        Ok(outcome?)
    }

    /// Sends a request as a step of the present trace, and counts it.
    async fn observed(&self, mut request: Request) -> Result<Response, HttpError> {
        let Outside { clock, metrics, telemetry: collector, random } = &self.outside;
        let parent = telemetry::present();
        let context = parent.map(|parent| parent.step(random.bytes()));
        if let Some(Ok(value)) = context
            .filter(|context| context.sampled)
            .map(|context| HeaderValue::try_from(context.to_string()))
        {
            request.headers.insert("traceparent", value);
        }
        let (method, began, watch) = (request.method.clone(), clock.now(), clock.stopwatch());
        let outcome = self.http.send(request).await;
        let word = outcome
            .as_ref()
            .map_or_else(|_| "failed".to_owned(), |answer| answer.status.as_u16().to_string());
        let took = watch.elapsed();
        metrics.provider_call(self.name.as_str(), &word, took);
        if let Some(context) = context {
            collector.report(Work {
                name: format!("{method} {}", self.name),
                kind: WorkKind::Client,
                context,
                parent: parent.map(|parent| parent.span),
                began,
                took,
                failed: outcome.is_err(),
                attributes: vec![
                    ("symbolon.provider", self.name.to_string()),
                    ("http.response.status_code", word),
                ],
            });
        }
        outcome
    }

    /// The provider's endpoints: those of the settings, else those of its metadata. Metadata is not read when
    /// the settings name authorization, token and key-set endpoints.
    pub async fn endpoints(&self, oidc: &Oidc) -> Result<Arc<Metadata>, UpstreamError> {
        type Place = fn(&mut Metadata) -> &mut Option<Url>;
        let given = &oidc.endpoints;
        let complete = given.authorization.is_some() && given.token.is_some() && given.jwks.is_some();
        let mut endpoints = match &oidc.discovery_url {
            Some(url) if !complete => self.metadata(oidc, url).await?,
            _ => Arc::default(),
        };
        let own: [(_, _, Place); 5] = [
            (&given.authorization, "authorization", |metadata| &mut metadata.authorization),
            (&given.token, "token", |metadata| &mut metadata.token),
            (&given.userinfo, "userinfo", |metadata| &mut metadata.userinfo),
            (&given.jwks, "jwks", |metadata| &mut metadata.jwks),
            (&given.end_session, "end_session", |metadata| &mut metadata.end_session),
        ];
        for (text, name, place) in own {
            if let Some(text) = text {
                *place(Arc::make_mut(&mut endpoints)) = Some(self.url(text, name)?);
            }
        }
        Ok(endpoints)
    }

    /// An endpoint of the settings as a URL.
    pub fn url(&self, text: &str, name: &'static str) -> Result<Url, UpstreamError> {
        discovery::endpoint_url(text, self.allow_private).ok_or(UpstreamError::EndpointUnusable(name))
    }

    /// The provider's keys.
    pub async fn keys(&self, jwks_uri: &Url) -> Result<Arc<KeySet>, UpstreamError> {
        self.keys_at(jwks_uri).get(&self.outside, self.fetch_keys(jwks_uri)).await
    }

    /// Keys newer than `seen`, in which the key of the `asker`'s token was not found; `None` within the
    /// cool-down (B-18, B-19).
    pub async fn newer_keys(
        &self,
        jwks_uri: &Url,
        seen: &Arc<KeySet>,
        asker: Asker,
    ) -> Option<Result<Arc<KeySet>, UpstreamError>> {
        self.keys_at(jwks_uri).newer_than(seen, asker, &self.outside, self.fetch_keys(jwks_uri)).await
    }

    async fn metadata(&self, oidc: &Oidc, discovery_url: &str) -> Result<Arc<Metadata>, UpstreamError> {
        let url = self.url(discovery_url, "discovery_url")?;
        let origin = origin_of(&url);
        let (http, loopback_http) = (self.http.clone(), self.allow_private);
        let (issuer, aliases) = (oidc.issuer.clone(), oidc.quirks.issuer_aliases.clone());
        let authorization_given = oidc.endpoints.authorization.is_some();
        let fetch = move || async move {
            let answer = http.send(Request::get(url.clone())).await?;
            let issuer = Issuer { value: &issuer, aliases: &aliases };
            let expected = Expectation { issuer, discovery_url: &url, loopback_http, authorization_given };
            Ok(discovery::parse(answer.status.as_u16(), &answer.body, expected)?)
        };
        let fetch =
            move || async move { fetch().await.inspect_err(|error| unread("metadata", &origin, error)) };
        self.metadata.get(&self.outside, fetch).await
    }

    fn keys_at(&self, jwks_uri: &Url) -> Keys {
        let mut held: MutexGuard<'_, _> = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some((url, keys)) if url == jwks_uri => Arc::clone(keys),
            _ => {
                let keys = Arc::new(StaleWhileRevalidate::new(KEYS));
                *held = Some((jwks_uri.clone(), Arc::clone(&keys)));
                keys
            }
        }
    }

    fn fetch_keys(
        &self,
        jwks_uri: &Url,
    ) -> impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = Result<KeySet, UpstreamError>> + Send>>
    + Send
    + use<> {
        let (http, url) = (self.http.clone(), jwks_uri.clone());
        move || {
            Box::pin(async move {
                read_keys(&http, &url).await.inspect_err(|error| unread("keys", &origin_of(&url), error))
            })
        }
    }
}

pub(super) async fn read_keys(http: &Http, url: &Url) -> Result<KeySet, UpstreamError> {
    let answer = http.send(Request { limit: MAX_BYTES, ..Request::get(url.clone()) }).await?;
    if answer.status != StatusCode::OK {
        return Err(UpstreamError::KeysStatus(answer.status.as_u16()));
    }
    let keys = KeySet::parse(&answer.body).map_err(UpstreamError::Keys)?;
    for skipped in keys.skipped() {
        tracing::debug!(provider = origin_of(url), kid = ?skipped.kid, reason = ?skipped.reason, "a \
            provider's key is not used");
    }
    Ok(keys)
}

/// Also for documents renewed behind the callers' backs, whose failures nobody else sees.
fn unread(what: &str, origin: &str, error: &UpstreamError) {
    tracing::warn!(provider = origin, code = error.code(), cause = %error, "the provider's {what} could not \
        be read");
}
