//! What must differ between pools: ids, hosts, issuers, and our entity ids at SAML providers.
//!
//! A pool is read without looking at any other; what it claims for itself is compared here.

use std::collections::BTreeMap;

use super::duplicates::Unique;
use crate::model::document::{Spot, Table};

/// What one pool claims, and where it says so.
#[derive(Default)]
pub(super) struct Claims {
    /// Its id.
    pub(super) id: Option<(String, Spot)>,
    /// Hosts of its pages and of its mutual TLS.
    pub(super) hosts: Vec<(String, Spot)>,
    /// The issuer that it names.
    pub(super) issuer: Option<(String, Spot)>,
    /// The issuer that follows from its id, where it names none.
    pub(super) default_issuer: Option<(String, Spot)>,
    /// Our entity ids towards its SAML providers.
    pub(super) entity_ids: Vec<(String, Spot)>,
}

/// The claims of the pools so far.
pub(super) struct AcrossPools {
    ids: Unique,
    hosts: Unique,
    issuers: Unique,
    pools: usize,
    entity_ids: BTreeMap<String, (usize, Spot)>,
}

impl AcrossPools {
    pub(super) const fn new() -> Self {
        Self {
            ids: Unique::new("pool id"),
            hosts: Unique::new("host"),
            issuers: Unique::new("issuer"),
            pools: 0,
            entity_ids: BTreeMap::new(),
        }
    }

    /// Notes in the document of `root` what an earlier pool has claimed.
    pub(super) fn claim(&mut self, root: &Table<'_>, claims: Claims) {
        let fresh = claims.id.is_some_and(|(id, spot)| self.ids.claim(root, &id, spot));
        for (host, spot) in claims.hosts {
            self.hosts.claim(root, &host, spot);
        }
        // The issuer of an id that is taken is taken, too, and one word about it is enough.
        if let Some((issuer, spot)) = claims.issuer.or(claims.default_issuer.filter(|_| fresh)) {
            self.issuers.claim(root, &issuer, spot);
        }
        self.claim_entity_ids(root, claims.entity_ids);
    }

    /// What a provider says to one pool must not count in another.
    fn claim_entity_ids(&mut self, root: &Table<'_>, entity_ids: Vec<(String, Spot)>) {
        self.pools += 1;
        let pool = self.pools;
        for (entity_id, spot) in entity_ids {
            let (first, at) = self.entity_ids.entry(entity_id.clone()).or_insert((pool, spot.clone()));
            if *first != pool {
                root.problem_at(
                    &spot,
                    format!("the entity id {entity_id:?} is already used in another pool by {}", at.key),
                    "give each pool its own: an assertion for one must not count in another",
                );
            }
        }
    }
}
