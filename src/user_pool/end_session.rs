//! Signing out at the provider as well
//! ([RP-Initiated Logout 1.0](https://openid.net/specs/openid-connect-rpinitiated-1_0.html)).

use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use crate::model::identity::UpstreamSession;
use crate::outside::upstreams::Upstreams;
use crate::provider::settings::{Protocol, Provider};

/// How long a person who signs out waits for a provider's metadata, which is usually known.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the browser may end the provider's session, coming back to `return_to` (which must be registered at
/// the provider) and bringing `state` back. `None` when that is not configured, not offered, or cannot be
/// found out now. Signing out here never depends on it.
pub async fn end_session_url(
    upstreams: &Upstreams,
    provider: &Provider,
    session: &UpstreamSession,
    return_to: &str,
    state: &str,
) -> Option<Url> {
    if !provider.end_session || !provider.enabled || session.provider != provider.name {
        return None;
    }
    let upstream = upstreams.of(provider);
    let mut url = match &provider.protocol {
        Protocol::Oidc(oidc) => {
            timeout(PATIENCE, upstream.endpoints(oidc)).await.ok()?.ok()?.end_session.clone()?
        }
        Protocol::Saml(_) => return None,
        Protocol::Oauth2(oauth2) => {
            upstream.url(oauth2.endpoints.end_session.as_deref()?, "end_session").ok()?
        }
    };
    url.query_pairs_mut()
        .append_pair("client_id", &provider.client_id)
        .append_pair("post_logout_redirect_uri", return_to)
        .append_pair("state", state);
    Some(url)
}
