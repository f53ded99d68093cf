//! The engine on one Redis: each operation is one round trip, each commit one script.
//!
//! A value is a string of its version (22 characters) and its bytes. An index is two sorted sets, one by score and one by expiry.
//! All keys are declared and share one hash tag, so the same scripts run in a cluster. Nothing that consumes or writes is sent twice.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, RedisError, RedisResult, ServerErrorKind, Value, aio::MultiplexedConnection, cmd};
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::model::time::Timestamp;
use crate::outside::clock::Clock;
use crate::outside::random::Random;

use super::batch::{Batch, Change};
use super::key::Key;
use super::redis_error::{self, Verdict};
use super::redis_link::{Link, Live};
use super::redis_scripts::{Lua, Scripts};
use super::{Cursor, Entry, Expect, Life, Outcome, StoreError, StoreSettings, Version};

/// A connection that is made again when it is lost. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Redis {
    link: Link,
    scripts: Arc<Scripts>,
    queue: Arc<Semaphore>,
    deadline: Duration,
}

/// Characters of a version.
const STAMP: usize = 22;

impl Redis {
    /// Connects and checks. A server that does not answer is tried again at each call; one that answers and does not fit is refused.
    pub(in crate::store) async fn open(url: &str, settings: &StoreSettings, clock: Clock, random: Random) -> Result<Self, StoreError> {
        let scripts = Arc::new(Scripts::new());
        let link = Link::new(url, settings, Arc::clone(&scripts), (clock, random))?;
        match link.live().await {
            Ok(_) => {}
            Err(error @ StoreError::Misconfigured(_)) => return Err(error),
            Err(error) => tracing::warn!(%error, "Redis is not there yet"),
        }
        Ok(Self { link, scripts, queue: Arc::new(Semaphore::new(settings.queue)), deadline: settings.deadline })
    }

    pub(in crate::store) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, StoreError> {
        let mget = Call::Plain("MGET", keys.iter().map(Place::of).collect());
        let Value::Array(values) = self.read(&mget).await? else { return Err(StoreError::Corrupt("answer")) };
        keys.iter().zip(values).map(|(key, value)| entry(key, value)).collect()
    }

    pub(in crate::store) async fn take(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let getdel = Call::Plain("GETDEL", vec![Place::of(key)]);
        Ok(entry(key, self.write(&getdel).await?)?.map(|entry| entry.value))
    }

    pub(in crate::store) async fn commit(&self, batch: Batch, version: Version, now: Timestamp) -> Result<Outcome, StoreError> {
        let mut call = ScriptCall::new(&self.scripts.commit).arg(version.0);
        for write in batch.writes {
            call = call.key(Place::of(&write.key));
            call = match write.change {
                Change::Put { value, life, expect } => call.arg("p").arg(expected(expect)).arg(millis(life, now)).arg(value),
                Change::Delete { expect } => call.arg("d").arg(expected(expect)),
                Change::Require { expect } => call.arg("r").arg(expected(expect)),
                Change::Index { member, score, life } => {
                    call.key(Place::expiry(&write.key)).arg("i").arg(member).arg(score.to_string()).arg(millis(life, now))
                }
                Change::Unindex { member } => call.key(Place::expiry(&write.key)).arg("u").arg(member),
            };
        }
        match self.write(&Call::Script(call)).await? {
            Value::Int(1) => Ok(Outcome::Committed),
            Value::Int(0) => Ok(Outcome::Conflict),
            other => Err(StoreError::Unknown(format!("an answer of another kind: {other:?}"))),
        }
    }

    pub(in crate::store) async fn increment(
        &self,
        key: &Key,
        (by, until): (i64, Timestamp),
        version: Version,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let call = ScriptCall::new(&self.scripts.increment)
            .key(Place::of(key))
            .arg(version.0)
            .arg(by.to_string())
            .arg(millis(Life::Until(until), now));
        text(self.write(&Call::Script(call)).await?).and_then(|sum| sum.parse().ok()).ok_or(StoreError::Corrupt(key.kind()))
    }

    pub(in crate::store) async fn list(
        &self,
        index: &Key,
        after: Option<Cursor<'_>>,
        limit: usize,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let mut call = ScriptCall::new(&self.scripts.list).key(Place::of(index)).key(Place::expiry(index)).arg(limit.to_string());
        if let Some((score, member)) = after {
            call = call.arg(score.to_string()).arg(member);
        }
        let corrupt = || StoreError::Corrupt(index.kind());
        let Value::Array(values) = self.read(&Call::Script(call)).await? else { return Err(corrupt()) };
        let mut texts = values.into_iter().map(text);
        let mut found = Vec::new();
        while let Some(score) = texts.next() {
            let score = score.and_then(|score| score.parse().ok()).ok_or_else(corrupt)?;
            found.push((score, texts.next().flatten().ok_or_else(corrupt)?));
        }
        Ok(found)
    }

