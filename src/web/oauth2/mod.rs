//! The endpoints under `/oauth2`.

pub mod authorize;
pub mod idpresponse;
