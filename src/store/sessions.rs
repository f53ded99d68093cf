//! Browser sessions in the state store; the cookie is a sealed reference, so ids cannot be guessed or edited
//! (D-09).

use serde::{Deserialize, Serialize};

use crate::flow::next::LiveSession;
use crate::model::ids::{ClientId, PoolId, SessionId, Sub};
use crate::model::pool::Pool;
use crate::model::session::{Epoch, Session};
use crate::model::time::Timestamp;

use super::compact_codec::ShortSession;
use super::record::{Record, Records};
use super::seal::Seal;
use super::{Batch, CommitOutcome, Entry, Expect, Key, Life, StoreError};

const LABEL: &str = "session cookie";

/// What the session cookie holds, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRef {
    pool: PoolId,
    sub: Sub,
    id: SessionId,
}

impl SessionRef {
    /// The reference that `cookie` holds, if this broker sealed it for `pool`.
    pub fn open(seal: &Seal, pool: &PoolId, cookie: &str) -> Option<Self> {
        seal.open_token::<Self>(LABEL, cookie).filter(|reference| reference.pool == *pool)
    }

    /// The reference to a session that the broker itself found.
    pub(in crate::store) fn new(pool: &PoolId, sub: &Sub, id: &SessionId) -> Self {
        Self { pool: pool.clone(), sub: sub.clone(), id: id.clone() }
    }

    /// Whether this is the reference to `session`.
    pub fn is_of(&self, session: &Session) -> bool {
        self.sub == session.sub && self.id == session.id
    }

    fn key(&self) -> Key {
        Key::session(&self.pool, &self.sub, &self.id)
    }

    /// What is stored; one that cannot be read is none.
    fn read(&self, records: &Records, key: &Key, entry: &Entry) -> Result<Option<Session>, StoreError> {
        records
            .decode::<ShortSession>(key, entry)
            .and_then(|record| self.whole(record.value))
            .map(Some)
            .or_else(unreadable)
    }

    fn whole(&self, session: ShortSession) -> Result<Session, StoreError> {
        session.whole(&self.sub, &self.id).ok_or(StoreError::Corrupt("session"))
    }
}

/// The present epoch of a user. One round trip.
pub async fn epoch(records: &Records, pool: &PoolId, sub: &Sub) -> Result<Epoch, StoreError> {
    let stamped =
        records.get::<Epoch>(&Key::epoch(pool, sub)).await?.map(|record| record.value).unwrap_or_default();
    Ok(stamped.in_generation(records.store.sign_out_generation(pool).await?))
}

/// Stores a new session and gives the cookie's value. One whose `epoch` is outdated by now is never alive.
pub async fn create(
    records: &Records,
    seal: &Seal,
    pool: &Pool,
    session: &Session,
) -> Result<String, StoreError> {
    let (batch, cookie) = opening(records, seal, pool, session);
    match records.store.commit(batch).await? {
        CommitOutcome::Committed => Ok(cookie),
        CommitOutcome::Conflict => Err(StoreError::Misuse("a session id was used twice")),
    }
}

/// What [`create`] writes, in the user's partition, and the cookie's value, which is good once it is written.
pub fn opening(records: &Records, seal: &Seal, pool: &Pool, session: &Session) -> (Batch, String) {
    let reference = SessionRef { pool: pool.id.clone(), sub: session.sub.clone(), id: session.id.clone() };
    let key = reference.key();
    let life = Life::Until(session.expires);
    let mut batch = Batch::new(key.partition()).put(
        &key,
        records.encode(&key, &ShortSession::of(session)),
        life,
        Expect::Absent,
    );
    if pool.tells_apps() {
        batch = batch.index(
            &Key::sessions_index(&pool.id, &session.sub),
            session.id.as_str(),
            session.expires.millis(),
            life,
        );
    }
    (batch, seal.token(LABEL, &reference))
}

/// The session behind a cookie, if it is alive at `now`. One round trip.
pub async fn load(
    records: &Records,
    pool: &Pool,
    reference: &SessionRef,
    now: Timestamp,
) -> Result<Option<LiveSession>, StoreError> {
    let (session, epoch) = read(records, reference).await?;
    Ok(session.and_then(|session| LiveSession::check(session, pool.session, &epoch, now)))
}

