//! What apps hold: codes, refresh-token families, access tokens; decided on a memory store under a fake clock.

mod codes;
pub(crate) mod desk;
mod living;
mod refreshing;
mod rotation;
