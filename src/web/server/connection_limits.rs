//! Connection limits, in all and for each party: one party cannot take the places of everybody else (H-30,
//! H-42).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Network, party};

/// The connections that may be open at once.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// In all; further ones wait to be accepted.
    pub total: usize,
    /// For each party, that is an IPv4 address or an IPv6 /64; further ones are closed. `None` is no limit.
    pub each: Option<usize>,
    /// Proxies, which speak for many.
    pub proxies: Arc<[Network]>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { total: 20_000, each: None, proxies: Arc::default() }
    }
}

/// Who is connected to one listener. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimits {
    capacity: Capacity,
    places: Arc<Semaphore>,
    parties: Arc<Mutex<HashMap<String, usize>>>,
}

/// One connection's place; dropped, it is free.
pub(super) struct ConnectionPermit(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// One connection among those of its party; dropped, it no longer counts.
pub(super) struct ConnectionSlot {
    limits: ConnectionLimits,
    party: Option<String>,
}

impl ConnectionLimits {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self {
            places: Arc::new(Semaphore::new(capacity.total.min(Semaphore::MAX_PERMITS))),
            capacity,
            parties: Arc::default(),
        }
    }

    /// Waits until there is a place.
    pub(super) async fn place(&self) -> ConnectionPermit {
        match self.places.clone().acquire_owned().await {
            Ok(permit) => ConnectionPermit(permit),
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// A seat for a connection from `address`; `None` when its party has as many as it may.
    pub(super) fn seat(&self, address: IpAddr) -> Option<ConnectionSlot> {
        let Some(each) =
            self.capacity.each.filter(|_| !self.capacity.proxies.iter().any(|proxy| proxy.contains(address)))
        else {
            return Some(ConnectionSlot { limits: self.clone(), party: None });
        };
        let party = party(address);
        let mut parties = self.lock();
        let count = parties.entry(party.clone()).or_default();
        if *count >= each {
            return None;
        }
        *count += 1;
        Some(ConnectionSlot { limits: self.clone(), party: Some(party) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let Some(party) = self.party.take() else { return };
        let mut parties = self.limits.lock();
        let left = parties.get(&party).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            parties.remove(&party);
        } else {
            parties.insert(party, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(each: usize) -> ConnectionLimits {
        ConnectionLimits::new(Capacity {
            total: 10,
            each: Some(each),
            proxies: [Network::parse("10.0.0.0/8").unwrap()].into(),
        })
    }

    /// H-30
    #[test]
    fn a_party_has_so_many_connections_and_no_more_until_one_ends() {
        let (limits, address) = (limits(2), "203.0.113.9".parse().unwrap());
        let (one, two) = (limits.seat(address).unwrap(), limits.seat(address).unwrap());
        assert!(limits.seat(address).is_none());
        assert!(limits.seat("203.0.113.10".parse().unwrap()).is_some(), "somebody else");
        drop(one);
        let three = limits.seat(address).unwrap();
        assert!(limits.seat(address).is_none());
        drop((two, three));
        assert!(limits.lock().is_empty(), "nobody is remembered who left");
    }

    #[test]
    fn a_network_of_one_subscriber_is_one_party_and_a_proxy_is_none() {
        let limits = limits(1);
        let _seat = limits.seat("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(limits.seat("2001:db8:1:2::2".parse().unwrap()).is_none());
        assert!(limits.seat("2001:db8:1:3::2".parse().unwrap()).is_some());
        let proxy = "10.0.0.7".parse().unwrap();
        let seats: Vec<_> = (0..5).map(|_| limits.seat(proxy).unwrap()).collect();
        assert_eq!(seats.len(), 5);
    }
}
