//! The endpoints that apps call directly, from the request's bytes to the answer's.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

mod call;
mod client_auth;
mod documents;
mod grant_types;
mod resources;
mod router;
