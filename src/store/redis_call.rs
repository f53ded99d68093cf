//! One command to Redis: a plain one, or a script by its digest.

use std::time::Duration;

use ::redis::aio::ConnectionLike;
use ::redis::{Cmd, RedisError, RedisResult, ServerErrorKind, Value, cmd, pipe};

use super::key::Key;
use super::redis_cluster::Redirect;
use super::redis_link::Live;
use super::redis_scripts::Lua;

/// What a commit answers: an expectation did not hold, something was written, everything was as it was to be.
pub(in crate::store) const CONFLICT: i64 = 0;
pub(in crate::store) const WRITTEN: i64 = 1;
pub(in crate::store) const UNCHANGED: i64 = 2;

/// How long a fence lies there. Nobody reads it.
const FENCE: Duration = Duration::from_secs(1);
/// How many places are tried for one.
const FENCES: usize = 50;

/// What is sent.
pub(in crate::store) enum Call<'a> {
    Plain(&'static str, Vec<ValueAddress>),
    Script(ScriptCall<'a>),
}

pub(in crate::store) struct ScriptCall<'a> {
    script: &'a Lua,
    keys: Vec<ValueAddress>,
    arguments: Vec<Vec<u8>>,
}

/// Where a value lies.
///
/// What may be used once lies under the generation of the data in which it was made. A server that lost its
/// latest writes, and with them perhaps the mark that a code was spent, has another generation: nothing made
/// before is found there, and people start again.
pub(in crate::store) struct ValueAddress {
    key: String,
    once: bool,
    lasting: bool,
}

/// How many replicas must have a write that may not be lost, and within what time.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Confirm {
    pub(in crate::store) replicas: u32,
    pub(in crate::store) within: Duration,
    /// Whether a server without any replica answers for itself. A cluster's master that is cut off stops
    /// writing, so one that writes and has no replica lost it; behind Sentinels it may be the one that was
    /// replaced.
    pub(in crate::store) alone: bool,
    /// Whether what is read is confirmed, too: what it says is gone, no fail-over brings back.
    pub(in crate::store) reads: bool,
}

/// Why there is no answer.
pub(in crate::store) enum SendError {
    /// The server's or the connection's error.
    Redis(RedisError),
    /// The server did it, and only so many replicas know.
    Unconfirmed {
        /// Those that do.
        replicas: u32,
    },
}

impl From<RedisError> for SendError {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl ValueAddress {
    pub(in crate::store) fn of(key: &Key) -> Self {
        Self { key: key.to_string(), once: key.rules().is_once(), lasting: key.rules().is_lasting() }
    }

    pub(in crate::store) fn expiry(index: &Key) -> Self {
        Self { key: format!("{index}:until"), once: false, lasting: false }
    }

    fn at(&self, generation: &str) -> String {
        if self.once { format!("{}@{generation}", self.key) } else { self.key.clone() }
    }
}

impl Call<'_> {
    /// The key by which a cluster finds the node; all others share its hash tag.
    pub(in crate::store) fn first_key(&self) -> &str {
        let keys = match self {
            Self::Plain(_, keys) => keys,
            Self::Script(call) => &call.keys,
        };
        keys.first().map_or("", |place| &place.key)
    }

    /// Sends over `live`; `asking` where the slot is still on its way to that node.
    pub(in crate::store) async fn send(
        &self,
        live: &Live,
        asking: bool,
        confirm: Confirm,
    ) -> Result<Value, SendError> {
        let waiting = if self.must_be_confirmed(confirm) { live.waiting().await } else { None };
        let Some(mut connection) = waiting else {
            return Ok(self.done(live.generation(), asking, &mut live.connection()).await?);
        };
        let answer = self.done(live.generation(), asking, &mut *connection).await?;
        if !self.wrote(&answer) {
            self.fence(asking, &mut *connection).await?;
        }
        wait(confirm, &mut *connection).await?;
        Ok(answer)
    }

    /// Whether its answer may not be taken back by a fail-over: it writes what lasts, finds that already
    /// done, or was asked for in order to know. A session that is taken away must not come back.
    fn must_be_confirmed(&self, confirm: Confirm) -> bool {
        let writes = match self {
            Self::Plain(name, keys) => *name == "GETDEL" && keys.iter().any(|place| place.lasting),
            Self::Script(call) => call.script.writes && call.keys.iter().any(|place| place.lasting),
        };
        writes || confirm.reads
    }

