//! Signature and digest algorithms by their URIs ([RFC 9231](https://www.rfc-editor.org/rfc/rfc9231)).
//!
//! HMAC, DSA and MD5 have no value here, so no message can name them into use.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA512_ASN1,
    ECDSA_P521_SHA256_FIXED, ECDSA_P521_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};

use super::certificate::{KeyType, PublicKey};

/// What the provider's settings allow beyond the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignaturePolicy {
    /// SHA-1 in RSA signatures and digests. Dated: the caller has compared `sha1_until` with now.
    pub sha1: bool,
}

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1, only where [`SignaturePolicy::sha1`] says so.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The value of `DigestMethod/@Algorithm`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The algorithm of exactly this URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.uri() == uri)
    }

    /// Length of the digest in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }

    /// Whether the settings allow it.
    pub fn allowed(self, policy: SignaturePolicy) -> bool {
        self != Self::Sha1 || policy.sha1
    }
}

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    Rsa(Hash),
    /// RSASSA-PSS with MGF1 over the same digest and a salt as long as the digest.
    RsaPss(Hash),
    /// ECDSA, the signature being r and s at fixed length.
    Ecdsa(Hash),
}

/// `rsa-pss`, whose digest its parameters name.
pub const RSA_PSS: &str = "http://www.w3.org/2007/05/xmldsig-more#rsa-pss";

impl SignatureAlgorithm {
    /// Every one that is ever verified.
    pub const ALL: [Self; 10] = [
        Self::Rsa(Hash::Sha256),
        Self::Rsa(Hash::Sha384),
        Self::Rsa(Hash::Sha512),
        Self::Rsa(Hash::Sha1),
        Self::Ecdsa(Hash::Sha256),
        Self::Ecdsa(Hash::Sha384),
        Self::Ecdsa(Hash::Sha512),
        Self::RsaPss(Hash::Sha256),
        Self::RsaPss(Hash::Sha384),
        Self::RsaPss(Hash::Sha512),
    ];

    /// The value of `SignatureMethod/@Algorithm`; for RSA-PSS the form without parameters.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Rsa(Hash::Sha1) => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Self::Rsa(Hash::Sha256) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::Rsa(Hash::Sha384) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::Rsa(Hash::Sha512) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::RsaPss(Hash::Sha1) => "http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1",
            Self::RsaPss(Hash::Sha256) => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
            Self::RsaPss(Hash::Sha384) => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
            Self::RsaPss(Hash::Sha512) => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
            Self::Ecdsa(Hash::Sha1) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
            Self::Ecdsa(Hash::Sha256) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::Ecdsa(Hash::Sha384) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::Ecdsa(Hash::Sha512) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        }
    }

    /// The algorithm of exactly this URI; `None` for [`RSA_PSS`], which needs its parameters.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.uri() == uri)
    }

    /// Its digest.
    pub const fn hash(self) -> Hash {
        match self {
            Self::Rsa(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => hash,
        }
    }

    /// Whether the settings allow it.
    pub fn allowed(self, policy: SignaturePolicy) -> bool {
        self.hash().allowed(policy)
    }
}

impl PublicKey {
    /// Whether `signature` is this key's over `message`; `false` too when the key is not of the algorithm's
    /// type.
    pub fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = self.prepared();
        let fixed =
            |other: &dyn VerificationAlgorithm| other.verify_sig(key.as_ref(), message, signature).is_ok();
        let der = |other: &dyn VerificationAlgorithm, length| {
            fixed_to_der(signature, length)
                .is_some_and(|signature| other.verify_sig(key.as_ref(), message, &signature).is_ok())
        };
        match (self.key_type(), algorithm) {
            (KeyType::Rsa(_), SignatureAlgorithm::Rsa(Hash::Sha256))
            | (KeyType::P256, SignatureAlgorithm::Ecdsa(Hash::Sha256))
            | (KeyType::P384, SignatureAlgorithm::Ecdsa(Hash::Sha384))
            | (KeyType::P521, SignatureAlgorithm::Ecdsa(Hash::Sha512)) => {
                key.verify_sig(message, signature).is_ok()
            }
            (KeyType::Rsa(_), rsa) => rsa_parameters(rsa).is_some_and(|rsa| fixed(rsa)),
            (KeyType::P256, SignatureAlgorithm::Ecdsa(Hash::Sha384)) => der(&ECDSA_P256_SHA384_ASN1, 32),
            (KeyType::P256, SignatureAlgorithm::Ecdsa(Hash::Sha512)) => der(&ECDSA_P256_SHA512_ASN1, 32),
            (KeyType::P384, SignatureAlgorithm::Ecdsa(Hash::Sha256)) => der(&ECDSA_P384_SHA256_ASN1, 48),
            (KeyType::P384, SignatureAlgorithm::Ecdsa(Hash::Sha512)) => der(&ECDSA_P384_SHA512_ASN1, 48),
            (KeyType::P521, SignatureAlgorithm::Ecdsa(Hash::Sha256)) => fixed(&ECDSA_P521_SHA256_FIXED),
            (KeyType::P521, SignatureAlgorithm::Ecdsa(Hash::Sha384)) => fixed(&ECDSA_P521_SHA384_FIXED),
            _ => false,
        }
    }
}

fn rsa_parameters(algorithm: SignatureAlgorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        SignatureAlgorithm::Rsa(Hash::Sha1) => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureAlgorithm::Rsa(Hash::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::Rsa(Hash::Sha384) => &RSA_PKCS1_2048_8192_SHA384,
        SignatureAlgorithm::Rsa(Hash::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
        SignatureAlgorithm::RsaPss(Hash::Sha256) => &RSA_PSS_2048_8192_SHA256,
        SignatureAlgorithm::RsaPss(Hash::Sha384) => &RSA_PSS_2048_8192_SHA384,
        SignatureAlgorithm::RsaPss(Hash::Sha512) => &RSA_PSS_2048_8192_SHA512,
        SignatureAlgorithm::RsaPss(Hash::Sha1) | SignatureAlgorithm::Ecdsa(_) => return None,
    })
}

/// r and s of `length` bytes each as the DER that the library wants for a digest that is not its curve's own.
fn fixed_to_der(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    if signature.len() != 2 * length {
        return None;
    }
    let (r, s) = signature.split_at(length);
    let mut numbers = der_integer(r)?;
    numbers.extend(der_integer(s)?);
    let mut der = vec![0x30, u8::try_from(numbers.len()).ok().filter(|length| *length < 0x80)?];
    der.extend(numbers);
    Some(der)
}

fn der_integer(number: &[u8]) -> Option<Vec<u8>> {
    let digits = number.get(number.iter().position(|byte| *byte != 0)?..)?;
    let sign = digits.first().is_some_and(|byte| *byte >= 0x80);
    let mut der = vec![0x02, u8::try_from(digits.len() + usize::from(sign)).ok()?];
    if sign {
        der.push(0);
    }
    der.extend(digits);
    Some(der)
}
