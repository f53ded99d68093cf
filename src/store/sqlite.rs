//! The tables of the embedded store and what each operation does to them. Synchronous; transactions are the caller's.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Result, params};

use crate::model::time::Timestamp;

use super::batch::{Batch, Change, Write};
use super::key::Key;
use super::{Cursor, Entry, Expect, Life, Outcome, StoreError, Version};

/// `until` is the last column of both tables; the greatest number stands for ever.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entry (
        key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, version TEXT NOT NULL, until INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS entry_until ON entry (until);
    CREATE TABLE IF NOT EXISTS member (
        list TEXT NOT NULL, member TEXT NOT NULL, score INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (list, member)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS member_order ON member (list, score, member);
    CREATE INDEX IF NOT EXISTS member_until ON member (until);
    PRAGMA user_version = 1;";

/// The newest shape of the tables that this program knows.
const SCHEMA_VERSION: i64 = 1;

/// Opens the file for the one writer; every commit waits for the disk.
pub(in crate::store) fn writer(path: &Path) -> std::result::Result<Connection, StoreError> {
    let refuse = |error: rusqlite::Error| StoreError::Misconfigured(format!("{}: {error}", path.display()));
    let connection = Connection::open(path).map_err(refuse)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(refuse)?;
    if mode != "wal" {
        return Err(StoreError::Misconfigured(format!("{}: the file system does not carry a write-ahead log", path.display())));
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA trusted_schema = OFF;").map_err(refuse)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(refuse)?;
    if version > SCHEMA_VERSION {
        return Err(StoreError::Misconfigured(format!("{}: written by a newer version of this program", path.display())));
    }
    connection.execute_batch(SCHEMA).map_err(refuse)?;
    Ok(connection)
}

/// Opens the file for reading.
pub(in crate::store) fn reader(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_millis(250))?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

/// Live values at one instant.
pub(in crate::store) fn get_many(connection: &mut Connection, keys: &[Key], now: Timestamp) -> Result<Vec<Option<Entry>>> {
    if let [key] = keys {
        return Ok(vec![live(connection, key, now)?.map(|(entry, _)| entry)]);
    }
    let transaction = connection.transaction()?;
    let found = keys.iter().map(|key| live(&transaction, key, now).map(|found| found.map(|(entry, _)| entry))).collect();
    transaction.commit()?;
    found
}

/// Live members after the cursor.
pub(in crate::store) fn list(
    connection: &Connection,
    index: &Key,
    after: Option<Cursor<'_>>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(i64, String)>> {
    let (score, member) = after.unwrap_or((i64::MIN, ""));
    let mut select = connection.prepare_cached(
        "SELECT score, member FROM member WHERE list = ?1 AND (score, member) > (?2, ?3) AND until > ?4 ORDER BY score, member LIMIT ?5",
    )?;
    let rows = select
        .query_map(params![index.to_string(), score, member, now.millis(), i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    rows.collect()
}

/// Reads and deletes.
pub(in crate::store) fn take(connection: &Connection, key: &Key, now: Timestamp) -> Result<Option<Bytes>> {
    let row = connection
        .prepare_cached("DELETE FROM entry WHERE key = ?1 RETURNING value, until")?
        .query_row([key.to_string()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    Ok(row.filter(|(_, until)| *until > now.millis()).map(|(value, _)| value.into()))
}

/// Applies a batch if its expectations hold.
pub(in crate::store) fn commit(connection: &Connection, batch: Batch, version: &Version, now: Timestamp) -> Result<Outcome> {
    for write in &batch.writes {
        if !holds(connection, write, now)? {
            return Ok(Outcome::Conflict);
        }
    }
    for write in batch.writes {
        apply(connection, write, version)?;
    }
    Ok(Outcome::Committed)
}

/// The new sum, or `None` when the value is no number.
pub(in crate::store) fn increment(
    connection: &Connection,
    key: &Key,
    (by, first_until): (i64, Timestamp),
    version: &Version,
    now: Timestamp,
) -> Result<Option<i64>> {
    let (sum, until) = match live(connection, key, now)? {
        None => (by, first_until.millis()),
        Some((entry, until)) => match std::str::from_utf8(&entry.value).ok().and_then(|text| text.parse::<i64>().ok()) {
            Some(number) => (number.saturating_add(by), until),
            None => return Ok(None),
        },
    };
    put(connection, key, sum.to_string().as_bytes(), until, version)?;
    Ok(Some(sum))
}

/// Removes some of what has expired; whether there was any.
pub(in crate::store) fn sweep(connection: &Connection, now: Timestamp) -> Result<bool> {
    let entries = connection
        .prepare_cached("DELETE FROM entry WHERE rowid IN (SELECT rowid FROM entry WHERE until <= ?1 LIMIT 1000)")?
        .execute([now.millis()])?;
    let members = connection
        .prepare_cached("DELETE FROM member WHERE (list, member) IN (SELECT list, member FROM member WHERE until <= ?1 LIMIT 1000)")?
        .execute([now.millis()])?;
    Ok(entries + members > 0)
}

fn live(connection: &Connection, key: &Key, now: Timestamp) -> Result<Option<(Entry, i64)>> {
    connection
        .prepare_cached("SELECT value, version, until FROM entry WHERE key = ?1 AND until > ?2")?
        .query_row(params![key.to_string(), now.millis()], |row| {
            Ok((Entry { value: row.get::<_, Vec<u8>>(0)?.into(), version: Version(row.get(1)?) }, row.get(2)?))
        })
        .optional()
}

fn holds(connection: &Connection, write: &Write, now: Timestamp) -> Result<bool> {
    let (Change::Put { expect, .. } | Change::Delete { expect } | Change::Require { expect }) = &write.change else { return Ok(true) };
    Ok(match expect {
        Expect::Any => true,
        Expect::Absent => live(connection, &write.key, now)?.is_none(),
        Expect::Version(version) => live(connection, &write.key, now)?.is_some_and(|(entry, _)| entry.version == *version),
    })
}

fn apply(connection: &Connection, write: Write, version: &Version) -> Result<()> {
    let key = write.key.to_string();
    match write.change {
        Change::Put { value, life, .. } => put(connection, &write.key, &value, until(life), version)?,
        Change::Delete { .. } => {
            connection.prepare_cached("DELETE FROM entry WHERE key = ?1")?.execute([key])?;
        }
        Change::Require { .. } => {}
        Change::Index { member, score, life } => {
            connection
                .prepare_cached("INSERT OR REPLACE INTO member (list, member, score, until) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![key, member, score, until(life)])?;
        }
        Change::Unindex { member } => {
            connection.prepare_cached("DELETE FROM member WHERE list = ?1 AND member = ?2")?.execute([key, member])?;
        }
    }
    Ok(())
}

fn put(connection: &Connection, key: &Key, value: &[u8], until: i64, version: &Version) -> Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO entry (key, value, version, until) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        key.to_string(),
        value,
        version.0,
        until
    ])?;
    Ok(())
}

fn until(life: Life) -> i64 {
    match life {
        Life::Until(until) => until.millis(),
        Life::Forever => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-14: an acknowledged commit is on the disk.
    #[test]
    fn the_writer_waits_for_the_disk_at_every_commit() {
        let path = std::env::temp_dir().join(format!("symbolon-sqlite-{}.db", std::process::id()));
        let connection = writer(&path).unwrap();
        let pragma =
            |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2));
        connection.execute_batch("PRAGMA user_version = 2").unwrap();
        assert!(matches!(writer(&path), Err(StoreError::Misconfigured(why)) if why.contains("newer")));
        drop(connection);
        std::fs::remove_file(path).unwrap();
    }
}
