//! Every test that needs no browser and no foreign process, in one binary.

mod config;
mod tokens;
//! Everything that needs no other process: laws, tables, stores, routes.

mod sample;
mod sign_in_state;
