//! Providers as data: what a preset knows, what a pool adds, and the mapping from claims to attributes. Pure.
//!
//! A preset (`providers/*.toml`) and a `[[pool.provider]]` table are two [`rules::Rules`], the second laid
//! over the first; [`registry::resolve`] checks the result and makes a [`settings::Provider`], the only thing
//! that the protocols see.

pub mod expression;
pub mod mapping;
pub mod preset;
pub mod quirks;
pub mod registry;
pub mod routing;
pub mod rules;
pub mod saml;
pub mod saml_claims;
pub mod saml_rules;
pub mod settings;
mod combine;
mod credentials;
mod reader;
mod saml_registry;
