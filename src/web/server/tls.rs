//! TLS on the public listener, with a certificate that can be renewed while serving.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::NoClientAuth;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, ServerConnection, SignatureScheme};
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
    asks: bool,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads both files. TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        Self::loaded(files, false)
    }

    /// The same for a listener that asks its peers for a certificate, which they may refuse.
    pub fn asking(files: TlsFiles) -> Result<Self, TlsError> {
        Self::loaded(files, true)
    }

    fn loaded(files: TlsFiles, asks: bool) -> Result<Self, TlsError> {
        let current = Arc::new(RwLock::new(read(&files, asks)?));
        Ok(Self { files, asks, current })
    }

    /// Reads the files again. When they cannot be used, the certificate that is served stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let renewed = read(&self.files, self.asks)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// An acceptor with the present certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The certificates that a peer showed, its own first.
pub(super) fn shown_by(connection: &ServerConnection) -> Option<Vec<Vec<u8>>> {
    Some(connection.peer_certificates()?.iter().map(|certificate| certificate.as_ref().to_vec()).collect())
}

/// Asks for a certificate, takes none or any, and has the peer prove that it holds the key. What the
/// certificate is worth is decided at each request, for it may be pinned, and a connection may outlive it.
#[derive(Debug)]
struct Asking(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn read(files: &TlsFiles, asks: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let (certificate, key) = (files.certificate.display().to_string(), files.key.display().to_string());
    let failed = |file: &String, reason: String| TlsError::File { file: file.clone(), reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(&certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(failed(&certificate, "it holds no PEM certificate".to_owned()));
    }
    let private =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| failed(&key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = if asks {
        Arc::new(Asking(provider.signature_verification_algorithms))
    } else {
        Arc::new(NoClientAuth)
    };
    let pair = |error: rustls::Error| TlsError::Pair {
        certificate: certificate.clone(),
        key: key.clone(),
        reason: error.to_string(),
    };
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(pair)?;
    let mut config =
        builder.with_client_cert_verifier(verifier).with_single_cert(chain, private).map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
