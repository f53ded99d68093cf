//! Hints for every SAML error: what to change, and who changes it.

use super::super::duration::words;
use super::super::encryption::EncryptionError;
use super::super::signature::SignatureError;
use super::{SamlError, shorten};

/// One or two sentences for the administrator of the pool or of the IdP.
pub(super) fn of(error: &SamlError) -> String {
    match error {
        SamlError::NoKeys => {
            "give this provider metadata (or a certificate) with a key for signing: without one nothing can \
             be believed"
                .into()
        }
        SamlError::Xml(_) => {
            "the IdP must send one well-formed UTF-8 document without DOCTYPE, processing instructions and \
             duplicate IDs; if something between the IdP and the browser rewrites the form, take it out"
                .into()
        }
        SamlError::NotAResponse { found } => format!(
            "the IdP's administrator gives this address as Assertion Consumer Service only, for SAML 2.0 \
             responses by HTTP-POST; it sent a {found}"
        ),
        SamlError::Misplaced { element, .. } => {
            format!(
                "a response is built by the IdP exactly as the SAML schema says; {element} at this place is \
                what a forged response has"
            )
        }
        SamlError::AssertionCount { .. } => {
            "the IdP must put exactly one assertion (plain or encrypted) into a response".into()
        }
        SamlError::Missing { element } => missing(element),
        SamlError::Malformed { element, .. } => {
            format!(
                "the IdP must send {element} as the SAML schema says; times look like 2026-01-31T08:00:00Z"
            )
        }
        SamlError::Version { .. } => "the IdP's administrator switches this app to SAML 2.0".into(),
        SamlError::Status { code, nested, message } => status(code, nested.as_deref(), message.as_deref()),
        SamlError::Unsigned => {
            "the IdP's administrator switches on signing of the assertion or of the response for this app"
                .into()
        }
        SamlError::Signature { error, used, known, .. } => signature(error, used, known),
        SamlError::Decryption(error) => decryption(error),
        SamlError::Oracle(inner) => of(inner),
        SamlError::Plaintext { .. } => "the IdP must encrypt exactly one Assertion element".into(),
        SamlError::Over { .. }
        | SamlError::Future { .. }
        | SamlError::BeforeRequest { .. }
        | SamlError::TooOld { .. } => clock(error),
        SamlError::AuthnTooOld { .. } => {
            "the app asked to sign in anew, and the IdP answered from an older session: sign in at the IdP \
             again; if it never asks, the IdP's administrator makes it honour ForceAuthn"
                .into()
        }
        _ => expectation(error),
    }
}

/// Whom and what the response answers.
fn expectation(error: &SamlError) -> String {
    match error {
        SamlError::Destination { expected, found } => address("Destination", expected, found.as_deref()),
        SamlError::Recipient { expected, found } => address("Recipient", expected, found.as_deref()),
        SamlError::Issuer { found, expected, .. } => format!(
            "if {found:?} is the IdP (or the tenant) you mean, set entity_id or the metadata of this \
             provider to it; otherwise the IdP's administrator sends people from {expected:?}"
        ),
        SamlError::IssuerFormat { .. } => {
            "the IdP must name itself by its entity id, with no Format or the entity format".into()
        }
        SamlError::Reversed { .. } => {
            "the IdP's administrator corrects the validity period of assertions".into()
        }
        SamlError::OtherRequest { found: Some(_), .. } => {
            "this is the answer to another sign-in, perhaps of another tab or of the browser's history: \
             start again from the app"
                .into()
        }
        SamlError::OtherRequest { element, .. } => {
            format!("the IdP must copy the request's ID into {element}")
        }
        SamlError::Unsolicited => {
            "start from the app instead of the IdP's portal; to allow the portal, set idp_initiated for this \
             provider"
                .into()
        }
        SamlError::Solicited { .. } => {
            "this answers a sign-in that is over or was begun elsewhere: start again from the app".into()
        }
        SamlError::Audience { expected, .. } => {
            format!(
                "the IdP's administrator sets the audience (Entity ID, Identifier, Audience URI) of this app \
                to exactly {expected}"
            )
        }
        _ => content(error),
    }
}

/// What the assertion says of the person and of how they signed in.
fn content(error: &SamlError) -> String {
    match error {
        SamlError::UnknownCondition { .. } => {
            "the IdP's administrator takes this condition off the assertions for this app".into()
        }
        SamlError::NoBearer { .. } => {
            "the IdP's administrator issues assertions with the subject confirmation method bearer to this \
             app"
            .into()
        }
        SamlError::ConfirmationNotBefore => {
            "the IdP must leave NotBefore off SubjectConfirmationData (SAML Profiles section 4.1.4.2)".into()
        }
        SamlError::AuthnContext { expected, .. } => format!(
            "this provider asks for {expected}: the IdP's administrator makes that way of signing in \
             available, or authn_context of this provider is changed"
        ),
        SamlError::NameId { problem } => format!(
            "the NameID is {problem}: the IdP's administrator maps a value that every person has, such as an \
             immutable id, of at most 1024 bytes"
        ),
        SamlError::NameIdQualifier { expected, .. } => {
            format!("the IdP must issue the persistent NameID for {expected}, or leave SPNameQualifier off")
        }
        SamlError::Encrypted { element } => {
            format!(
                "the IdP's administrator switches {element} off for this app; the whole assertion may be \
                encrypted instead"
            )
        }
        SamlError::TooMany { what, limit } => {
            format!(
                "the IdP's administrator sends at most {limit} {what}, for example only the groups of this \
                 app"
            )
        }
        _ => String::new(),
    }
}

