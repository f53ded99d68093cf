//! An app proves who it is with an assertion that it signed, once.

use super::issuer::Issuer;
use crate::model::client::Client;
use crate::model::client_authentication::AssertionRules;
use crate::model::fault::{Fault, Refusal};
use crate::outside::upstreams::UpstreamError;
use crate::protocol::jose::JwsError;
use crate::protocol::oauth2::client_assertion::{Assertion, AssertionError, Expected, verify};
use crate::store::{Key, StoreError, replay_cache};

/// Why an assertion authenticates nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionRefusal {
    /// It is not good.
    #[error("{0}")]
    Assertion(#[from] AssertionError),
    /// Its `jti` came before.
    #[error("the client assertion was used before")]
    Replayed,
    /// The app's keys could not be had.
    #[error("the client's keys: {0}")]
    Keys(#[from] UpstreamError),
    /// The store did not answer.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl Refusal for AssertionRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Assertion(error) => error.code(),
            Self::Replayed => "client_assertion_replayed",
            Self::Keys(_) => "client_keys_unavailable",
            Self::Store(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Assertion(error) => error.fault(),
            Self::Replayed | Self::Keys(_) => Fault::App,
            Self::Store(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Assertion(error) => error.hint(),
            Self::Replayed => "make a new assertion with a fresh jti for every request".into(),
            Self::Keys(_) => "the client's jwks_uri must answer with a JSON Web Key Set over https".into(),
            Self::Store(error) => error.hint(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Keys(error) => error.retryable(),
            Self::Store(error) => error.retryable(),
            Self::Assertion(_) | Self::Replayed => false,
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::Assertion(error) => error.expected(),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::Assertion(error) => error.received(),
            _ => None,
        }
    }
}

/// Whether `raw` is an assertion of `client` that comes for the first time at any endpoint and replica: one
/// round trip.
pub async fn authenticate(
    issuer: &Issuer<'_>,
    client: &Client,
    rules: &AssertionRules,
    raw: &str,
) -> Result<(), AssertionRefusal> {
    let assertion = verified(issuer, client, rules, raw).await?;
    let scope = format!("{}:{}", issuer.grants.pool.id, client.id);
    let key = Key::mark("client_jti", &scope, assertion.jti());
    // Exactly one of any number of uses is the first.
    let first = replay_cache::is_first(&issuer.grants.records.store, &key, assertion.expires()).await?;
    if first { Ok(()) } else { Err(AssertionRefusal::Replayed) }
}

async fn verified(
    issuer: &Issuer<'_>,
    client: &Client,
    rules: &AssertionRules,
    raw: &str,
) -> Result<Assertion, AssertionRefusal> {
    let pool = issuer.grants.pool;
    let token_endpoint = format!("{}/oauth2/token", pool.public_url);
    let audiences = [pool.issuer.as_str(), token_endpoint.as_str()];
    let audiences = if rules.token_endpoint_as_audience && !client.proof.fapi2 {
        &audiences[..]
    } else {
        &audiences[..1]
    };
    let expected =
        Expected { client_id: client.id.as_str(), audiences, algorithms: &rules.algorithms, now: issuer.now };
    let keys = issuer.client_keys.of(&rules.keys).await?;
    match verify(raw, &keys, expected) {
        Err(AssertionError::Jws(unknown @ JwsError::UnknownKey { .. })) => {
            match issuer.client_keys.newer(&rules.keys, &keys).await {
                Some(newer) => Ok(verify(raw, &*newer?, expected)?),
                None => Err(AssertionError::Jws(unknown).into()),
            }
        }
        verdict => Ok(verdict?),
    }
}
