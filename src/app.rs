//! Everything that a request needs, built once from the configuration.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{self, Config, LimitsConfig, PoolConfig, ServerConfig, StoreConfig};
use crate::model::ids::{PoolId, ReferenceId};
use crate::model::secret::{ExposeSecret as _, same_secret};
use crate::outside::Outside;
use crate::outside::client_authorities::ClientAuthorities;
use crate::outside::client_keys::ClientKeys;
use crate::outside::http::HttpError;
use crate::outside::saml_metadata::SamlMetadata;
use crate::outside::telemetry::{Telemetry, TelemetryError};
use crate::outside::upstreams::Upstreams;
use crate::store::keysets::Keyring;
use crate::store::limits::Limits;
use crate::store::master_key;
use crate::store::record::Records;
use crate::store::saml_trust::IdpTrust;
use crate::store::seal::{InvalidSecretKey, Seal, SecretKeyBytes};
use crate::store::sp_keys::SpKeyring;
use crate::store::traces::Traces;
use crate::store::{self, Role, Store, StoreError, StoreSettings};

/// The broker, ready to serve.
#[derive(Debug)]
pub struct App {
    /// The clock, randomness, and what is counted and reported.
    pub outside: Outside,
    /// Calls to providers, their metadata and keys.
    pub upstreams: Upstreams,
    /// What may be lost at the price of signing in again.
    pub state: Records,
    /// What may never be lost.
    pub directory: Records,
    /// Seals and opens tokens and cookies.
    pub seal: Seal,
    /// Signing keys by pool.
    pub keys: Keyring,
    /// Keys that pools show to SAML identity providers.
    pub sp_keys: SpKeyring,
    /// What is believed of SAML identity providers.
    pub idps: IdpTrust,
    /// Who vouches for certificates of apps.
    pub client_authorities: ClientAuthorities,
    /// The public keys of apps that sign.
    pub client_keys: ClientKeys,
    /// The stories of refused requests.
    pub traces: Traces,
    /// What has been asked for in this minute, and by whom.
    pub limits: Limits,
    /// `[server]`.
    pub server: ServerConfig,
    /// `[limits]`.
    pub limited: LimitsConfig,
    pools: Vec<Arc<PoolConfig>>,
    by_host: HashMap<String, usize>,
}

/// Why the broker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A store.
    #[error("store.{role}: {error}")]
    Store {
        /// Which one.
        role: &'static str,
        /// What is wrong.
        error: StoreError,
    },
    /// The authorities for certificates of apps.
    #[error("server.client_ca_file: {0}")]
    ClientCa(String),
    /// The configured sealing key.
    #[error("server.seal_key: {0}")]
    SealKey(InvalidSecretKey),
    /// Spans for a collector.
    #[error("server.otlp_endpoint: {0}")]
    Telemetry(#[from] TelemetryError),
    /// The HTTP client.
    #[error("calls to providers: {0}")]
    Upstreams(#[from] HttpError),
}

impl App {
    /// Opens the stores and builds everything else. No provider is contacted, so one that is down stops
    /// nobody else.
    pub async fn build(config: Config, mut outside: Outside) -> Result<Arc<Self>, AppError> {
        if let Some(collector) = &config.server.otlp_endpoint {
            outside.telemetry = Telemetry::to(collector)?;
        }
        let upstreams = upstreams(&config, &outside)?;
        Self::build_with(config, outside, upstreams).await
    }

    /// [`App::build`] with other means of calling providers.
    pub async fn build_with(
        config: Config,
        outside: Outside,
        upstreams: Upstreams,
    ) -> Result<Arc<Self>, AppError> {
        let state = open(&config.store, Role::State, &outside).await?;
        let directory = if same_place(&config.store) {
            state.with_role(Role::Directory)
        } else {
            open(&config.store, Role::Directory, &outside).await?
        };
        Self::assemble(config, outside, upstreams, (state, directory))
    }

    /// [`App::build`] around stores that are open already: a replica in the same process.
    pub fn with_stores(
        config: Config,
        outside: Outside,
        state: Store,
        directory: Store,
    ) -> Result<Arc<Self>, AppError> {
        let upstreams = upstreams(&config, &outside)?;
        Self::assemble(config, outside, upstreams, (state, directory))
    }

    fn assemble(
        config: Config,
        outside: Outside,
        upstreams: Upstreams,
        (state, directory): (Store, Store),
    ) -> Result<Arc<Self>, AppError> {
        let client_authorities = match config.server.listener.certificates.authorities.clone() {
            none if none.is_empty() => ClientAuthorities::default(),
            certificates => ClientAuthorities::new(certificates).map_err(AppError::ClientCa)?,
        };
        let metadata = SamlMetadata::new(&outside, &upstreams);
        let seal = Seal::new(&seal_key(&config, &outside)?);
        let records = |store: Store| Records::new(store, seal.clone(), outside.random.clone());
        let directory = records(directory);
        let pools: Vec<Arc<PoolConfig>> = config.pools.into_iter().map(Arc::new).collect();
        let hosts = pools.iter().enumerate().flat_map(|(index, config)| {
            config.pool.hosts.iter().map(move |host| (host.to_ascii_lowercase(), index))
        });
        Ok(Arc::new(Self {
            client_authorities,
            client_keys: ClientKeys::new(&outside, &upstreams),
            upstreams,
            keys: Keyring::new(directory.clone(), outside.clone()),
            idps: IdpTrust::new(directory.clone(), outside.clone(), metadata),
            sp_keys: SpKeyring::new(directory.clone(), outside.clone()),
            traces: Traces::new(records(state.clone())),
            limits: Limits::new(state.clone(), outside.clock.clone()),
            limited: config.limits,
            state: records(state),
            by_host: hosts.collect(),
            server: config.server,
            directory,
            outside,
            seal,
            pools,
        }))
    }

    /// The pool that answers at `host` (with port unless it is the scheme's default), as sent by the browser.
    pub fn pool_at(&self, host: &str) -> Option<&Arc<PoolConfig>> {
        // As browsers send it, in small letters, it is found without a copy.
        let index = self.by_host.get(host).or_else(|| self.by_host.get(&host.to_ascii_lowercase()))?;
        self.pools.get(*index)
    }

    /// The pool with this id.
    pub fn pool(&self, id: &PoolId) -> Option<&Arc<PoolConfig>> {
        self.pools.iter().find(|config| config.pool.id == *id)
    }

    /// Whether browsers reach the broker over https.
    pub fn https(&self) -> bool {
        self.server.public_url.starts_with("https://")
    }

    /// Every pool.
    pub fn pools(&self) -> &[Arc<PoolConfig>] {
        &self.pools
    }

    /// A fresh reference id: 60 random bits in Crockford's alphabet, in groups of four for reading aloud.
    pub fn reference(&self) -> ReferenceId {
        ReferenceId::from_random(self.outside.random.bytes())
    }
}

/// The stories of refused requests under `config`, for another process than the serving one; `None` where
/// only that one can read them.
pub async fn traces(config: &Config, outside: &Outside) -> Result<Option<Traces>, AppError> {
    let Some(seal) = seal(config, outside)? else { return Ok(None) };
    if matches!(config.store.state, config::StoreUrl::Memory) {
        return Ok(None);
    }
    let state = open(&config.store, Role::State, outside).await?;
    Ok(Some(Traces::new(Records::new(state, seal, outside.random.clone()))))
}

/// The state store for one command, also where the broker has it open; `None` where only the serving process
/// can reach it.
pub async fn state_beside(config: &StoreConfig, outside: &Outside) -> Result<Option<Store>, AppError> {
    if matches!(config.state, config::StoreUrl::Memory) {
        return Ok(None);
    }
    let opened =
        Store::open_beside(&settings(config, Role::State), outside.clock.clone(), outside.random.clone())
            .await;
    opened.map(Some).map_err(|error| AppError::Store { role: Role::State.as_str(), error })
}

/// What has to be kept of embedded stores: the file with the directory, and the file of the key beside it
/// unless the configuration has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepsakes {
    /// The store.
    pub directory: PathBuf,
    /// The key.
    pub key: Option<PathBuf>,
}

