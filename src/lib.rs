//! Symbolon, a federation broker: people sign in with any OpenID Connect or OAuth 2 provider, apps receive
//! one token format.
//!
//! # The map
//!
//! Each module may use only those before it; `tests/it/architecture.rs` enforces the order.
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | the words of the product as types; pure |
//! | [`protocol`] | one folder or file per specification; pure |
//! | [`provider`] | providers as data: presets, quirks, mapping; pure |
//! | [`flow`] | one sign-in in progress, and the only place that decides what comes next; pure |
//! | [`token`] | Cognito's claims, issued and verified; pure |
//! | [`config`] | the configuration file and environment, checked as a whole |
//! | [`outside`] | every effect: clock, randomness, HTTP, key sets of providers |
//! | [`store`] | the store operations, their engines, and the typed stores above them |
//! | [`app`] | everything above, built once |
//! | [`user_pool`] | what people can do: load, decide, commit |
//! | [`web`] | HTTP: routes, pages, status codes |
//! | [`cli`] | `serve`, `demo`, `check`, `keys`, `saml`, `doctor`, `trace`, `test-login` |

pub mod app;
pub mod cli;
pub mod config;
pub mod flow;
pub mod model;
pub mod outside;
pub mod protocol;
pub mod provider;
pub mod store;
pub mod token;
pub mod user_pool;
pub mod web;
