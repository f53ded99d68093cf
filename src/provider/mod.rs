//! Providers as data: what a preset knows, what a pool adds, and the mapping from claims to attributes. Pure.

pub mod mapping;
pub mod settings;
