//! Certificates of apps ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705)): what they are called, and their
//! thumbprint.

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

use super::distinguished_name::DistinguishedName;
use crate::model::client_authentication::CertificateName;
use crate::model::encoding::{base64url, sha256};
use crate::model::time::Timestamp;

/// Longest certificate in bytes of DER.
const MAX_DER: usize = 32 * 1024;
/// Most certificates of a chain, the app's own among them.
const MAX_CHAIN: usize = 8;

/// A certificate whose private key the sender of a request holds. Who vouches for it is decided elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    chain: Vec<Vec<u8>>,
    thumbprint: [u8; 32],
    subject: DistinguishedName,
    names: Vec<CertificateName>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl ClientCertificate {
    /// Reads the first of `chain` (DER); `None` when it is no X.509 certificate or comes with too many
    /// others.
    pub fn read(chain: Vec<Vec<u8>>) -> Option<Self> {
        if chain.len() > MAX_CHAIN || chain.iter().any(|der| der.len() > MAX_DER) {
            return None;
        }
        let own = chain.first()?;
        let (rest, certificate) = X509Certificate::from_der(own).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let alternative = certificate.subject_alternative_name().ok()?;
        let names = alternative
            .map(|found| found.value.general_names.iter().filter_map(name).collect())
            .unwrap_or_default();
        let (thumbprint, subject) = (sha256(own), subject(certificate.subject()));
        let validity = certificate.validity();
        let [not_before, not_after] =
            [validity.not_before, validity.not_after].map(|time| Timestamp::from_secs(time.timestamp()));
        Some(Self { chain, thumbprint, subject, names, not_before, not_after })
    }

    /// It and those that may lead from it to an authority, in DER.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// SHA-256 of the DER.
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// `x5t#S256`.
    pub fn x5t(&self) -> String {
        base64url(self.thumbprint)
    }

    /// Whether `now` is within its dates.
    pub fn is_current(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Whether this is one of its names.
    pub fn is_called(&self, wanted: &CertificateName) -> bool {
        match wanted {
            CertificateName::Subject(text) => {
                !self.subject.is_empty() && DistinguishedName::parse(text).as_ref() == Some(&self.subject)
            }
            CertificateName::Dns(wanted) => self
                .names
                .iter()
                .any(|name| matches!(name, CertificateName::Dns(name) if name.eq_ignore_ascii_case(wanted))),
            other => self.names.contains(other),
        }
    }

    /// Its names of the same kind as `wanted`, for whoever compares them.
    pub fn names_like(&self, wanted: &CertificateName) -> String {
        if matches!(wanted, CertificateName::Subject(_)) {
            return self.subject.to_string();
        }
        let alike = |name: &&CertificateName| std::mem::discriminant(*name) == std::mem::discriminant(wanted);
        self.names.iter().filter(alike).map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

fn name(general: &GeneralName<'_>) -> Option<CertificateName> {
    match general {
        GeneralName::DNSName(name) => Some(CertificateName::Dns((*name).to_owned())),
        GeneralName::URI(uri) => Some(CertificateName::Uri((*uri).to_owned())),
        GeneralName::IPAddress(bytes) => Some(CertificateName::Ip(bytes.to_vec())),
        GeneralName::RFC822Name(address) => Some(CertificateName::Email((*address).to_owned())),
        _ => None,
    }
}

fn subject(name: &X509Name<'_>) -> DistinguishedName {
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let mut pairs = Vec::new();
        for attribute in part.iter() {
            let value = attribute.attr_value();
            pairs.push((attribute.attr_type().to_id_string(), value.tag().0, value.data));
        }
        parts.push(pairs);
    }
    DistinguishedName::of_certificate(parts.into_iter())
}
