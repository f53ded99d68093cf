//! Addresses: where to listen, ranges of trusted proxies, and who shares a limit.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::model::document::Invalid;

/// An address range in CIDR form; a single address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses `10.0.0.0/8`, `::1` or `192.0.2.7`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::new(
                format!("{text:?} is no address range"),
                "write an address or a range such as 10.0.0.0/8",
            )
        };
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let prefix = match prefix {
            Some(prefix) => Some(prefix)
                .filter(digits)
                .and_then(|prefix| prefix.parse().ok())
                .filter(|prefix| *prefix <= longest),
            None => Some(longest),
        };
        Ok(Self { address, prefix: prefix.ok_or_else(invalid)? })
    }

    /// Whether `address` lies in the range; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same_prefix(network.to_bits().into(), address.to_bits().into(), 32 - self.prefix.min(32))
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                same_prefix(network.to_bits(), address.to_bits(), 128 - self.prefix)
            }
            _ => false,
        }
    }
}

fn same_prefix(left: u128, right: u128, ignored: u8) -> bool {
    (left ^ right).checked_shr(ignored.into()).unwrap_or(0) == 0
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The party that shares one limit: an IPv4 address, or the /64 network that one IPv6 subscriber has to
/// itself.
pub fn party(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

/// An address and port to listen at.
pub(super) fn address(text: &str) -> Result<SocketAddr, Invalid> {
    let text =
        text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| {
        Invalid::new(
            format!("{text:?} is no address and port"),
            "write 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D-36
    #[test]
    fn only_addresses_inside_the_range_are_trusted() {
        let inside =
            |range: &str, address: &str| Network::parse(range).unwrap().contains(address.parse().unwrap());
        assert!(inside("10.0.0.0/8", "10.255.0.1"));
        assert!(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(inside("::1", "::1"));
        assert!(inside("0.0.0.0/0", "203.0.113.9"));
        assert!(inside("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!inside("10.0.0.0/8", "11.0.0.1"));
        assert!(!inside("192.0.2.7", "192.0.2.8"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        for bad in
            ["10.0.0.0/33", "10.0.0.0/", "10.0.0", "::/129", "localhost", "10.0.0.0/8/8", "10.0.0.0/+8"]
        {
            assert!(Network::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subscriber_s_network_counts_as_one() {
        assert_eq!(party("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(party("203.0.113.9".parse().unwrap()), "203.0.113.9");
    }
}
