//! A user pool: one issuer, its keys, clients and rules. The unit of tenancy.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Client;
use super::ids::{ClientId, PoolId};

/// Signature algorithm of a pool's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048-bit keys: Cognito's.
    Rs256,
    /// ECDSA P-256 with SHA-256.
    Es256,
    /// Ed25519, `alg` = `EdDSA`.
    EdDsa,
}

impl SigningAlgorithm {
    /// The JOSE `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Lifetimes of a browser's sign-in at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Ends this long after the last use; default 1 h.
    pub idle: Duration,
    /// Ends this long after sign-in, whatever happens; default 12 h.
    pub absolute: Duration,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self { idle: Duration::from_secs(3600), absolute: Duration::from_secs(12 * 3600) }
    }
}

/// A user pool as configured.
#[derive(Debug, Clone)]
pub struct Pool {
    /// `eu-west-1_Example01`.
    pub id: PoolId,
    /// Name shown to people.
    pub name: String,
    /// `iss` of every token, without a trailing slash.
    pub issuer: String,
    /// Base of every URL that browsers see, without a trailing slash: `https://auth.example.com`.
    pub public_url: String,
    /// Base of the URLs at which apps show certificates, if others than usual ([RFC 8705 section
    /// 5](https://www.rfc-editor.org/rfc/rfc8705#section-5)).
    pub mtls_url: Option<String>,
    /// Host names (with port when not the default) that belong to this pool.
    pub hosts: Vec<String>,
    /// Algorithm of new signing keys.
    pub signing: SigningAlgorithm,
    /// Whether ID and access tokens have a key each (Cognito), or share one.
    pub separate_keys: bool,
    /// Whether user names are lower-cased as in Cognito's case-insensitive pools.
    pub case_insensitive: bool,
    /// userInfo answers with `"true"` instead of `true`, as Cognito does.
    pub cognito_compat: bool,
    /// Browser sessions.
    pub session: SessionPolicy,
    /// How long a flow may take from the first redirect to the code; default 10 min.
    pub flow_lifetime: Duration,
    /// Life of an authorization code; default 5 min (Cognito), at most 10 min.
    pub code_lifetime: Duration,
    /// Registered apps.
    pub clients: BTreeMap<ClientId, Client>,
}

impl Pool {
    /// The registered app called `id`, if it exists and is enabled.
    pub fn client(&self, id: &str) -> Option<&Client> {
        let id = ClientId::parse(id).ok()?;
        self.clients.get(&id).filter(|client| client.enabled)
    }

    /// Whether any app wants to hear when a session ends.
    pub fn tells_apps(&self) -> bool {
        self.clients.values().any(|client| client.backchannel_logout_uri.is_some())
    }
}
