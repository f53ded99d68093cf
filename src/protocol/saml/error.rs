//! Why a SAML response proves nothing.

mod hint;

use std::time::Duration;

use super::duration::words;
use super::encryption::EncryptionError;
use super::signature::SignatureError;
use super::xml::XmlError;
use crate::model::fault::{Fault, Refusal};

/// Why a SAML response is refused: one variant per check. Everything received is bounded and free of control
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamlError {
    /// No signing certificate of the IdP is known, so nothing can be believed (C-30).
    #[error("no signing certificate of the IdP is known")]
    NoKeys,
    /// Not a document that is read here.
    #[error("the response cannot be read: {0}")]
    Xml(#[from] XmlError),
    /// Another message.
    #[error("the message is a {found}, expected a samlp:Response")]
    NotAResponse {
        /// The root element.
        found: String,
    },
    /// An element where the schema or this profile has none, or out of order.
    #[error("{element} stands in {parent}, where it has no place")]
    Misplaced {
        /// The element.
        element: String,
        /// Its parent.
        parent: String,
    },
    /// Not exactly one assertion.
    #[error("the response has {found} assertions, expected one")]
    AssertionCount {
        /// How many came.
        found: usize,
    },
    /// An element or attribute that must be there is not.
    #[error("the response has no {element}")]
    Missing {
        /// What, for example `AuthnStatement/@AuthnInstant`.
        element: &'static str,
    },
    /// A value that its type does not allow.
    #[error("{element} is {found:?}, which is no value for it")]
    Malformed {
        /// Which.
        element: &'static str,
        /// What came.
        found: String,
    },
    /// Another version of SAML.
    #[error("{element} is {found:?}, expected \"2.0\"")]
    Version {
        /// Whose version.
        element: &'static str,
        /// What came.
        found: String,
    },
    /// The IdP says that it did not sign the person in.
    #[error("the IdP answered {}{}", shorten(.nested.as_deref().unwrap_or(.code)), told(.message.as_ref()))]
    Status {
        /// The top-level code.
        code: String,
        /// The code inside it.
        nested: Option<String>,
        /// The IdP's own words.
        message: Option<String>,
    },
    /// Neither the response nor its assertion is signed.
    #[error("neither the response nor the assertion is signed")]
    Unsigned,
    /// A signature that does not verify.
    #[error("the signature of the {element} is refused: {error}; signed with {used}; known: {known}")]
    Signature {
        /// `Response` or `Assertion`.
        element: &'static str,
        /// Why.
        error: Box<SignatureError>,
        /// The certificate that the message itself names: diagnosis, never trusted.
        used: String,
        /// The certificates that the IdP's metadata names, with fingerprints and dates.
        known: String,
    },
    /// The assertion cannot be decrypted. One code and one fault outward, whatever the reason (C-44).
    #[error("the encrypted assertion is refused: {0}")]
    Decryption(EncryptionError),
    /// What was encrypted is not one assertion (C-43).
    #[error("the decrypted text is not one assertion: {reason}")]
    Plaintext {
        /// Why.
        reason: String,
    },
    /// A failure after the decryption of CBC without a verified signature over it: outward like
    /// [`Self::Decryption`], so that nobody learns from refusals whether a guessed ciphertext decrypted
    /// (C-44).
    #[error("the encrypted assertion is refused: {0}")]
    Oracle(Box<SamlError>),
    /// Sent to another address.
    #[error("Response/@Destination is {found:?}, expected {expected:?}")]
    Destination {
        /// Our assertion consumer service.
        expected: String,
        /// What came.
        found: Option<String>,
    },
    /// From another IdP.
    #[error("{element} is {found:?}, expected {expected:?}")]
    Issuer {
        /// Whose issuer.
        element: &'static str,
        /// The IdP's entity id.
        expected: String,
        /// What came.
        found: String,
    },
    /// An issuer that is no entity id.
    #[error("the format of {element} is {found:?}, expected that of an entity id")]
    IssuerFormat {
        /// Whose issuer.
        element: &'static str,
        /// What came.
        found: String,
    },
    /// An instant that has not come yet: the IdP's clock is ahead.
    #[error("{element} lies {} in the future", words(*.by))]
    Future {
        /// Which.
        element: &'static str,
        /// How far.
        by: Duration,
    },
    /// Issued before it was asked for: the IdP's clock is behind.
    #[error("{element} lies {} before the request was sent", words(*.by))]
    BeforeRequest {
        /// Which.
        element: &'static str,
        /// How far.
        by: Duration,
    },
    /// Issued too long ago.
    #[error("{element} is older than allowed by {}", words(*.by))]
    TooOld {
        /// Which.
        element: &'static str,
        /// By how much.
        by: Duration,
    },
    /// The end of a period has passed.
    #[error("{element} passed {} ago", words(*.by))]
    Over {
        /// Which end.
        element: &'static str,
        /// How long ago.
        by: Duration,
    },
    /// A period that ends before it begins.
    #[error("Conditions end at {end}, before they begin at {begin}")]
    Reversed {
        /// `NotBefore`.
        begin: String,
        /// `NotOnOrAfter`.
        end: String,
    },
    /// An answer to another request.
    #[error("{element} is {found:?}, expected {expected:?}")]
    OtherRequest {
        /// Which.
        element: &'static str,
        /// The request's id.
        expected: String,
        /// What came.
        found: Option<String>,
    },
    /// Answers no request, although one was sent.
    #[error("the response answers no request (IdP-initiated), although one was sent")]
    Unsolicited,
    /// Came unasked and yet names a request.
    #[error("the response came unasked, but {element} names the request {found:?}")]
    Solicited {
        /// Which.
        element: &'static str,
        /// What came.
        found: String,
    },
    /// For another service provider.
    #[error("the assertion is for {found}, expected {expected:?}")]
    Audience {
        /// Our entity id.
        expected: String,
        /// What came.
        found: String,
    },
    /// A condition whose meaning is unknown ([SAML Core section
    /// 2.5.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
    #[error("the assertion has the unknown condition {found}")]
    UnknownCondition {
        /// Which.
        found: String,
    },
    /// No confirmation whose method is bearer.
    #[error("the subject is confirmed by {found}, expected bearer")]
    NoBearer {
        /// The methods that came.
        found: String,
    },
    /// A bearer confirmation for another address.
    #[error("SubjectConfirmationData/@Recipient is {found:?}, expected {expected:?}")]
    Recipient {
        /// Our assertion consumer service.
        expected: String,
        /// What came.
        found: Option<String>,
    },
    /// A bearer confirmation must not begin later.
    #[error("SubjectConfirmationData has NotBefore, which a bearer confirmation must not")]
    ConfirmationNotBefore,
    /// The person did not prove again who they are.
    #[error("the person authenticated {} before the request, which is too long", words(*.by))]
    AuthnTooOld {
        /// How long.
        by: Duration,
    },
    /// Signed in by other means than asked for.
    #[error("the person authenticated by {found:?}, expected {expected}")]
    AuthnContext {
        /// What was asked for.
        expected: String,
        /// What came.
        found: String,
    },
    /// A NameID that can name nobody.
    #[error("the NameID is {problem}")]
    NameId {
        /// `empty`, `too long`, ...
        problem: &'static str,
    },
    /// A persistent NameID made for another service provider.
    #[error("NameID/@SPNameQualifier is {found:?}, expected {expected:?}")]
    NameIdQualifier {
        /// Our entity id.
        expected: String,
        /// What came.
        found: String,
    },
    /// A part that is encrypted by itself.
    #[error("the assertion has an {element}, which is not supported")]
    Encrypted {
        /// `EncryptedID` or `EncryptedAttribute`.
        element: &'static str,
    },
    /// More of something than any real assertion has.
    #[error("the assertion has more than {limit} {what}")]
    TooMany {
        /// What.
        what: &'static str,
        /// Allowed.
        limit: usize,
    },
}

/// The last part of a status code's URI.
fn shorten(code: &str) -> &str {
    code.rsplit(':').next().unwrap_or(code)
}

fn told(message: Option<&String>) -> String {
    message.map(|message| format!(": {message:?}")).unwrap_or_default()
}

impl Refusal for SamlError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoKeys => "saml_no_signing_certificate",
            Self::Xml(_) => "saml_xml_refused",
            Self::NotAResponse { .. } => "saml_not_a_response",
            Self::Misplaced { .. } => "saml_element_misplaced",
            Self::AssertionCount { .. } => "saml_not_one_assertion",
            Self::Missing { .. } => "saml_element_missing",
            Self::Malformed { .. } => "saml_value_malformed",
            Self::Version { .. } => "saml_version_mismatch",
            Self::Status { code, nested, .. } => status_code(nested.as_deref().unwrap_or(code)),
            Self::Unsigned => "saml_unsigned",
            Self::Signature { .. } => "saml_signature_refused",
            Self::Decryption(_) | Self::Plaintext { .. } | Self::Oracle(_) => "saml_decryption_refused",
            Self::Destination { found: None, .. } => "saml_destination_missing",
            Self::Destination { .. } => "saml_destination_mismatch",
            Self::Issuer { .. } => "saml_issuer_mismatch",
            Self::IssuerFormat { .. } => "saml_issuer_format",
            Self::Future { .. } => "saml_from_the_future",
            Self::BeforeRequest { .. } => "saml_issued_before_request",
            Self::TooOld { .. } => "saml_too_old",
            Self::Over { .. } => "saml_expired",
            Self::Reversed { .. } => "saml_conditions_reversed",
            Self::OtherRequest { .. } => "saml_in_response_to_mismatch",
            Self::Unsolicited => "saml_unsolicited",
            Self::Solicited { .. } => "saml_answers_unknown_request",
            Self::Audience { .. } => "saml_audience_mismatch",
            Self::UnknownCondition { .. } => "saml_condition_unknown",
            Self::NoBearer { .. } => "saml_no_bearer_confirmation",
            Self::Recipient { .. } => "saml_recipient_mismatch",
            Self::ConfirmationNotBefore => "saml_confirmation_not_before",
            Self::AuthnTooOld { .. } => "saml_authentication_too_old",
            Self::AuthnContext { .. } => "saml_authn_context_not_met",
            Self::NameId { .. } => "saml_name_id_unusable",
            Self::NameIdQualifier { .. } => "saml_name_id_qualifier_mismatch",
            Self::Encrypted { .. } => "saml_part_encrypted",
            Self::TooMany { .. } => "saml_too_many",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoKeys
            | Self::Issuer { .. }
            | Self::Signature { .. }
            | Self::Decryption(_)
            | Self::Plaintext { .. }
            | Self::Oracle(_) => Fault::Pool,
            Self::Unsolicited | Self::OtherRequest { found: Some(_), .. } | Self::AuthnTooOld { .. } => {
                Fault::Visitor
            }
            Self::Status { code, nested, .. } => status_fault(code, nested.as_deref()),
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        hint::of(self)
    }
}

fn status_code(code: &str) -> &'static str {
    match shorten(code) {
        "AuthnFailed" => "saml_status_authn_failed",
        "NoAuthnContext" => "saml_status_no_authn_context",
        "RequestDenied" => "saml_status_request_denied",
        "NoPassive" => "saml_status_no_passive",
        "InvalidNameIDPolicy" => "saml_status_invalid_name_id_policy",
        "Requester" => "saml_status_requester",
        "Responder" => "saml_status_responder",
        _ => "saml_status",
    }
}

fn status_fault(code: &str, nested: Option<&str>) -> Fault {
    match (shorten(code), nested.map(shorten)) {
        (_, Some("AuthnFailed" | "RequestDenied" | "NoPassive")) => Fault::Visitor,
        (_, Some("NoAuthnContext" | "InvalidNameIDPolicy")) | ("Requester", _) => Fault::Pool,
        _ => Fault::Provider,
    }
}
