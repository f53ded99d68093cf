//! `Status` of a response ([SAML Core section
//! 3.2.2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use super::error::SamlError;
use super::signature_wrapping::trimmed;
use super::verification_report::{Checks, shown};
use super::xml::{self, Node, ns};

/// The one code that lets an assertion count.
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// Anything but success ends the verification, whatever assertion comes with it (C-54).
pub(super) fn check(root: Node<'_, '_>, checks: &mut Checks) -> Result<(), SamlError> {
    let found = read(root);
    let received = match &found {
        Ok(()) => SUCCESS.to_owned(),
        Err(SamlError::Status { code, nested, .. }) => {
            [Some(code.as_str()), nested.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Err(_) => String::new(),
    };
    checks.step("Status", SUCCESS, &received, found)
}

fn read(root: Node<'_, '_>) -> Result<(), SamlError> {
    const CODE: &str = "StatusCode/@Value";
    let status =
        xml::only_child(root, ns::SAMLP, "Status")?.ok_or(SamlError::Missing { element: "Status" })?;
    let outer = xml::only_child(status, ns::SAMLP, "StatusCode")?
        .ok_or(SamlError::Missing { element: "StatusCode" })?;
    let code = xml::attribute(outer, "Value").ok_or(SamlError::Missing { element: CODE })?;
    let inner = xml::only_child(outer, ns::SAMLP, "StatusCode")?;
    if code == SUCCESS && inner.is_none() {
        return Ok(());
    }
    let message = match xml::only_child(status, ns::SAMLP, "StatusMessage")? {
        Some(message) => Some(shown(trimmed(xml::text_str(message)?))).filter(|message| !message.is_empty()),
        None => None,
    };
    let nested = inner.and_then(|inner| xml::attribute(inner, "Value")).map(shown);
    Err(SamlError::Status { code: shown(code), nested, message })
}