    /// Checks the server again.
    pub(in crate::store) async fn ping(&self) -> Result<(), StoreError> {
        let mut asked = None;
        let checked = timeout(self.deadline, async {
            let live = asked.insert(self.link.live().await?);
            let same = self.link.check(&mut live.connection()).await? == live.generation();
            if same { Ok(()) } else { Err(StoreError::NotApplied("the data of Redis are of another generation".into())) }
        });
        let checked = checked.await.unwrap_or_else(|_| Err(self.late()));
        checked.inspect_err(|error| {
            if let Some(live) = &asked {
                self.link.lose(live, error.clone(), true);
            }
        })
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, StoreError> {
        self.run(call, false).await
    }

    async fn write(&self, call: &Call<'_>) -> Result<Value, StoreError> {
        self.run(call, true).await
    }

    /// Sends within the deadline.
    async fn run(&self, call: &Call<'_>, write: bool) -> Result<Value, StoreError> {
        let _place = self.queue.try_acquire().map_err(|_| StoreError::NotApplied("too many calls wait for Redis".into()))?;
        let mut sent = None;
        if let Ok(answer) = timeout(self.deadline, self.attempt(call, write, &mut sent)).await {
            return answer;
        }
        let Some(live) = sent else { return Err(self.late()) };
        self.link.lose(&live, self.late(), true);
        Err(if write { StoreError::Unknown(self.late().to_string()) } else { self.late() })
    }

    /// Sends, and notes over which connection. Only a read is sent again, once, when the connection was lost under it.
    async fn attempt(&self, call: &Call<'_>, write: bool, sent: &mut Option<Live>) -> Result<Value, StoreError> {
        let mut again = !write;
        loop {
            let live = sent.insert(self.link.live().await?);
            let Verdict { error, lost } = match call.send(live.connection(), live.generation()).await {
                Ok(value) => return Ok(value),
                Err(error) => redis_error::classify(&error, write),
            };
            if lost {
                self.link.lose(live, StoreError::NotApplied("the connection to Redis was lost".into()), false);
            }
            if !(lost && again) {
                return Err(error);
            }
            again = false;
            *sent = None;
        }
    }

    fn late(&self) -> StoreError {
        StoreError::NotApplied(format!("Redis did not answer within {} ms", self.deadline.as_millis()))
    }
}

/// What is sent.
enum Call<'a> {
    Plain(&'static str, Vec<Place>),
    Script(ScriptCall<'a>),
}

struct ScriptCall<'a> {
    script: &'a Lua,
    keys: Vec<Place>,
    arguments: Vec<Vec<u8>>,
}

/// Where a value lies.
///
/// What may be used once lies under the generation of the data in which it was made. A server that lost its latest writes, and with them
/// perhaps the mark that a code was spent, has another generation: nothing made before is found there, and people start again.
struct Place {
    key: String,
    once: bool,
}

impl Place {
    fn of(key: &Key) -> Self {
        Self { key: key.to_string(), once: matches!(key.kind(), "flow" | "trial" | "relay" | "saml_response" | "code") }
    }

    fn expiry(index: &Key) -> Self {
        Self { key: format!("{index}:until"), once: false }
    }

    fn at(&self, generation: &str) -> String {
        if self.once { format!("{}@{generation}", self.key) } else { self.key.clone() }
    }
}

impl Call<'_> {
    async fn send(&self, mut connection: MultiplexedConnection, generation: &str) -> RedisResult<Value> {
        match self {
            Self::Plain(name, keys) => {
                let mut command = cmd(name);
                command.arg(keys.iter().map(|key| key.at(generation)).collect::<Vec<_>>()).query_async(&mut connection).await
            }
            Self::Script(call) => {
                match call.command("EVALSHA", &call.script.digest, generation).query_async(&mut connection).await {
                    // The server forgot the script and so did nothing: its text does not repeat anything.
                    Err(error) if forgotten(&error) => {
                        call.command("EVAL", call.script.text, generation).query_async(&mut connection).await
                    }
                    answer => answer,
                }
            }
        }
    }
}

impl<'a> ScriptCall<'a> {
    fn new(script: &'a Lua) -> Self {
        Self { script, keys: Vec::new(), arguments: Vec::new() }
    }

    fn key(mut self, key: Place) -> Self {
        self.keys.push(key);
        self
    }

    fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    fn command(&self, name: &str, script: &str, generation: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key.at(generation));
        }
        command.arg(&self.arguments);
        command
    }
}

fn forgotten(error: &RedisError) -> bool {
    error.kind() == ::redis::ErrorKind::Server(ServerErrorKind::NoScript)
}

fn entry(key: &Key, value: Value) -> Result<Option<Entry>, StoreError> {
    let corrupt = || StoreError::Corrupt(key.kind());
    let stored = match value {
        Value::Nil => return Ok(None),
        Value::BulkString(stored) => Bytes::from(stored),
        _ => return Err(corrupt()),
    };
    let stamp = stored.get(..STAMP).and_then(|stamp| std::str::from_utf8(stamp).ok()).ok_or_else(corrupt)?;
    Ok(Some(Entry { version: Version(stamp.to_owned()), value: stored.slice(STAMP..) }))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn expected(expect: Expect) -> String {
    match expect {
        Expect::Any => "*".into(),
        Expect::Absent => "-".into(),
        Expect::Version(version) => version.0,
    }
}

/// Milliseconds left, as the scripts take them.
fn millis(life: Life, now: Timestamp) -> String {
    match life {
        Life::Forever => "0".into(),
        Life::Until(until) if until <= now => "-1".into(),
        Life::Until(until) => until.since(now).as_millis().to_string(),
    }
}
