//! Certificates as a table for people or as JSON.

use serde_json::{Value, json};

use crate::cli::text_table::columns;
use crate::model::ids::PoolId;
use crate::model::time::Timestamp;
use crate::protocol::saml::certificate::Certificate;
use crate::provider::saml::{MetadataSource, Saml, days_left};
use crate::provider::settings::Provider;
use crate::store::saml_trust::Trust;
use crate::store::sp_keys::SpKeySet;

/// What a `saml` command prints.
#[derive(Debug, Default)]
pub(super) struct Report {
    notes: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    pool: PoolId,
    /// `None`: our own.
    provider: Option<String>,
    state: &'static str,
    /// `None`: nothing is known yet.
    certificate: Option<Certificate>,
}

impl Report {
    /// One sentence about what was done.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Our own certificates.
    pub(super) fn own(&mut self, pool: &PoolId, set: &SpKeySet, now: Timestamp) {
        let newest = set.pairs.last();
        for pair in &set.pairs {
            let signing = match (set.active(now) == Some(pair), set.upcoming(now) == Some(pair)) {
                (true, _) => "signs",
                (_, true) => "signs next",
                _ => "signed",
            };
            let decrypts = if newest == Some(pair) { "encrypt for it" } else { "decrypts" };
            for (state, key) in [(signing, &pair.signing), (decrypts, &pair.encryption)] {
                self.rows.push(Row {
                    pool: pool.clone(),
                    provider: None,
                    state,
                    certificate: key.certificate(),
                });
            }
        }
    }

    /// The certificates of an identity provider.
    pub(super) fn provider(
        &mut self,
        pool: &PoolId,
        provider: &Provider,
        saml: &Saml,
        trust: Option<&Trust>,
    ) {
        let row = |state, certificate: Option<Certificate>| Row {
            pool: pool.clone(),
            provider: Some(provider.name.to_string()),
            state,
            certificate,
        };
        match (&saml.source, trust) {
            (MetadataSource::Configured(metadata), _) => {
                self.rows.extend(
                    metadata.signing.iter().map(|certificate| row("believed", Some(certificate.clone()))),
                );
            }
            (MetadataSource::Url(_), None) => self.rows.push(row("not read yet", None)),
            (MetadataSource::Url(_), Some(trust)) => {
                let lists = [("believed", &trust.accepted), ("waits", &trust.pending)];
                let rows = lists.into_iter().flat_map(|(state, list)| {
                    list.iter().map(move |known| (state, known.certificate.clone()))
                });
                self.rows.extend(rows.map(|(state, certificate)| row(state, Some(certificate))));
            }
        }
    }

    /// `{"notes", "certificates": [{"pool", "provider", "state", "not_after", "fingerprint", "subject"}]}`;
    /// `provider` is null for our own.
    pub(super) fn json(&self) -> String {
        let one = |row: &Row| -> Value {
            let certificate = row.certificate.as_ref();
            json!({
                "pool": row.pool.as_str(),
                "provider": row.provider,
                "state": row.state,
                "not_after": certificate.map(|certificate| certificate.not_after().utc()),
                "fingerprint": certificate.map(Certificate::fingerprint),
                "subject": certificate.map(Certificate::subject),
            })
        };
        json!({ "notes": self.notes, "certificates": self.rows.iter().map(one).collect::<Vec<_>>() })
            .to_string()
    }

    /// The notes, then one line for each certificate.
    pub(super) fn table(&self, now: Timestamp) -> String {
        let mut lines =
            vec![["POOL", "PROVIDER", "STATE", "EXPIRES", "FINGERPRINT", "SUBJECT"].map(str::to_owned)];
        lines.extend(self.rows.iter().map(|row| {
            let certificate = row.certificate.as_ref();
            let expires = certificate.map(|certificate| expires(certificate, now)).unwrap_or_default();
            let [fingerprint, subject] = [Certificate::fingerprint, Certificate::subject]
                .map(|part| certificate.map_or("", part).to_owned());
            let provider = row.provider.clone().unwrap_or_else(|| "(ours)".into());
            [row.pool.to_string(), provider, row.state.to_owned(), expires, fingerprint, subject]
        }));
        self.notes.iter().cloned().chain(columns(&lines)).map(|line| line + "\n").collect()
    }
}

fn expires(certificate: &Certificate, now: Timestamp) -> String {
    let day: String = certificate.not_after().utc().chars().take(10).collect();
    match days_left(certificate, now) {
        Some(days) if days < 0 => format!("{day} (expired)"),
        Some(days) => format!("{day} (in {days} days)"),
        None => day,
    }
}
