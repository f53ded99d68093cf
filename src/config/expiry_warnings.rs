//! Expiry warnings: certificates and dates of a valid configuration that time makes invalid. They are never
//! errors: a broker that starts again at night must start.

use std::time::Duration;

use super::Config;
use crate::model::document::{Location, Problem};
use crate::model::time::Timestamp;
use crate::provider::saml::{MetadataSource, Saml, days_left};
use crate::provider::settings::Protocol;

/// Further ahead than this, a day on which something ends is no plan.
const LONGEST_LOOSENING: Duration = Duration::from_secs(366 * 86_400);

impl Config {
    /// Days that have passed or are far ahead, and certificates in the configuration that expire: warnings as
    /// of `now` about the file called `file`.
    pub fn expiry_warnings(&self, file: &str, now: Timestamp) -> Vec<Problem> {
        let mut found = Vec::new();
        for (pool, config) in self.pools.iter().enumerate() {
            for (index, provider) in config.providers.iter().enumerate() {
                let Protocol::Saml(saml) = &provider.protocol else { continue };
                found.extend(saml_warnings(saml, now).into_iter().map(|(key, message, fix)| Problem {
                    file: file.to_owned(),
                    place: Location::File,
                    key: format!("pool[{pool}].provider[{index}].{key}"),
                    message,
                    fix: fix.to_owned(),
                }));
            }
        }
        found
    }
}

type Words = (&'static str, String, &'static str);

fn saml_warnings(saml: &Saml, now: Timestamp) -> Vec<Words> {
    let mut found: Vec<Words> = Vec::new();
    for (key, until) in [("sha1_until", saml.accept.sha1_until), ("rsa_1_5_until", saml.accept.rsa_1_5_until)]
    {
        match until {
            Some(until) if until <= now => {
                found.push((key, "the day has passed, so it allows nothing".into(), "remove it"));
            }
            Some(until) if until > now.plus(LONGEST_LOOSENING) => {
                found.push((
                    key,
                    "the day is more than a year away".into(),
                    "choose a nearer one, and move it when it is still needed then",
                ));
            }
            _ => {}
        }
    }
    let MetadataSource::Configured(metadata) = &saml.source else { return found };
    let day = |at: Timestamp| at.utc().chars().take(10).collect::<String>();
    if let Some(until) = metadata.valid_until.filter(|until| *until <= now) {
        let message = format!("the metadata was valid until {}, so nobody can sign in with it", day(until));
        found.push((
            "metadata",
            message,
            "replace it by the provider's present metadata, or use metadata_url",
        ));
    }
    for warning in &metadata.warnings {
        found.push(("metadata", warning.to_string(), "nothing, unless people are refused for it"));
    }
    for certificate in &metadata.signing {
        let Some(days) = days_left(certificate, now) else { continue };
        let (fingerprint, end) = (certificate.fingerprint(), day(certificate.not_after()));
        let message = match days {
            ..0 => format!("the signing certificate {fingerprint} expired on {end}; it is still believed"),
            _ => format!("the signing certificate {fingerprint} expires on {end}, in {days} days"),
        };
        found.push(("metadata", message, "add the provider's next certificate before, or use metadata_url"));
    }
    found
}
