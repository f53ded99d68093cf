//! The nodes of a Redis Cluster: which one has a slot now, and a link to each
//! ([cluster specification](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/)).
//!
//! Each shard has a generation of its own. A slot that moves to another shard takes its keys along, but not
//! what was made for one use there: whoever was signing in begins again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::redis::{Client, RedisError, ServerErrorKind, Value, cmd};
use tokio::time::timeout;

use super::redis_link::{Link, Making, Target, client};
use super::{StoreError, redis_error};
use crate::config::RedisAddress;

const SLOTS: u16 = 16_384;

/// A cluster. Clones share it.
#[derive(Clone)]
pub(in crate::store) struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    address: RedisAddress,
    making: Making,
    links: Mutex<HashMap<String, Link>>,
    map: Mutex<Option<Arc<Map>>>,
    /// Whether a node did not answer as the map says it should.
    doubted: AtomicBool,
    looking: tokio::sync::Mutex<()>,
}

/// First and last slot, and the node that has them.
#[derive(Debug, PartialEq, Eq)]
struct Map(Vec<(u16, u16, String)>);

impl Map {
    fn node(&self, slot: u16) -> Option<&String> {
        self.0.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).map(|(_, _, node)| node)
    }

    fn covers_all(&self) -> bool {
        self.0.iter().map(|(first, last, _)| usize::from(*last) + 1 - usize::from(*first)).sum::<usize>()
            == usize::from(SLOTS)
    }
}

/// Where a node sends a call that it did not carry out.
pub(in crate::store) struct Redirect {
    pub(in crate::store) node: String,
    /// Only for this call, while the slot is on its way.
    pub(in crate::store) asking: bool,
}

impl Redirect {
    pub(in crate::store) fn of(error: &RedisError) -> Option<Self> {
        let asking = error.kind() == ::redis::ErrorKind::Server(ServerErrorKind::Ask);
        error.redirect_node().map(|(node, _)| Self { node: node.to_owned(), asking })
    }
}

impl Cluster {
    pub(in crate::store) fn new(address: RedisAddress, making: Making) -> Self {
        let inner = Inner {
            address,
            making,
            links: Mutex::default(),
            map: Mutex::default(),
            doubted: AtomicBool::new(false),
            looking: tokio::sync::Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The link to the node that has the slot of `key`.
    pub(in crate::store) async fn link(&self, key: &str) -> Result<Link, StoreError> {
        let map = match self.map() {
            Some(map) => {
                self.look_behind(&map);
                map
            }
            None => self.look(None).await?,
        };
        let node = map
            .node(slot(key))
            .ok_or_else(|| StoreError::NotApplied("no node of the cluster has this slot".into()))?;
        self.node(node)
    }

    /// The link to the node at `host:port`.
    pub(in crate::store) fn node(&self, node: &str) -> Result<Link, StoreError> {
        let mut links = self.inner.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(node) {
            return Ok(link.clone());
        }
        let target = Target::Node { client: self.client(node)?, in_cluster: true };
        let link = Link::new(target, self.inner.making.clone());
        links.insert(node.to_owned(), link.clone());
        Ok(link)
    }

    /// The map is looked up again beside the next call.
    pub(in crate::store) fn doubt(&self) {
        self.inner.doubted.store(true, Ordering::Release);
    }

    /// Looks the map up again and gives a link to each node that has slots.
    ///
    /// # Errors
    /// Nobody answers, or some slots are with nobody.
    pub(in crate::store) async fn masters(&self) -> Result<Vec<Link>, StoreError> {
        let map = self.look(self.map().as_ref()).await?;
        if !map.covers_all() {
            return Err(StoreError::NotApplied("some slots of the cluster are with no node".into()));
        }
        let mut nodes: Vec<&String> = map.0.iter().map(|(_, _, node)| node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().map(|node| self.node(node)).collect()
    }

    fn look_behind(&self, seen: &Arc<Map>) {
        if self.inner.doubted.swap(false, Ordering::AcqRel) {
            let (this, seen) = (self.clone(), Arc::clone(seen));
            tokio::spawn(async move {
                if this.look(Some(&seen)).await.is_err() {
                    this.doubt();
                }
            });
        }
    }

    /// A map newer than `seen`, from the first node that answers.
    async fn look(&self, seen: Option<&Arc<Map>>) -> Result<Arc<Map>, StoreError> {
        let _turn = self.inner.looking.lock().await;
        match (self.map(), seen) {
            (Some(map), None) => return Ok(map),
            (Some(map), Some(seen)) if !Arc::ptr_eq(&map, seen) => return Ok(map),
            _ => {}
        }
        let mut nodes: Vec<String> =
            self.map().iter().flat_map(|map| map.0.iter().map(|(_, _, node)| node.clone())).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.extend(self.inner.address.servers.iter().cloned());
        let mut last = StoreError::NotApplied("no node of the cluster answers".into());
        for node in nodes {
            match timeout(self.inner.making.patience, self.ask(&node)).await {
                Ok(Ok(map)) => {
                    let map = Arc::new(map);
                    *self.inner.map.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&map));
                    return Ok(map);
                }
                Ok(Err(error @ StoreError::Misconfigured(_))) => return Err(error),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
        }
        Err(last)
    }

    async fn ask(&self, node: &str) -> Result<Map, StoreError> {
        let mut connection = self
            .client(node)?
            .get_multiplexed_async_connection()
            .await
            .map_err(|error| redis_error::refusal(&error))?;
        let answer: Result<Value, RedisError> =
            cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await;
        match answer {
            Ok(answer) => read(&answer, node)
                .ok_or_else(|| StoreError::NotApplied("the cluster's slots are unreadable".into())),
            Err(error) if error.to_string().contains("cluster support disabled") => {
                Err(StoreError::Misconfigured(
                    "this Redis is no node of a cluster: write redis:// for one node".into(),
                ))
            }
            Err(error) => Err(redis_error::refusal(&error)),
        }
    }

    fn client(&self, node: &str) -> Result<Client, StoreError> {
        client(&self.inner.address, node, &self.inner.making)
    }

    fn map(&self) -> Option<Arc<Map>> {
        self.inner.map.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The slot of a key: that of its hash tag, which every key of ours has.
fn slot(key: &str) -> u16 {
    let tag = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key).as_bytes()) % SLOTS
}

/// The answer to CLUSTER SLOTS; a node without a name of its own is the one that was asked.
fn read(answer: &Value, asked: &str) -> Option<Map> {
    let Value::Array(ranges) = answer else { return None };
    let mut map = Vec::new();
    for range in ranges {
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_slice() else {
            return None;
        };
        let [host, Value::Int(port), ..] = master.as_slice() else { return None };
        let host = match host {
            Value::BulkString(host) if !host.is_empty() => String::from_utf8(host.clone()).ok()?,
            _ => asked.rsplit_once(':')?.0.trim_matches(['[', ']']).to_owned(),
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        map.push((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, format!("{host}:{port}")));
    }
    Some(Map(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-07: the examples of the cluster specification.
    #[test]
    fn the_slot_is_that_of_the_hash_tag() {
        assert_eq!(slot("123456789"), 12_739);
        assert_eq!(slot("{AbCdEf-_}sSession"), slot("{AbCdEf-_}eEpoch"));
        assert_eq!(slot("{user1000}.following"), slot("user1000"));
        assert_eq!(slot("foo{}{bar}"), slot("foo{}{bar}"));
    }
}
