//! Why metadata is not used, in an administrator's words.

use super::super::certificate::CertificateError;
use super::super::xml::XmlError;
use super::MAX_METADATA;
use crate::model::fault::{Fault, Refusal};

/// Why metadata is not used. Lines count from 1; of signed metadata they count in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// More than [`MAX_METADATA`] bytes.
    #[error("the metadata has {0} bytes, at most {MAX_METADATA} are read")]
    TooLarge(usize),
    /// Something that is no XML, recognized.
    #[error("this is {0}, not SAML metadata")]
    Recognized(&'static str),
    /// XML that is not read here, or elements that contradict the schema.
    #[error("metadata: {0}")]
    Xml(#[from] XmlError),
    /// Another document than metadata.
    #[error("line {line}: this document is {found}, not SAML metadata")]
    Root {
        /// Where.
        line: u32,
        /// What it is.
        found: String,
    },
    /// The entity is a service provider (C-69).
    #[error("line {line}: this is SP metadata: {entity_id} is a service provider, not an identity provider")]
    SpMetadata {
        /// Where.
        line: u32,
        /// Of the entity.
        entity_id: String,
    },
    /// No identity provider at all (C-69).
    #[error("line {line}: the document describes no identity provider (no IDPSSODescriptor)")]
    NoIdp {
        /// Where.
        line: u32,
    },
    /// An identity provider of an older protocol.
    #[error("line {line}: the identity provider {entity_id} does not speak SAML 2.0")]
    NoSaml2 {
        /// Where.
        line: u32,
        /// Of the entity.
        entity_id: String,
    },
    /// Several identity providers, and none is chosen (C-69).
    #[error("this document lists {count} IdPs: {}, set entity_id to the one you mean", .listed.join(", "))]
    SeveralIdps {
        /// How many.
        count: usize,
        /// The first of them.
        listed: Vec<String>,
    },
    /// Another entity than configured (C-69).
    #[error("the metadata is not of {expected}; it is of {}", .found.join(", "))]
    WrongEntity {
        /// Configured.
        expected: String,
        /// In the document, the first of them.
        found: Vec<String>,
    },
    /// The configured entity twice.
    #[error("line {line}: the document describes {entity_id} a second time")]
    EntityTwice {
        /// Where the second one is.
        line: u32,
        /// Of the entity.
        entity_id: String,
    },
    /// `validUntil` has passed (C-69).
    #[error("line {line}: the metadata was valid until {until}")]
    Expired {
        /// Where.
        line: u32,
        /// As written.
        until: String,
    },
    /// An attribute or element that cannot be read.
    #[error("line {line}: {name} {problem}; it is {value:?}")]
    Value {
        /// Where.
        line: u32,
        /// Of the attribute or element.
        name: &'static str,
        /// What it must be.
        problem: &'static str,
        /// As written, shortened.
        value: String,
    },
    /// No `SingleSignOnService` by a binding that is spoken here.
    #[error("line {line}: {entity_id} has no SingleSignOnService by HTTP-Redirect or HTTP-POST")]
    NoSso {
        /// Where.
        line: u32,
        /// Of the entity.
        entity_id: String,
    },
    /// No usable signing certificate (C-30).
    #[error("line {line}: {entity_id} has no usable signing certificate{}", reasons(.ignored))]
    NoSigningKey {
        /// Where.
        line: u32,
        /// Of the entity.
        entity_id: String,
        /// Why the keys that there are do not count.
        ignored: Vec<String>,
    },
    /// More signing certificates than a provider has.
    #[error("line {line}: more than {limit} signing certificates")]
    TooManyKeys {
        /// Where.
        line: u32,
        /// Allowed.
        limit: usize,
    },
    /// A pinned signer, and the root has no signature (C-69).
    #[error("the metadata is not signed, but a signer is configured for it")]
    Unsigned,
    /// A pinned signer, and the signature does not verify.
    #[error("the signature of the metadata: {0}")]
    Signature(String),
    /// A field that was written by hand.
    #[error("{field} {problem}")]
    Field {
        /// Its name in the configuration.
        field: &'static str,
        /// What it must be.
        problem: String,
    },
    /// A certificate that was written by hand (C-30).
    #[error("certificate {number}: {error}")]
    Certificate {
        /// Which, from 1.
        number: usize,
        /// Why it is unusable.
        error: CertificateError,
    },
}

impl Refusal for MetadataError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "saml_metadata_too_large",
            Self::Recognized(_) | Self::Root { .. } => "saml_metadata_other_document",
            Self::Xml(_) => "saml_metadata_malformed",
            Self::SpMetadata { .. } => "saml_metadata_of_sp",
            Self::NoIdp { .. } => "saml_metadata_no_idp",
            Self::NoSaml2 { .. } => "saml_metadata_no_saml2",
            Self::SeveralIdps { .. } => "saml_metadata_several_idps",
            Self::WrongEntity { .. } => "saml_metadata_wrong_entity",
            Self::EntityTwice { .. } => "saml_metadata_entity_twice",
            Self::Expired { .. } => "saml_metadata_expired",
            Self::Value { .. } => "saml_metadata_value",
            Self::NoSso { .. } => "saml_metadata_no_sso",
            Self::NoSigningKey { .. } => "saml_metadata_no_signing_key",
            Self::TooManyKeys { .. } => "saml_metadata_too_many_keys",
            Self::Unsigned => "saml_metadata_unsigned",
            Self::Signature(_) => "saml_metadata_signature",
            Self::Field { .. } => "saml_field",
            Self::Certificate { .. } => "saml_certificate",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Xml(_)
            | Self::NoSaml2 { .. }
            | Self::EntityTwice { .. }
            | Self::Expired { .. }
            | Self::Value { .. }
            | Self::NoSso { .. }
            | Self::NoSigningKey { .. }
            | Self::TooManyKeys { .. } => Fault::Provider,
            _ => Fault::Pool,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Recognized(_) | Self::Root { .. } => {
                "use the address that the identity provider calls metadata URL or federation metadata; \
                 opened in a browser it shows XML that begins with EntityDescriptor, without signing in"
                    .into()
            }
            Self::TooLarge(_) => {
                "use the metadata of this one identity provider, not of its whole federation".into()
            }
            Self::Xml(XmlError::Refused { .. }) => {
                "metadata has no DOCTYPE, entities or processing instructions; remove them".into()
            }
            Self::Xml(_) => {
                "save the metadata again without editing it; it must be well-formed XML in UTF-8".into()
            }
            Self::SpMetadata { .. } | Self::NoIdp { .. } => {
                "use the metadata of the company's identity provider; this is what an app or the broker \
                 itself publishes"
                    .into()
            }
            Self::NoSaml2 { .. } => "switch SAML 2.0 on at the identity provider".into(),
            Self::SeveralIdps { .. } => "set entity_id of this provider to one of the listed values".into(),
            Self::WrongEntity { found, .. } => {
                format!("set entity_id to exactly {} if that is the provider you mean", found.join(" or "))
            }
            Self::EntityTwice { .. } => "remove one of the two EntityDescriptors".into(),
            Self::Expired { .. } => "fetch current metadata from the identity provider".into(),
            Self::Value { name, .. } => format!("the identity provider must publish a usable {name}"),
            Self::NoSso { .. } => {
                "switch the HTTP-Redirect or the HTTP-POST binding on at the identity provider".into()
            }
            Self::NoSigningKey { .. } | Self::TooManyKeys { .. } => {
                "the identity provider must publish its signing certificate (RSA of 2048 bits or more, or \
                 EC) in an X509Certificate"
                    .into()
            }
            Self::Unsigned | Self::Signature(_) => {
                "check metadata_signer of this provider: the certificate there must be the one that signs \
                 the metadata"
                    .into()
            }
            Self::Field { field, .. } => format!("correct {field} of this provider"),
            Self::Certificate { .. } => {
                "paste the certificate as the identity provider shows it, BEGIN and END lines included".into()
            }
        }
    }
}

fn reasons(ignored: &[String]) -> String {
    if ignored.is_empty() { String::new() } else { format!(" ({})", ignored.join("; ")) }
}

/// What an administrator should know about metadata that is used nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataWarning {
    /// A key that is not used: too weak, of an unsupported type, unreadable, or not in a certificate.
    #[error("line {line}: a signing key is ignored: {reason}")]
    KeyIgnored {
        /// Where.
        line: u32,
        /// Why.
        reason: String,
    },
    /// More than one certificate for one key: the others are its chain, and no chain is trusted here.
    #[error("line {line}: only the first certificate of an X509Data is used, not its chain")]
    ChainIgnored {
        /// Where.
        line: u32,
    },
    /// The document is signed and no signer is configured.
    #[error("the metadata is signed, but the signature is not checked because no signer is configured")]
    SignatureUnchecked,
}
