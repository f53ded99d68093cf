//! Signed tokens: JWS compact serialization ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)), JWK
//! ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), JWA ([RFC
//! 7518](https://www.rfc-editor.org/rfc/rfc7518)) as RFC 8725 narrows them.
//!
//! Keys come from the caller only: header members `jku`, `x5u` and `x5c` are ignored, and `jwk` is for proofs
//! of possession to look at. Symmetric algorithms and `none` do not exist here.

mod algorithm;
mod date;
mod jwk;
mod jws;
mod sign;

pub use algorithm::{Algorithm, left_half_hash};
pub use date::numeric_date;
pub use jwk::{JwkError, KeySet, PublicKey, Skipped, Unusable, thumbprint};
pub use jws::{
    JwsError, MAX_TOKEN, UnverifiedHeader, unverified_claims, unverified_header, verify, verify_payload,
    verify_with,
};
pub use sign::{SigningKey, SigningKeyError};
