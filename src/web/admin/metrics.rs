//! `GET /metrics` of the admin listener.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::app::App;
use crate::protocol::saml::certificate::Certificate;
use crate::provider::saml::{MetadataSource, Saml};
use crate::provider::settings::Protocol;
use crate::store::saml_trust::Party;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The numbers of this process.
pub async fn get(State(app): State<Arc<App>>) -> Response {
    app.outside.metrics.certificates(believed(&app).await);
    ([(header::CONTENT_TYPE, FORMAT)], app.outside.metrics.text()).into_response()
}

/// The certificates by which each SAML provider is believed now, without asking any provider.
async fn believed(app: &App) -> Vec<(String, String, String, i64)> {
    let now = app.outside.clock.now();
    let mut found = Vec::new();
    for config in app.pools() {
        for provider in &config.providers {
            let Protocol::Saml(saml) = &provider.protocol else { continue };
            let party = Party { pool: &config.pool.id, provider: &provider.name, saml };
            for certificate in certificates(app, saml, party).await {
                let days = (certificate.not_after().secs() - now.secs()).div_euclid(86_400);
                found.push((
                    config.pool.id.to_string(),
                    provider.name.to_string(),
                    certificate.fingerprint().to_owned(),
                    days,
                ));
            }
        }
    }
    found
}

async fn certificates(app: &App, saml: &Saml, party: Party<'_>) -> Vec<Certificate> {
    if let MetadataSource::Configured(metadata) = &saml.source {
        return metadata.signing.clone();
    }
    let stored = app.idps.stored(party).await.ok().flatten();
    stored
        .map(|trust| trust.accepted.into_iter().map(|known| known.certificate).collect())
        .unwrap_or_default()
}
