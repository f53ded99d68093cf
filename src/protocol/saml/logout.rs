//! Single logout, both ways ([SAML Core section
//! 3.7](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf), [SAML Profiles section
//! 4.4](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! Anybody can make a browser bring a message here, so every one is signed by the identity provider, is for
//! us, and is of now; a request is honoured once, which its id in [`LogoutRequest`] is for (C-72). Where an
//! answer goes is never said by a message.

mod error;
mod write;

use std::time::Duration;

use zeroize::Zeroizing;

pub use error::LogoutError;
pub use write::{NewLogoutRequest, NewLogoutResponse};

use super::super::Verified;
use super::binding::{PostMessage, RedirectQuery};
use super::certificate::Certificate;
use super::datetime;
use super::encryption::{self, DecryptionKey};
use super::signature::{self, SignaturePolicy};
use super::signature_wrapping::trimmed;
use super::signed_bytes::Proven;
use super::subject::{NameId, read_name_id};
use super::verification_report::shown;
use super::xml::{Document, Node, attribute, children, is, name, ns, only_child, required_child, text_str};
use crate::model::time::Timestamp;

/// A message older than this is not honoured, whatever it says of itself.
pub const MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// One person has no more sessions at one service provider.
const MAX_SESSIONS: usize = 64;
/// Longest ID and SessionIndex in bytes.
const MAX_ID: usize = 1024;
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub enum Received<'a> {
    /// Signed in its query.
    Redirect(&'a RedirectQuery),
    /// Signed in its document.
    Post(&'a PostMessage),
}

impl<'a> Received<'a> {
    fn xml(self) -> &'a [u8] {
        match self {
            Self::Redirect(query) => &query.xml,
            Self::Post(message) => &message.xml,
        }
    }
}

/// What a message must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Entity id of the identity provider.
    pub idp: &'a str,
    /// Our single logout service towards it, where the message arrived.
    pub slo_url: &'a str,
    /// Its signing certificates; with none, everything is refused (C-30).
    pub keys: &'a [Certificate],
    /// Our keys for an `EncryptedID`.
    pub decryption: &'a [DecryptionKey],
    /// Clock difference that is forgiven.
    pub skew: Duration,
    /// What signatures may be beyond the default.
    pub policy: SignaturePolicy,
}

/// What a message claims, unverified: which provider's keys and which sign-out it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// `Issuer`.
    pub issuer: String,
    /// `InResponseTo` of a response.
    pub in_response_to: Option<String>,
}

/// A request that somebody's sessions end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its ID, for the answer and for the replay mark.
    pub id: String,
    /// Who.
    pub name_id: NameId,
    /// Which sessions; empty means all of this person.
    pub session_indexes: Vec<String>,
    /// Until when it could be honoured again: the life of the replay mark.
    pub acceptable_until: Timestamp,
}

/// The identity provider's answer to our request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// How it went.
    pub status: LogoutStatus,
}

/// How a logout went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutStatus {
    /// Everywhere.
    Success,
    /// Not everywhere ([SAML Core section
    /// 3.7.3.2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
    Partial,
    /// Not at all: the most specific status code.
    Failed(String),
}

/// Reads what a message claims, to find the provider that [`verify_request`] or [`verify_response`] is then
/// told to expect.
pub fn claimed(received: Received<'_>) -> Result<Claimed, LogoutError> {
    let document = Document::parse(received.xml())?;
    let root = document.root();
    if !is(root, ns::SAMLP, "LogoutRequest") && !is(root, ns::SAMLP, "LogoutResponse") {
        return Err(LogoutError::OtherMessage { expected: "LogoutRequest", found: name(root) });
    }
    let issuer = text_str(required_child(root, ns::SAML, "Issuer")?)?;
    Ok(Claimed {
        issuer: trimmed(issuer).to_owned(),
        in_response_to: attribute(root, "InResponseTo").map(str::to_owned),
    })
}

/// Verifies a request of the identity provider. The caller honours each id once until
/// [`LogoutRequest::acceptable_until`].
pub fn verify_request(
    received: Received<'_>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Verified<LogoutRequest>, LogoutError> {
    let signed = signed(received, expected)?;
    let document = signed.document()?;
    let root = document.root();
    let issued = check_message(root, "LogoutRequest", expected, now)?;
    let end = instant(root, "NotOnOrAfter")?
        .unwrap_or_else(|| issued.plus(MAX_AGE))
        .min(issued.plus(MAX_AGE))
        .plus(expected.skew);
    if now >= end {
        return Err(LogoutError::Over { by: now.since(end) });
    }
    Ok(Verified::new(LogoutRequest {
        id: id(root, "ID")?.to_owned(),
        name_id: name_id(root, expected.decryption)?,
        session_indexes: session_indexes(root)?,
        acceptable_until: end,
    }))
}

/// Verifies the identity provider's answer to our request `request_id`.
pub fn verify_response(
    received: Received<'_>,
    expected: &Expected<'_>,
    request_id: &str,
    now: Timestamp,
) -> Result<Verified<LogoutResponse>, LogoutError> {
    let signed = signed(received, expected)?;
    let document = signed.document()?;
    let root = document.root();
    let issued = check_message(root, "LogoutResponse", expected, now)?;
    let end = issued.plus(MAX_AGE).plus(expected.skew);
    if now >= end {
        return Err(LogoutError::Over { by: now.since(end) });
    }
    match attribute(root, "InResponseTo") {
        Some(found) if found == request_id => {}
        found => {
            return Err(LogoutError::OtherRequest {
                expected: request_id.to_owned(),
                found: found.map(shown),
            });
        }
    }
    Ok(Verified::new(LogoutResponse { status: status(root)? }))
}

