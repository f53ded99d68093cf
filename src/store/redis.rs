//! The engine on Redis: each operation is one round trip, each commit one script.
//!
//! A value is a string of its version (8 bytes) and its bytes. An index is two sorted sets, one by score and
//! one by expiry. All keys are declared and share one hash tag, so the same scripts run in a cluster. Nothing
//! that consumes or writes is sent twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::Value;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::{RedisAddress, RedisKind};
use crate::model::time::Timestamp;
use crate::outside::clock::Clock;
use crate::outside::random::Random;

use super::batch::{Batch, Change};
use super::key::Key;
use super::redis_call::{CONFLICT, Call, Confirm, ScriptCall, SendError, UNCHANGED, ValueAddress, WRITTEN};
use super::redis_cluster::{Cluster, Redirect};
use super::redis_error::{self, Verdict};
use super::redis_link::{Link, Live, Making, Target, client};
use super::redis_scripts::Scripts;
use super::redis_sentinel::Sentinels;
use super::{CommitOutcome, Cursor, Entry, Expect, Life, StoreError, StoreSettings, Version};

/// A connection that is made again when it is lost. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Redis {
    nodes: Nodes,
    scripts: Arc<Scripts>,
    queue: Arc<Semaphore>,
    deadline: Duration,
    replicas: u32,
    /// Whether reads are confirmed by replicas, too.
    confirms_reads: bool,
    /// Made so far.
    connections: Arc<AtomicU64>,
}

/// One server at a time, or the many of a cluster.
#[derive(Clone)]
enum Nodes {
    One(Link),
    Cluster(Cluster),
}

/// How often a call may be sent on before it is given up.
const REDIRECTS: usize = 5;
/// An attempt to connect takes several round trips, so it may take longer than a call.
const CONNECT_PATIENCE: u32 = 4;

impl Redis {
    /// Connects and checks. A server that does not answer is tried again at each call; one that answers and
    /// does not fit is refused.
    pub(in crate::store) async fn open(
        url: &str,
        settings: &StoreSettings,
        clock: Clock,
        random: Random,
    ) -> Result<Self, StoreError> {
        let address =
            RedisAddress::parse(url).map_err(|problem| StoreError::Misconfigured(problem.message))?;
        let scripts = Arc::new(Scripts::new());
        let making = Making {
            scripts: Arc::clone(&scripts),
            role: settings.role,
            patience: settings.deadline * CONNECT_PATIENCE,
            root_certificates: settings.root_certificates.clone(),
            replicas: settings.replicas,
            clock,
            random,
            made: Arc::default(),
        };
        let connections = Arc::clone(&making.made);
        let nodes = Nodes::of(address, making)?;
        let (deadline, replicas) = (settings.deadline, settings.replicas);
        let queue = Arc::new(Semaphore::new(settings.queue));
        let redis = Self { nodes, scripts, queue, deadline, replicas, confirms_reads: false, connections };
        match redis.nodes.all().await {
            Ok(()) => {}
            Err(error @ StoreError::Misconfigured(_)) => return Err(error),
            Err(error) => tracing::warn!(%error, "Redis is not there yet"),
        }
        Ok(redis)
    }

    /// The same server, from which also what is read waits for replicas; `None` where none are asked.
    pub(in crate::store) fn confirmed(&self) -> Option<Self> {
        (self.replicas > 0).then(|| Self { confirms_reads: true, ..self.clone() })
    }

    pub(in crate::store) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, StoreError> {
        let mget = Call::Plain("MGET", keys.iter().map(ValueAddress::of).collect());
        let Value::Array(values) = self.read(&mget).await? else { return Err(StoreError::Corrupt("answer")) };
        keys.iter().zip(values).map(|(key, value)| entry(key, value)).collect()
    }

    pub(in crate::store) async fn take(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let getdel = Call::Plain("GETDEL", vec![ValueAddress::of(key)]);
        entry(key, self.write(&getdel).await?)
    }

