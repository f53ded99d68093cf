//! A request comes from whoever holds a key: DPoP proofs, each once ([RFC
//! 9449](https://www.rfc-editor.org/rfc/rfc9449)).

use super::issuer::Issuer;
use crate::model::fault::{Fault, Refusal};
use crate::model::pool::Pool;
use crate::protocol::oauth2::dpop::{DpopError, Expected, verify};
use crate::store::{Key, StoreError, replay_cache};

const NONCE: &str = "dpop nonce";
/// A nonce is good in the window in which it was made and in the next one.
const NONCE_WINDOW: i64 = 150;

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DpopRefusal {
    /// It is not good.
    #[error("{0}")]
    Proof(#[from] DpopError),
    /// More than one `DPoP` header.
    #[error("more than one DPoP proof came")]
    Twice,
    /// None came where one is required.
    #[error("a DPoP proof is required")]
    Missing,
    /// The client's tokens are bound to its certificate.
    #[error("this client's tokens are bound to its certificate, not to a DPoP key")]
    Unwanted,
    /// Its `jti` came before.
    #[error("the DPoP proof was used before")]
    Replayed,
    /// The nonce is missing, not ours, or old.
    #[error("a fresh nonce is required in the DPoP proof")]
    Nonce,
    /// The proof is by another key than the one that was announced.
    #[error("the DPoP proof is by another key than dpop_jkt names")]
    OtherKey,
    /// The store did not answer.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl DpopRefusal {
    /// The `error` member of the answer.
    pub const fn oauth_error(&self) -> &'static str {
        match self {
            Self::Nonce => "use_dpop_nonce",
            Self::Store(_) => "temporarily_unavailable",
            _ => "invalid_dpop_proof",
        }
    }
}

impl Refusal for DpopRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Proof(error) => error.code(),
            Self::Twice => "dpop_proof_twice",
            Self::Missing => "dpop_proof_missing",
            Self::Unwanted => "dpop_proof_unwanted",
            Self::Replayed => "dpop_proof_replayed",
            Self::Nonce => "dpop_nonce",
            Self::OtherKey => "dpop_key_mismatch",
            Self::Store(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Proof(error) => error.fault(),
            Self::Twice | Self::Missing | Self::Unwanted | Self::Replayed | Self::Nonce | Self::OtherKey => {
                Fault::App
            }
            Self::Store(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Proof(error) => error.hint(),
            Self::Twice => "send one DPoP header".into(),
            Self::Missing => "send a DPoP header with a proof for this request".into(),
            Self::Unwanted => {
                "send no DPoP header, or remove tls_client_certificate_bound_access_tokens of the client"
                    .into()
            }
            Self::Replayed => "make a new proof with a fresh jti for every request".into(),
            Self::Nonce => "repeat the request with the nonce of the DPoP-Nonce header in the proof".into(),
            Self::OtherKey => "use one key from the authorization request to the token request".into(),
            Self::Store(error) => error.hint(),
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Nonce) || matches!(self, Self::Store(error) if error.retryable())
    }
}

/// The request that a proof speaks of.
#[derive(Debug, Clone, Copy)]
pub struct DpopRequest<'a> {
    /// Its method.
    pub method: &'a str,
    /// The path of its endpoint.
    pub path: &'a str,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// Whether the proof has to carry a nonce of ours.
    pub nonce: bool,
}

/// The thumbprint of the key that `raw` proves possession of: one round trip.
pub async fn prove(issuer: &Issuer<'_>, asked: DpopRequest<'_>, raw: &str) -> Result<String, DpopRefusal> {
    let urls = urls(issuer.grants.pool, asked.path);
    let expected =
        Expected { method: asked.method, urls: &urls, access_token: asked.access_token, now: issuer.now };
    let proof = verify(raw, expected)?;
    match proof.nonce() {
        None if asked.nonce => return Err(DpopRefusal::Nonce),
        Some(nonce) if !is_nonce(issuer, nonce) => return Err(DpopRefusal::Nonce),
        _ => {}
    }
    let scope = format!("{}:{}", issuer.grants.pool.id, proof.jkt());
    let key = Key::mark("dpop_jti", &scope, proof.jti());
    let first = replay_cache::is_first(&issuer.grants.records.store, &key, proof.expires()).await?;
    if first { Ok(proof.jkt().to_owned()) } else { Err(DpopRefusal::Replayed) }
}

/// What proofs carry from now on for a few minutes, at every replica: nothing is stored.
pub fn nonce(issuer: &Issuer<'_>) -> String {
    nonce_of(issuer, issuer.now.secs() / NONCE_WINDOW)
}

fn is_nonce(issuer: &Issuer<'_>, text: &str) -> bool {
    let window = issuer.now.secs() / NONCE_WINDOW;
    [window, window - 1].into_iter().any(|window| nonce_of(issuer, window) == text)
}

fn nonce_of(issuer: &Issuer<'_>, window: i64) -> String {
    issuer.grants.seal.token(NONCE, &(&issuer.grants.pool.id, window))
}

/// The endpoint under each of the pool's hosts, the public one first.
fn urls(pool: &Pool, path: &str) -> Vec<String> {
    let scheme = if pool.public_url.starts_with("https://") { "https" } else { "http" };
    let others = pool.hosts.iter().map(|host| format!("{scheme}://{host}{path}"));
    std::iter::once(format!("{}{path}", pool.public_url)).chain(others).collect()
}
