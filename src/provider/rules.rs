//! Rules of a provider, as a preset file or a `[[pool.provider]]` table may say them: every key optional, the
//! pool's laid over the preset's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deviations::TokenAudienceRule;
use super::mapping::Rule;
use super::saml_rules::SamlKeys;
use super::settings::{EmailTrust, Endpoints, ProfileRule, UserinfoRule};
use crate::model::attributes::AttributeName;

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolKind {
    /// OpenID Connect.
    Oidc,
    /// OAuth 2 with a profile call.
    Oauth2,
    /// SAML 2.0.
    Saml,
}

/// How the broker authenticates at the token endpoint, without the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// `client_secret_basic`.
    SecretBasic,
    /// `client_secret_post`.
    SecretPost,
    /// `private_key_jwt`.
    PrivateKeyJwt,
    /// Apple's minted secret.
    AppleJwt,
    /// Public client.
    None,
}

/// Keys that presets and pools share.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Shown to people.
    pub label: Option<String>,
    /// Expected issuer; may hold `{base_url}`, `{tenant}` and `{tenantid}`.
    pub issuer: Option<String>,
    /// Metadata URL; may hold `{base_url}` and `{tenant}`.
    pub discovery_url: Option<String>,
    /// Value of `{base_url}`, without a trailing slash.
    pub base_url: Option<String>,
    /// Endpoints; may hold `{base_url}` and `{tenant}`.
    pub endpoints: Endpoints,
    /// Scopes asked for.
    pub scopes: Option<Vec<String>>,
    /// The authorization request.
    pub request: RequestKeys,
    /// ID-token algorithms.
    pub algorithms: Option<Vec<String>>,
    /// Subject claim, or pointer into the profile.
    pub subject: Option<String>,
    /// Whether userinfo is called.
    pub userinfo: Option<UserinfoRule>,
    /// Client authentication.
    pub client_auth: Option<AuthMethod>,
    /// When an address counts as verified.
    pub email_trust: Option<EmailTrust>,
    /// Whether a person without a verified address is refused.
    pub require_verified_email: Option<bool>,
    /// Upstream sign-out.
    pub end_session: Option<bool>,
    /// Whether the provider signs people out here by logout tokens.
    pub backchannel_logout: Option<bool>,
    /// Whether the provider signs people out here by a frame.
    pub frontchannel_logout: Option<bool>,
    /// Whether the provider answers at a callback of its own.
    pub own_callback: Option<bool>,
    /// Profile call.
    pub profile: ProfileRule,
    /// Deviations.
    pub quirks: QuirkKeys,
    /// Attribute rules; `None` unmaps what the preset maps. Shared, for most pools change nothing about a
    /// preset's.
    pub attributes: Arc<BTreeMap<AttributeName, Option<Rule>>>,
    /// Claim with the provider's groups.
    pub groups_claim: Option<String>,
    /// Provider group to pool group.
    pub groups_map: BTreeMap<String, String>,
    /// What only SAML providers have.
    pub saml: SamlKeys,
}

/// `[request]`.
#[derive(Debug, Clone, Default)]
pub struct RequestKeys {
    /// Joins scopes.
    pub scope_separator: Option<String>,
    /// Extra parameters.
    pub parameters: BTreeMap<String, String>,
    /// `response_mode=form_post`.
    pub form_post: Option<bool>,
    /// Whether `login_hint` is forwarded.
    pub login_hint: Option<bool>,
    /// `prompt` values forwarded.
    pub prompts: Option<Vec<String>>,
    /// Whether `max_age` is forwarded.
    pub max_age: Option<bool>,
}

