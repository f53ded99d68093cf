//! Which Redis is the master, as the Sentinels say ([Sentinel
//! clients](https://redis.io/docs/latest/develop/reference/sentinel-clients/)).

use std::collections::BTreeMap;
use std::time::Duration;

use ::redis::{Client, RedisResult, cmd};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::StoreError;

/// The Sentinels of one master.
pub(in crate::store) struct Sentinels {
    pub(in crate::store) clients: Vec<Client>,
    pub(in crate::store) master: String,
    pub(in crate::store) patience: Duration,
}

impl Sentinels {
    /// `host:port` of the master: what most of those who answer say.
    pub(in crate::store) async fn master(&self) -> Result<String, StoreError> {
        let votes = self.votes().await;
        let most = votes.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(address, _)| address).ok_or_else(|| {
            let count = self.clients.len();
            StoreError::NotApplied(format!(
                "none of {count} Sentinels names a master called {:?}",
                self.master
            ))
        })
    }

    /// Whether more than half of all Sentinels say that another one is the master now.
    pub(in crate::store) async fn moved_from(&self, address: &str) -> bool {
        let elsewhere: usize = self
            .votes()
            .await
            .into_iter()
            .filter(|(voted, _)| voted != address)
            .map(|(_, count)| count)
            .sum();
        elsewhere * 2 > self.clients.len()
    }

    async fn votes(&self) -> BTreeMap<String, usize> {
        let answers =
            join_all(self.clients.iter().map(|client| timeout(self.patience, self.ask(client)))).await;
        let mut votes = BTreeMap::new();
        for (host, port) in answers.into_iter().flatten().flatten().flatten() {
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            *votes.entry(format!("{host}:{port}")).or_default() += 1;
        }
        votes
    }

    async fn ask(&self, client: &Client) -> RedisResult<Option<(String, u16)>> {
        let mut connection = client.get_multiplexed_async_connection().await?;
        cmd("SENTINEL").arg("get-master-addr-by-name").arg(&self.master).query_async(&mut connection).await
    }
}
