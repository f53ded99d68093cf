//! The tables of the embedded store and what each operation does to them. Synchronous; transactions are the
//! caller's.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Result, params};

use crate::model::time::Timestamp;

use super::batch::{Batch, Change, Value, Write};
use super::key::Key;
use super::{CommitOutcome, Cursor, Entry, Expect, Life, StoreError, Version};

/// A key is [`Key::sorted`], so what is soon over lies on few pages of its own, and what one person has lies
/// side by side: a commit of several writes changes one page. A value begins with its stamp. The greatest
/// number of `until` stands for ever. An index of ends would be two more pages in every login: what is over
/// is found by going through the table instead, a stretch at a time.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entry (
        key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL, until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS member (
        list BLOB NOT NULL, member TEXT NOT NULL, score INTEGER NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY (list, member)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS member_order ON member (list, score, member);
    CREATE INDEX IF NOT EXISTS member_until ON member (until);
    PRAGMA user_version = 4;";

/// The shape of the tables that this program knows.
const SCHEMA_VERSION: i64 = 4;
/// Pages in the log before they are moved to where they belong: pages that change often are moved once in a
/// while.
const LOG_PAGES: u32 = 4000;
/// Statements kept ready by a connection.
const STATEMENTS: usize = 32;
/// Entries that one sweep looks at, of those that stay for days.
const STRETCH: u32 = 5000;
/// Where those begin.
const STAYS_FOR_DAYS: &[u8] = &[1];
/// Keys that one statement reads.
const TOGETHER: usize = 4;

/// Opens the file for the one writer; every commit waits for the disk.
pub(in crate::store) fn writer(path: &Path) -> std::result::Result<Connection, StoreError> {
    let refuse = |error: rusqlite::Error| StoreError::Misconfigured(format!("{}: {error}", path.display()));
    let connection = Connection::open(path).map_err(refuse)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(refuse)?;
    if mode != "wal" {
        return Err(StoreError::Misconfigured(format!(
            "{}: the file system does not carry a write-ahead log",
            path.display()
        )));
    }
    let settings = format!(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA trusted_schema = OFF; PRAGMA \
         wal_autocheckpoint = {LOG_PAGES};"
    );
    connection.execute_batch(&settings).map_err(refuse)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    match connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map_err(refuse)? {
        0 | SCHEMA_VERSION => {}
        newer if newer > SCHEMA_VERSION => {
            return Err(StoreError::Misconfigured(format!(
                "{}: written by a newer version of this program",
                path.display()
            )));
        }
        _ => {
            let path = path.display();
            return Err(StoreError::Misconfigured(format!(
                "{path}: written by an older version of this program, and not readable: name another folder"
            )));
        }
    }
    connection.execute_batch(SCHEMA).map_err(refuse)?;
    Ok(connection)
}

/// Copies what lives for ever from the file of a store at one instant to a new file; gives the number of
/// records.
///
/// Sessions, codes and what apps hold stay behind: put back later, they would be as they were, whatever was
/// ended since.
pub(in crate::store) fn copy_lasting(from: &Path, to: &Path) -> std::result::Result<usize, StoreError> {
    let refuse = |error: rusqlite::Error| StoreError::Misconfigured(format!("{}: {error}", from.display()));
    let connection = Connection::open(to).map_err(refuse)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA trusted_schema = OFF;")
        .map_err(refuse)?;
    connection.execute("ATTACH ?1 AS live", [from.to_string_lossy()]).map_err(refuse)?;
    let version: i64 =
        connection.query_row("PRAGMA live.user_version", [], |row| row.get(0)).map_err(refuse)?;
    if version != SCHEMA_VERSION {
        return Err(StoreError::Misconfigured(format!(
            "{}: no store of this version of the program",
            from.display()
        )));
    }
    connection.execute_batch(SCHEMA).map_err(refuse)?;
    connection
        .execute(
            "INSERT INTO main.entry (key, value, until) SELECT key, value, until FROM live.entry
             WHERE until = 9223372036854775807 ORDER BY key",
            [],
        )
        .map_err(refuse)
}

/// Opens the file for reading; where it is being recovered, a read waits for `patience`.
pub(in crate::store) fn reader(path: &Path, patience: Duration) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

/// Live values at one instant.
pub(in crate::store) fn get_many(
    connection: &Connection,
    keys: &[Key],
    now: Timestamp,
) -> Result<Vec<Option<Entry>>> {
    if let [key] = keys {
        return Ok(vec![live(connection, key, now)?.map(|(entry, _)| entry)]);
    }
    if keys.len() <= TOGETHER {
        return live_together(connection, keys, now);
    }
    let transaction = connection.unchecked_transaction()?;
    let found = keys
        .iter()
        .map(|key| live(&transaction, key, now).map(|found| found.map(|(entry, _)| entry)))
        .collect();
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
        "SELECT score, member FROM member WHERE list = ?1 AND (score, member) > (?2, ?3) AND until > ?4 \
         ORDER BY score, member LIMIT ?5",
    )?;
    let rows = select.query_map(
        params![index.sorted(), score, member, now.millis(), i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    rows.collect()
}

/// Reads and deletes.
pub(in crate::store) fn take(connection: &Connection, key: &Key, now: Timestamp) -> Result<Option<Entry>> {
    let row = connection
        .prepare_cached("DELETE FROM entry WHERE key = ?1 RETURNING value, until")?
        .query_row([key.sorted()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    Ok(row.filter(|(_, until)| *until > now.millis()).and_then(|(stored, _)| Entry::of(&stored.into())))
}

/// Applies a batch if its expectations hold.
pub(in crate::store) fn commit(
    connection: &Connection,
    batch: Batch,
    version: &Version,
    now: Timestamp,
) -> Result<CommitOutcome> {
    if let [Write { key, change: Change::Put { value, life, expect: Expect::Absent } }] =
        batch.writes.as_slice()
    {
        return put_absent(connection, key, &value.clone().stamped(version), (until(*life), now));
    }
    if !hold(connection, &batch.writes, now)? {
        return Ok(CommitOutcome::Conflict);
    }
    for write in batch.writes {
        apply(connection, write, version)?;
    }
    Ok(CommitOutcome::Committed)
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
        Some((entry, until)) => {
            match std::str::from_utf8(&entry.value).ok().and_then(|text| text.parse::<i64>().ok()) {
                Some(number) => (number.saturating_add(by), until),
                None => return Ok(None),
            }
        }
    };
    put(connection, key, &Value::from(sum.to_string().into_bytes()).stamped(version), until)?;
    Ok(Some(sum))
}

/// Removes some of what has expired: of what stays for minutes, of the stretch after `place` of what stays
/// for days, of the members of indexes. Gives the place where the next stretch begins.
pub(in crate::store) fn sweep(connection: &Connection, place: &[u8], now: Timestamp) -> Result<Vec<u8>> {
    let brief =
        "DELETE FROM entry WHERE key IN (SELECT key FROM entry WHERE key < x'01' AND until <= ?1 LIMIT 1000)";
    connection.prepare_cached(brief)?.execute([now.millis()])?;
    let members = "DELETE FROM member WHERE (list, member) IN (SELECT list, member FROM member WHERE until \
        <= ?1 LIMIT 1000)";
    connection.prepare_cached(members)?.execute([now.millis()])?;
    let place = place.max(STAYS_FOR_DAYS);
    let end: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT max(key) FROM (SELECT key FROM entry WHERE key > ?1 AND key < x'02' ORDER BY key LIMIT \
            ?2)",
        )?
        .query_row(params![place, STRETCH], |row| row.get(0))?;
    let Some(end) = end else { return Ok(Vec::new()) };
    connection
        .prepare_cached("DELETE FROM entry WHERE key > ?1 AND key <= ?2 AND until <= ?3")?
        .execute(params![place, end, now.millis()])?;
    Ok(end)
}

fn live(connection: &Connection, key: &Key, now: Timestamp) -> Result<Option<(Entry, i64)>> {
    let found = connection
        .prepare_cached("SELECT value, until FROM entry WHERE key = ?1 AND until > ?2")?
        .query_row(params![key.sorted(), now.millis()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(stored, until)| Some((Entry::of(&stored.into())?, until))))
}

/// What one statement finds of at most [`TOGETHER`] keys: a statement sees one instant.
fn live_together(connection: &Connection, keys: &[Key], now: Timestamp) -> Result<Vec<Option<Entry>>> {
    let mut select = connection
        .prepare_cached("SELECT key, value FROM entry WHERE key IN (?1, ?2, ?3, ?4) AND until > ?5")?;
    let mut found = vec![None; keys.len()];
    let sorted: Vec<_> = keys.iter().map(Key::sorted).collect();
    let at = |place: usize| sorted.get(place).or(sorted.first());
    let mut rows = select.query(params![at(0), at(1), at(2), at(3), now.millis()])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        let entry = Entry::of(&Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?));
        for (place, _) in found.iter_mut().zip(&sorted).filter(|(_, sorted)| sorted.as_slice() == key) {
            place.clone_from(&entry);
        }
    }
    Ok(found)
}

