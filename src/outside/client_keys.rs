//! The public keys of apps that sign: parsed once, or fetched from the app and kept fresh like those of
//! providers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::Outside;
use super::http::Http;
use super::stale_while_revalidate::{Asker, StaleWhileRevalidate};
use super::upstreams::{KEYS, UpstreamError, Upstreams, read_keys};
use crate::model::client_authentication::ClientKeySource;
use crate::protocol::jose::KeySet;
use crate::protocol::oidc::discovery::endpoint_url;

/// The keys of all apps. Clones share them. URLs are called under the rules for providers: https and public,
/// unless private ones are allowed.
#[derive(Clone)]
pub struct ClientKeys {
    outside: Outside,
    http: Http,
    allow_private: bool,
    known: Arc<Mutex<HashMap<String, AppKeys>>>,
}

#[derive(Clone)]
enum AppKeys {
    Given(Arc<KeySet>),
    Fetched(Arc<StaleWhileRevalidate<KeySet, UpstreamError>>),
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeys").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

impl ClientKeys {
    /// Nothing is fetched yet.
    pub fn new(outside: &Outside, upstreams: &Upstreams) -> Self {
        let (http, allow_private) = (upstreams.http().clone(), upstreams.allows_private());
        Self { outside: outside.clone(), http, allow_private, known: Arc::default() }
    }

    /// The keys at `source`.
    pub async fn of(&self, source: &ClientKeySource) -> Result<Arc<KeySet>, UpstreamError> {
        match self.held(source)? {
            AppKeys::Given(keys) => Ok(keys),
            AppKeys::Fetched(keys) => {
                let (http, url) = (self.http.clone(), self.url(source)?);
                keys.get(&self.outside, move || async move { read_keys(&http, &url).await }).await
            }
        }
    }

    /// Keys newer than `seen`, in which a signature's key was not found; `None` where there can be none, and
    /// within the cool-down.
    pub async fn newer(
        &self,
        source: &ClientKeySource,
        seen: &Arc<KeySet>,
    ) -> Option<Result<Arc<KeySet>, UpstreamError>> {
        let Ok(AppKeys::Fetched(keys)) = self.held(source) else { return None };
        let (http, url) = (self.http.clone(), self.url(source).ok()?);
        keys.newer_than(
            seen,
            Asker::Anybody,
            &self.outside,
            move || async move { read_keys(&http, &url).await },
        )
        .await
    }

    fn held(&self, source: &ClientKeySource) -> Result<AppKeys, UpstreamError> {
        let (ClientKeySource::Given(name) | ClientKeySource::Fetched(name)) = source;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = known.get(name) {
            return Ok(held.clone());
        }
        let held = match source {
            ClientKeySource::Given(text) => {
                AppKeys::Given(Arc::new(KeySet::parse(text.as_bytes()).map_err(UpstreamError::Keys)?))
            }
            ClientKeySource::Fetched(_) => AppKeys::Fetched(Arc::new(StaleWhileRevalidate::new(KEYS))),
        };
        known.insert(name.clone(), held.clone());
        Ok(held)
    }

    fn url(&self, source: &ClientKeySource) -> Result<Url, UpstreamError> {
        let (ClientKeySource::Given(text) | ClientKeySource::Fetched(text)) = source;
        endpoint_url(text, self.allow_private).ok_or(UpstreamError::EndpointUnusable("jwks_uri"))
    }
}
