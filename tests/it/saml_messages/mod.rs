//! SAML messages around the response: metadata, authentication requests, bindings and logout.

mod binding;
mod logout;
mod metadata;
mod vendors;
mod world;
mod written;
