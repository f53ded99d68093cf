//! Users in the directory: who an external identity is, sign-in by sign-in, on every engine that needs no
//! server.

mod sign_in;
mod world;
