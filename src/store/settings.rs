//! Settings of a store: which one, and for which role.

use std::time::Duration;

pub use crate::config::StoreUrl;

/// What a store is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// What may be lost at the price of signing in again: every key expires.
    State,
    /// What may never be lost.
    Directory,
}

impl Role {
    /// As in the configuration file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Directory => "directory",
        }
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Where it is.
    pub url: StoreUrl,
    /// What it is used for.
    pub role: Role,
    /// Longest wait for an answer.
    pub deadline: Duration,
    /// Most calls waiting for an answer; further ones are refused at once.
    pub queue: usize,
    /// Certificates (PEM) that a `rediss:` server may chain to, instead of the system's.
    pub root_certificates: Option<Vec<u8>>,
    /// How many replicas of a Redis must have a write that may not be lost before it is acknowledged; fewer
    /// in time are [`StoreError::Unknown`](super::StoreError::Unknown).
    pub replicas: u32,
}

impl StoreSettings {
    /// Settings with the defaults: 500 ms (5 s for a disk, which may be slow and is not elsewhere), 4096
    /// calls, the system's certificates.
    pub fn new(url: StoreUrl, role: Role) -> Self {
        let deadline = Duration::from_millis(if matches!(url, StoreUrl::File(_)) { 5000 } else { 500 });
        Self { url, role, deadline, queue: 4096, root_certificates: None, replicas: 0 }
    }
}
