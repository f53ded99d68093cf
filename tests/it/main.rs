//! Every test that needs no browser and no foreign process, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]

#[path = "../support/mod.rs"]
mod support;

mod app_proof;
mod architecture;
mod attack_rows;
mod config;
mod conformance;
mod connections;
mod demo;
mod dependencies;
mod diagnosis;
mod docs;
mod errors;
mod evil_provider;
mod fake_idp;
mod fapi;
mod grants;
mod hosted;
mod jose;
mod limits;
mod mapping;
mod metrics;
mod mutual_tls;
mod oidf_op;
mod oidf_rp;
mod presets;
mod saml;
mod saml_explain;
mod sample;
mod saml_command;
mod saml_corpus;
mod saml_live_fixtures;
mod saml_messages;
mod saml_recorded;
mod saml_vectors;
mod sign_in;
mod sign_in_state;
mod store;
mod tokens;
mod telemetry;
mod trial;
mod upstream;
mod upstream_sign_out;
mod users;
mod web_token;
