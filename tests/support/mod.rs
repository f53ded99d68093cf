//! What tests read as: providers that misbehave, browsers, brokers.

#![expect(dead_code, reason = "a vocabulary: each test binary speaks a part of it")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

pub(crate) mod asserts;
pub(crate) mod broker;
pub(crate) mod browser;
pub(crate) mod fake_idp;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod saml_idp;
pub(crate) mod redis_groups;