    /// Whether what gave `answer` wrote anything. A commit says so itself: what it was to delete may be gone
    /// already.
    fn wrote(&self, answer: &Value) -> bool {
        match self {
            Self::Plain(name, _) => *name == "GETDEL" && *answer != Value::Nil,
            Self::Script(call) => call.script.writes && !matches!(answer, Value::Int(CONFLICT | UNCHANGED)),
        }
    }

    /// A write for WAIT to speak of, where nothing else was written. Replicas have the writes of a server in
    /// their order: who has this one has all that the server had done by then, whoever asked for it. So any
    /// place will do that the server has: the partition's own, and another while that one is on its way to
    /// another server, who knows nothing of what was done here.
    async fn fence(&self, asking: bool, connection: &mut impl ConnectionLike) -> Result<(), SendError> {
        let own = self.first_key().split_once('}').map_or("", |(tag, _)| tag).to_owned();
        for tag in [own].into_iter().chain((0..FENCES).map(|number| format!("{{{number}"))) {
            let mut set = cmd("SET");
            set.arg(format!("{tag}}}!")).arg("").arg("PX").arg(FENCE.as_millis().to_string());
            match one(set, asking, connection).await {
                Err(error) if Redirect::of(&error).is_some() => {}
                answer => return answer.map(drop).map_err(SendError::Redis),
            }
        }
        Err(SendError::Unconfirmed { replicas: 0 })
    }

    async fn done(
        &self,
        generation: &str,
        asking: bool,
        connection: &mut impl ConnectionLike,
    ) -> RedisResult<Value> {
        match self {
            Self::Plain(name, keys) => {
                let mut command = cmd(name);
                command.arg(keys.iter().map(|key| key.at(generation)).collect::<Vec<_>>());
                one(command, asking, connection).await
            }
            Self::Script(call) => call.done(generation, asking, connection).await,
        }
    }
}

/// Sends one command, after ASKING where that is needed: the two share one pipeline, so nothing comes
/// between.
async fn one(command: Cmd, asking: bool, connection: &mut impl ConnectionLike) -> RedisResult<Value> {
    if !asking {
        return command.query_async(connection).await;
    }
    let (answer,): (Value,) =
        pipe().cmd("ASKING").ignore().add_command(command).query_async(connection).await?;
    Ok(answer)
}

impl<'a> ScriptCall<'a> {
    pub(in crate::store) fn new(script: &'a Lua) -> Self {
        Self { script, keys: Vec::new(), arguments: Vec::new() }
    }

    pub(in crate::store) fn key(mut self, key: ValueAddress) -> Self {
        self.keys.push(key);
        self
    }

    pub(in crate::store) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs the script, by its text when the server forgot it: then it did nothing, and the text repeats
    /// nothing.
    async fn done(
        &self,
        generation: &str,
        asking: bool,
        connection: &mut impl ConnectionLike,
    ) -> RedisResult<Value> {
        match one(self.command("EVALSHA", &self.script.digest, generation), asking, connection).await {
            Err(error) if forgotten(&error) => {
                one(self.command("EVAL", self.script.text, generation), asking, connection).await
            }
            answer => answer,
        }
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

/// Waits until replicas have what was written. WAIT speaks of the writes of its own connection only.
async fn wait(confirm: Confirm, connection: &mut impl ConnectionLike) -> Result<(), SendError> {
    let millis = u64::try_from(confirm.within.as_millis()).unwrap_or(u64::MAX);
    let replicas: u32 = cmd("WAIT").arg(confirm.replicas).arg(millis).query_async(connection).await?;
    if replicas >= confirm.replicas || (confirm.alone && has_no_replica(connection).await?) {
        return Ok(());
    }
    Err(SendError::Unconfirmed { replicas })
}

async fn has_no_replica(connection: &mut impl ConnectionLike) -> RedisResult<bool> {
    let info: String = cmd("INFO").arg("replication").query_async(connection).await?;
    let alone = info.lines().any(|line| line.trim_end() == "connected_slaves:0");
    if alone {
        tracing::warn!(
            code = "store_without_replica",
            "a node of the cluster has no replica: what it acknowledges now, nobody else has"
        );
    }
    Ok(alone)
}

fn forgotten(error: &RedisError) -> bool {
    error.kind() == ::redis::ErrorKind::Server(ServerErrorKind::NoScript)
}
