//! An app registered in a pool (Cognito: app client).

use std::collections::BTreeSet;
use std::time::Duration;

use super::client_authentication::{Authentication, ClientAuthentication};
use super::ids::{ClientId, ProviderName};
use super::scope::Scopes;
use super::secret::{ExposeSecret, SecretString, same_secret};

/// The longest that a refresh-token family may live, whatever a client's settings say: ten years, as at
/// Cognito.
pub const LONGEST_REFRESH: Duration = Duration::from_secs(315_360_000);

/// How an app may obtain tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// `authorization_code` ([RFC 6749 section 4.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1)),
    /// always with PKCE for public clients.
    AuthorizationCode,
    /// `refresh_token` ([RFC 6749 section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
    RefreshToken,
    /// `client_credentials` ([RFC 6749 section 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)).
    ClientCredentials,
}

impl Grant {
    /// The `grant_type` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// What happens to a refresh token when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The token stays valid until its family ends (Cognito's default).
    Off,
    /// Each use hands out a successor; the used token stays answerable, with that same successor, for `grace`
    /// (0 to 60 s).
    On {
        /// How long a parallel or repeated use receives the same successor.
        grace: Duration,
    },
}

/// Token lifetimes of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// ID token, 5 min to 24 h, default 60 min.
    pub id_token: Duration,
    /// Access token, 5 min to 24 h, default 60 min.
    pub access_token: Duration,
    /// Refresh-token family from sign-in to its end, whatever rotates; 60 min to 10 years, default 30 days.
    pub refresh_token: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self { id_token: hour, access_token: hour, refresh_token: hour * 24 * 30 }
    }
}

/// A registered app. Values were checked when the configuration was read.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// Name shown to people, if any.
    pub name: Option<String>,
    /// Accepted secrets (two while one is replaced); a client with neither secret nor other means to
    /// authenticate is public and must use PKCE.
    pub secrets: Vec<SecretString>,
    /// Exact redirect URIs ([RFC 9700 section 2.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1)).
    pub redirect_uris: Vec<String>,
    /// Whether loopback redirect URIs match on any port ([RFC 8252 section
    /// 7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)).
    pub native: bool,
    /// Exact sign-out URIs, for both forms of `/logout`.
    pub logout_uris: Vec<String>,
    /// Scopes that the client may ask for; all of them when it asks for none.
    pub scopes: Scopes,
    /// Grants that the client may use.
    pub grants: BTreeSet<Grant>,
    /// Providers in the order of the sign-in page; `None` means all of the pool.
    pub providers: Option<Vec<ProviderName>>,
    /// Resource servers (RFC 8707 URIs) that the client may name in `resource`.
    pub resources: Vec<String>,
    /// Origins that may read the token, userinfo and revocation endpoints from a browser.
    pub cors_origins: BTreeSet<String>,
    /// Where logout tokens are posted ([Back-Channel
    /// Logout](https://openid.net/specs/openid-connect-backchannel-1_0.html)).
    pub backchannel_logout_uri: Option<String>,
    /// What the browser loads so that the app forgets who was signed in there
    /// ([Front-Channel Logout](https://openid.net/specs/openid-connect-frontchannel-1_0.html)); at the origin
    /// of a redirect URI.
    pub frontchannel_logout_uri: Option<String>,
    /// Where a third party may ask the app to begin a sign-in
    /// ([OpenID Connect Core section
    /// 4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)).
    pub initiate_login_uri: Option<String>,
    /// Token lifetimes.
    pub lifetimes: Lifetimes,
    /// Refresh-token rotation.
    pub rotation: Rotation,
    /// Whether the client may use introspection for tokens of the whole pool (a resource server) or only for
    /// its own.
    pub introspects_pool: bool,
    /// How it proves itself beyond a secret, and what it is held to.
    pub proof: ClientAuthentication,
    /// A disabled client is refused at every door.
    pub enabled: bool,
}

impl Client {
    /// Whether the client cannot authenticate.
    pub fn is_public(&self) -> bool {
        self.secrets.is_empty() && matches!(self.proof.authentication, Authentication::Secret)
    }

    /// Whether `secret` is one of the client's, in constant time for each.
    pub fn accepts_secret(&self, secret: &str) -> bool {
        self.secrets.iter().fold(false, |found, have| same_secret(have.expose_secret(), secret) | found)
    }

    /// Whether the client may use `grant`.
    pub fn allows(&self, grant: Grant) -> bool {
        self.enabled && self.grants.contains(&grant)
    }

    /// Whether people may sign in to this client with the provider called `name`.
    pub fn allows_provider(&self, name: &ProviderName) -> bool {
        self.providers.as_ref().is_none_or(|providers| providers.contains(name))
    }
}
