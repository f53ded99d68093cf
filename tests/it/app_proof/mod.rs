//! How apps prove who they are beyond a secret, and what their tokens are bound to.

mod assertions;
mod bound;
mod settings;
pub(crate) mod world;
