//! The [PROXY protocol](https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt), versions 1 and 2: a
//! balancer says before the first byte of the connection whom it speaks for.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

const SIGNATURE: usize = 12;
/// Longest line of version 1.
const MAX_LINE: usize = 107;
/// Version 2 may carry more than addresses; balancers send a few hundred bytes.
const MAX_BINARY: usize = 2048;

/// Reads the header, and not a byte more. `None` where the balancer speaks for itself, as in its health
/// checks.
///
/// # Errors
/// A connection that begins with anything else is refused: its peer is not the balancer that was configured.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; SIGNATURE];
    stream.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        rest_of_binary(stream, &mut header).await?;
    } else {
        rest_of_line(stream, &mut header).await?;
    }
    match HeaderResult::parse(&header) {
        HeaderResult::V1(Ok(header)) => Ok(of_line(&header.addresses)),
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => Ok(None),
        HeaderResult::V2(Ok(header)) => Ok(of_binary(&header.addresses)),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(refused("no PROXY header")),
    }
}

async fn rest_of_binary(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let [_, _, high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_BINARY {
        return Err(refused("a PROXY header of unusual length"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    header.extend(fixed);
    header.extend(rest);
    Ok(())
}

async fn rest_of_line(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    if !header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        return Err(refused("no PROXY header"));
    }
    while !header.ends_with(b"\r\n") {
        if header.len() >= MAX_LINE {
            return Err(refused("a PROXY line without an end"));
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

fn of_line(addresses: &v1::Addresses) -> Option<SocketAddr> {
    match addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(pair) => Some(SocketAddr::new(IpAddr::V4(pair.source_address), pair.source_port)),
        v1::Addresses::Tcp6(pair) => Some(SocketAddr::new(IpAddr::V6(pair.source_address), pair.source_port)),
    }
}

fn of_binary(addresses: &v2::Addresses) -> Option<SocketAddr> {
    match addresses {
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
        v2::Addresses::IPv4(pair) => Some(SocketAddr::new(IpAddr::V4(pair.source_address), pair.source_port)),
        v2::Addresses::IPv6(pair) => Some(SocketAddr::new(IpAddr::V6(pair.source_address), pair.source_port)),
    }
}

fn refused(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(bytes: &[u8]) -> (io::Result<Option<SocketAddr>>, usize) {
        let mut rest = bytes;
        let read = read(&mut rest).await;
        (read, rest.len())
    }

    #[tokio::test]
    async fn the_peer_of_the_balancer_is_read_and_the_request_left() {
        let line = b"PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\nGET / HTTP/1.1\r\n";
        let (peer, left) = parse(line).await;
        assert_eq!(peer.unwrap(), Some("203.0.113.7:40000".parse().unwrap()));
        assert_eq!(left, b"GET / HTTP/1.1\r\n".len());
        let line = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n";
        assert_eq!(parse(line).await.0.unwrap(), Some("[2001:db8::7]:40000".parse().unwrap()));
        let (peer, left) = parse(b"PROXY UNKNOWN\r\nGET").await;
        assert_eq!((peer.unwrap(), left), (None, 3));
        let mut binary = v2::PROTOCOL_PREFIX.to_vec();
        binary.extend([0x21, 0x11, 0, 12, 203, 0, 113, 7, 10, 0, 0, 1, 0x9c, 0x40, 1, 0xbb]);
        binary.extend(b"GET");
        let (peer, left) = parse(&binary).await;
        assert_eq!((peer.unwrap(), left), (Some("203.0.113.7:40000".parse().unwrap()), 3));
        let mut local = v2::PROTOCOL_PREFIX.to_vec();
        local.extend([0x20, 0, 0, 0]);
        assert_eq!(parse(&local).await.0.unwrap(), None);
    }

    /// D-36
    #[tokio::test]
    async fn a_peer_that_is_no_balancer_is_refused() {
        let endless = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 500]].concat();
        let mut huge = v2::PROTOCOL_PREFIX.to_vec();
        huge.extend([0x21, 0x11, 0xff, 0xff]);
        let others: [&[u8]; 6] = [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PROXY TCP4 a b c d\r\n",
            &endless,
            &huge,
            b"PROXY",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n",
        ];
        for bytes in others {
            assert!(parse(bytes).await.0.is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
