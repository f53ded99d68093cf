#![doc = include_str!("../../docs/configuration.md")]

mod across_pools;
mod branding;
mod client;
mod client_certificate;
mod client_certificates;
mod client_authentication;
mod expiry_warnings;
mod limits;
mod network;
mod pool;
mod pool_providers;
mod provider_list;
mod saml;
mod listener;
mod redis_address;
pub mod schema;
mod secrets;
mod server;
mod store;
mod summary;
mod tls_files;
mod duplicates;
mod standalone_readers;
mod uri;

use std::io::Read as _;
use std::path::Path;

use crate::model::document::{Document, FileReader, Location, Problem, Problems};
use crate::model::ids::ProviderName;
use crate::model::pool::Pool;
use crate::provider::preset::Presets;
use crate::provider::settings::Provider;

pub use branding::{Branding, Theme};
pub use client_certificates::{CertificateListener, ClientCertificates};
pub use limits::LimitsConfig;
pub use listener::{Forwarded, PublicListener};
pub use network::{Network, party};
pub use provider_list::{Offered, Providers};
pub use redis_address::{RedisAddress, RedisKind};
pub use server::ServerConfig;
pub use standalone_readers::{Single, SingleProvider, read_client, read_pool, read_provider};
pub use store::{StoreConfig, StoreUrl};
pub use tls_files::TlsFiles;

/// What every variable that overrides a key starts with.
pub const ENVIRONMENT_PREFIX: &str = "SYMBOLON__";

/// Largest file that is read: the configuration itself with ten thousands of providers, a secret, a
/// certificate bundle.
const MAX_FILE: u64 = 16 << 20;

/// A configuration in which every check passed.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`.
    pub server: ServerConfig,
    /// `[store]`.
    pub store: StoreConfig,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[[pool]]`, at least one.
    pub pools: Vec<PoolConfig>,
    /// What is allowed but risky or probably not meant.
    pub warnings: Vec<Problem>,
}

/// A pool and the providers configured in it.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// The pool with its clients.
    pub pool: Pool,
    /// Its providers, in the order of the file.
    pub providers: Providers,
    /// How its pages look.
    pub branding: Branding,
}

impl PoolConfig {
    /// The provider called `name`, enabled or not.
    pub fn provider(&self, name: &ProviderName) -> Option<&Provider> {
        self.providers.named(name)
    }
}

/// Reads the file at `path`, overlaid by `environment`; relative paths in it start at its folder.
pub fn load(path: &Path, environment: &[(String, String)]) -> Result<Config, Problems> {
    let name = path.display().to_string();
    let text = read_text(path).map_err(|reason| Problems::new(vec![unreadable(&name, &reason)]))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    parse(&text, &name, environment, &|file| read_text(&folder.join(file)))
}

/// Checks the text of a configuration file called `file`, overlaid by `environment`; `files` reads what
/// `…_file` keys name.
pub fn parse(
    text: &str,
    file: &str,
    environment: &[(String, String)],
    files: FileReader<'_>,
) -> Result<Config, Problems> {
    let document =
        || Document::parse(file, text).with_files(files).with_environment(ENVIRONMENT_PREFIX, environment);
    // What helps to correct it is gathered only when there is something to correct.
    finished(document().in_haste(), file, files).or_else(|_| finished(document(), file, files))
}

fn finished(document: Document<'_>, file: &str, files: FileReader<'_>) -> Result<Config, Problems> {
    let read = read(&document, Path::new(file).parent().unwrap_or_else(|| Path::new("")), files);
    document.finish().map(|warnings| Config { warnings, ..read })
}

/// Everything that could be read; what is wrong is noted in the document.
fn read(document: &Document<'_>, folder: &Path, files: FileReader<'_>) -> Config {
    let root = document.root();
    let server = server::read(root.section("server"), folder);
    let store = store::read(root.section("store"), folder, server.seal_key.is_some());
    let limits = limits::read(root.section("limits"));
    let presets = presets(document, &server, files);
    let known = pool_providers::PoolReader {
        presets: &presets,
        allow_private: server.allow_private_upstreams,
        damaged: document.is_damaged(),
    };
    let pools = pool::read_all(&root, &server, &known);
    root.finish();
    Config { server, store, limits, pools, warnings: Vec::new() }
}

/// The embedded presets and those of the operator; a broken one is a problem, and none of the operator's is
/// known then.
fn presets(document: &Document<'_>, server: &ServerConfig, files: FileReader<'_>) -> Presets {
    let mut own = Vec::new();
    for (index, path) in server.presets.iter().enumerate() {
        match files(path) {
            Ok(text) => own.push((path.clone(), text)),
            Err(reason) => {
                let spot = document.root().section("server").spot_of_item("presets", index);
                document.problem(
                    &spot,
                    format!("{path:?} cannot be read: {reason}"),
                    "name a readable file; paths start at the folder of this one",
                );
            }
        }
    }
    let read = |presets: Result<Presets, Problems>| {
        presets.map_err(|problems| document.extend(problems.into_vec())).ok()
    };
    let embedded = read(Presets::embedded()).unwrap_or_default();
    read(embedded.clone().with(own)).unwrap_or(embedded)
}

fn read_text(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("it is larger than {MAX_FILE} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn unreadable(name: &str, reason: &str) -> Problem {
    let fix = "name a readable file with --config, or create one as the README shows".to_owned();
    Problem {
        file: name.to_owned(),
        place: Location::File,
        key: String::new(),
        message: format!("cannot be read: {reason}"),
        fix,
    }
}
