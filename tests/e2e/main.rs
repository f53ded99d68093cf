//! The built binary with real neighbours: Redis, other people's OpenID implementations, Chromium.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

#[path = "../support"]
mod support {
    #![expect(dead_code, reason = "a vocabulary: each test binary speaks a part of it")]

    pub(crate) mod asserts;
    pub(crate) mod browser;
    pub(crate) mod peers;
    pub(crate) mod process;
    pub(crate) mod redis;
    pub(crate) mod saml_peers;
}

mod benchmark;
mod chromium;
mod crashes;
mod fapi;
mod gallery;
mod life;
mod mutual_tls;
mod neighbours;
mod operations;
mod readme;
mod redis_faults;
mod reload;
mod restored;
mod rolling;
mod saml;
mod saml_chromium;
mod saml_keys;
mod saml_sign_out;
mod scarcity;
mod schema;
mod secrecy;
mod upstream_sign_out;
mod upstreams;
mod world;
