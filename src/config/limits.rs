//! `[limits]`: how much one party may ask for in a minute.

use crate::model::document::Table;

/// Requests per minute; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Pages and redirects of a sign-in or sign-out, for each client address (IPv6: each /64).
    pub address: Option<u32>,
    /// Token, revocation and introspection requests, for each app.
    pub client: Option<u32>,
    /// Pages and redirects of a pool, whoever asks.
    pub pool: Option<u32>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { address: Some(1200), client: None, pool: None }
    }
}

pub(super) fn read(table: Table<'_>) -> LimitsConfig {
    let limit = |key: &str, default: Option<u32>| match table.integer(key, 0..=i64::from(u32::MAX)) {
        None => default,
        Some(0) => None,
        Some(limit) => u32::try_from(limit).ok(),
    };
    let usual = LimitsConfig::default();
    let limits =
        LimitsConfig { address: limit("address", usual.address), client: limit("client", usual.client), pool: limit("pool", usual.pool) };
    table.finish();
    limits
}
