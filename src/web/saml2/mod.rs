//! SAML's endpoints, where Cognito has them
//! ([SAML Profiles](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).

pub mod idp_initiated;
pub mod idpresponse;
pub mod logout;
pub mod metadata;
mod relay;

use http::{HeaderMap, header};

use crate::protocol::saml::binding::{BindingError, PostMessage};
use crate::user_pool::federate::SamlRefusal;
use crate::web::form;

/// Largest form: the largest message as base64 in lines, percent-encoded.
pub const MAX_BODY: usize = 512 * 1024;

/// The message in a form ([SAML Bindings section
/// 3.5](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).
fn posted(headers: &HeaderMap, body: &[u8]) -> Result<PostMessage, SamlRefusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let text = std::str::from_utf8(body).ok().filter(|_| form::is_form(content_type));
    Ok(PostMessage::parse(text.ok_or(BindingError::NoMessage)?)?)
}
