//! Tokens that the broker issues: what they say, who accepts them, and the keys behind them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests, which may fail loudly")]

mod claims;
mod command;
mod keyring;
mod keyset;
mod verify;
mod world;
