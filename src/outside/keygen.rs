//! New private keys: randomness and, for RSA, tens of milliseconds of CPU.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};

use crate::model::pool::SigningAlgorithm;
use crate::token::keyset::{NewKey, PrivateKey, Uses};

/// The crypto library made no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no private key could be generated")]
pub struct KeygenError;

impl From<Unspecified> for KeygenError {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// Generates `wanted` keys on a thread where they block nobody.
pub async fn generate(wanted: Vec<(Uses, SigningAlgorithm)>) -> Result<Vec<NewKey>, KeygenError> {
    let make = move || wanted.into_iter().map(|(uses, algorithm)| generate_one(uses, algorithm)).collect();
    tokio::task::spawn_blocking(make).await.unwrap_or(Err(KeygenError))
}

/// Generates one key on this thread: RSA with 2048 bits, P-256 or Ed25519.
#[expect(clippy::disallowed_methods, reason = "the library takes its own source and no other")]
pub fn generate_one(uses: Uses, algorithm: SigningAlgorithm) -> Result<NewKey, KeygenError> {
    let der = match algorithm {
        SigningAlgorithm::Rs256 => AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048)?)?.as_ref().to_vec(),
        SigningAlgorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?.as_ref().to_vec(),
        SigningAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?.as_ref().to_vec(),
    };
    Ok(NewKey { uses, algorithm, private: PrivateKey::new(der) })
}
