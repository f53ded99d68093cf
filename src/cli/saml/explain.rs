//! `symbolon saml explain`: a response that somebody saved, step by step, without asking anybody.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, the_provider};
use crate::app::App;
use crate::cli::ConfigFile;
use crate::cli::keys::is_busy;
use crate::config::{Config, PoolConfig};
use crate::model::time::Timestamp;
use crate::outside::Outside;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::datetime;
use crate::protocol::saml::explain::{PastedError, ProviderFacts, explain};
use crate::protocol::saml::metadata::{self, MetadataError, MetadataRules};
use crate::provider::saml::{MetadataSource, Saml};
use crate::provider::settings::Provider;
use crate::store::saml_trust::Party;
use crate::store::sp_keys::SpKeys;

/// Largest file that is read: a HAR file holds a whole visit.
const MAX_FILE: u64 = 64 << 20;

/// What to explain, and what is known about it.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The response: XML, base64, a form body, or a browser's HAR file; - reads standard input
    file: PathBuf,
    /// Compare with this provider of the configuration
    #[arg(long)]
    provider: Option<String>,
    /// The provider's metadata, where its certificates are not at hand
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Judge as of this instant (2026-01-31T12:00:00Z), or now; without it, as of when the response was made
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
    /// Only this pool
    #[arg(long, value_name = "ID")]
    pool: Option<String>,
}

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// A file cannot be read.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// What was pasted holds no response.
    #[error(transparent)]
    Pasted(#[from] PastedError),
    /// The metadata file.
    #[error("--metadata: {0}")]
    Metadata(#[from] MetadataError),
    /// `--at`.
    #[error("--at {0:?} is no time: write 2026-01-31T12:00:00Z, or now")]
    At(String),
    /// The configuration is wrong; the problems were printed.
    #[error("the configuration has the problems above")]
    Configuration,
    /// The directory or the provider.
    #[error(transparent)]
    Saml(Box<Failure>),
}

impl From<Failure> for ExplainError {
    fn from(failure: Failure) -> Self {
        Self::Saml(Box::new(failure))
    }
}

/// The explanation as text or JSON, and whether the response would be accepted.
pub async fn execute(arguments: &Arguments, outside: Outside) -> Result<(String, bool), ExplainError> {
    let pasted = read(&arguments.file)?;
    let now = outside.clock.now();
    let at = match arguments.at.as_deref() {
        None => None,
        Some("now") => Some(now),
        Some(text) => Some(datetime::parse(text).ok_or_else(|| ExplainError::At(text.to_owned()))?),
    };
    let mut side = match &arguments.provider {
        Some(name) => Side::of(arguments, name, outside).await?,
        None => Side::default(),
    };
    if let Some(file) = &arguments.metadata {
        side.add_metadata(&read(file)?, now)?;
    }
    let mut explanation = explain(&pasted, &side.known(at.unwrap_or(now)), at)?;
    explanation.found.extend(side.notes);
    let accepted = explanation.accepted;
    let text = if arguments.json {
        serde_json::to_string_pretty(&explanation).unwrap_or_default()
    } else {
        explanation.to_string()
    };
    Ok((text, accepted))
}

/// What our side knows.
#[derive(Default)]
struct Side {
    saml: Option<Box<Saml>>,
    acs: Option<String>,
    idp: Option<String>,
    keys: Vec<Certificate>,
    own: Option<std::sync::Arc<SpKeys>>,
    notes: Vec<String>,
}

impl Side {
    async fn of(arguments: &Arguments, name: &str, outside: Outside) -> Result<Self, ExplainError> {
        let config = arguments.config.load().map_err(|_| ExplainError::Configuration)?;
        let pools: Vec<_> = config
            .pools
            .iter()
            .filter(|config| arguments.pool.as_deref().is_none_or(|id| config.pool.id.as_str() == id))
            .map(|config| std::sync::Arc::new(config.clone()))
            .collect();
        let (pool, provider, saml) = the_provider(&pools, name)?;
        let acs =
            saml.acs_url.clone().unwrap_or_else(|| format!("{}/saml2/idpresponse", pool.pool.public_url));
        let mut side = Self { saml: Some(Box::new(saml.clone())), acs: Some(acs), ..Self::default() };
        if let MetadataSource::Configured(metadata) = &saml.source {
            side.idp = Some(metadata.entity_id.clone());
            side.keys.clone_from(&metadata.signing);
        }
        side.look_up(config.clone(), (pool, provider, saml), outside).await?;
        Ok(side)
    }

    /// Certificates that are believed, and our own keys: both lie in the directory, which a running broker
    /// may have to itself.
    async fn look_up(
        &mut self,
        config: Config,
        (pool, provider, saml): (&PoolConfig, &Provider, &Saml),
        outside: Outside,
    ) -> Result<(), ExplainError> {
        let app = match App::build(config, outside).await {
            Ok(app) => app,
            Err(error) if is_busy(&error) => {
                self.notes.push(
                    "the running broker has the directory to itself: certificates read from metadata_url and \
                     our decryption keys are not at hand; give the metadata with --metadata, or stop the \
                     broker"
                        .to_owned(),
                );
                return Ok(());
            }
            Err(error) => return Err(Failure::from(error).into()),
        };
        let id = &pool.pool.id;
        let trust = app
            .idps
            .stored(Party { pool: id, provider: &provider.name, saml })
            .await
            .map_err(Failure::from)?;
        match trust {
            Some(trust) => {
                self.idp = Some(trust.entity_id.clone());
                self.keys.extend(trust.accepted.into_iter().map(|known| known.certificate));
            }
            None if self.keys.is_empty() => {
                self.notes.push(
                    "no sign-in has read this provider's metadata_url yet; give the metadata with --metadata"
                        .to_owned(),
                );
            }
            None => {}
        }
        if app.sp_keys.stored(id).await.map_err(Failure::from)?.is_some() {
            self.own = Some(app.sp_keys.of(id).await.map_err(Failure::from)?);
        }
        Ok(())
    }

    fn add_metadata(&mut self, bytes: &[u8], now: Timestamp) -> Result<(), ExplainError> {
        let pinned = self.saml.as_ref().and_then(|saml| saml.entity_id.clone()).or_else(|| self.idp.clone());
        let rules = MetadataRules { entity_id: pinned.as_deref(), signer: None, allow_http_loopback: true };
        let metadata = metadata::parse(bytes, &rules, now)?;
        self.idp = Some(metadata.entity_id);
        self.keys.extend(metadata.signing);
        Ok(())
    }

    fn known(&self, now: Timestamp) -> ProviderFacts<'_> {
        let saml = self.saml.as_deref();
        ProviderFacts {
            idp: self.idp.as_deref(),
            audience: saml.map(|saml| saml.sp_entity_id.as_str()),
            acs: self.acs.as_deref(),
            keys: &self.keys,
            decryption: self.own.as_ref().map_or(&[], |own| &own.decryption),
            rules: saml.map(|saml| saml.accept.rules(now)).unwrap_or_default(),
            authn_context: saml.map_or(&[], |saml| &saml.request.authn_context),
            request: None,
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, ExplainError> {
    let mut bytes = Vec::new();
    let done = if file == Path::new("-") {
        std::io::stdin().take(MAX_FILE).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(MAX_FILE).read_to_end(&mut bytes))
    };
    match done {
        Ok(_) => Ok(bytes),
        Err(error) => Err(ExplainError::File { file: file.display().to_string(), reason: error.to_string() }),
    }
}
