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
    /// Brokers on the same stores.
    pub replicas: usize,
}

impl Case {
    /// Every combination that the options name.
    pub fn all(options: &Options) -> Vec<Self> {
        let alone = Self {
            store: String::new(),
            signing: String::new(),
            providers: 1,
            pools: 1,
            seeded: 0,
            replicas: 1,
        };
        let mut cases = vec![alone];
        with(&mut cases, &options.store, |case, store| {
            store.trim_end_matches(':').clone_into(&mut case.store);
        });
        with(&mut cases, &options.signing, |case, signing| case.signing.clone_from(signing));
        with(&mut cases, &options.providers, |case, providers| case.providers = *providers);
        with(&mut cases, &options.pools, |case, pools| case.pools = *pools);
        with(&mut cases, &options.seeded, |case, seeded| case.seeded = *seeded);
        with(&mut cases, &options.replicas, |case, replicas| case.replicas = *replicas);
        cases
    }

    /// What the case is called in a report.
    pub fn name(&self) -> String {
        let mut name = format!("{} {}", self.store, self.signing);
        for (count, what) in
            [(self.providers, "providers"), (self.pools, "pools"), (self.replicas, "replicas")]
        {
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

/// Every case with each of the values.
fn with<T>(cases: &mut Vec<Case>, values: &[T], set: impl Fn(&mut Case, &T)) {
    let mut all = Vec::new();
    for case in &*cases {
        for value in values {
            let mut case = case.clone();
            set(&mut case, value);
            all.push(case);
        }
    }
    *cases = all;
}
