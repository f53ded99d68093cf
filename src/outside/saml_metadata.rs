//! Metadata of SAML identity providers, fetched and fetched again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use url::Url;

use super::Outside;
use super::http::{Http, HttpError, Request};
use super::stale_while_revalidate::{Asker, FreshnessPolicy, StaleWhileRevalidate};
use super::upstreams::{UpstreamError, Upstreams};
use crate::model::fault::{Fault, Refusal};
use crate::model::time::Timestamp;
use crate::protocol::oidc::discovery;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::metadata::{self, IdpMetadata, MAX_METADATA, MetadataError, MetadataRules};

/// Metadata says itself how long it is fresh. Responses signed with an unknown key make it be read again at
/// most once a minute (C-71).
const POLICY: FreshnessPolicy = FreshnessPolicy {
    fresh: metadata::SHORTEST_USE,
    usable: metadata::LONGEST_USE,
    cool_down: Duration::from_secs(60),
    first_pause: Duration::from_secs(2),
    last_pause: Duration::from_secs(60),
};

/// Why metadata could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataFetchError {
    /// No answer.
    #[error(transparent)]
    Upstream(UpstreamError),
    /// Another status than 200.
    #[error("the metadata's URL answered with status {0}")]
    Status(u16),
    /// What was answered is no usable metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl From<HttpError> for MetadataFetchError {
    fn from(error: HttpError) -> Self {
        Self::Upstream(error.into())
    }
}

impl Refusal for MetadataFetchError {
    fn code(&self) -> &'static str {
        match self {
            Self::Upstream(error) => error.code(),
            Self::Status(_) => "saml_metadata_status",
            Self::Metadata(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Upstream(error) => error.fault(),
            Self::Status(_) => Fault::Provider,
            Self::Metadata(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Upstream(error) => error.hint(),
            Self::Status(300..=399) => {
                "the metadata moved: give the URL to which it leads as metadata_url".into()
            }
            Self::Status(_) => {
                "open metadata_url in a browser: it must answer with XML and without a sign-in".into()
            }
            Self::Metadata(error) => error.hint(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Upstream(error) => error.retryable(),
            Self::Status(status) => matches!(status, 429 | 500..),
            Self::Metadata(_) => false,
        }
    }
}

/// Where metadata comes from, and how it is read.
#[derive(Debug, Clone, Copy)]
pub struct MetadataLocation<'a> {
    /// `metadata_url`.
    pub url: &'a str,
    /// Which provider is meant.
    pub entity_id: Option<&'a str>,
    /// Who must have signed it; empty takes it as it is.
    pub signers: &'a [Certificate],
}

/// Metadata and when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What it says.
    pub metadata: IdpMetadata,
    /// When.
    pub at: Timestamp,
}

type Document = Arc<StaleWhileRevalidate<Fetched, MetadataFetchError>>;

/// The metadata of all providers. Clones share everything.
#[derive(Debug, Clone)]
pub struct SamlMetadata {
    outside: Outside,
    http: Http,
    allow_private: bool,
    known: Arc<Mutex<HashMap<String, Document>>>,
}

impl SamlMetadata {
    /// Metadata fetched with the client of these upstreams. Nothing is called yet.
    pub fn new(outside: &Outside, upstreams: &Upstreams) -> Self {
        let (http, allow_private) = (upstreams.http().clone(), upstreams.allows_private());
        Self { outside: outside.clone(), http, allow_private, known: Arc::default() }
    }

    /// The metadata: a fresh one at once, a stale one at once while a new one is fetched.
    pub async fn get(&self, place: MetadataLocation<'_>) -> Result<Arc<Fetched>, MetadataFetchError> {
        self.document(place).get(&self.outside, self.fetch(place)).await
    }

    /// The metadata if it was read already; else it is read in the background.
    pub fn at_hand(&self, place: MetadataLocation<'_>) -> Option<Arc<Fetched>> {
        self.document(place).at_hand(&self.outside, self.fetch(place))
    }

    /// Metadata newer than `seen`, in which a response's key was not found; `None` within the cool-down.
    pub async fn newer(
        &self,
        place: MetadataLocation<'_>,
        seen: &Arc<Fetched>,
    ) -> Option<Result<Arc<Fetched>, MetadataFetchError>> {
        self.document(place).newer_than(seen, Asker::Anybody, &self.outside, self.fetch(place)).await
    }

    fn document(&self, place: MetadataLocation<'_>) -> Document {
        let signers = place.signers.iter().map(Certificate::fingerprint).collect::<Vec<_>>().join(" ");
        let name = [place.url, place.entity_id.unwrap_or_default(), &signers].join("\n");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            known.entry(name).or_insert_with(|| Arc::new(StaleWhileRevalidate::new(POLICY).aging(fresh))),
        )
    }

    fn fetch(
        &self,
        place: MetadataLocation<'_>,
    ) -> impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = Result<Fetched, MetadataFetchError>> + Send>>
    + Send
    + use<> {
        let (this, text) = (self.clone(), place.url.to_owned());
        let (entity_id, signers) = (place.entity_id.map(str::to_owned), place.signers.to_vec());
        move || {
            Box::pin(async move {
                let Some(url) = discovery::endpoint_url(&text, this.allow_private) else {
                    return Err(MetadataFetchError::Upstream(UpstreamError::EndpointUnusable(
                        "metadata_url",
                    )));
                };
                let read = this.read(url, entity_id.as_deref(), &signers).await;
                read.inspect_err(|error| {
                    tracing::warn!(url = text, code = error.code(), cause = %error,
                    "SAML metadata could not be read");
                })
            })
        }
    }

    async fn read(
        &self,
        url: Url,
        entity_id: Option<&str>,
        signers: &[Certificate],
    ) -> Result<Fetched, MetadataFetchError> {
        let answer = self.http.send(Request { limit: MAX_METADATA, ..Request::get(url) }).await?;
        if answer.status != StatusCode::OK {
            return Err(MetadataFetchError::Status(answer.status.as_u16()));
        }
        let signer = (!signers.is_empty()).then_some(signers);
        let rules = MetadataRules { entity_id, signer, allow_http_loopback: self.allow_private };
        let at = self.outside.clock.now();
        let metadata = metadata::parse(&answer.body, &rules, at)?;
        for warning in &metadata.warnings {
            tracing::info!(entity_id = metadata.entity_id, %warning, "SAML metadata");
        }
        Ok(Fetched { metadata, at })
    }
}

fn fresh(fetched: &Fetched, at: Timestamp, _: &FreshnessPolicy) -> Duration {
    fetched.metadata.refresh_after(at)
}
