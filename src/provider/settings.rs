//! A provider as one pool uses it: a preset and the pool's credentials, resolved and checked.
//!
//! The protocol modules read only these types; no provider name appears in them.

use std::collections::BTreeMap;

use super::deviations::Quirks;
use super::saml::Saml;
use crate::model::ids::ProviderName;
use crate::model::secret::SecretString;
use crate::model::user::ProviderType;

/// A provider configured in one pool.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Shows in user names (`Google_1234`) and in `identity_provider=`.
    pub name: ProviderName,
    /// Shown to people: "Continue with {label}".
    pub label: String,
    /// The preset, for example `google`.
    pub preset: String,
    /// Cognito's type for the `identities` claim.
    pub provider_type: ProviderType,
    /// `idp_identifier` values that select this provider.
    pub identifiers: Vec<String>,
    /// E-mail domains that route here and inside which [`EmailTrust::Domains`] believes an address.
    pub domains: Vec<String>,
    /// What the provider speaks.
    pub protocol: Protocol,
    /// `client_id` at the provider; for SAML our entity id there.
    pub client_id: String,
    /// How the broker authenticates at the token endpoint.
    pub client_auth: ClientAuth,
    /// When an e-mail address counts as verified.
    pub email_trust: EmailTrust,
    /// Whether a person without a verified e-mail address is refused.
    pub require_verified_email: bool,
    /// Claims to attributes: preset overlaid by pool.
    pub mapping: super::mapping::Mapping,
    /// Provider groups to pool groups.
    pub groups: GroupRule,
    /// Whether signing out here also visits the provider's end-session endpoint.
    pub end_session: bool,
    /// Whether the provider answers at a callback of its own, `/oauth2/idpresponse/<name>`: then no other
    /// provider of the pool can pass its answers off as their own, even where it sends no `iss` (B-20, [RFC
    /// 9700 section 4.4.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2)).
    pub own_callback: bool,
    /// A disabled provider is refused at every door.
    pub enabled: bool,
}

impl Provider {
    /// Whether the provider may end sessions here, so that it is noted which came of it.
    pub fn may_sign_out(&self) -> bool {
        match &self.protocol {
            Protocol::Oidc(oidc) => oidc.logout.back_channel || oidc.logout.front_channel,
            Protocol::Oauth2(_) => false,
            Protocol::Saml(_) => self.end_session,
        }
    }
}

/// The closed set of protocols.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// OpenID Connect: identity from a verified ID token, optionally with userinfo.
    Oidc(Oidc),
    /// OAuth 2 with a profile call: identity from the profile answer.
    Oauth2(Oauth2),
    /// SAML 2.0: identity from a verified assertion.
    Saml(Box<Saml>),
}

/// Rules for an OpenID Connect provider.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// Expected `iss`; with [`Quirks::tenant`] it holds the literal `{tenantid}`.
    pub issuer: String,
    /// Where metadata is read; `None` with all endpoints given by hand.
    pub discovery_url: Option<String>,
    /// Endpoints given by hand; they win over discovery.
    pub endpoints: Endpoints,
    /// The authorization request.
    pub request: RequestRules,
    /// Accepted ID-token algorithms, for example `["RS256"]`; never `none` or `HS*`.
    pub algorithms: Vec<String>,
    /// Claim that is the subject: `sub`, or `oid` for Entra, where `sub` is another one for each app.
    pub subject_claim: String,
    /// Whether userinfo is called.
    pub userinfo: UserinfoRule,
    /// Whether the provider signs people out here.
    pub logout: LogoutRule,
    /// Deviations of this provider.
    pub quirks: Quirks,
}

/// How a provider may sign people out here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogoutRule {
    /// By posting a logout token ([Back-Channel
    /// Logout](https://openid.net/specs/openid-connect-backchannel-1_0.html)).
    pub back_channel: bool,
    /// By having the browser load a page of ours in a frame ([Front-Channel
    /// Logout](https://openid.net/specs/openid-connect-frontchannel-1_0.html)).
    pub front_channel: bool,
}

