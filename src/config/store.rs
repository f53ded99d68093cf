//! `[store]`.

use std::path::{Path, PathBuf};

use url::Url;

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
}

/// One store.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// In this process, gone with it.
    Memory,
    /// In this folder.
    File(PathBuf),
    /// `redis://` or `rediss://`, with its password.
    Redis(SecretString),
}

impl StoreUrl {
    /// Parses `memory:`, `file:<folder>`, `redis://…` or `rediss://…`. The error does not repeat the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let usual = "write file:<folder>, memory:, redis://host:6379/0 or rediss://host:6379/0";
        let (scheme, rest) = text.split_once(':').ok_or_else(|| Invalid::new("the store has no scheme", usual))?;
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "memory" => Err(Invalid::new("nothing may follow memory:", "write memory:")),
            "file" => {
                let folder = rest.strip_prefix("//").map_or(Some(rest), |path| path.starts_with('/').then_some(path));
                match folder.filter(|folder| !folder.trim_start_matches('/').is_empty()) {
                    Some(folder) => Ok(Self::File(PathBuf::from(folder))),
                    None => Err(Invalid::new("file: names no folder", "write file:data or file:/var/lib/symbolon")),
                }
            }
            "redis" | "rediss" => redis(text),
            "redis+sentinel" | "redis+cluster" => {
                Err(Invalid::new(format!("{scheme} is not supported yet"), "write the URL of one node: redis://… or rediss://…"))
            }
            _ => Err(Invalid::new("no store has this scheme", usual)),
        }
    }

    /// The store without user name and password, for logs.
    pub fn public(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::File(folder) => format!("file:{}", folder.display()),
            Self::Redis(secret) => Url::parse(secret.expose_secret()).map_or_else(
                |_| "redis:".to_owned(),
                |url| format!("{}://{}{}", url.scheme(), super::uri::authority(&url).unwrap_or_default(), url.path().trim_end_matches('/')),
            ),
        }
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
        table.warn("directory", "users and signing keys are forgotten at every restart", "write file:<folder> or redis://…");
    }
    let ca = table.file("ca_file").and_then(|pem| certificates(&table, "ca_file", pem));
    table.finish();
    StoreConfig { state, directory, ca }
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
    let invalid = |message: &str| Invalid::new(message, "write redis://user:password@host:6379/0, rediss:// for TLS");
    let url = Url::parse(text).map_err(|error| invalid(&format!("this is no Redis URL: {error}")))?;
    let database = url.path().trim_start_matches('/');
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("the Redis URL names no host"));
    }
    if !database.is_empty() && database.parse::<u16>().is_err() {
        return Err(invalid("the path of the Redis URL is no database number"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("the Redis URL has a query or fragment"));
    }
    Ok(StoreUrl::Redis(SecretString::from(text)))
}
