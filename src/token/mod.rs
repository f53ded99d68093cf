//! Cognito's tokens: their claims, issued and verified, and the keys that sign them. Pure.
//!
//! ID tokens and access tokens are never interchangeable: they are signed by different keys (unless the pool
//! shares one), verified against different key sets, and carry `token_use`.

pub mod claims;
pub mod issue;
pub mod keyset;
pub mod pool_keys;
pub mod refresh;
pub mod verify;
