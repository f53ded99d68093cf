//! What outlives a flow: the browser's session, the authorization code, the app's grant.

use serde::{Deserialize, Serialize};

use super::identity::UpstreamSession;
use super::ids::{ClientId, FamilyId, ProviderName, SessionId, Sub};
use super::scope::Scopes;
use super::time::Timestamp;

/// How and when a person signed in. Unchanged by refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// `auth_time`.
    pub at: Timestamp,
    /// The external provider used; `None` for the pool's own directory.
    pub provider: Option<ProviderName>,
    /// `amr`, for example `["fed"]`.
    pub amr: Vec<String>,
}

/// A browser's sign-in at the broker, shared by all clients of the pool (SSO).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Under what it is stored: a new one at every sign-in.
    pub id: SessionId,
    /// `sid`: what apps know it by, kept while the same person signs in again in the same browser.
    pub sid: SessionId,
    /// Whose session.
    pub sub: Sub,
    /// How and when.
    pub sign_in: SignIn,
    /// Last use, for the idle limit.
    pub last_used: Timestamp,
    /// End by the absolute limit.
    pub expires: Timestamp,
    /// Stamp of the user's last sign-out-everywhere when this session began.
    pub epoch: Epoch,
    /// Apps that received tokens in this session, for back-channel logout.
    pub clients: Vec<ClientId>,
    /// What the provider's end-session endpoint wants to hear.
    pub upstream: Option<UpstreamSession>,
}

/// The stamp of a user's last sign-out-everywhere; `None` before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub Option<String>);

impl Epoch {
    /// Whether something that began at `born` has outlived the sign-outs up to this one. A stamp is kept longer than anything that
    /// was alive when it was written, so where there is none any more, nothing is signed out.
    pub fn covers(&self, born: &Self) -> bool {
        self.0.is_none() || self == born
    }
}

/// What an authorization code stands for, from the authorization decision to its redemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeGrant {
    /// The app that may redeem it.
    pub client: ClientId,
    /// `redirect_uri` of the request, to be repeated exactly.
    pub redirect_uri: String,
    /// Granted scopes.
    pub scopes: Scopes,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// PKCE S256 `code_challenge`.
    pub code_challenge: Option<String>,
    /// Thumbprint of the DPoP key that has to redeem it.
    pub dpop_jkt: Option<String>,
    /// RFC 8707 `resource`.
    pub resource: Option<String>,
    /// The user.
    pub sub: Sub,
    /// How and when the person signed in.
    pub sign_in: SignIn,
    /// The browser session it came from.
    pub session: SessionId,
    /// The user's epoch at the decision.
    pub epoch: Epoch,
    /// The refresh-token family that redemption starts: `origin_jti`.
    pub family: FamilyId,
    /// End of the code.
    pub expires: Timestamp,
}
