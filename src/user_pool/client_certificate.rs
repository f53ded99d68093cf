//! An app proves who it is, and what its tokens are bound to, with a certificate ([RFC
//! 8705](https://www.rfc-editor.org/rfc/rfc8705)).

use super::issuer::Issuer;
use crate::model::client::Client;
use crate::model::client_authentication::{Authentication, CertificateName, Confirmation};
use crate::model::fault::{Fault, Refusal};
use crate::outside::client_authorities::NotVouched;
use crate::protocol::oauth2::client_certificate::ClientCertificate;

/// What came of a certificate with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Presented {
    /// None was shown where it can be believed.
    #[default]
    Nothing,
    /// Something was, and it cannot be told what.
    Unreadable,
    /// This one, and its sender holds the key.
    Certificate(Box<ClientCertificate>),
}

/// Why a certificate authenticates nobody, or nothing is bound to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// None was shown where it can be believed.
    #[error("no client certificate was shown")]
    Missing,
    /// What was shown is no certificate, or the proxy wrote it in no known way.
    #[error("the client certificate cannot be read")]
    Unreadable,
    /// It, or one on the way to the authority, is over or not good yet.
    #[error("the client certificate is not within its dates")]
    OutOfDate,
    /// No configured authority vouches for it.
    #[error("no trusted authority vouches for the client certificate")]
    Untrusted(String),
    /// It is called otherwise than the client's.
    #[error("the client certificate is called otherwise than the client's")]
    OtherName {
        /// As configured.
        expected: String,
        /// Its names of that kind.
        found: String,
    },
    /// It is none of the client's.
    #[error("the client certificate is none of the client's")]
    Unknown {
        /// Its thumbprint.
        found: String,
    },
}

impl Refusal for CertificateRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "client_certificate_missing",
            Self::Unreadable => "client_certificate_unreadable",
            Self::OutOfDate => "client_certificate_out_of_date",
            Self::Untrusted(_) => "client_certificate_untrusted",
            Self::OtherName { .. } => "client_certificate_name",
            Self::Unknown { .. } => "client_certificate_unknown",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Unreadable => Fault::Us,
            Self::Missing
            | Self::OutOfDate
            | Self::Untrusted(_)
            | Self::OtherName { .. }
            | Self::Unknown { .. } => Fault::App,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing => {
                "show the certificate at the endpoints in mtls_endpoint_aliases; behind a proxy, compare \
                 trusted_client_certificate_header and trusted_proxies"
            }
            Self::Unreadable => {
                "have the proxy write one certificate as RFC 9440 or as percent-encoded PEM, in one header"
            }
            Self::OutOfDate => "renew the certificate, and compare the clocks",
            Self::Untrusted(_) => {
                "the certificate, with those between it and the authority, must chain to \
                 server.client_ca_file and be made for TLS clients"
            }
            Self::OtherName { .. } => {
                "compare the certificate with the tls_client_auth_… key of the client, letter by letter"
            }
            Self::Unknown { .. } => {
                "add its thumbprint to certificate_thumbprints of the client, if it is the app's"
            }
        }
        .to_owned()
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::OtherName { expected, .. } => Some(expected.clone()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::OtherName { found, .. } | Self::Unknown { found } | Self::Untrusted(found) => {
                Some(found.clone())
            }
            _ => None,
        }
    }
}

impl Presented {
    /// The certificate.
    pub fn certificate(&self) -> Result<&ClientCertificate, CertificateRefusal> {
        match self {
            Self::Nothing => Err(CertificateRefusal::Missing),
            Self::Unreadable => Err(CertificateRefusal::Unreadable),
            Self::Certificate(certificate) => Ok(certificate),
        }
    }
}

/// Whether the certificate is the client's, by its name under a trusted authority or by its thumbprint
/// ([section 2](https://www.rfc-editor.org/rfc/rfc8705#section-2)). A client with another method has none.
pub fn authenticate(
    issuer: &Issuer<'_>,
    client: &Client,
    presented: &Presented,
) -> Result<(), CertificateRefusal> {
    let certificate = presented.certificate()?;
    match &client.proof.authentication {
        Authentication::TlsClientAuth(name) => {
            issuer.authorities.vouch_for(certificate.chain(), issuer.now).map_err(
                |refused| match refused {
                    NotVouched::OutOfDate => CertificateRefusal::OutOfDate,
                    NotVouched::Untrusted(reason) => CertificateRefusal::Untrusted(reason),
                },
            )?;
            is_called(certificate, name)
        }
        Authentication::SelfSignedTls(known) if !known.contains(certificate.thumbprint()) => {
            unknown(certificate)
        }
        Authentication::SelfSignedTls(_) if certificate.is_current(issuer.now) => Ok(()),
        Authentication::SelfSignedTls(_) => Err(CertificateRefusal::OutOfDate),
        Authentication::Secret | Authentication::PrivateKeyJwt(_) => unknown(certificate),
    }
}

/// What tokens of a client are bound to that asked for it ([section
/// 3](https://www.rfc-editor.org/rfc/rfc8705#section-3)): whoever holds the key of the certificate, whoever
/// that is.
pub fn confirmation(presented: &Presented) -> Result<Confirmation, CertificateRefusal> {
    Ok(Confirmation::Certificate(presented.certificate()?.x5t()))
}

fn is_called(certificate: &ClientCertificate, name: &CertificateName) -> Result<(), CertificateRefusal> {
    if certificate.is_called(name) {
        return Ok(());
    }
    Err(CertificateRefusal::OtherName { expected: name.to_string(), found: certificate.names_like(name) })
}

fn unknown(certificate: &ClientCertificate) -> Result<(), CertificateRefusal> {
    Err(CertificateRefusal::Unknown { found: certificate.x5t() })
}
