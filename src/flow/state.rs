//! The stored value of a sign-in in progress and its transitions.
//!
//! A flow is stored under a handle. The sign-in page's handle names a [`Stage::Started`] flow and may be
//! loaded as often as the person likes; choosing a provider makes a second record, [`Stage::AtProvider`],
//! under a fresh handle that is the `state` sent upstream and is taken exactly once. So several tabs, the
//! back button and a second choice do not disturb each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::binding::BrowserBinding;
use super::redirect_uri::CheckedRedirect;
use crate::model::ids::{ClientId, PoolId, ProviderName, ReferenceId};
use crate::model::language::Language;
use crate::model::pool::Pool;
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;
use crate::model::unknown::TaggedFields;

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
    /// What else its record said, for the one that is written next.
    #[serde(skip)]
    pub tagged: TaggedFields,
}

/// A transition that the stage of the flow does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongStep {
    /// The flow is over by its lifetime.
    #[error("the sign-in took longer than its lifetime")]
    Expired,
    /// The browser is not the one that started the flow.
    #[error("the browser does not hold the secret that this sign-in is bound to")]
    OtherBrowser,
    /// The flow belongs to another pool than the host it came to.
    #[error("the sign-in belongs to another pool")]
    OtherPool,
    /// The handle is one of another stage.
    #[error("the handle belongs to another stage of the sign-in")]
    OtherStage,
}

impl Flow {
    /// A flow as it begins.
    pub fn start(
        pool: &Pool,
        request: AuthorizeRequest,
        reference: ReferenceId,
        binding: BrowserBinding,
        now: Timestamp,
    ) -> Self {
        Self {
            pool: pool.id.clone(),
            reference,
            request,
            stage: Stage::Started,
            binding,
            expires: now.plus(pool.flow_lifetime),
            tagged: TaggedFields::default(),
        }
    }

    /// The same sign-in on its way to a provider, to be stored under the fresh handle that is sent as
    /// `state`. Its end stays as it was.
    #[must_use]
    pub fn send_to(&self, pending: Pending) -> Self {
        Self { stage: Stage::AtProvider(pending), ..self.clone() }
    }

    /// Whether the flow may go on in `pool` at `now` in the browser that presents `secrets`.
    pub fn check(&self, pool: &PoolId, secrets: &[String], now: Timestamp) -> Result<(), WrongStep> {
        may_go_on((&self.pool, &self.binding, self.expires), pool, secrets, now)
    }

    /// What an answer from a provider is checked against; refused unless the flow is at a provider.
    pub fn pending(&self) -> Result<&Pending, WrongStep> {
        match &self.stage {
            Stage::AtProvider(pending) => Ok(pending),
            Stage::Started => Err(WrongStep::OtherStage),
        }
    }
}

fn may_go_on(
    (own, binding, expires): (&PoolId, &BrowserBinding, Timestamp),
    pool: &PoolId,
    secrets: &[String],
    now: Timestamp,
) -> Result<(), WrongStep> {
    if own != pool {
        return Err(WrongStep::OtherPool);
    }
    if !binding.holds(secrets) {
        return Err(WrongStep::OtherBrowser);
    }
    if now >= expires {
        return Err(WrongStep::Expired);
    }
    Ok(())
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
    /// What a SAML answer has to name, where the provider speaks SAML.
    pub saml: Option<SamlRequestSent>,
}

/// What an AuthnRequest asked for. Its AssertionConsumerServiceURL is [`Pending::redirect_uri`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlRequestSent {
    /// `ID` of the request: the answer's `InResponseTo`.
    pub request_id: String,
    /// `RequestedAuthnContext`, of which the answer has one; empty when none was asked for.
    pub authn_context: Vec<String>,
}

/// A sign-in that an administrator tries out. It runs as any other does and ends on a page; no session, user
/// or code can come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The pool.
    pub pool: PoolId,
    /// Under what the story of this sign-in is kept.
    pub reference: ReferenceId,
    /// What the provider's answer is checked against.
    pub pending: Pending,
    /// The browser that started it.
    pub binding: BrowserBinding,
    /// Its end.
    pub expires: Timestamp,
}

impl Trial {
    /// Whether the trial may go on in `pool` at `now` in the browser that presents `secrets`.
    pub fn check(&self, pool: &PoolId, secrets: &[String], now: Timestamp) -> Result<(), WrongStep> {
        may_go_on((&self.pool, &self.binding, self.expires), pool, secrets, now)
    }
}

/// A checked authorization request ([RFC 6749 section
/// 4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1)).
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
    /// `dpop_jkt`: thumbprint of the DPoP key that has to redeem the code ([RFC 9449 section
    /// 10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).
    pub dpop_jkt: Option<String>,
    /// The handle of the pushed request that this is.
    pub pushed: Option<String>,
    /// Subject of a valid `id_token_hint`.
    pub hinted_sub: Option<String>,
    /// The first language of `ui_locales` in which pages can be shown.
    pub language: Option<Language>,
}

/// What an app wishes of the sign-in at a provider; nothing, by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes<'a> {
    /// `prompt` values.
    pub prompt: Prompt,
    /// `max_age` in seconds.
    pub max_age: Option<u64>,
    /// `login_hint`.
    pub login_hint: Option<&'a str>,
}

impl AuthorizeRequest {
    /// What the app wishes of the sign-in at a provider.
    pub fn wishes(&self) -> Wishes<'_> {
        Wishes { prompt: self.prompt, max_age: self.max_age, login_hint: self.login_hint.as_deref() }
    }
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