/// Rules for an OAuth 2 provider without ID tokens.
#[derive(Debug, Clone)]
pub struct Oauth2 {
    /// Fixed endpoints; authorization, token and userinfo (the profile call) are present.
    pub endpoints: Endpoints,
    /// The authorization request.
    pub request: RequestRules,
    /// Where the subject stands in the merged profile: a JSON pointer such as `/id` or `/data/id`; numbers
    /// are taken as their decimal text.
    pub subject: String,
    /// How the profile is called.
    pub profile: ProfileRule,
    /// Deviations of this provider.
    pub quirks: Quirks,
}

/// Endpoint URLs, each https (http on loopback only where private upstreams are allowed).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Authorization endpoint.
    pub authorization: Option<String>,
    /// Token endpoint.
    pub token: Option<String>,
    /// Userinfo endpoint or profile call.
    pub userinfo: Option<String>,
    /// JWK set.
    pub jwks: Option<String>,
    /// End-session endpoint.
    pub end_session: Option<String>,
}

/// What the authorization request holds besides the protocol's own parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestRules {
    /// Scopes asked for.
    pub scopes: Vec<String>,
    /// Joins the scopes: a space, or a comma.
    pub scope_separator: String,
    /// Fixed extra parameters, for example `access_type=offline`.
    pub parameters: BTreeMap<String, String>,
    /// Whether the answer comes as a cross-site form POST (`response_mode=form_post`).
    pub form_post: bool,
    /// Whether `login_hint` is forwarded.
    pub login_hint: bool,
    /// `prompt` values that are forwarded; others are honoured here only.
    pub prompts: Vec<String>,
    /// Whether `max_age` is forwarded and `auth_time` then required.
    pub max_age: bool,
}

/// When userinfo is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserinfoRule {
    /// Never; the ID token has it all.
    Never,
    /// When metadata or settings name an endpoint; its `sub` must equal the ID token's.
    WhenOffered,
}

/// How an OAuth 2 profile call is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileRule {
    /// Query added to the call, for example Graph's `fields`.
    pub query: BTreeMap<String, String>,
    /// Header that carries the access token instead of `Authorization: Bearer`.
    pub token_header: Option<String>,
    /// Further GET calls whose answers are merged under a claim: claim name to URL, for example `emails` to
    /// GitHub's `/user/emails`.
    pub also: BTreeMap<String, String>,
}

/// How the broker authenticates at the provider's token endpoint.
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// `client_secret_basic`.
    SecretBasic(SecretString),
    /// `client_secret_post`.
    SecretPost(SecretString),
    /// `private_key_jwt` ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523)).
    PrivateKeyJwt {
        /// PKCS#8 PEM, RSA or P-256 or Ed25519.
        key: SecretString,
        /// `kid` header, if the provider wants one.
        key_id: Option<String>,
        /// `alg`.
        algorithm: String,
    },
    /// A client secret that is itself an ES256 JWT, minted and renewed here (Apple).
    AppleJwt {
        /// PKCS#8 PEM of the `.p8` file.
        key: SecretString,
        /// Key id.
        key_id: String,
        /// Team id, the JWT's `iss`.
        team_id: String,
    },
    /// Public client: PKCE alone.
    None,
}

impl Provider {
    /// What this provider does otherwise than the standard says.
    pub fn quirks(&self) -> &Quirks {
        match &self.protocol {
            Protocol::Oidc(oidc) => &oidc.quirks,
            Protocol::Oauth2(oauth2) => &oauth2.quirks,
            Protocol::Saml(saml) => &saml.quirks,
        }
    }
}

/// When an e-mail address from this provider counts as verified (B-49, F-01, F-04, F-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailTrust {
    /// Never.
    Never,
    /// When `email_verified` is the boolean `true`.
    Claim,
    /// When `email_verified` is `true` or `"true"` (Apple).
    ClaimOrText,
    /// When `xms_edov` is true in any of its encodings; absent is false (Entra).
    EdovClaim,
    /// When the address came from the provider's list of verified addresses
    /// ([`Quirks::verified_email_list`]).
    VerifiedList,
    /// When the address lies in one of [`Provider::domains`].
    Domains,
    /// Every address: the operator vouches for this provider (named `trust_every_email` in settings).
    Every,
}

/// Provider groups to pool groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupRule {
    /// Claim that lists the provider's groups; `None` maps nothing.
    pub claim: Option<String>,
    /// Provider group to pool group.
    pub map: BTreeMap<String, String>,
}
