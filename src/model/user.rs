//! A pool user: stable `sub`, user name, attributes, linked identities, groups.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::attributes::Attributes;
use super::identity::IdentityKey;
use super::ids::Sub;
use super::time::Timestamp;
use super::unknown::UnknownMembers;

/// Cognito's provider types, as they appear in the `identities` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderType {
    /// Google.
    Google,
    /// Facebook.
    Facebook,
    /// Login with Amazon.
    LoginWithAmazon,
    /// Sign in with Apple.
    SignInWithApple,
    /// Any SAML identity provider.
    #[serde(rename = "SAML")]
    Saml,
    /// Any other OIDC or OAuth 2 provider.
    #[serde(rename = "OIDC")]
    Oidc,
}

impl ProviderType {
    /// The text of the `providerType` member.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Facebook => "Facebook",
            Self::LoginWithAmazon => "LoginWithAmazon",
            Self::SignInWithApple => "SignInWithApple",
            Self::Saml => "SAML",
            Self::Oidc => "OIDC",
        }
    }

    /// Inverse of [`ProviderType::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Google, Self::Facebook, Self::LoginWithAmazon, Self::SignInWithApple, Self::Saml, Self::Oidc]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for ProviderType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An external identity that signs this user in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedIdentity {
    /// Who this is at the provider.
    pub key: IdentityKey,
    /// Kind of provider, for the `identities` claim.
    pub provider_type: ProviderType,
    /// Whether the user was created by this identity.
    pub primary: bool,
    /// When it was linked.
    pub created: Timestamp,
    /// Pool groups that this provider's groups map to, as of the last sign-in.
    pub groups: Vec<String>,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// A pool user as stored in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stable, never reused.
    pub sub: Sub,
    /// `Provider_subject` for federated users.
    pub username: String,
    /// Mapped attributes.
    pub attributes: Attributes,
    /// External identities.
    pub identities: Vec<LinkedIdentity>,
    /// Groups given in the pool itself; provider groups are in [`LinkedIdentity::groups`].
    pub groups: Vec<String>,
    /// A disabled user is refused at every door.
    pub enabled: bool,
    /// First sign-in.
    pub created: Timestamp,
    /// Last change of anything above.
    pub modified: Timestamp,
    /// What a later release wrote beside it.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl User {
    /// Own and provider groups, each once, in a stable order: `cognito:groups`.
    pub fn all_groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for group in self.groups.iter().chain(self.identities.iter().flat_map(|identity| &identity.groups)) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        groups
    }
}
