//! Which store, for what.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::secret::{ExposeSecret as _, SecretString};

use super::StoreError;

/// What a store is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// What may be lost at the price of signing in again: every key expires.
    State,
    /// What may never be lost.
    Directory,
}

impl Role {
    /// As in the configuration file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Directory => "directory",
        }
    }
}

/// Where a store is.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// `memory:`, gone with the process.
    Memory,
    /// `file:<directory>`, embedded and durable.
    File(PathBuf),
    /// `redis://` or `rediss://`, whole, with its credentials.
    Redis(SecretString),
}

impl StoreUrl {
    /// Parses the text of the configuration file.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`], which does not repeat the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let refuse = |why: &str| Err(StoreError::Misconfigured(why.to_owned()));
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse("a store is memory:, file:<directory>, redis://<host>:<port> or rediss://<host>:<port>");
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "memory" => refuse("memory: takes nothing after the colon"),
            "file" if rest.trim_start_matches('/').is_empty() => refuse("file: needs a directory"),
            "file" => Ok(Self::File(PathBuf::from(rest.strip_prefix("//").unwrap_or(rest)))),
            "redis" | "rediss" if url::Url::parse(text).is_ok_and(|url| url.has_host()) => Ok(Self::Redis(text.into())),
            "redis" | "rediss" => refuse("the Redis address is no URL like redis://<user>:<password>@<host>:<port>/<database>"),
            _ => refuse("the scheme of a store must be memory, file, redis or rediss"),
        }
    }

    /// The address without its credentials, for logs.
    pub fn public(&self) -> String {
        match self {
            Self::Memory => "memory:".into(),
            Self::File(path) => format!("file:{}", path.display()),
            Self::Redis(text) => url::Url::parse(text.expose_secret()).map_or_else(
                |_| "redis:".into(),
                |url| format!("{}://{}:{}", url.scheme(), url.host_str().unwrap_or_default(), url.port().unwrap_or(6379)),
            ),
        }
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Where it is.
    pub url: StoreUrl,
    /// What it is used for.
    pub role: Role,
    /// Longest wait for an answer.
    pub deadline: Duration,
    /// Most calls waiting for an answer; further ones are refused at once.
    pub queue: usize,
    /// Certificates (PEM) that a `rediss:` server may chain to, instead of the system's.
    pub root_certificates: Option<Vec<u8>>,
}

impl StoreSettings {
    /// Settings with the defaults: 500 ms (5 s for a disk, which may be slow and is not elsewhere), 4096 calls, the system's certificates.
    pub fn new(url: StoreUrl, role: Role) -> Self {
        let deadline = Duration::from_millis(if matches!(url, StoreUrl::File(_)) { 5000 } else { 500 });
        Self { url, role, deadline, queue: 4096, root_certificates: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse() {
        assert!(matches!(StoreUrl::parse("memory:"), Ok(StoreUrl::Memory)));
        assert!(matches!(StoreUrl::parse("file:data"), Ok(StoreUrl::File(path)) if path == *"data"));
        assert!(matches!(StoreUrl::parse("file:/var/lib/x"), Ok(StoreUrl::File(path)) if path == *"/var/lib/x"));
        assert!(matches!(StoreUrl::parse("rediss://u:p@h:1/0"), Ok(StoreUrl::Redis(_))));
        for bad in ["", "file:", "memory:x", "postgres://h", "redis:", "data"] {
            assert!(StoreUrl::parse(bad).is_err(), "{bad}");
        }
    }

    /// H-11
    #[test]
    fn an_address_shows_no_password() {
        let url = StoreUrl::parse("redis://app:hunter2@db.example:6380").unwrap();
        assert_eq!(url.public(), "redis://db.example:6380");
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