/// Marks the session as used at `now` by `client`; writes only when that says something new. A session that
/// ended meanwhile stays ended.
pub async fn touch(
    records: &Records,
    pool: &Pool,
    live: &LiveSession,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let session = live.session();
    let stale = now.since(session.last_used) > pool.session.idle / 10;
    if session.clients.contains(client) && !stale {
        return Ok(());
    }
    let reference = SessionRef { pool: pool.id.clone(), sub: session.sub.clone(), id: session.id.clone() };
    let key = reference.key();
    let mut room = true;
    for _ in 0..4 {
        let Some(Record { value, version, tagged }) = records.get::<ShortSession>(&key).await? else {
            return Ok(());
        };
        let mut session = reference.whole(value)?;
        session.last_used = session.last_used.max(now);
        if room && !session.clients.contains(client) {
            session.clients.push(client.clone());
        }
        let life = Life::Until(session.expires);
        let value = records.encode_again(&key, &ShortSession::of(&session), &tagged);
        let batch = Batch::new(key.partition()).put(&key, value, life, Expect::Version(version));
        match records.store.commit(batch).await {
            Ok(CommitOutcome::Committed) => return Ok(()),
            Ok(CommitOutcome::Conflict) => {}
            // More apps than a session can name: the last ones are served all the same, and do not hear of
            // the sign-out.
            Err(StoreError::TooLarge { .. }) if room => {
                tracing::warn!(code = "session_full", pool = %pool.id, %client, "an app will not hear when \
                    this session ends");
                room = false;
            }
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::NotApplied("the session changed at every try".into()))
}

/// The user's sessions that are listed, at most `limit`: those of a pool with apps that want to hear when one
/// ends. Two round trips.
pub async fn listed(
    records: &Records,
    pool: &PoolId,
    sub: &Sub,
    limit: usize,
) -> Result<Vec<Session>, StoreError> {
    let page = records.store.list(&Key::sessions_index(pool, sub), None, limit).await?;
    let ids = page.members.iter().filter_map(|id| SessionId::parse(id).ok());
    let references: Vec<SessionRef> = ids.map(|id| SessionRef::new(pool, sub, &id)).collect();
    let keys: Vec<Key> = references.iter().map(SessionRef::key).collect();
    let found = records.store.get_many(&keys).await?;
    let living = references
        .iter()
        .zip(&keys)
        .zip(found)
        .filter_map(|((reference, key), entry)| Some((reference, key, entry?)));
    living.map(|(reference, key, entry)| reference.whole(records.decode(key, &entry)?.value)).collect()
}

/// The records of one user's sessions, whether or not they are alive. One round trip.
pub(in crate::store) async fn peek(
    records: &Records,
    references: &[SessionRef],
) -> Result<Vec<Option<Session>>, StoreError> {
    let keys: Vec<Key> = references.iter().map(SessionRef::key).collect();
    let found = records.store.get_many(&keys).await?;
    let read = |(reference, (key, entry)): (&SessionRef, (&Key, Option<Entry>))| match entry {
        Some(entry) => reference.read(records, key, &entry),
        None => Ok(None),
    };
    references.iter().zip(keys.iter().zip(found)).map(read).collect()
}

/// Ends the session and gives its record, for those who have to hear of it. Exactly one of several callers
/// receives it.
pub async fn end(records: &Records, reference: &SessionRef) -> Result<Option<Session>, StoreError> {
    let taken = records.take::<ShortSession>(&reference.key()).await;
    taken
        .and_then(|taken| taken.map(|session| reference.whole(session.value)).transpose())
        .or_else(unreadable)
}

/// A session that was damaged or moved is none: the person signs in again instead of meeting an error until
/// it expires. One that a later release wrote is an error: what it says may not be ignored, and another
/// replica knows it.
fn unreadable<T>(error: StoreError) -> Result<Option<T>, StoreError> {
    let StoreError::Corrupt(_) = error else { return Err(error) };
    tracing::warn!(code = "session_unreadable", %error, "a session is passed over");
    Ok(None)
}

async fn read(records: &Records, reference: &SessionRef) -> Result<(Option<Session>, Epoch), StoreError> {
    let keys = [reference.key(), Key::epoch(&reference.pool, &reference.sub)];
    let found = records.store.get_many(&keys).await?;
    let mut entries = keys.iter().zip(found).map(|(key, entry)| entry.map(|entry| (key, entry)));
    let session = match entries.next().flatten() {
        Some((key, entry)) => reference.read(records, key, &entry)?,
        None => None,
    };
    let epoch = match entries.next().flatten() {
        Some((key, entry)) => records.decode::<Epoch>(key, &entry)?.value,
        None => Epoch::default(),
    };
    Ok((session, epoch.in_generation(records.store.sign_out_generation(&reference.pool).await?)))
}
