//! Providers as data: what a preset knows, what a pool adds, and the mapping from claims to attributes. Pure.
//!
//! A preset (`providers/*.toml`) and a `[[pool.provider]]` table are two [`rules::Rules`], the second laid
//! over the first; [`resolve::read`] checks the result and makes a [`settings::Provider`], the only thing
//! that the protocols see.

pub mod deviations;
pub mod email_trust;
pub mod expression;
pub mod mapping;
pub mod preset;
pub mod quirk_error;
pub mod quirks;
pub mod resolve;
pub mod routing;
pub mod rules;
pub mod saml;
pub mod saml_claims;
pub mod saml_rules;
pub mod settings;
mod contradictions;
mod client_auth_settings;
mod rules_reader;
mod resolve_saml;
