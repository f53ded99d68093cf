//! Which addresses and URLs of upstreams may be called.
//!
//! URLs of providers come from documents that strangers write, so a URL is refused unless it is plain https
//! to a public address on a port where web servers live. An address is judged where the connection is made:
//! literals here, names in the resolver that the connection itself uses, so a name cannot change its meaning
//! in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::protocol::oidc::discovery::is_loopback;

/// Ports above 1023 where databases, brokers and control planes listen, which must not be reached by a
/// provider's wish.
const FORBIDDEN_PORTS: [u16; 26] = [
    1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5672, 5900, 5984, 6000, 6379,
    6380, 6443, 9042, 9092, 9200, 9300, 11211, 26379, 27017,
];

/// Why a URL is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// No https, nor http to a loopback address where private upstreams are allowed.
    #[error("{0} is not https")]
    NotHttps(String),
    /// User name or password in the URL.
    #[error("the URL of {0} holds a user name or password")]
    Credentials(String),
    /// No host.
    #[error("the URL has no host")]
    NoHost,
    /// A port that is not for web servers.
    #[error("port {port} of {host} is not for web servers")]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A private, loopback, link-local or otherwise special address.
    #[error("{0} is no public address and private upstreams are not allowed")]
    Address(String),
}

/// Checks all of `url` that can be judged before a name is resolved.
pub fn check_url(url: &Url, allow_private: bool) -> Result<(), UrlRefused> {
    let host = url.host().ok_or(UrlRefused::NoHost)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private && is_loopback(url) => {}
        _ => return Err(UrlRefused::NotHttps(origin_of(url))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefused::Credentials(host.to_string()));
    }
    let port = url.port_or_known_default().unwrap_or_default();
    if (port < 1024 && port != 443 && port != 80) || FORBIDDEN_PORTS.contains(&port) {
        return Err(UrlRefused::Port { host: host.to_string(), port });
    }
    let address = match host {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(_) => return Ok(()),
    };
    if allow_private || is_public(address) { Ok(()) } else { Err(UrlRefused::Address(address.to_string())) }
}

/// Scheme, host and port, for logs: path and query may carry secrets.
pub fn origin_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Whether packets to `address` leave for the public internet
/// ([IANA special-purpose registries](https://www.iana.org/assignments/iana-ipv4-special-registry)).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

/// Only global unicast counts; of the translated forms only NAT64 has a use here, and is judged by the
/// address inside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        return is_public_v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
    }
    let global = matches!(segments, [0x2000..=0x3fff, ..]);
    let special =
        matches!(segments, [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..]);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, allow_private: bool) -> Option<UrlRefused> {
        check_url(&Url::parse(text).unwrap(), allow_private).err()
    }

    /// B-40
    #[test]
    fn no_spelling_of_a_private_address_is_called() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[2001::1]",
            "[fec0::1]",
            "[5f00::1]",
        ] {
            let text = format!("https://{host}/jwks");
            assert!(matches!(refused(&text, false), Some(UrlRefused::Address(_))), "{text}");
        }
        for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[64:ff9b::808:808]"] {
            assert_eq!(refused(&format!("https://{host}/"), false), None, "{host}");
        }
    }

    /// B-43
    #[test]
    fn only_https_without_credentials_on_a_web_port_is_called() {
        assert!(matches!(refused("http://idp.example/", false), Some(UrlRefused::NotHttps(_))));
        assert!(matches!(refused("http://127.0.0.1:9000/", false), Some(UrlRefused::NotHttps(_))));
        for other in ["ftp://idp.example/", "gopher://idp.example/", "ws://idp.example/"] {
            assert!(matches!(refused(other, true), Some(UrlRefused::NotHttps(_))), "{other}");
        }
        assert_eq!(refused("file:///etc/passwd", true), Some(UrlRefused::NoHost));
        assert!(matches!(refused("https://user:pass@idp.example/", false), Some(UrlRefused::Credentials(_))));
        assert!(matches!(refused("https://user@idp.example/", false), Some(UrlRefused::Credentials(_))));
        for port in [22, 25, 389, 6379, 5432, 2375] {
            assert!(
                matches!(
                    refused(&format!("https://idp.example:{port}/"), true),
                    Some(UrlRefused::Port { .. })
                ),
                "{port}"
            );
        }
        for port in [443, 80, 8443, 9443] {
            assert_eq!(refused(&format!("https://idp.example:{port}/"), false), None, "{port}");
        }
    }

    #[test]
    fn where_private_upstreams_are_allowed_http_stays_on_loopback() {
        for good in
            ["http://127.0.0.1:9000/", "http://[::1]:9000/", "http://localhost:9000/", "https://10.0.0.1/"]
        {
            assert_eq!(refused(good, true), None, "{good}");
        }
        for bad in
            ["http://10.0.0.1/", "http://idp.example/", "http://notlocalhost/", "http://localhost.example/"]
        {
            assert!(matches!(refused(bad, true), Some(UrlRefused::NotHttps(_))), "{bad}");
        }
    }
}
