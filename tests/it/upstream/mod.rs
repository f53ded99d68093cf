//! The relying party: calls to upstreams against a small misbehaving server, caches, and whole sign-ins at a provider made of a function.

mod caches;
mod http;
mod oauth2;
mod oidc;
mod requests;
mod server;
mod slow;
mod tls;
mod world;
