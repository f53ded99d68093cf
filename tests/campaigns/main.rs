//! Campaigns: the seeded simulation and the SAML differential, small by default and as long as somebody has
//! time. A binary of their own, so that the optimized build that they need compiles nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

#[path = "../it/saml_corpus/row.rs"]
mod row;
mod saml_differential;
mod simulation;