/// Whether every expectation holds.
fn hold(connection: &Connection, writes: &[Write], now: Timestamp) -> Result<bool> {
    let expected: Vec<(Key, &Expect)> = writes
        .iter()
        .filter_map(|write| match &write.change {
            Change::Put { expect, .. } | Change::Delete { expect } | Change::Require { expect } => {
                Some((write.key, expect))
            }
            Change::Index { .. } | Change::Unindex { .. } => None,
        })
        .filter(|(_, expect)| !matches!(expect, Expect::Any))
        .collect();
    for some in expected.chunks(TOGETHER) {
        let keys: Vec<Key> = some.iter().map(|(key, _)| *key).collect();
        let found = match keys.as_slice() {
            [key] => vec![live(connection, key, now)?.map(|(entry, _)| entry)],
            keys => live_together(connection, keys, now)?,
        };
        let holds = |(entry, (_, expect)): (Option<Entry>, &(Key, &Expect))| match expect {
            Expect::Any => true,
            Expect::Absent => entry.is_none(),
            Expect::Version(version) => entry.is_some_and(|entry| entry.version == *version),
        };
        if !found.into_iter().zip(some).all(holds) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn apply(connection: &Connection, write: Write, version: &Version) -> Result<()> {
    let key = write.key.sorted();
    match write.change {
        Change::Put { value, life, .. } => put(connection, &write.key, &value.stamped(version), until(life))?,
        Change::Delete { .. } => {
            connection.prepare_cached("DELETE FROM entry WHERE key = ?1")?.execute([key])?;
        }
        Change::Require { .. } => {}
        Change::Index { member, score, life } => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO member (list, member, score, until) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![key, member, score, until(life)])?;
        }
        Change::Unindex { member } => {
            connection
                .prepare_cached("DELETE FROM member WHERE list = ?1 AND member = ?2")?
                .execute(params![key, member])?;
        }
    }
    Ok(())
}

fn put(connection: &Connection, key: &Key, stored: &[u8], until: i64) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO entry (key, value, until) VALUES (?1, ?2, ?3)")?
        .execute(params![key.sorted(), stored, until])?;
    Ok(())
}

/// Looks and writes at once: one search for the place.
fn put_absent(
    connection: &Connection,
    key: &Key,
    stored: &[u8],
    (until, now): (i64, Timestamp),
) -> Result<CommitOutcome> {
    let written = connection
        .prepare_cached(
            "INSERT INTO entry (key, value, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, until = excluded.until
             WHERE entry.until <= ?4",
        )?
        .execute(params![key.sorted(), stored, until, now.millis()])?;
    Ok(if written == 1 { CommitOutcome::Committed } else { CommitOutcome::Conflict })
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
        let pragma = |name: &str| {
            connection
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2));
        for (version, word) in [(5, "newer"), (3, "older")] {
            connection.execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
            assert!(matches!(writer(&path), Err(StoreError::Misconfigured(why)) if why.contains(word)));
        }
        drop(connection);
        std::fs::remove_file(path).unwrap();
    }
}
