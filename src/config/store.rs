//! `[store]`.

use std::path::{Path, PathBuf};

use super::redis_address::{RedisAddress, RedisKind};
use super::server::certificates;
use crate::model::document::{Invalid, Table};
use crate::model::secret::{ExposeSecret, SecretString};

/// Where the two roles of the store live.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// What may be lost at the price of signing in again.
    pub state: StoreUrl,
    /// What may never be lost.
    pub directory: StoreUrl,
    /// PEM certificates that a `rediss:` server may chain to, instead of the system's.
    pub ca: Option<String>,
    /// How many replicas of a Redis must have what may not be lost before it is acknowledged.
    pub replicas: u32,
}

/// One store.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// In this process, gone with it.
    Memory,
    /// In this folder.
    File(PathBuf),
    /// A [`RedisAddress`] with its password.
    Redis(SecretString),
}

impl StoreUrl {
    /// Parses `memory:`, `file:<folder>`, or a [`RedisAddress`]. The error does not repeat the text: it may
    /// hold a password.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let usual = "write file:<folder>, memory:, redis://host:6379/0 or rediss://host:6379/0";
        let (scheme, rest) =
            text.split_once(':').ok_or_else(|| Invalid::new("the store has no scheme", usual))?;
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "memory" => Err(Invalid::new("nothing may follow memory:", "write memory:")),
            "file" => {
                let folder =
                    rest.strip_prefix("//").map_or(Some(rest), |path| path.starts_with('/').then_some(path));
                match folder.filter(|folder| !folder.trim_start_matches('/').is_empty()) {
                    Some(folder) => Ok(Self::File(PathBuf::from(folder))),
                    None => Err(Invalid::new(
                        "file: names no folder",
                        "write file:data or file:/var/lib/symbolon",
                    )),
                }
            }
            "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel" | "redis+cluster"
            | "rediss+cluster" => redis(text),
            _ => Err(Invalid::new("no store has this scheme", usual)),
        }
    }

    /// The store without user name and password, for logs.
    pub fn public(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::File(folder) => format!("file:{}", folder.display()),
            Self::Redis(secret) => RedisAddress::parse(secret.expose_secret())
                .map_or_else(|_| "redis:".to_owned(), |address| address.public()),
        }
    }

    /// Whether another server may take over from the one that acknowledged a write.
    fn fails_over(&self) -> bool {
        let Self::Redis(secret) = self else { return false };
        RedisAddress::parse(secret.expose_secret()).is_ok_and(|address| address.kind != RedisKind::One)
    }

    /// Whether other processes can use it too.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Redis(_))
    }
}

/// Reads both stores; a relative `file:` folder starts at `folder`, the one of the configuration file.
pub(super) fn read(table: Table<'_>, folder: &Path, sealed: bool) -> StoreConfig {
    let state = one(&table, "state", folder);
    let directory = one(&table, "directory", folder);
    for (key, store) in [("state", &state), ("directory", &directory)] {
        if store.is_shared() && !sealed {
            table.problem_at(
                &table.secret_spot(key),
                "a shared store needs server.seal_key, which is not set",
                "add seal_key or seal_key_file to [server]: openssl rand -base64 32",
            );
            break;
        }
    }
    if matches!(directory, StoreUrl::Memory) && !matches!(state, StoreUrl::Memory) {
        table.warn(
            "directory",
            "users and signing keys are forgotten at every restart",
            "write file:<folder> or redis://…",
        );
    }
    let ca = table.file("ca_file").and_then(|pem| certificates(&table, "ca_file", pem));
    let usual = [&state, &directory].into_iter().any(StoreUrl::fails_over).into();
    let replicas =
        table.integer("replicas", 0..=5).and_then(|count| u32::try_from(count).ok()).unwrap_or(usual);
    if replicas == 0 && usual > 0 {
        table.warn(
            "replicas",
            "a fail-over may bring back what was revoked a moment before",
            "remove it: one replica must know before it counts",
        );
    }
    table.finish();
    StoreConfig { state, directory, ca, replicas }
}

fn one(table: &Table<'_>, key: &str, folder: &Path) -> StoreUrl {
    let Some(secret) = table.secret(key) else { return StoreUrl::File(folder.join("data")) };
    match StoreUrl::parse(secret.expose_secret().trim()) {
        Ok(StoreUrl::File(path)) => StoreUrl::File(folder.join(path)),
        Ok(store) => store,
        Err(Invalid { message, fix }) => {
            table.problem_at(&table.secret_spot(key), message, fix);
            StoreUrl::Memory
        }
    }
}

fn redis(text: &str) -> Result<StoreUrl, Invalid> {
    RedisAddress::parse(text).map(|_| StoreUrl::Redis(SecretString::from(text)))
}
