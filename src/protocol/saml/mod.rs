//! SAML 2.0 as a service provider: bytes, expectations, keys and an instant in; something verified or one
//! named refusal out.
//!
//! The only place that reads or writes XML. Nothing here resolves a URI, runs a transform language or does
//! I/O.

pub mod algorithm;
pub mod assertion;
pub mod attributes;
mod authn;
pub mod binding;
pub mod c14n;
pub mod certificate;
pub mod verification_report;
mod conditions;
pub mod datetime;
mod duration;
pub mod encryption;
pub mod error;
pub mod expected;
pub mod explain;
pub mod logout;
pub mod metadata;
pub mod unverified;
mod signed_bytes;
pub mod request;
pub mod response;
pub mod signature;
pub mod sp_metadata;
mod status;
mod signature_wrapping;
pub mod subject;
pub mod xml;

#[cfg(test)]
mod forge;
