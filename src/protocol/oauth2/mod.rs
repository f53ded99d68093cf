//! OAuth 2.0 ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749)). From the client's side: the token request,
//! client authentication, profile calls. From the server's: what apps prove themselves with.

pub mod client_assertion;
pub mod provider_credentials;
pub mod client_certificate;
pub mod distinguished_name;
pub mod dpop;
pub mod forwarded_certificate;
pub mod pkce;
pub mod profile;
pub mod token_request;
