//! The keys as a table for people or as JSON.

use serde_json::{Value, json};

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
        at.map_or_else(String::new, |at| format!("{word} {}", utc(at)))
    }

    fn json(&self) -> Value {
        json!({
            "kid": self.key.kid,
            "use": self.key.uses.as_str(),
            "alg": self.key.algorithm.as_str(),
            "state": self.state.as_str(),
            "created": utc(self.key.created),
            "activates": utc(self.key.activates),
            "replaced": self.replaced.map(utc),
            "verifies_until": self.verifies_until().map(utc),
            "revoked": self.key.revoked.map(utc),
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
        let pool =
            |(pool, rows): &(PoolId, Vec<Row>)| json!({ "pool": pool.as_str(), "keys": rows.iter().map(Row::json).collect::<Vec<_>>() });
        json!({ "notes": self.notes, "pools": self.pools.iter().map(pool).collect::<Vec<_>>() }).to_string()
    }

    /// The notes, then one line per key.
    pub(super) fn table(&self) -> String {
        let mut lines = vec![["POOL", "KID", "USE", "ALG", "STATE", "WHEN"].map(str::to_owned)];
        for (pool, rows) in &self.pools {
            if rows.is_empty() {
                lines.push([pool.as_str(), "(none before the first start)", "", "", "", ""].map(str::to_owned));
            }
            lines.extend(rows.iter().map(|row| {
                let (uses, alg, state) = (row.key.uses.as_str(), row.key.algorithm.as_str(), row.state.as_str());
                [pool.to_string(), row.key.kid.clone(), uses.to_owned(), alg.to_owned(), state.to_owned(), row.when()]
            }));
        }
        let mut widths = [0; 6];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.len().max(*width);
            }
        }
        let padded = |line: &[String; 6]| -> String {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let notes = self.notes.iter().cloned();
        notes.chain(lines.iter().map(padded)).collect::<Vec<_>>().join("\n")
    }
}

/// RFC 3339 in UTC, to the second: days since the epoch to a civil date in the proleptic Gregorian calendar, whose era of 400 years has 146097 days.
fn utc(at: Timestamp) -> String {
    let (days, second) = (at.secs().div_euclid(86_400), at.secs().rem_euclid(86_400));
    let from_march_of_year_0 = days + 719_468;
    let (era, day_of_era) = (from_march_of_year_0.div_euclid(146_097), from_march_of_year_0.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rfc_3339() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_790_000_000, "2026-09-21T14:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(Timestamp::from_secs(secs)), text);
        }
    }
}
