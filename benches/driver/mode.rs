//! What can be measured.

use clap::ValueEnum;

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A login at an OpenID Connect provider: authorize, provider, callback, code, token endpoint with PKCE
    Oidc,
    /// The same at a SAML provider, whose signed answer comes by HTTP-POST
    Saml,
    /// A refresh
    Refresh,
    /// A token for an app itself
    ClientCredentials,
    /// The authorization request alone, which leaves a flow behind
    Authorize,
    /// The authorization request without a provider, and the page that it leads to
    SignInPage,
    /// Provider metadata
    Discovery,
    /// The published keys
    Jwks,
}

impl Mode {
    /// All, in the order of the report.
    pub const ALL: [Self; 8] = [
        Self::Oidc,
        Self::Saml,
        Self::Refresh,
        Self::ClientCredentials,
        Self::Authorize,
        Self::SignInPage,
        Self::Discovery,
        Self::Jwks,
    ];

    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Refresh => "refresh",
            Self::ClientCredentials => "client-credentials",
            Self::Authorize => "authorize",
            Self::SignInPage => "sign-in-page",
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
        }
    }

    /// How many of these take about as long as one login, so that the clock ticks of the operating system do
    /// not show.
    pub const fn repeated(self) -> usize {
        match self {
            Self::Oidc | Self::Saml | Self::Refresh => 1,
            Self::ClientCredentials => 2,
            Self::Authorize | Self::SignInPage => 6,
            Self::Discovery | Self::Jwks => 15,
        }
    }

    /// Signatures of the tokens that the operation ends with.
    pub const fn signatures(self) -> u32 {
        match self {
            Self::Oidc | Self::Saml | Self::Refresh => 2,
            Self::ClientCredentials => 1,
            Self::Authorize | Self::SignInPage | Self::Discovery | Self::Jwks => 0,
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