/// `[quirks]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuirkKeys {
    /// See [`super::deviations::Quirks::issuer_aliases`].
    pub issuer_aliases: Option<Vec<String>>,
    /// See [`super::deviations::Quirks::nonce_not_echoed`].
    pub nonce_not_echoed: Option<bool>,
    /// See [`super::deviations::Quirks::user_form_field`].
    pub user_form_field: Option<bool>,
    /// See [`super::deviations::Quirks::appsecret_proof`].
    pub appsecret_proof: Option<bool>,
    /// See [`super::deviations::Quirks::token_audience`].
    pub token_audience: Option<TokenAudienceRule>,
    /// See [`super::deviations::Quirks::email_verified_claim`].
    pub email_verified_claim: Option<String>,
    /// See [`super::deviations::Quirks::verified_email_list`].
    pub verified_email_list: Option<String>,
    /// See [`super::deviations::Quirks::groups_overage`].
    pub groups_overage: Option<bool>,
}

impl Rules {
    /// These rules with everything that `over` says in its place; tables are joined key by key.
    #[must_use]
    pub fn overlaid(mut self, over: Self) -> Self {
        self.label = over.label.or(self.label);
        self.issuer = over.issuer.or(self.issuer);
        self.discovery_url = over.discovery_url.or(self.discovery_url);
        self.base_url = over.base_url.or(self.base_url);
        self.endpoints = endpoints_over(self.endpoints, over.endpoints);
        self.scopes = over.scopes.or(self.scopes);
        self.request = self.request.overlaid(over.request);
        self.algorithms = over.algorithms.or(self.algorithms);
        self.subject = over.subject.or(self.subject);
        self.userinfo = over.userinfo.or(self.userinfo);
        self.client_auth = over.client_auth.or(self.client_auth);
        self.email_trust = over.email_trust.or(self.email_trust);
        self.require_verified_email = over.require_verified_email.or(self.require_verified_email);
        self.end_session = over.end_session.or(self.end_session);
        self.backchannel_logout = over.backchannel_logout.or(self.backchannel_logout);
        self.frontchannel_logout = over.frontchannel_logout.or(self.frontchannel_logout);
        self.own_callback = over.own_callback.or(self.own_callback);
        self.profile.query.extend(over.profile.query);
        self.profile.token_header = over.profile.token_header.or(self.profile.token_header);
        self.profile.also.extend(over.profile.also);
        self.quirks = self.quirks.overlaid(over.quirks);
        if !over.attributes.is_empty() {
            Arc::make_mut(&mut self.attributes).extend(Arc::unwrap_or_clone(over.attributes));
        }
        self.groups_claim = over.groups_claim.or(self.groups_claim);
        self.groups_map.extend(over.groups_map);
        self.saml = self.saml.overlaid(over.saml);
        self
    }
}

fn endpoints_over(under: Endpoints, over: Endpoints) -> Endpoints {
    Endpoints {
        authorization: over.authorization.or(under.authorization),
        token: over.token.or(under.token),
        userinfo: over.userinfo.or(under.userinfo),
        jwks: over.jwks.or(under.jwks),
        end_session: over.end_session.or(under.end_session),
    }
}

impl RequestKeys {
    fn overlaid(mut self, over: Self) -> Self {
        self.parameters.extend(over.parameters);
        Self {
            scope_separator: over.scope_separator.or(self.scope_separator),
            parameters: self.parameters,
            form_post: over.form_post.or(self.form_post),
            login_hint: over.login_hint.or(self.login_hint),
            prompts: over.prompts.or(self.prompts),
            max_age: over.max_age.or(self.max_age),
        }
    }
}

impl QuirkKeys {
    fn overlaid(self, over: Self) -> Self {
        Self {
            issuer_aliases: over.issuer_aliases.or(self.issuer_aliases),
            nonce_not_echoed: over.nonce_not_echoed.or(self.nonce_not_echoed),
            user_form_field: over.user_form_field.or(self.user_form_field),
            appsecret_proof: over.appsecret_proof.or(self.appsecret_proof),
            token_audience: over.token_audience.or(self.token_audience),
            email_verified_claim: over.email_verified_claim.or(self.email_verified_claim),
            verified_email_list: over.verified_email_list.or(self.verified_email_list),
            groups_overage: over.groups_overage.or(self.groups_overage),
        }
    }
}
