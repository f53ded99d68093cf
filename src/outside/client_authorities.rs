//! The authorities whose word counts for certificates of apps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, RootCertStore};

use crate::model::time::Timestamp;

/// The operator's authorities for certificates of apps; none vouch for nobody.
#[derive(Clone, Default)]
pub struct ClientAuthorities(Option<Arc<dyn ClientCertVerifier>>);

/// Why no authority vouches for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotVouched {
    /// It, or one on the way to the authority, is over or not good yet.
    OutOfDate,
    /// No way leads to an authority, or it is not meant for clients.
    Untrusted(String),
}

impl fmt::Debug for ClientAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientAuthorities").field(&self.0.is_some()).finish()
    }
}

impl ClientAuthorities {
    /// Those with these certificates (DER); the reason why one cannot be an authority.
    pub fn new(certificates: Vec<Vec<u8>>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for der in certificates {
            roots.add(CertificateDer::from(der)).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        built.map(|verifier| Self(Some(verifier))).map_err(|error| error.to_string())
    }

    /// Whether one of them vouches at `now` for the first of `chain` (DER), by way of the others.
    pub fn vouch_for(&self, chain: &[Vec<u8>], now: Timestamp) -> Result<(), NotVouched> {
        let nobody = |reason: &str| NotVouched::Untrusted(reason.to_owned());
        let verifier = self.0.as_ref().ok_or_else(|| nobody("no authority is configured"))?;
        let (own, others) = chain.split_first().ok_or_else(|| nobody("no certificate"))?;
        let others: Vec<CertificateDer<'_>> =
            others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let now =
            UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.secs()).unwrap_or_default()));
        match verifier.verify_client_cert(&CertificateDer::from(own.as_slice()), &others, now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) if is_of_time(&error) => Err(NotVouched::OutOfDate),
            Err(error) => Err(NotVouched::Untrusted(error.to_string())),
        }
    }
}

fn is_of_time(error: &CertificateError) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(error, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
}
