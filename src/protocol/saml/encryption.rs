//! [XML encryption](https://www.w3.org/TR/xmlenc-core1/) of assertions and name identifiers, decrypted.
//!
//! Whatever goes wrong between the private key and the plaintext is one error: [`EncryptionError::Failed`]. A
//! key transport that does not decrypt continues with a key that only this broker can compute, so that
//! padding tells nothing.

mod cipher;
mod shape;

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use thiserror::Error;
use zeroize::Zeroizing;

use self::shape::KeyTransport;
use super::algorithm::Hash;
use super::xml::{Document, Node, XmlError, is, ns};
use crate::model::encoding::sha256;

/// Why an encrypted element is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncryptionError {
    /// The element is not what the schema says.
    #[error("encryption: {0}")]
    Xml(#[from] XmlError),
    /// The encryption does not have an allowed shape.
    #[error("{element}: expected {expected}, found {found}")]
    Shape {
        /// Local name of the element that is wrong.
        element: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// An algorithm that is never allowed, or a combination that is not supported.
    #[error("the encryption algorithm {0} is not allowed")]
    Algorithm(String),
    /// RSA PKCS#1 1.5 without the dated permission.
    #[error(
        "the key is encrypted with rsa-1_5, which this provider has no permission for: rsa-oaep is required"
    )]
    Rsa15,
    /// AES-CBC where nothing protects the ciphertext.
    #[error(
        "{0} is not authenticated and no signature covers the ciphertext: AES-GCM or a signed Response is \
         required"
    )]
    Cbc(&'static str),
    /// No private key of ours is active.
    #[error("there is no private key to decrypt with")]
    NoKeys,
    /// A private key of ours does not parse.
    #[error("the private key is not RSA of at least 2048 bits in PKCS#8")]
    Key,
    /// It does not decrypt to what it should, for whatever reason.
    #[error("it does not decrypt with any active key of this service provider")]
    Failed,
}

/// An RSA private key of ours that identity providers encrypt for.
pub struct DecryptionKey {
    oaep: OaepPrivateDecryptingKey,
    pkcs1: Pkcs1PrivateDecryptingKey,
    /// What stands in for a key that does not decrypt.
    rejection: hmac::Key,
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey").field("bits", &self.oaep.key_size_bits()).finish_non_exhaustive()
    }
}

impl DecryptionKey {
    /// An RSA key in PKCS#8 DER.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, EncryptionError> {
        let key = || PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| EncryptionError::Key);
        let (oaep, pkcs1) = (OaepPrivateDecryptingKey::new(key()?), Pkcs1PrivateDecryptingKey::new(key()?));
        let (Ok(oaep), Ok(pkcs1)) = (oaep, pkcs1) else { return Err(EncryptionError::Key) };
        let secret = Zeroizing::new(sha256(pkcs8));
        Ok(Self { oaep, pkcs1, rejection: hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()) })
    }

    /// The bytes that RSA-OAEP carries, with `hash` also for its mask and without a label; `None` for every
    /// failure.
    pub fn open_oaep(&self, hash: Hash, cipher: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let algorithm = match hash {
            Hash::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Hash::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Hash::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Hash::Sha512 => &OAEP_SHA512_MGF1SHA512,
        };
        let mut buffer = Zeroizing::new(vec![0; self.oaep.min_output_size()]);
        self.oaep
            .decrypt(algorithm, cipher, &mut buffer, None)
            .ok()
            .map(|plain| Zeroizing::new(plain.to_vec()))
    }

    fn open_pkcs1(&self, cipher: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(vec![0; self.pkcs1.min_output_size()]);
        self.pkcs1.decrypt(cipher, &mut buffer).ok().map(|plain| Zeroizing::new(plain.to_vec()))
    }

    /// The transported key of `length` bytes, or `None`.
    fn transported(&self, transport: &KeyTransport, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let found = match transport.oaep {
            Some(hash) => self.open_oaep(hash, &transport.cipher),
            None => self.open_pkcs1(&transport.cipher),
        };
        found.filter(|key| key.len() == length)
    }

    fn instead(&self, transport: &KeyTransport, length: usize) -> Zeroizing<Vec<u8>> {
        let tag = hmac::sign(&self.rejection, &transport.cipher);
        Zeroizing::new(tag.as_ref().iter().copied().take(length).collect())
    }
}

/// What is allowed beyond AES-GCM with RSA-OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// RSA PKCS#1 1.5 key transport. Dated: the caller has compared with now.
    pub rsa_1_5: bool,
    /// AES-CBC: a signature over the ciphertext was verified, or the provider's rule allows it.
    pub cbc: bool,
}

/// Decrypts an `EncryptedAssertion` or `EncryptedID` with whichever of `keys` fits.
///
/// The plaintext is one standalone document whose root is the `Assertion` or `NameID`; prefixes declared only
/// outside the encrypted element are unknown in it, so an identity provider that relies on them is refused.
pub fn decrypt(
    encrypted: Node<'_, '_>,
    keys: &[DecryptionKey],
    rules: Rules,
) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
    let shape = shape::read(encrypted, rules)?;
    let length = shape.content.key_length();
    let mut key = keys.first().ok_or(EncryptionError::NoKeys)?.instead(&shape.transport, length);
    for candidate in keys {
        if let Some(transported) = candidate.transported(&shape.transport, length) {
            key = transported;
            break;
        }
    }
    let plaintext = cipher::open(shape.content, &key, shape.cipher).ok_or(EncryptionError::Failed)?;
    let document = Document::parse(&plaintext).map_err(|_| EncryptionError::Failed)?;
    if !is(document.root(), ns::SAML, shape.inside) {
        return Err(EncryptionError::Failed);
    }
    drop(document);
    Ok(plaintext)
}
