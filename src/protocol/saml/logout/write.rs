//! Our own logout messages. They are signed by [`super::super::signature::sign`] for POST and in the query
//! for Redirect.

use super::super::subject::NameId;
use super::super::xml::{escape_attribute, escape_text, ns};
use super::{LogoutStatus, MAX_AGE};
use crate::model::time::Timestamp;

/// Our request that a person's session at the identity provider ends.
#[derive(Debug, Clone)]
pub struct NewLogoutRequest<'a> {
    /// From [`super::super::request::message_id`].
    pub id: &'a str,
    /// Now.
    pub issue_instant: Timestamp,
    /// The identity provider's address that it goes to.
    pub destination: &'a str,
    /// Our entity id.
    pub issuer: &'a str,
    /// Exactly as the assertion named the person.
    pub name_id: &'a NameId,
    /// `SessionIndex` of the assertion; `None` ends all sessions of the person.
    pub session_index: Option<&'a str>,
}

/// Our answer to the identity provider's request.
#[derive(Debug, Clone)]
pub struct NewLogoutResponse<'a> {
    /// From [`super::super::request::message_id`].
    pub id: &'a str,
    /// Now.
    pub issue_instant: Timestamp,
    /// The identity provider's address that it goes to.
    pub destination: &'a str,
    /// Our entity id.
    pub issuer: &'a str,
    /// ID of the request; `None` where the request could not be read.
    pub in_response_to: Option<&'a str>,
    /// How it went; a failure's code stands inside `Responder`.
    pub status: &'a LogoutStatus,
}

impl NewLogoutRequest<'_> {
    /// The document, in which a signature has its place right after `Issuer`.
    pub fn to_xml(&self) -> String {
        let session = |index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape_text(index));
        format!(
            "<samlp:LogoutRequest {}{}><saml:Issuer>{}</saml:Issuer>{}{}</samlp:LogoutRequest>",
            head(self.id, self.issue_instant, self.destination),
            set("NotOnOrAfter", Some(&self.issue_instant.plus(MAX_AGE).utc())),
            escape_text(self.issuer),
            name_id(self.name_id),
            self.session_index.map(session).unwrap_or_default(),
        )
    }
}

impl NewLogoutResponse<'_> {
    /// The document, in which a signature has its place right after `Issuer`.
    pub fn to_xml(&self) -> String {
        const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";
        let status = match self.status {
            LogoutStatus::Success => format!("<samlp:StatusCode Value=\"{STATUS}Success\"/>"),
            LogoutStatus::Partial => nested(&format!("{STATUS}PartialLogout")),
            LogoutStatus::Failed(code) => nested(code),
        };
        format!(
            "<samlp:LogoutResponse \
             {}{}><saml:Issuer>{}</saml:Issuer><samlp:Status>{status}</samlp:Status></samlp:LogoutResponse>",
            head(self.id, self.issue_instant, self.destination),
            set("InResponseTo", self.in_response_to),
            escape_text(self.issuer),
        )
    }
}

fn nested(code: &str) -> String {
    format!(
        "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode \
         Value=\"{}\"/></samlp:StatusCode>",
        escape_attribute(code)
    )
}

fn head(id: &str, issue_instant: Timestamp, destination: &str) -> String {
    format!(
        "xmlns:samlp=\"{}\" xmlns:saml=\"{}\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\" \
         Destination=\"{}\"",
        ns::SAMLP,
        ns::SAML,
        escape_attribute(id),
        issue_instant.utc(),
        escape_attribute(destination),
    )
}

fn name_id(name_id: &NameId) -> String {
    let attributes = [
        set("NameQualifier", name_id.name_qualifier.as_deref()),
        set("SPNameQualifier", name_id.sp_name_qualifier.as_deref()),
        set("Format", name_id.format.as_deref()),
        set("SPProvidedID", name_id.sp_provided_id.as_deref()),
    ];
    format!("<saml:NameID{}>{}</saml:NameID>", attributes.concat(), escape_text(&name_id.value))
}

fn set(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!(" {name}=\"{}\"", escape_attribute(value))).unwrap_or_default()
}
