//! Where a Redis is: one node, a master that Sentinels name, or a cluster.

use url::Url;

use crate::model::document::Invalid;
use crate::model::secret::{ExposeSecret, SecretString};

/// What `redis[s][+sentinel|+cluster]://[user:password@]host:port[,host:port…][/…]` says.
#[derive(Debug, Clone)]
pub struct RedisAddress {
    /// How the servers below work together.
    pub kind: RedisKind,
    /// `host:port` of the node, the Sentinels, or some nodes of the cluster.
    pub servers: Vec<String>,
    /// Whether nodes and Sentinels are spoken to over TLS.
    pub tls: bool,
    /// `user:password` for nodes and Sentinels alike, percent-encoded.
    access: Option<SecretString>,
    /// Database number; 0 in a cluster.
    database: u16,
}

/// How several Redis servers are one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisKind {
    /// One node.
    One,
    /// The master of this name, as Sentinels tell.
    Sentinel(String),
    /// The slots of a cluster.
    Cluster,
}

const USUAL: &str = "write redis://user:password@host:6379/0, rediss:// for TLS";
const SENTINEL: &str = "write redis+sentinel://user:password@host:26379,host:26379,host:26379/<master name>";
const CLUSTER: &str = "write redis+cluster://user:password@host:6379,host:6379";
const DEFAULT_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl RedisAddress {
    /// Parses an address; the error repeats nothing of it, for it may hold a password.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let (tls, sort) = match scheme.split_once('+').unwrap_or((scheme, "")) {
            ("redis", sort) => (false, sort),
            ("rediss", sort) => (true, sort),
            _ => return Err(Invalid::new("the Redis URL names no host", USUAL)),
        };
        let usual = match sort {
            "sentinel" => SENTINEL,
            "cluster" => CLUSTER,
            _ => USUAL,
        };
        let invalid = |message: &str| Invalid::new(message, usual);
        if rest.contains(['?', '#']) {
            return Err(invalid("the Redis URL has a query or fragment"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (access, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(access, hosts)| (Some(access), hosts));
        let port = if sort == "sentinel" { SENTINEL_PORT } else { DEFAULT_PORT };
        let servers = hosts.split(',').map(|host| server(host, port)).collect::<Option<Vec<_>>>();
        let servers = servers.ok_or_else(|| {
            invalid(if hosts.is_empty() { "the Redis URL names no host" } else { "a host is unreadable" })
        })?;
        let (kind, database) = match sort {
            "" if servers.len() == 1 => (RedisKind::One, path),
            "" => {
                return Err(invalid(
                    "several hosts are a cluster or Sentinels, which have a scheme of their own",
                ));
            }
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(invalid("the Sentinels are not told which master is meant"));
                }
                (RedisKind::Sentinel(master.to_owned()), database)
            }
            "cluster" if path.is_empty() || path == "0" => (RedisKind::Cluster, ""),
            "cluster" => return Err(invalid("a cluster has one database only")),
            _ => return Err(invalid("no Redis has this scheme")),
        };
        let number = if database.is_empty() { Ok(0) } else { database.parse() };
        let database = number.map_err(|_| invalid("the path of the Redis URL is no database number"))?;
        if access.is_some_and(|access| Url::parse(&format!("redis://{access}@host")).is_err()) {
            return Err(invalid(
                "user and password are unreadable; percent-encode what is not a letter or digit",
            ));
        }
        Ok(Self { kind, servers, tls, access: access.map(SecretString::from), database })
    }

    /// The URL of one server: for its data, or as a Sentinel, which has no databases.
    pub fn url_of(&self, server: &str) -> SecretString {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let access =
            self.access.as_ref().map(|access| format!("{}@", access.expose_secret())).unwrap_or_default();
        SecretString::from(format!("{scheme}://{access}{server}/{}", self.database))
    }

    /// The address without user and password.
    pub fn public(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let servers = self.servers.join(",");
        match &self.kind {
            RedisKind::One => format!("{scheme}://{servers}/{}", self.database),
            RedisKind::Sentinel(master) => format!("{scheme}+sentinel://{servers}/{master}"),
            RedisKind::Cluster => format!("{scheme}+cluster://{servers}"),
        }
    }
}

/// `host:port`, with the default port where none is given.
fn server(text: &str, port: u16) -> Option<String> {
    let url = Url::parse(&format!("redis://{text}")).ok()?;
    let plain = url.path().is_empty() && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|host| plain && !host.is_empty())?;
    Some(format!("{host}:{}", url.port().unwrap_or(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_sentinels_and_a_cluster_are_told_apart() {
        let one = RedisAddress::parse("rediss://app:hunter%402@db.example:6380/2").unwrap();
        assert_eq!(
            (one.kind.clone(), one.tls, one.servers.clone()),
            (RedisKind::One, true, vec!["db.example:6380".to_owned()])
        );
        assert_eq!(
            one.url_of("db.example:6380").expose_secret(),
            "rediss://app:hunter%402@db.example:6380/2"
        );
        let three = RedisAddress::parse("redis+sentinel://:pw@a,b:26380,[::1]/primary/1").unwrap();
        assert_eq!(three.kind, RedisKind::Sentinel("primary".into()));
        assert_eq!(three.servers, ["a:26379", "b:26380", "[::1]:26379"]);
        assert_eq!(three.url_of("10.0.0.9:6379").expose_secret(), "redis://:pw@10.0.0.9:6379/1");
        assert_eq!(three.public(), "redis+sentinel://a:26379,b:26380,[::1]:26379/primary");
        assert_eq!(RedisAddress::parse("redis+cluster://a,b").unwrap().kind, RedisKind::Cluster);
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_repeating_it() {
        for bad in [
            "redis://",
            "redis://a,b/0",
            "redis+sentinel://a,b",
            "redis+sentinel://a/m/x",
            "redis+cluster://a/1",
            "redis+proxy://a",
            "redis://u:secret@a/users",
            "redis://u:secret@a/0?x=1",
            "redis://u:secret@a:99999",
            "redis+cluster://a,,b",
        ] {
            let error = RedisAddress::parse(bad).unwrap_err();
            assert!(!error.message.contains("secret") && !error.fix.contains("secret"), "{bad}");
        }
    }
}
