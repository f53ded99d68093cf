//! TLS on the public listener, with a certificate that can be renewed while serving.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// A certificate that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds nothing of the kind.
    #[error("{file}: {reason}")]
    File {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not fit, or are of an unusable kind.
    #[error("{certificate} and {key}: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// Why.
        reason: String,
    },
}

/// The present certificate. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads both files. TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = Arc::new(RwLock::new(read(&files)?));
        Ok(Self { files, current })
    }

    /// Reads the files again. When they cannot be used, the certificate that is served stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let renewed = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// An acceptor with the present certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let (certificate, key) = (files.certificate.display().to_string(), files.key.display().to_string());
    let failed = |file: &String, reason: String| TlsError::File { file: file.clone(), reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(&certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(failed(&certificate, "it holds no PEM certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| failed(&key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pair = |error: rustls::Error| TlsError::Pair { certificate: certificate.clone(), key: key.clone(), reason: error.to_string() };
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(pair)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, private).map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
