//! Reloading the configuration: what is being served is replaced as a whole, or not at all (H-27).

use std::sync::Arc;

use tokio::sync::watch;

use super::ConfigFile;
use crate::app::App;
use crate::config::Config;
use crate::model::encoding::{base64url, sha256};
use crate::model::fault::Refusal as _;
use crate::model::secret::ExposeSecret as _;
use crate::outside::Outside;
use crate::web::server::Phase;
use crate::web::{self, Extension, Router};

/// The present application and the routers around it. A request is answered by the router of its moment; one
/// that runs keeps its own.
pub(super) struct Live {
    pub(super) app: Arc<App>,
    pub(super) public: watch::Sender<Router>,
    pub(super) admin: watch::Sender<Router>,
    pub(super) phase: watch::Sender<Phase>,
    fixed: Fixed,
}

/// What only a restart can change.
struct Fixed {
    place: Vec<(&'static str, String)>,
}

/// Why a configuration was not applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
    /// It is wrong; every problem at once.
    #[error("{0}")]
    Problems(String),
    /// It changes something that stands from the start.
    #[error("{0} can be changed by a restart only")]
    NeedsRestart(&'static str),
    /// It cannot be built.
    #[error(transparent)]
    App(#[from] crate::app::AppError),
    /// The templates.
    #[error("templates: {0}")]
    Pages(#[from] web::TemplateError),
}

impl Live {
    pub(super) async fn start(config: Config) -> Result<Self, Box<dyn std::error::Error>> {
        let fixed = Fixed::of(&config);
        let app = App::build(config, Outside::real()).await?;
        let state = app.state.store.clone();
        tokio::spawn(async move { state.keep_watch().await });
        let public = watch::Sender::new(web::router(app.clone())?);
        let phase = watch::Sender::new(Phase::Serving);
        let admin = watch::Sender::new(admin(&app, &phase)?);
        Ok(Self { app, public, admin, phase, fixed })
    }

    /// Reads the file again; the stores stay open, everything else is built anew and put in place at once.
    pub(super) async fn reload(&mut self, file: &ConfigFile) -> Result<(), ReloadError> {
        let config = file.read().map_err(|problems| ReloadError::Problems(problems.to_string()))?;
        if let Some(name) = self.fixed.difference(&Fixed::of(&config)) {
            return Err(ReloadError::NeedsRestart(name));
        }
        for warning in &config.warnings {
            tracing::warn!(code = "configuration", "{warning}");
        }
        let (state, directory) = (self.app.state.store.clone(), self.app.directory.store.clone());
        let app = App::with_stores(config, self.app.outside.clone(), state, directory)?;
        let (public, admin) = (web::router(app.clone())?, admin(&app, &self.phase)?);
        make_first_keys(&app).await;
        drop(self.admin.send_replace(admin));
        drop(self.public.send_replace(public));
        self.app = app;
        Ok(())
    }
}

fn admin(app: &Arc<App>, phase: &watch::Sender<Phase>) -> Result<Router, web::TemplateError> {
    Ok(web::admin::router(app.clone())?.layer(Extension(phase.subscribe())))
}

/// Signing keys are made at the first start, not by the first visitor. A store that is down is no reason not
/// to start: they are made when it is back.
pub(super) async fn make_first_keys(app: &App) {
    for config in app.pools() {
        if let Err(error) = app.keys.of(&config.pool).await {
            tracing::warn!(code = error.code(), pool = %config.pool.id, "no signing keys yet: {error}");
        }
    }
}

impl Fixed {
    fn of(config: &Config) -> Self {
        let server = &config.server;
        let key = server.seal_key.as_ref().map(|key| base64url(sha256(key.expose_secret())));
        let place = vec![
            ("server.listen", server.listen.to_string()),
            ("server.admin_listen", server.admin_listen.to_string()),
            ("server.seal_key", key.unwrap_or_default()),
            ("server.proxy_protocol", server.listener.proxy_protocol.to_string()),
            ("server.tls_certificate_file", format!("{:?}", server.listener.tls)),
            ("server.mtls_listen", format!("{:?}", server.listener.certificates.listener)),
            ("server.otlp_endpoint", server.otlp_endpoint.clone().unwrap_or_default()),
            ("store.state", config.store.state.public()),
            ("store.directory", config.store.directory.public()),
        ];
        Self { place }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        self.place.iter().zip(&other.place).find(|(here, there)| here != there).map(|((name, _), _)| *name)
    }
}
