//! The keys as a table for people or as JSON.

use serde_json::{Value, json};

use crate::cli::text_table::columns;
use crate::model::ids::PoolId;
use crate::model::time::Timestamp;
use crate::token::keyset::{AFTERLIFE, Keyset, State, StoredKey};

/// What a `keys` command prints.
#[derive(Debug, Default)]
pub(super) struct Report {
    notes: Vec<String>,
    pools: Vec<(PoolId, Vec<Row>)>,
}

#[derive(Debug)]
struct Row {
    key: StoredKey,
    state: State,
    replaced: Option<Timestamp>,
}

impl Row {
    fn verifies_until(&self) -> Option<Timestamp> {
        self.replaced.map(|at| at.plus(AFTERLIFE))
    }

    /// The instant that matters next, or mattered last.
    fn when(&self) -> String {
        let (word, at) = match self.state {
            State::Next => ("signs from", Some(self.key.activates)),
            State::Active => match self.replaced {
                Some(at) => ("signs until", Some(at)),
                None => ("signs since", Some(self.key.activates)),
            },
            State::Retired => ("verifies until", self.verifies_until()),
            State::Dead => ("verified until", self.verifies_until()),
            State::Revoked => ("taken out", self.key.revoked),
        };
        at.map_or_else(String::new, |at| format!("{word} {}", at.utc()))
    }

    fn json(&self) -> Value {
        json!({
            "kid": self.key.kid,
            "use": self.key.uses.as_str(),
            "alg": self.key.algorithm.as_str(),
            "state": self.state.as_str(),
            "created": self.key.created.utc(),
            "activates": self.key.activates.utc(),
            "replaced": self.replaced.map(Timestamp::utc),
            "verifies_until": self.verifies_until().map(Timestamp::utc),
            "revoked": self.key.revoked.map(Timestamp::utc),
        })
    }
}

impl Report {
    /// One sentence about what was done.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The keys of a pool as of `now`.
    pub(super) fn add(&mut self, pool: &PoolId, set: &Keyset, now: Timestamp) {
        let row = |key: &StoredKey| {
            let key = StoredKey { private: None, ..key.clone() };
            Row { state: set.state(&key, now), replaced: set.replaced(&key), key }
        };
        let rows = set.keys.iter().map(row).collect();
        self.pools.push((pool.clone(), rows));
    }

    /// `{"notes", "pools": [{"pool", "keys"}]}`; instants are RFC 3339 in UTC.
    pub(super) fn json(&self) -> String {
        let pool = |(pool, rows): &(PoolId, Vec<Row>)| {
            json!({ "pool": pool.as_str(),
            "keys": rows.iter().map(Row::json).collect::<Vec<_>>() })
        };
        json!({ "notes": self.notes, "pools": self.pools.iter().map(pool).collect::<Vec<_>>() }).to_string()
    }

    /// The notes, then one line per key.
    pub(super) fn table(&self) -> String {
        let mut lines = vec![["POOL", "KID", "USE", "ALG", "STATE", "WHEN"].map(str::to_owned)];
        for (pool, rows) in &self.pools {
            if rows.is_empty() {
                lines.push(
                    [pool.as_str(), "(none before the first start)", "", "", "", ""].map(str::to_owned),
                );
            }
            lines.extend(rows.iter().map(|row| {
                let (uses, alg, state) =
                    (row.key.uses.as_str(), row.key.algorithm.as_str(), row.state.as_str());
                [
                    pool.to_string(),
                    row.key.kid.clone(),
                    uses.to_owned(),
                    alg.to_owned(),
                    state.to_owned(),
                    row.when(),
                ]
            }));
        }
        let notes = self.notes.iter().cloned();
        notes.chain(columns(&lines)).collect::<Vec<_>>().join("\n")
    }
}
