//! The modules of the OpenID Foundation's FAPI 2.0 security profile plan, each as a test named after it.

mod assertions;
mod mtls;
mod proofs;
mod pushed;
mod requests;
mod table;
mod tokens;
pub(crate) mod world;