/// The bytes that the identity provider signed.
fn signed<'a>(received: Received<'a>, expected: &Expected<'_>) -> Result<Proven<'a>, LogoutError> {
    match received {
        Received::Redirect(query) => {
            query.verify(expected.keys, expected.policy)?;
            Ok(Proven::Whole(&query.xml))
        }
        Received::Post(message) => {
            let document = Document::parse(&message.xml)?;
            let signed = signature::verify(document.root(), expected.keys, expected.policy)?;
            Ok(Proven::Signed(Zeroizing::new(signed.ok_or(LogoutError::Unsigned)?.canonical)))
        }
    }
}

/// What both messages have in common; the instant of issue, which is not in the future.
fn check_message(
    root: Node<'_, '_>,
    message: &'static str,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Timestamp, LogoutError> {
    if !is(root, ns::SAMLP, message) {
        return Err(LogoutError::OtherMessage { expected: message, found: name(root) });
    }
    let version = attribute(root, "Version").unwrap_or_default();
    if version != "2.0" {
        return Err(LogoutError::Version(shown(version)));
    }
    id(root, "ID")?;
    check_issuer(root, expected.idp)?;
    match attribute(root, "Destination") {
        Some(destination) if destination == expected.slo_url => {}
        found => {
            return Err(LogoutError::Destination {
                expected: expected.slo_url.to_owned(),
                found: found.map(shown),
            });
        }
    }
    let issued = instant(root, "IssueInstant")?.ok_or(LogoutError::Missing("IssueInstant"))?;
    let latest = now.plus(expected.skew);
    if issued > latest { Err(LogoutError::Future { by: issued.since(now) }) } else { Ok(issued) }
}

fn check_issuer(root: Node<'_, '_>, idp: &str) -> Result<(), LogoutError> {
    let issuer = required_child(root, ns::SAML, "Issuer")?;
    let found = trimmed(text_str(issuer)?);
    let entity = attribute(issuer, "Format").is_none_or(|format| format == ENTITY);
    if entity && found == idp {
        Ok(())
    } else {
        Err(LogoutError::Issuer { expected: idp.to_owned(), found: shown(found) })
    }
}

/// The one name. An encrypted one is decrypted: the signature over its ciphertext has been verified, so that
/// decryption is no oracle.
fn name_id(root: Node<'_, '_>, keys: &[DecryptionKey]) -> Result<NameId, LogoutError> {
    let read = |node| read_name_id(node).map_err(|error| LogoutError::NameId(error.to_string()));
    match (only_child(root, ns::SAML, "NameID")?, only_child(root, ns::SAML, "EncryptedID")?) {
        (Some(plain), None) => read(plain),
        (None, Some(encrypted)) => {
            let rules = encryption::Rules { rsa_1_5: false, cbc: true };
            let plaintext = encryption::decrypt(encrypted, keys, rules).map_err(LogoutError::Decryption)?;
            let document = Document::parse(&plaintext)?;
            if is(document.root(), ns::SAML, "NameID") {
                read(document.root())
            } else {
                Err(LogoutError::Missing("NameID"))
            }
        }
        (None, None) => Err(LogoutError::Missing("NameID")),
        (Some(_), Some(_)) => Err(LogoutError::NameId("both NameID and EncryptedID are given".to_owned())),
    }
}

fn session_indexes(root: Node<'_, '_>) -> Result<Vec<String>, LogoutError> {
    let mut found = Vec::new();
    for node in children(root, ns::SAMLP, "SessionIndex") {
        let index = trimmed(text_str(node)?);
        if index.is_empty() || index.len() > MAX_ID || found.len() == MAX_SESSIONS {
            return Err(LogoutError::Sessions);
        }
        found.push(index.to_owned());
    }
    Ok(found)
}

/// Partial success is told in the inner or the outer code, depending on the identity provider.
fn status(root: Node<'_, '_>) -> Result<LogoutStatus, LogoutError> {
    const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
    const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";
    let outer = required_child(required_child(root, ns::SAMLP, "Status")?, ns::SAMLP, "StatusCode")?;
    let inner = only_child(outer, ns::SAMLP, "StatusCode")?;
    let code = |node| attribute(node, "Value").unwrap_or_default();
    Ok(match (code(outer), inner.map(code)) {
        (PARTIAL, _) | (_, Some(PARTIAL)) => LogoutStatus::Partial,
        (SUCCESS, None) => LogoutStatus::Success,
        (outer, inner) => LogoutStatus::Failed(shown(inner.unwrap_or(outer))),
    })
}

fn id<'a>(root: Node<'a, '_>, name: &'static str) -> Result<&'a str, LogoutError> {
    attribute(root, name).filter(|id| (1..=MAX_ID).contains(&id.len())).ok_or(LogoutError::Missing(name))
}

fn instant(root: Node<'_, '_>, name: &'static str) -> Result<Option<Timestamp>, LogoutError> {
    let Some(written) = attribute(root, name) else { return Ok(None) };
    datetime::parse(written).map(Some).ok_or_else(|| LogoutError::Instant { name, found: shown(written) })
}
