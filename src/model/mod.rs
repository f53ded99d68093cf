//! The words of the product as types: parsed once, valid ever after. Pure.

pub mod attributes;
pub mod client;
pub mod color;
pub mod document;
pub mod encoding;
pub mod fault;
pub mod identity;
pub mod ids;
pub mod language;
pub mod pool;
pub mod client_authentication;
pub mod scope;
pub mod secret;
pub mod session;
pub mod time;
pub mod trace;
pub mod trace_context;
pub mod unknown;
pub mod user;
