//! OAuth 2.0 from the client's side ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749)): the token request, client authentication, profile calls.

pub mod client_auth;
pub mod pkce;
pub mod profile;
pub mod token_request;
