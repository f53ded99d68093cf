//! Signed tokens read strictly, checked against vectors and a library that nobody here wrote.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which may fail loudly"
)]

mod jwk;
mod keys;
mod oracle;
mod properties;
mod strict;
mod wycheproof;
