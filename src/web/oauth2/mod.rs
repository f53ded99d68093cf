//! The endpoints under `/oauth2`, and the documents that describe them.

pub mod api;
pub mod authorize;
pub mod backchannel_logout;
pub mod discovery;
pub mod frontchannel_logout;
pub mod idpresponse;
pub mod introspect;
pub mod jwks;
pub mod par;
pub mod revoke;
pub mod sender_constraint;
pub mod token;
pub mod userinfo;
pub mod well_known;
