//! What is compared: one configuration of the broker.

use std::fmt::Write as _;

use serde::Serialize;

use super::options::Options;

/// One configuration.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// `memory`, `file` or `redis`.
    pub store: String,
    /// Algorithm of the pool's tokens.
    pub signing: String,
    /// Providers in each pool.
    pub providers: usize,
    /// Pools.
    pub pools: usize,
    /// Users in the directory at the start.
    pub seeded: usize,
}

impl Case {
    /// Every combination that the options name.
    pub fn all(options: &Options) -> Vec<Self> {
        let mut cases = Vec::new();
        for store in &options.store {
            for signing in &options.signing {
                for providers in &options.providers {
                    for pools in &options.pools {
                        for seeded in &options.seeded {
                            let (store, signing) = (store.trim_end_matches(':').to_owned(), signing.clone());
                            cases.push(Self { store, signing, providers: *providers, pools: *pools, seeded: *seeded });
                        }
                    }
                }
            }
        }
        cases
    }

    /// What the case is called in a report.
    pub fn name(&self) -> String {
        let mut name = format!("{} {}", self.store, self.signing);
        for (count, what) in [(self.providers, "providers"), (self.pools, "pools")] {
            if count > 1 {
                let _ = write!(name, ", {count} {what}");
            }
        }
        if self.seeded > 0 {
            let _ = write!(name, ", {} users", self.seeded);
        }
        name
    }
}
