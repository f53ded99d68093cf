//! The authentication request ([SAML Core section
//! 3.4.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
//!
//! Every value passes through the escaping of [`super::xml`], so none of them can become an element (C-74).

use super::binding::Binding;
use super::xml::{escape_attribute, escape_text, ns};
use crate::model::time::Timestamp;

/// A transient NameID, of which AllowCreate says nothing
/// ([SAML Core section 3.4.1.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf), erratum
/// 14).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/// An ID that nobody guesses, from 256 random bits. It begins with a letter-like character, as an XML ID
/// must.
pub fn message_id(random: [u8; 32]) -> String {
    let digits =
        |byte: u8| [char::from_digit(u32::from(byte >> 4), 16), char::from_digit(u32::from(byte & 15), 16)];
    std::iter::once('_').chain(random.into_iter().flat_map(digits).flatten()).collect()
}

/// An authentication request. Scoping is left out.
#[derive(Debug, Clone)]
pub struct AuthnRequest<'a> {
    /// From [`message_id`].
    pub id: &'a str,
    /// Now.
    pub issue_instant: Timestamp,
    /// The identity provider's address that it goes to.
    pub destination: &'a str,
    /// Our entity id.
    pub issuer: &'a str,
    /// Where the answer must come, by POST.
    pub acs_url: &'a str,
    /// Whether the person must prove again who they are.
    pub force_authn: bool,
    /// Whether nothing may be asked of the person.
    pub is_passive: bool,
    /// The wanted format of the NameID; `None` leaves it to the identity provider.
    pub name_id_format: Option<&'a str>,
    /// Authentication context classes of which one must be met exactly; empty asks for none.
    pub authn_context: &'a [String],
}

impl AuthnRequest<'_> {
    /// The document, in which a signature has its place right after `Issuer`.
    pub fn to_xml(&self) -> String {
        let flag = |name: &str, set: bool| if set { format!(" {name}=\"true\"") } else { String::new() };
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{}\" xmlns:saml=\"{}\" ID=\"{}\" Version=\"2.0\" \
             IssueInstant=\"{}\" Destination=\"{}\"{}{} ProtocolBinding=\"{}\" \
             AssertionConsumerServiceURL=\"{}\"><saml:Issuer>{}</saml:Issuer>{}{}</samlp:AuthnRequest>",
            ns::SAMLP,
            ns::SAML,
            escape_attribute(self.id),
            self.issue_instant.utc(),
            escape_attribute(self.destination),
            flag("ForceAuthn", self.force_authn),
            flag("IsPassive", self.is_passive),
            Binding::Post.uri(),
            escape_attribute(self.acs_url),
            escape_text(self.issuer),
            self.name_id_policy(),
            self.requested_authn_context(),
        )
    }

    fn name_id_policy(&self) -> String {
        let format = self
            .name_id_format
            .map(|format| format!(" Format=\"{}\"", escape_attribute(format)))
            .unwrap_or_default();
        let allow_create = if self.name_id_format == Some(TRANSIENT) { "" } else { " AllowCreate=\"true\"" };
        format!("<samlp:NameIDPolicy{format}{allow_create}/>")
    }

    fn requested_authn_context(&self) -> String {
        if self.authn_context.is_empty() {
            return String::new();
        }
        let class = |class: &String| {
            format!("<saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef>", escape_text(class))
        };
        let classes: String = self.authn_context.iter().map(class).collect();
        format!("<samlp:RequestedAuthnContext Comparison=\"exact\">{classes}</samlp:RequestedAuthnContext>")
    }
}
