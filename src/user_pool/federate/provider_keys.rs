//! What a provider signed, checked with the keys that it publishes now.

use std::sync::Arc;

use url::Url;

use super::{Means, trace_recording};
use crate::outside::stale_while_revalidate::Asker;
use crate::outside::upstreams::{Upstream, UpstreamError};
use crate::protocol::jose::{JwsError, KeySet};

/// Makes `check` with the provider's keys. When no key fits, they are read once more, unless that was done a
/// moment ago for such an `asker`. `signature` tells a failed
/// signature from the other reasons of a refusal.
pub(in crate::user_pool) async fn checked<T, E: From<UpstreamError>>(
    means: Means<'_>,
    (upstream, jwks, asker): (&Upstream, &Url, Asker),
    check: impl Fn(&KeySet) -> Result<T, E>,
    signature: fn(&E) -> Option<&JwsError>,
) -> Result<(T, Arc<KeySet>), E> {
    let keys = trace_recording::keys(means, "keys of the provider", jwks, upstream.keys(jwks).await)?;
    match check(&keys) {
        Ok(proven) => Ok((proven, keys)),
        Err(error) if signature(&error).is_some_and(wants_newer_keys) => {
            let Some(newer) = upstream.newer_keys(jwks, &keys, asker).await else {
                trace_recording::keys_are_recent(means);
                return Err(error);
            };
            let newer = trace_recording::keys(means, "keys of the provider, read again", jwks, newer)?;
            Ok((check(&newer)?, newer))
        }
        Err(error) => Err(error),
    }
}

/// Whether other keys could make the token good: its key is unknown, or it names none.
fn wants_newer_keys(error: &JwsError) -> bool {
    matches!(error, JwsError::UnknownKey { .. } | JwsError::Signature | JwsError::KeyMismatch { .. })
}
