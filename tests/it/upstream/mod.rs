//! The relying party: calls to upstreams against a small misbehaving server, caches, and whole sign-ins at a
//! provider made of a function.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on ends here"
)]

mod caches;
mod http;
mod oauth2;
mod oidc;
mod properties;
mod requests;
mod server;
mod slow;
mod tls;
mod userinfo;
mod world;
