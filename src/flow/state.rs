//! The stored value of a sign-in in progress and its transitions.
//!
//! A flow is stored under a handle. The sign-in page's handle names a [`Stage::Started`] flow and may be loaded as often
//! as the person likes; choosing a provider makes a second record, [`Stage::AtProvider`], under a fresh handle that is the
//! `state` sent upstream and is taken exactly once. So several tabs, the back button and a second choice do not disturb each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::ids::{ClientId, PoolId, ProviderName, ReferenceId};
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;

/// One sign-in in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// The pool; a handle presented at another pool's host is refused.
    pub pool: PoolId,
    /// Under what the story of this sign-in is kept, whatever becomes of it.
    pub reference: ReferenceId,
    /// What the app asked for, checked.
    pub request: AuthorizeRequest,
    /// How far the sign-in is.
    pub stage: Stage,
    /// The browser that started it.
    pub binding: BrowserBinding,
    /// End of the flow, set once.
    pub expires: Timestamp,
}

/// How far a flow is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The sign-in page is shown.
    Started,
    /// The browser was sent to a provider.
    AtProvider(Pending),
}

/// What the answer of a provider is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The provider that was asked; an answer from any other is refused (B-20).
    pub provider: ProviderName,
    /// `nonce` sent, for OpenID Connect.
    pub nonce: String,
    /// PKCE `code_verifier` whose S256 challenge was sent.
    pub verifier: String,
    /// `redirect_uri` sent, repeated at the token endpoint.
    pub redirect_uri: String,
    /// Whether the answer must come as a form POST.
    pub form_post: bool,
    /// When the browser was sent there.
    pub sent: Timestamp,
    /// Oldest acceptable upstream `auth_time` relative to the answer, if re-authentication was asked for.
    pub max_age: Option<Duration>,
}

/// SHA-256 (base64url) of the secret in the browser's cookie: the flow goes on only in the browser that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrowserBinding(pub String);

/// A checked authorization request ([RFC 6749 section 4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// The app.
    pub client: ClientId,
    /// One of the app's registered URIs.
    pub redirect_uri: CheckedRedirect,
    /// `state`, echoed verbatim.
    pub state: Option<String>,
    /// Scopes asked for, all registered.
    pub scopes: Scopes,
    /// `nonce`, copied to the ID token.
    pub nonce: Option<String>,
    /// PKCE S256 challenge; always present for public clients.
    pub code_challenge: Option<String>,
    /// `prompt` values.
    pub prompt: Prompt,
    /// `max_age` in seconds.
    pub max_age: Option<u64>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `resource` (RFC 8707), registered.
    pub resource: Option<String>,
    /// `lang` or the first usable of `ui_locales`.
    pub lang: Option<String>,
    /// Subject of a valid `id_token_hint`.
    pub hinted_sub: Option<String>,
}

/// The `prompt` parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// `none`: no page may be shown.
    pub none: bool,
    /// `login`: sign in again.
    pub login: bool,
    /// `select_account`: let the person choose.
    pub select_account: bool,
    /// `consent`.
    pub consent: bool,
}

/// A redirect URI that was compared with the app's registered ones; only [`crate::flow::request`] makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckedRedirect(pub(in crate::flow) String);

impl CheckedRedirect {
    /// The URI, exactly as registered or, for native apps on loopback, as asked.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
