//! Why an account of a provider may not sign in, by the provider's preset or the pool's settings.

use crate::model::fault::{Fault, Refusal};

/// Longest subject in bytes ([OpenID Connect Core section
/// 2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
pub const MAX_SUBJECT: usize = 255;

/// A provider's answer breaks a rule of its preset or of the pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuirkError {
    /// A multi-tenant issuer needs `tid`.
    #[error("claim tid is missing: the issuer is that of many tenants")]
    TenantMissing,
    /// The tenant is not in `allowed_tenants`, or is refused by the preset.
    #[error("tenant {0:?} is not allowed")]
    TenantRefused(String),
    /// `hosted_domains` is set and the account belongs to none of them.
    #[error("hosted domain {0:?} is not allowed")]
    HostedDomainRefused(Option<String>),
    /// `organisations` is set and the account belongs to none of them.
    #[error("the account is in none of the allowed organisations")]
    OrganisationRefused,
    /// The claim that holds the subject is missing, empty, too long or no text.
    #[error("claim {0} holds no usable subject")]
    SubjectUnusable(String),
    /// The NameID is another one at each sign-in.
    #[error("the NameID is transient, so it identifies nobody at the next sign-in")]
    SubjectTransient,
    /// The NameID's format is none that the settings accept as a subject.
    #[error("NameID format {0:?} is none that identifies people by the settings")]
    SubjectFormat(String),
}

impl Refusal for QuirkError {
    fn code(&self) -> &'static str {
        match self {
            Self::TenantMissing => "provider_tenant_missing",
            Self::TenantRefused(_) => "provider_tenant_refused",
            Self::HostedDomainRefused(_) => "provider_hosted_domain_refused",
            Self::OrganisationRefused => "provider_organisation_refused",
            Self::SubjectUnusable(_) => "provider_subject_unusable",
            Self::SubjectTransient => "provider_subject_transient",
            Self::SubjectFormat(_) => "provider_subject_format",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::TenantMissing
            | Self::SubjectUnusable(_)
            | Self::SubjectTransient
            | Self::SubjectFormat(_) => Fault::Provider,
            Self::TenantRefused(_) | Self::HostedDomainRefused(_) | Self::OrganisationRefused => {
                Fault::Visitor
            }
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::TenantMissing => "Use an issuer of one tenant, or let the provider put tid into the ID \
                token."
                .into(),
            Self::TenantRefused(tenant) => format!(
                "Sign in with another account, or add {tenant:?} to allowed_tenants of this provider."
            ),
            Self::HostedDomainRefused(_) => {
                "Sign in with an account of the organisation, or extend hosted_domains of this provider."
                    .into()
            }
            Self::OrganisationRefused => {
                "Sign in with a member's account, let the organisation approve the app, or extend \
                 organisations."
                    .into()
            }
            Self::SubjectUnusable(claim) => {
                format!(
                    "Let the provider send {claim}: a text of 1 to {MAX_SUBJECT} bytes that never changes."
                )
            }
            Self::SubjectTransient => {
                "Let the provider send a persistent NameID, or name an attribute with a lasting id as \
                 subject."
                    .into()
            }
            Self::SubjectFormat(format) => {
                format!(
                    "Let the provider send a persistent NameID, add {format:?} to subject_formats, or name \
                    an attribute as subject."
                )
            }
        }
    }
}
