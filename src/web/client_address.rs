//! Whose address a request comes from, past the proxies that are trusted (D-36).

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::{HeaderMap, HeaderName, header};

use super::server::Peer;
use crate::config::{Forwarded, Network, PublicListener};

/// Longest chain that is followed; real ones have a handful of hops.
const MAX_HOPS: usize = 20;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer's, or, where that is a trusted proxy, the last address in the chain that no
/// trusted proxy wrote of itself. What stands further left in the chain came from the client and proves
/// nothing. `None` outside a listener.
pub fn client_address(parts: &Parts, listener: &PublicListener) -> Option<IpAddr> {
    let Peer(peer) = *parts.extensions.get::<Peer>()?;
    Some(behind(peer.ip().to_canonical(), &parts.headers, listener))
}

fn behind(peer: IpAddr, headers: &HeaderMap, listener: &PublicListener) -> IpAddr {
    let trusted =
        |address: IpAddr| listener.trusted_proxies.iter().any(|network: &Network| network.contains(address));
    let mut nearest = peer;
    if !trusted(nearest) {
        return nearest;
    }
    let name = match listener.forwarded {
        Forwarded::XForwardedFor => X_FORWARDED_FOR,
        Forwarded::Forwarded => header::FORWARDED,
    };
    let lines = headers.get_all(name).iter().rev().filter_map(|line| line.to_str().ok());
    let hops = lines.flat_map(|line| line.rsplit(','));
    for hop in hops.take(MAX_HOPS) {
        let named = match listener.forwarded {
            Forwarded::XForwardedFor => address(hop.trim()),
            Forwarded::Forwarded => forwarded_for(hop),
        };
        // Beyond an unreadable or obfuscated hop nothing is known.
        let Some(named) = named else { break };
        nearest = named;
        if !trusted(nearest) {
            break;
        }
    }
    nearest
}

/// `for=` of one element ([RFC 7239 section 4](https://www.rfc-editor.org/rfc/rfc7239#section-4)).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.trim_matches('"'))
}

/// An address as proxies write it: with or without port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(forwarded: Forwarded) -> PublicListener {
        let trusted_proxies =
            ["10.0.0.0/8", "2001:db8:1::/48"].map(|text| Network::parse(text).unwrap()).to_vec();
        PublicListener { trusted_proxies, forwarded, ..PublicListener::default() }
    }

    fn seen(peer: &str, forwarded: Forwarded, lines: &[(&str, &str)]) -> String {
        let mut request = http::Request::builder();
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 4711)));
        client_address(&parts, &listener(forwarded)).unwrap().to_string()
    }

    fn by_x(peer: &str, value: &str) -> String {
        seen(peer, Forwarded::XForwardedFor, &[("x-forwarded-for", value)])
    }

    /// D-36
    #[test]
    fn a_visitor_cannot_choose_the_address_that_is_counted() {
        assert_eq!(by_x("203.0.113.9", "198.51.100.1"), "203.0.113.9", "no proxy, no belief");
        assert_eq!(
            by_x("10.0.0.1", "192.0.2.66, 203.0.113.9"),
            "203.0.113.9",
            "the proxy's own entry is the last one"
        );
        assert_eq!(
            by_x("10.0.0.1", "192.0.2.66, 203.0.113.9, 10.2.3.4"),
            "203.0.113.9",
            "two proxies of ours"
        );
        assert_eq!(
            by_x("10.0.0.1", "192.0.2.66, garbage, 10.2.3.4"),
            "10.2.3.4",
            "nothing is known beyond garbage"
        );
        assert_eq!(by_x("10.0.0.1", ""), "10.0.0.1");
        assert_eq!(by_x("10.0.0.1", &"10.0.0.2,".repeat(100)), "10.0.0.1", "a trailing comma names nobody");
        assert_eq!(
            seen("10.0.0.1", Forwarded::XForwardedFor, &[("forwarded", "for=192.0.2.66")]),
            "10.0.0.1",
            "the header that is not ours"
        );
        let two = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(seen("10.0.0.1", Forwarded::XForwardedFor, &two), "203.0.113.9", "two lines are one list");
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        for (text, address) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(by_x("::ffff:10.0.0.1", text), address);
        }
        let element = "for=192.0.2.66, for=\"[2001:db8::9]:47\";proto=https;by=10.0.0.1";
        assert_eq!(seen("10.0.0.1", Forwarded::Forwarded, &[("forwarded", element)]), "2001:db8::9");
        assert_eq!(seen("10.0.0.1", Forwarded::Forwarded, &[("forwarded", "for=_hidden")]), "10.0.0.1");
    }
}
