//! Sessions of browsers, authorization codes and grants of apps: what outlives a flow.

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
    /// The user's epoch when this session began.
    pub epoch: Epoch,
    /// Apps that received tokens in this session, for back-channel logout.
    pub clients: Vec<ClientId>,
    /// What the provider's end-session endpoint wants to hear.
    pub upstream: Option<UpstreamSession>,
}

/// What ends everything older at once: the stamp of a user's last sign-out-everywhere, `None` before the
/// first, and the generation, which begins anew when everybody is signed out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<String>", into = "Option<String>")]
pub struct Epoch {
    stamp: Option<String>,
    generation: u64,
}

/// Between stamp and generation in the text of an epoch.
const GENERATION: char = '.';

impl Epoch {
    /// The epoch of a user with this stamp in this generation.
    pub fn new(stamp: Option<String>, generation: u64) -> Self {
        Self { stamp, generation }
    }

    /// The same in another generation.
    #[must_use]
    pub fn in_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// Whether something that began at `born` has outlived the sign-outs up to this one. A stamp is kept
    /// longer than anything that was alive when it was written, so where there is none any more, nothing is
    /// signed out. Another process may be in a later generation already.
    pub fn covers(&self, born: &Self) -> bool {
        self.generation <= born.generation && (self.stamp.is_none() || self.stamp == born.stamp)
    }
}

/// As it is stored: the stamp, and after a full stop the generation, unless it is the first one.
impl From<Option<String>> for Epoch {
    fn from(text: Option<String>) -> Self {
        let Some(text) = text else { return Self::default() };
        match text
            .rsplit_once(GENERATION)
            .and_then(|(stamp, generation)| Some((stamp, generation.parse().ok()?)))
        {
            Some((stamp, generation)) => {
                Self { stamp: (!stamp.is_empty()).then(|| stamp.to_owned()), generation }
            }
            None => Self { stamp: Some(text), generation: 0 },
        }
    }
}

impl From<Epoch> for Option<String> {
    fn from(Epoch { stamp, generation }: Epoch) -> Self {
        if generation == 0 {
            stamp
        } else {
            Some(format!("{}{GENERATION}{generation}", stamp.unwrap_or_default()))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(stamp: &str, generation: u64) -> Epoch {
        Epoch::new((!stamp.is_empty()).then(|| stamp.to_owned()), generation)
    }

    #[test]
    fn an_epoch_comes_back_from_its_text_and_the_first_era_takes_none() {
        for one in [epoch("", 0), epoch("stamp", 0), epoch("", 7), epoch("stamp", 7)] {
            let text = Option::<String>::from(one.clone());
            assert_eq!(Epoch::from(text.clone()), one, "{text:?}");
        }
        assert_eq!(Option::<String>::from(epoch("stamp", 0)).as_deref(), Some("stamp"));
        assert_eq!(Option::<String>::from(epoch("", 0)), None);
    }

    #[test]
    fn what_began_in_an_earlier_era_or_under_another_stamp_is_over() {
        assert!(epoch("", 2).covers(&epoch("", 2)) && epoch("", 2).covers(&epoch("any", 3)));
        assert!(!epoch("", 2).covers(&epoch("", 1)));
        assert!(epoch("now", 1).covers(&epoch("now", 1)));
        assert!(!epoch("now", 1).covers(&epoch("then", 1)) && !epoch("now", 1).covers(&epoch("", 2)));
    }
}
