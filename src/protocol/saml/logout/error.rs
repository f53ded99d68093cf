//! Why a logout message is not honoured.

use std::time::Duration;

use super::super::binding::BindingError;
use super::super::duration::words;
use super::super::encryption::EncryptionError;
use super::super::signature::SignatureError;
use super::super::xml::XmlError;
use crate::model::fault::{Fault, Refusal};

/// Why a logout message is not honoured: one variant per check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutError {
    /// The query or its signature.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// Not a document that is read here, or not what the schema says.
    #[error("the message cannot be read: {0}")]
    Xml(#[from] XmlError),
    /// No signature in the document.
    #[error("the message is not signed")]
    Unsigned,
    /// A signature that does not verify.
    #[error("the signature of the message: {0}")]
    Signature(#[from] SignatureError),
    /// Another message.
    #[error("the message is a {found}, expected a {expected}")]
    OtherMessage {
        /// Wanted.
        expected: &'static str,
        /// The root element.
        found: String,
    },
    /// Another version of SAML.
    #[error("Version is {0:?}, expected \"2.0\"")]
    Version(String),
    /// An element or attribute that must be there is not, or is empty.
    #[error("the message has no {0}")]
    Missing(&'static str),
    /// From another identity provider.
    #[error("Issuer is {found:?}, expected {expected:?}")]
    Issuer {
        /// The provider's entity id.
        expected: String,
        /// What came.
        found: String,
    },
    /// For another address.
    #[error("Destination is {found:?}, expected {expected:?}")]
    Destination {
        /// Our single logout service.
        expected: String,
        /// What came.
        found: Option<String>,
    },
    /// A time that cannot be read.
    #[error("{name} is {found:?}, which is no date and time with a zone")]
    Instant {
        /// Of which attribute.
        name: &'static str,
        /// What came.
        found: String,
    },
    /// Issued in the future.
    #[error("IssueInstant lies {} in the future", words(*.by))]
    Future {
        /// How far.
        by: Duration,
    },
    /// Too old, or past its NotOnOrAfter.
    #[error("the message is too old by {}", words(*.by))]
    Over {
        /// By how much.
        by: Duration,
    },
    /// An answer to another request, or to none.
    #[error("InResponseTo is {found:?}, expected {expected:?}")]
    OtherRequest {
        /// Our request's id.
        expected: String,
        /// What came.
        found: Option<String>,
    },
    /// An unusable name.
    #[error("the name in the request: {0}")]
    NameId(String),
    /// An encrypted name that cannot be decrypted.
    #[error("the encrypted name: {0}")]
    Decryption(EncryptionError),
    /// Unusable or too many session indexes.
    #[error("the request names an unusable SessionIndex, or too many")]
    Sessions,
}

impl Refusal for LogoutError {
    fn code(&self) -> &'static str {
        match self {
            Self::Binding(error) => error.code(),
            Self::Xml(_) => "saml_logout_malformed",
            Self::Unsigned => "saml_logout_unsigned",
            Self::Signature(_) => "saml_logout_signature",
            Self::OtherMessage { .. } => "saml_logout_other_message",
            Self::Version(_) => "saml_logout_version",
            Self::Missing(_) => "saml_logout_incomplete",
            Self::Issuer { .. } => "saml_logout_issuer",
            Self::Destination { .. } => "saml_logout_destination",
            Self::Instant { .. } => "saml_logout_instant",
            Self::Future { .. } => "saml_logout_in_future",
            Self::Over { .. } => "saml_logout_over",
            Self::OtherRequest { .. } => "saml_logout_other_request",
            Self::NameId(_) => "saml_logout_name_id",
            Self::Decryption(_) => "saml_logout_decryption",
            Self::Sessions => "saml_logout_sessions",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Binding(error) => error.fault(),
            Self::OtherRequest { .. } | Self::Over { .. } => Fault::Visitor,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Binding(error) => error.hint(),
            Self::Unsigned => {
                "the identity provider must sign logout messages: set its signing option for this app".into()
            }
            Self::Signature(_) => {
                "the certificate in this provider's metadata must be the one that the identity provider \
                 signs with; fetch the metadata again"
                    .into()
            }
            Self::Issuer { expected, found } => {
                format!(
                    "the message is of {found:?}; the entity id of this provider's metadata is {expected:?}"
                )
            }
            Self::Destination { expected, .. } => {
                format!("set the single logout URL of this app at the identity provider to {expected}")
            }
            Self::Future { .. } | Self::Over { .. } => {
                "compare the clocks of the identity provider and of this broker; a message is honoured once \
                 and for five minutes"
                    .into()
            }
            Self::OtherRequest { .. } => {
                "sign out again from the app; this answer belongs to another sign-out".into()
            }
            Self::Decryption(_) => "the identity provider must encrypt for the certificate in our current \
                metadata; fetch it again there"
                .into(),
            _ => "the identity provider must send the message as SAML Core section 3.7 says".into(),
        }
    }
}