    pub(in crate::store) async fn commit(
        &self,
        batch: Batch,
        version: Version,
        now: Timestamp,
    ) -> Result<CommitOutcome, StoreError> {
        let mut call = ScriptCall::new(&self.scripts.commit);
        for write in batch.writes {
            call = call.key(ValueAddress::of(&write.key));
            call = match write.change {
                Change::Put { value, life, expect } => {
                    call.arg("p").arg(expected(expect)).arg(millis(life, now)).arg(value.stamped(&version))
                }
                Change::Delete { expect } => call.arg("d").arg(expected(expect)),
                Change::Require { expect } => call.arg("r").arg(expected(expect)),
                Change::Index { member, score, life } => call
                    .key(ValueAddress::expiry(&write.key))
                    .arg("i")
                    .arg(member)
                    .arg(score.to_string())
                    .arg(millis(life, now)),
                Change::Unindex { member } => call.key(ValueAddress::expiry(&write.key)).arg("u").arg(member),
            };
        }
        match self.write(&Call::Script(call)).await? {
            Value::Int(CONFLICT) => Ok(CommitOutcome::Conflict),
            Value::Int(WRITTEN | UNCHANGED) => Ok(CommitOutcome::Committed),
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
            .key(ValueAddress::of(key))
            .arg(version.0)
            .arg(by.to_string())
            .arg(millis(Life::Until(until), now));
        text(self.write(&Call::Script(call)).await?)
            .and_then(|sum| sum.parse().ok())
            .ok_or(StoreError::Corrupt(key.kind()))
    }

    pub(in crate::store) async fn list(
        &self,
        index: &Key,
        after: Option<Cursor<'_>>,
        limit: usize,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let mut call = ScriptCall::new(&self.scripts.list)
            .key(ValueAddress::of(index))
            .key(ValueAddress::expiry(index))
            .arg(limit.to_string());
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

    pub(in crate::store) fn is_cluster(&self) -> bool {
        matches!(self.nodes, Nodes::Cluster(_))
    }

    /// How many connections were made so far; what was read over an earlier one may be of other data.
    pub(in crate::store) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Acquire)
    }

    /// Checks every server again.
    pub(in crate::store) async fn ping(&self) -> Result<(), StoreError> {
        let links = match &self.nodes {
            Nodes::One(link) => vec![link.clone()],
            Nodes::Cluster(cluster) => {
                timeout(self.deadline, cluster.masters()).await.unwrap_or_else(|_| Err(self.late()))?
            }
        };
        for link in links {
            self.ping_one(&link).await?;
        }
        Ok(())
    }

