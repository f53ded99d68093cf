//! What people can do: one verb per file, each loads, decides and commits.

pub mod access_token_check;
pub mod backchannel;
pub mod client_assertion;
pub mod client_certificate;
pub mod client_credentials;
pub mod dpop;
pub mod end_session;
pub mod federate;
pub mod frontchannel;
pub mod introspect;
pub mod issue_code;
pub mod issuer;
pub mod oidc_sign_out;
mod pkce;
pub mod provision;
pub mod redeem;
pub mod refresh;
pub mod revoke;
pub mod saml_sign_out;
pub mod sign_out;
pub mod token_refusal;
pub mod test_login;
pub mod user_info;
