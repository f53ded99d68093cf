//! How apps prove who they are beyond a secret, and what their tokens are bound to.

mod assertions;
pub(crate) mod world;
