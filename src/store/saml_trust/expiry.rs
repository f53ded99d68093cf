//! Certificates that will expire soon, said in the log once a day.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::time::Timestamp;
use crate::protocol::saml::certificate::Certificate;
use crate::provider::saml::days_left;

use super::Party;

const DAY: i64 = 86_400;

/// The day on which each certificate was last spoken of.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<HashMap<String, i64>>);

impl Said {
    pub(super) fn warn(&self, party: Party<'_>, certificates: &[Certificate], now: Timestamp) {
        for certificate in certificates {
            let Some(days) = days_left(certificate, now) else { continue };
            let today = now.secs().div_euclid(DAY);
            let name = format!("{} {} {}", party.pool, party.provider, certificate.fingerprint());
            if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, today) == Some(today) {
                continue;
            }
            let (fingerprint, subject) = (certificate.fingerprint(), certificate.subject());
            let alone = certificates.len() == 1;
            if days < 0 {
                tracing::warn!(pool = %party.pool, provider = %party.provider, fingerprint, subject, "a SAML \
                    signing certificate has expired; it is still believed");
            } else {
                tracing::warn!(pool = %party.pool, provider = %party.provider, fingerprint, subject, days,
                    alone, "a SAML signing certificate expires soon");
            }
        }
    }
}
