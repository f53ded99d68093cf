//! `[limits]`: how much one party may ask for in a minute, and how many connections it may hold.

use crate::model::document::Table;

/// Requests per minute, and connections to one process; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Pages and redirects of a sign-in or sign-out, for each client address (IPv6: each /64).
    pub address: Option<u32>,
    /// Token, revocation and introspection requests, for each app.
    pub client: Option<u32>,
    /// Pages and redirects of a pool, whoever asks.
    pub pool: Option<u32>,
    /// Connections of the public listener, whose ever they are.
    pub connections: u32,
    /// Connections of each address (IPv6: each /64) that is no trusted proxy.
    pub connections_per_address: Option<u32>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            address: Some(1200),
            client: None,
            pool: None,
            connections: 20_000,
            connections_per_address: Some(1000),
        }
    }
}

pub(super) fn read(table: Table<'_>) -> LimitsConfig {
    let limit = |key: &str, default: Option<u32>| match table.integer(key, 0..=i64::from(u32::MAX)) {
        None => default,
        Some(0) => None,
        Some(limit) => u32::try_from(limit).ok(),
    };
    let usual = LimitsConfig::default();
    let connections =
        table.integer("connections", 10..=1_000_000).and_then(|count| u32::try_from(count).ok());
    let limits = LimitsConfig {
        address: limit("address", usual.address),
        client: limit("client", usual.client),
        pool: limit("pool", usual.pool),
        connections: connections.unwrap_or(usual.connections),
        connections_per_address: limit("connections_per_address", usual.connections_per_address),
    };
    table.finish();
    limits
}
