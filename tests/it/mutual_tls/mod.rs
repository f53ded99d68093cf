//! Certificates of apps (RFC 8705): who is believed, how they arrive, and what is bound to them.

mod arrival;
mod authentication;
mod binding;
mod parsers;
mod settings;
pub(crate) mod world;
