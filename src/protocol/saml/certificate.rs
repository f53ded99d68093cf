//! X.509 certificates as carriers of a public key ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)).
//!
//! Metadata vouches for a key, so nothing else of the certificate decides: no chain is built, and an expired
//! certificate is reported, not refused ([SAML metadata interoperability section
//! 2.6.1](https://docs.oasis-open.org/security/saml/Post2.0/sstc-metadata-iop.html)).

use std::fmt;
use std::ops::RangeInclusive;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use thiserror::Error;
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521};
use x509_parser::prelude::{X509Certificate, X509CertificateParser};
use x509_parser::public_key::PublicKey as Spki;

use super::xml::clip;
use crate::model::encoding::{base64_decode, sha256};
use crate::model::time::Timestamp;

/// Longest certificate in bytes of DER.
const MAX_DER: usize = 32 * 1024;
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// Why a certificate is unusable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The text is not base64, or has no `BEGIN CERTIFICATE` where PEM is expected.
    #[error("the certificate is not base64 text")]
    NotBase64,
    /// Not one DER-encoded certificate, or too long.
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
    /// A key type that signs no SAML here.
    #[error("the certificate of {subject} has a key of an unsupported type: {found}")]
    UnsupportedKey {
        /// Whose.
        subject: String,
        /// OID or name of the key type.
        found: String,
    },
    /// An RSA key outside 2048 to 8192 bits, or one whose numbers cannot be a key.
    #[error("the certificate of {subject} has an RSA key of {bits} bits, at least 2048 are required")]
    WeakKey {
        /// Whose.
        subject: String,
        /// Length of the modulus.
        bits: usize,
    },
}

/// The type of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA with the length of its modulus in bits.
    Rsa(usize),
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::P256 => f.write_str("EC P-256"),
            Self::P384 => f.write_str("EC P-384"),
            Self::P521 => f.write_str("EC P-521"),
        }
    }
}

/// A public key, parsed once.
#[derive(Clone)]
pub struct PublicKey {
    key_type: KeyType,
    /// Ready for the usual algorithm of its type; its bytes serve the others.
    prepared: ParsedPublicKey,
}

impl PublicKey {
    /// Its type.
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// `RSAPublicKey` in DER, or the uncompressed point.
    pub fn bytes(&self) -> &[u8] {
        self.prepared.as_ref()
    }

    pub(super) const fn prepared(&self) -> &ParsedPublicKey {
        &self.prepared
    }
}

/// A certificate whose key can verify signatures.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    subject: String,
    fingerprint: String,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("key", &self.key.key_type)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// The content of `ds:X509Certificate`: base64, white space anywhere.
    pub fn from_base64(text: &str) -> Result<Self, CertificateError> {
        let compact: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        Self::from_der(&base64_decode(&compact).ok_or(CertificateError::NotBase64)?)
    }

    /// The first `CERTIFICATE` block of a PEM text ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let block = pem
            .split_once("-----BEGIN CERTIFICATE-----")
            .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"));
        Self::from_base64(block.ok_or(CertificateError::NotBase64)?.0)
    }

    /// One DER-encoded certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_DER {
            return Err(CertificateError::Malformed(format!(
                "{} bytes, at most {MAX_DER} are read",
                der.len()
            )));
        }
        let (rest, parsed) = X509CertificateParser::new()
            .with_deep_parse_extensions(false)
            .parse(der)
            .map_err(|error| CertificateError::Malformed(clip(&error.to_string()).into_owned()))?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed(format!("{} bytes after its end", rest.len())));
        }
        let subject = clip(&parsed.subject().to_string()).into_owned();
        let key = public_key(&parsed, &subject)?;
        Ok(Self {
            der: der.to_vec(),
            key,
            not_before: Timestamp::from_secs(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_secs(parsed.validity().not_after.timestamp()),
            subject,
            fingerprint: fingerprint(der),
        })
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// SHA-256 of the bytes as `AB:CD:…`, the form that `openssl x509 -fingerprint -sha256` prints.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Start of the validity that the certificate claims.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of the validity that the certificate claims.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The subject's name as one line of at most 128 characters.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

fn public_key(certificate: &X509Certificate<'_>, subject: &str) -> Result<PublicKey, CertificateError> {
    let spki = certificate.public_key();
    let unsupported = |found: String| CertificateError::UnsupportedKey { subject: subject.to_owned(), found };
    let curve = || spki.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let parsed =
        spki.parsed().map_err(|error| CertificateError::Malformed(clip(&error.to_string()).into_owned()))?;
    let (key_type, algorithm): (KeyType, &'static dyn VerificationAlgorithm) = match (parsed, curve()) {
        (Spki::RSA(rsa), _) => (KeyType::Rsa(bits(rsa.modulus)), &RSA_PKCS1_2048_8192_SHA256),
        (Spki::EC(_), Some(curve)) if curve == OID_EC_P256 => (KeyType::P256, &ECDSA_P256_SHA256_FIXED),
        (Spki::EC(_), Some(curve)) if curve == OID_NIST_EC_P384 => (KeyType::P384, &ECDSA_P384_SHA384_FIXED),
        (Spki::EC(_), Some(curve)) if curve == OID_NIST_EC_P521 => (KeyType::P521, &ECDSA_P521_SHA512_FIXED),
        (Spki::EC(_), _) => {
            return Err(unsupported("an elliptic curve other than P-256, P-384 and P-521".to_owned()));
        }
        _ => return Err(unsupported(spki.algorithm.algorithm.to_id_string())),
    };
    let weak = |bits| CertificateError::WeakKey { subject: subject.to_owned(), bits };
    if let KeyType::Rsa(bits) = key_type
        && !RSA_BITS.contains(&bits)
    {
        return Err(weak(bits));
    }
    let prepared =
        ParsedPublicKey::new(algorithm, spki.subject_public_key.data.as_ref()).map_err(
            |_| match key_type {
                KeyType::Rsa(bits) => weak(bits),
                _ => unsupported("a point that is not on its curve".to_owned()),
            },
        )?;
    Ok(PublicKey { key_type, prepared })
}

/// Bits of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() - zeros) * 8 - first
}

fn fingerprint(der: &[u8]) -> String {
    let digest = sha256(der);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