    async fn ping_one(&self, link: &Link) -> Result<(), StoreError> {
        let mut asked = None;
        let checked = timeout(self.deadline, async {
            let live = asked.insert(link.live().await?);
            let same = link.check(&mut live.connection()).await? == live.generation();
            if same {
                Ok(())
            } else {
                Err(StoreError::NotApplied("the data of Redis are of another generation".into()))
            }
        });
        let checked = checked.await.unwrap_or_else(|_| Err(self.late()));
        checked.inspect_err(|error| {
            if let Some(live) = &asked {
                link.lose(live, error.clone(), true);
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
        let _place = self
            .queue
            .try_acquire()
            .map_err(|_| StoreError::NotApplied("too many calls wait for Redis".into()))?;
        let mut sent = None;
        if let Ok(answer) = timeout(self.deadline, self.attempt(call, write, &mut sent)).await {
            return answer;
        }
        self.nodes.doubt();
        let Some((link, live)) = sent else { return Err(self.late()) };
        link.lose(&live, self.late(), true);
        Err(if write { StoreError::Unknown(self.late().to_string()) } else { self.late() })
    }

    /// Sends, and notes over which connection. What a node declined is sent to the node that it names. Only a
    /// read is sent again, once, when the connection was lost under it.
    async fn attempt(
        &self,
        call: &Call<'_>,
        write: bool,
        sent: &mut Option<(Link, Live)>,
    ) -> Result<Value, StoreError> {
        let mut again = !write;
        let mut elsewhere: Option<Redirect> = None;
        for _ in 0..REDIRECTS {
            let asking = elsewhere.as_ref().is_some_and(|redirect| redirect.asking);
            let link = self.nodes.link(call, elsewhere.take()).await?;
            let live = link.live().await.inspect_err(|_| self.nodes.doubt())?;
            let (link, live) = sent.insert((link, live));
            let alone = matches!(self.nodes, Nodes::Cluster(_));
            let confirm = Confirm {
                replicas: self.replicas,
                within: self.deadline / 2,
                alone,
                reads: self.confirms_reads,
            };
            let error = match call.send(live, asking, confirm).await {
                Ok(value) => return Ok(value),
                Err(SendError::Unconfirmed { replicas }) => {
                    let wanted = self.replicas;
                    return Err(StoreError::Unknown(format!(
                        "{replicas} of {wanted} replicas confirmed the write in time"
                    )));
                }
                Err(SendError::Redis(error)) => error,
            };
            if let Some(redirect) = Redirect::of(&error) {
                self.nodes.doubt();
                elsewhere = Some(redirect);
                continue;
            }
            let Verdict { error, lost } = redis_error::classify(&error, write);
            if lost {
                self.nodes.doubt();
                link.lose(live, StoreError::NotApplied("the connection to Redis was lost".into()), false);
            }
            if !(lost && again) {
                return Err(error);
            }
            again = false;
            *sent = None;
        }
        Err(StoreError::NotApplied("the cluster sent the call from node to node".into()))
    }

    fn late(&self) -> StoreError {
        StoreError::NotApplied(format!("Redis did not answer within {} ms", self.deadline.as_millis()))
    }
}

impl Nodes {
    fn of(address: RedisAddress, making: Making) -> Result<Self, StoreError> {
        let one = |server: &String| client(&address, server, &making);
        let target = match &address.kind {
            RedisKind::Cluster => return Ok(Self::Cluster(Cluster::new(address, making))),
            RedisKind::One => {
                let server = address
                    .servers
                    .first()
                    .ok_or_else(|| StoreError::Misconfigured("the Redis address names no host".into()))?;
                Target::Node { client: one(server)?, in_cluster: false }
            }
            RedisKind::Sentinel(master) => {
                let clients = address.servers.iter().map(one).collect::<Result<_, _>>()?;
                let sentinels = Sentinels { clients, master: master.clone(), patience: making.patience / 4 };
                Target::Master { sentinels, address }
            }
        };
        Ok(Self::One(Link::new(target, making)))
    }

    /// Connects to whoever must be there.
    async fn all(&self) -> Result<(), StoreError> {
        match self {
            Self::One(link) => drop(link.live().await?),
            Self::Cluster(cluster) => {
                for link in cluster.masters().await? {
                    drop(link.live().await?);
                }
            }
        }
        Ok(())
    }

    async fn link(&self, call: &Call<'_>, redirect: Option<Redirect>) -> Result<Link, StoreError> {
        match (self, redirect) {
            (Self::One(link), _) => Ok(link.clone()),
            (Self::Cluster(cluster), Some(redirect)) => cluster.node(&redirect.node),
            (Self::Cluster(cluster), None) => cluster.link(call.first_key()).await,
        }
    }

    /// A node did not do what was expected of it.
    fn doubt(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.doubt();
        }
    }
}

impl std::fmt::Debug for Nodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nodes(..)")
    }
}

fn entry(key: &Key, value: Value) -> Result<Option<Entry>, StoreError> {
    let corrupt = || StoreError::Corrupt(key.kind());
    let stored = match value {
        Value::Nil => return Ok(None),
        Value::BulkString(stored) => Bytes::from(stored),
        _ => return Err(corrupt()),
    };
    Entry::of(&stored).map(Some).ok_or_else(corrupt)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn expected(expect: Expect) -> Vec<u8> {
    match expect {
        Expect::Any => b"*".to_vec(),
        Expect::Absent => b"-".to_vec(),
        Expect::Version(version) => version.0.to_vec(),
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
