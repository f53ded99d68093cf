//! What one provider does otherwise than the standard says, as its settings tell it.

/// Deviations from the standard, each off unless a preset or pool says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Multi-tenant issuer: `{tenantid}` in the issuer is the token's `tid`.
    pub tenant: Option<TenantRule>,
    /// Google Workspace domains of which one must be in `hd`; empty accepts all.
    pub hosted_domains: Vec<String>,
    /// Other spellings of `iss` that this provider uses.
    pub issuer_aliases: Vec<String>,
    /// The provider does not echo `nonce`; replay is then held off by PKCE and `state` alone.
    pub nonce_not_echoed: bool,
    /// The first callback carries an unsigned `user` form field with the person's name (Apple).
    pub user_form_field: bool,
    /// Calls carry `appsecret_proof` = HMAC-SHA256(app secret, access token) (Facebook).
    pub appsecret_proof: bool,
    /// URL that tells for which client an access token was issued, and where in its JSON answer that stands.
    pub token_audience: Option<TokenAudienceRule>,
    /// Claim that says whether the address is verified where that is not `email_verified` (Discord's
    /// `verified`).
    pub email_verified_claim: Option<String>,
    /// Verified address picked from the list merged under this claim (GitHub's `emails`).
    pub verified_email_list: Option<String>,
    /// Organisations of which one must be in the list merged under `orgs`; empty accepts all.
    pub organisations: Vec<String>,
    /// The provider may replace `groups` by a `_claim_names` reference (Entra overage); it is reported, never
    /// followed.
    pub groups_overage: bool,
}

/// Which tenants of a multi-tenant issuer may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRule {
    /// Allowed `tid` values; empty accepts every tenant (written `allowed_tenants = ["*"]`).
    pub allowed: Vec<String>,
    /// `tid` values that are refused whatever [`TenantRule::allowed`] says: personal accounts under `tenant =
    /// "organizations"`.
    pub refused: Vec<String>,
}

/// A call that proves for whom an access token was issued (B-30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAudienceRule {
    /// URL; the access token is added as `parameter`.
    pub url: String,
    /// Query parameter that carries the access token.
    pub parameter: String,
    /// JSON pointer to the client id in the answer.
    pub audience: String,
    /// Whether the call itself is authorised with `client_id|client_secret` as `access_token` (Facebook's
    /// `debug_token`).
    pub app_token: bool,
}