/// What has to be kept under `config`; `None` where the directory is no embedded store.
pub fn keepsakes(config: &Config) -> Option<Keepsakes> {
    let config::StoreUrl::File(folder) = &config.store.directory else { return None };
    let role = if same_place(&config.store) { Role::State } else { Role::Directory };
    let key = config.server.seal_key.is_none().then(|| master_key::file(folder));
    Some(Keepsakes { directory: store::embedded_file(folder, role), key })
}

/// Calls to providers under the rules of `config`.
pub fn upstreams(config: &Config, outside: &Outside) -> Result<Upstreams, HttpError> {
    let ca = config.server.upstream_ca.as_deref().map(str::as_bytes);
    Upstreams::new(outside, config.server.allow_private_upstreams, ca)
}

/// Opens the store of a role.
pub async fn open(config: &StoreConfig, role: Role, outside: &Outside) -> Result<Store, AppError> {
    let opened = Store::open(&settings(config, role), outside.clock.clone(), outside.random.clone()).await;
    opened.map_err(|error| AppError::Store { role: role.as_str(), error })
}

fn settings(config: &StoreConfig, role: Role) -> StoreSettings {
    let url = match role {
        Role::State => &config.state,
        Role::Directory => &config.directory,
    };
    let root_certificates = config.ca.as_ref().map(|pem| pem.clone().into_bytes());
    StoreSettings { root_certificates, replicas: config.replicas, ..StoreSettings::new(url.clone(), role) }
}

/// What seals tokens and records under `config`, without opening a store; `None` where only the serving
/// process could know it.
pub fn seal(config: &Config, outside: &Outside) -> Result<Option<Seal>, AppError> {
    Ok(kept_key(config, outside)?.as_ref().map(Seal::new))
}

/// The configured key, or one kept beside the embedded store; a store in memory alone is sealed with a key
/// that lives as long.
fn seal_key(config: &Config, outside: &Outside) -> Result<SecretKeyBytes, AppError> {
    Ok(kept_key(config, outside)?.unwrap_or_else(|| SecretKeyBytes::generate(&outside.random)))
}

fn kept_key(config: &Config, outside: &Outside) -> Result<Option<SecretKeyBytes>, AppError> {
    use config::StoreUrl::File;
    let kept_in = match (&config.store.state, &config.store.directory) {
        (_, File(folder)) | (File(folder), _) => Some(folder),
        _ => None,
    };
    match (&config.server.seal_key, kept_in) {
        (Some(key), _) => SecretKeyBytes::parse(key.expose_secret()).map(Some).map_err(AppError::SealKey),
        (None, Some(folder)) => {
            let key = master_key::of_directory(folder, &outside.random);
            key.map(Some).map_err(|error| AppError::Store { role: "directory", error })
        }
        (None, None) => Ok(None),
    }
}

fn same_place(config: &StoreConfig) -> bool {
    use config::StoreUrl::{File, Memory, Redis};
    match (&config.state, &config.directory) {
        (Memory, Memory) => true,
        (File(state), File(directory)) => state == directory,
        (Redis(state), Redis(directory)) => same_secret(state.expose_secret(), directory.expose_secret()),
        _ => false,
    }
}
