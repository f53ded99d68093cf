//! What apps hold: codes, refresh-token families, access tokens; decided on a memory store under a fake clock.

mod backchannel;
mod codes;
pub(crate) mod desk;
mod laws;
mod living;
mod races;
mod refreshing;
mod rotation;
