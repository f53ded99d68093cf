//! Our own signatures: over a message that we wrote, and over the query of the Redirect binding.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use thiserror::Error;

use crate::model::encoding::base64;
use crate::protocol::saml::algorithm::{Hash, SignatureAlgorithm};
use crate::protocol::saml::c14n::{self, EXCLUSIVE, TooLong};
use crate::protocol::saml::certificate::{Certificate, CertificateError};
use crate::protocol::saml::xml::{Document, XmlError, attribute, elements, escape_attribute, is, ns};

/// Why a key pair is unusable or a message cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignError {
    /// Neither an RSA nor a P-256 key in PKCS#8.
    #[error("the private key is neither RSA nor P-256 in PKCS#8")]
    Key,
    /// The certificate is unusable.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate is of another key.
    #[error("the certificate does not belong to the private key")]
    OtherCertificate,
    /// The message is no document.
    #[error("the message to sign: {0}")]
    Xml(#[from] XmlError),
    /// The root element does not have the ID that is to be signed, or has no content.
    #[error("the message to sign has no root element with the ID {0} and content")]
    NoTarget(String),
    /// The canonical form is out of proportion.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The library refused.
    #[error("signing failed")]
    Failed,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// A private key of ours with the certificate that our metadata shows for it.
pub struct SpKey {
    pair: Pair,
    certificate: Certificate,
}

impl fmt::Debug for SpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpKey").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl SpKey {
    /// An RSA (2048 bits and more) or P-256 key in PKCS#8 DER, and its certificate in DER.
    pub fn from_parts(pkcs8: &[u8], certificate_der: &[u8]) -> Result<Self, SignError> {
        let certificate = Certificate::from_der(certificate_der)?;
        let pair = RsaKeyPair::from_pkcs8(pkcs8)
            .map(Pair::Rsa)
            .or_else(|_| EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Pair::Ec))
            .map_err(|_| SignError::Key)?;
        let public = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
        };
        if public != certificate.public_key().bytes() {
            return Err(SignError::OtherCertificate);
        }
        Ok(Self { pair, certificate })
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// URI of the algorithm of its signatures: SHA-256 with RSA PKCS#1 1.5 or ECDSA.
    pub const fn algorithm_uri(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => SignatureAlgorithm::Rsa(Hash::Sha256).uri(),
            Pair::Ec(_) => SignatureAlgorithm::Ecdsa(Hash::Sha256).uri(),
        }
    }

    /// The signature over `bytes`.
    #[expect(clippy::disallowed_methods, reason = "the library takes its own source of nonces and no other")]
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature)
                    .map_err(|_| SignError::Failed)?;
                Ok(signature)
            }
            Pair::Ec(pair) => pair
                .sign(&random, bytes)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Failed),
        }
    }
}

/// Signs the document `xml`, whose root has the ID `id`: a `ds:Signature` goes right after `saml:Issuer`, or
/// first where there is no issuer.
pub fn sign(xml: &str, id: &str, key: &SpKey) -> Result<String, SignError> {
    let document = Document::parse(xml.as_bytes())?;
    let root = document.root();
    let issuer = elements(root).next().filter(|first| is(*first, ns::SAML, "Issuer"));
    let place = issuer
        .map(|issuer| issuer.range().end)
        .or_else(|| root.first_child().map(|child| child.range().start));
    let place = place.filter(|_| attribute(root, "ID") == Some(id));
    let (before, after) = place
        .and_then(|place| xml.split_at_checked(place))
        .ok_or_else(|| SignError::NoTarget(id.to_owned()))?;
    let digest = base64(Hash::Sha256.digest(&c14n::exclusive(root, None, &[])?));
    let signed_info = signed_info(id, key.algorithm_uri(), &digest);
    let value = base64(key.sign(signed_info.as_bytes())?);
    let certificate = base64(key.certificate().der());
    Ok(format!(
        "{before}<ds:Signature \
         xmlns:ds=\"{}\">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo>\
         <ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </ds:Signature>{after}",
        ns::DS
    ))
}

/// `ds:SignedInfo` as its own canonical form.
fn signed_info(id: &str, algorithm: &str, digest: &str) -> String {
    format!(
        "<ds:SignedInfo xmlns:ds=\"{ds}\"><ds:CanonicalizationMethod \
         Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod><ds:SignatureMethod \
         Algorithm=\"{algorithm}\"></ds:SignatureMethod><ds:Reference \
         URI=\"#{id}\"><ds:Transforms><ds:Transform \
         Algorithm=\"{ds}enveloped-signature\"></ds:Transform><ds:Transform \
         Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms><ds:DigestMethod \
         Algorithm=\"{sha256}\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>\
         </ds:SignedInfo>",
        ds = ns::DS,
        id = escape_attribute(id),
        sha256 = Hash::Sha256.uri(),
    )
}
