//! Reading a message before it is verified: enough to find who might have sent it, and to believe nothing.

use super::xml::{Document, XmlError, attribute, clip, is, ns, only_child, text};

/// What a message says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    /// Local name of the root: `Response`, `LogoutRequest`, `LogoutResponse` or anything else.
    pub root: String,
    /// `Issuer` of the message, else of its first assertion.
    pub issuer: Option<String>,
    /// `InResponseTo` of the message.
    pub in_response_to: Option<String>,
}

/// Looks at `xml`.
pub fn peek(xml: &[u8]) -> Result<Unverified, XmlError> {
    let document = Document::parse(xml)?;
    let root = document.root();
    let issuer = |parent| only_child(parent, ns::SAML, "Issuer");
    let own = issuer(root)?;
    let assertion = root.children().find(|node| is(*node, ns::SAML, "Assertion"));
    let found = match (own, assertion) {
        (Some(own), _) => Some(own),
        (None, Some(assertion)) => issuer(assertion)?,
        (None, None) => None,
    };
    Ok(Unverified {
        root: clip(root.tag_name().name()).into_owned(),
        issuer: found.map(text).transpose()?,
        in_response_to: attribute(root, "InResponseTo").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_asked_who_sent_it_and_what_it_answers() {
        let (samlp, saml) = (ns::SAMLP, ns::SAML);
        let assertion = format!("<a:Assertion xmlns:a=\"{saml}\"><a:Issuer>inner</a:Issuer></a:Assertion>");
        let outer = format!("<a:Issuer xmlns:a=\"{saml}\">outer</a:Issuer>");
        let response = |content: &str| {
            format!("<p:Response xmlns:p=\"{samlp}\" InResponseTo=\"_1\">{content}</p:Response>")
        };
        let issuer = |content: &str| peek(response(content).as_bytes()).unwrap().issuer;
        assert_eq!(issuer(&format!("{outer}{assertion}")).as_deref(), Some("outer"));
        assert_eq!(issuer(&assertion).as_deref(), Some("inner"));
        assert_eq!(issuer(""), None);
        let seen = peek(response("").as_bytes()).unwrap();
        assert_eq!((seen.root.as_str(), seen.in_response_to.as_deref()), ("Response", Some("_1")));
        assert!(peek(b"<!DOCTYPE a><a/>").is_err());
    }
}