fn missing(element: &str) -> String {
    match element {
        "Conditions" | "AudienceRestriction" => {
            "the IdP's administrator sets an audience for this app: without one the assertion could be used \
             at any other app"
                .into()
        }
        "AuthnStatement" => "the IdP must say how and when the person signed in (AuthnStatement)".into(),
        "Issuer" => "the IdP must name itself in Issuer, in the Response and in the Assertion".into(),
        _ => format!("the IdP must send {element} (SAML Profiles section 4.1.4.2)"),
    }
}

fn address(name: &str, expected: &str, found: Option<&str>) -> String {
    let came = found.map_or_else(|| "nothing".to_owned(), |found| format!("{found:?}"));
    format!(
        "the IdP's administrator sets the ACS URL (Reply URL, Single sign-on URL, Assertion Consumer \
         Service) of this app to exactly {expected}; {name} said {came}"
    )
}

fn status(code: &str, nested: Option<&str>, message: Option<&str>) -> String {
    let advice = match (shorten(code), nested.map(shorten)) {
        (_, Some("AuthnFailed")) => {
            "the person could not sign in at the IdP: try again there, or ask the IdP's help desk"
        }
        (_, Some("RequestDenied")) => {
            "the IdP refuses this person or this app: the IdP's administrator assigns the person to the app"
        }
        (_, Some("NoPassive")) => {
            "the person is not signed in at the IdP and the app asked not to show anything: sign in without \
             prompt=none"
        }
        (_, Some("NoAuthnContext")) => {
            "the IdP cannot sign in the way that authn_context of this provider asks for: change one of the \
             two"
        }
        (_, Some("InvalidNameIDPolicy")) => {
            "the IdP has no NameID of the format that name_id_format of this provider asks for: change one \
             of the two"
        }
        ("Requester", _) => {
            "the IdP does not like our request: compare entity id, ACS URL, signing certificate and request \
             settings of this provider with the app at the IdP"
        }
        ("VersionMismatch", _) => "the IdP does not speak SAML 2.0 here",
        _ => "the IdP failed: its administrator finds the reason in its log, at the time of this sign-in",
    };
    message.map_or_else(|| advice.to_owned(), |message| format!("{advice} (it says: {message:?})"))
}

fn signature(error: &SignatureError, used: &str, known: &str) -> String {
    match error {
        SignatureError::Sha1(_) => {
            "the IdP's administrator switches signing for this app to RSA-SHA256; until that is done, \
             sha1_until of this provider accepts SHA-1 up to a date"
                .into()
        }
        SignatureError::Algorithm(found) => {
            format!(
                "the IdP's administrator switches signing for this app to RSA-SHA256 with exclusive \
                 canonicalization; {found} is never accepted"
            )
        }
        SignatureError::NoKeyFits { .. } | SignatureError::NoKeys => format!(
            "it was signed with {used}; this provider's metadata names {known}. If the IdP has changed its \
             certificate, let the metadata be read again, or compare the new certificate's fingerprint with \
             the IdP's administrator and accept it with symbolon saml accept-key"
        ),
        SignatureError::Digest { element, .. } => format!(
            "the {element} was changed after the IdP had signed it: look for whatever rewrites it on its way \
             (a proxy, a browser extension, an IdP that formats XML after signing)"
        ),
        _ => format!(
            "the IdP must sign the Response or the Assertion itself, right after its Issuer, as SAML Core \
             section 5.4 says: {error}"
        ),
    }
}

fn decryption(error: &EncryptionError) -> String {
    match error {
        EncryptionError::Cbc(_) => {
            "the IdP's administrator switches encryption for this app to AES-GCM, or signs the response as \
             well; if the IdP can do neither, cbc_without_signature of this provider accepts it"
                .into()
        }
        EncryptionError::Rsa15 => {
            "the IdP's administrator switches key transport for this app to RSA-OAEP; until that is done, \
             rsa_1_5_until of this provider accepts it up to a date"
                .into()
        }
        EncryptionError::Failed | EncryptionError::NoKeys => {
            "the IdP encrypts for a certificate that is not (or no longer) ours: its administrator reads our \
                                                              metadata again, or takes the encryption \
                                                              certificate from it"
                .into()
        }
        _ => format!(
            "the IdP's administrator encrypts with AES-GCM and RSA-OAEP, or switches encryption off for this \
            app: {error}"
        ),
    }
}

fn clock(error: &SamlError) -> String {
    match error {
        SamlError::Future { by, .. } => format!(
            "the IdP's clock is {} ahead of ours: synchronize both by NTP; a difference of up to 120 s can \
             be forgiven with clock_skew of this provider",
            words(*by)
        ),
        SamlError::BeforeRequest { by, .. } => format!(
            "the IdP's clock is {} behind ours, or the answer is older than this sign-in: start again; if it \
             stays, synchronize both clocks by NTP",
            words(*by)
        ),
        SamlError::Over { element, by } => format!(
            "{element} passed {} ago: start again, without waiting at the IdP's last page; if it stays, the \
             IdP's clock is behind ours or it makes assertions valid for too short a time (5 minutes are \
             usual)",
            words(*by)
        ),
        _ => "start again from the app or the IdP's portal; a response is good for minutes".into(),
    }
}
