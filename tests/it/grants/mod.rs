//! What apps hold: codes, refresh-token families, access tokens; decided on a memory store under a fake
//! clock.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop there"
)]

mod backchannel;
mod codes;
pub(crate) mod desk;
mod laws;
mod living;
mod races;
mod refreshing;
mod rotation;
