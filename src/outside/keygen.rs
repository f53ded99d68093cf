//! New private keys: randomness and, for RSA, tens of milliseconds of CPU.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::model::pool::SigningAlgorithm;
use crate::model::time::Timestamp;
use crate::token::keyset::{NewKey, PrivateKey, Uses};

const DAY: Duration = Duration::from_secs(86_400);

/// A new RSA key and its self-signed certificate in DER: identity providers take keys in no other form.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The private key.
    pub private: PrivateKey,
    /// The certificate.
    pub certificate: Vec<u8>,
}

/// What a certified key is for, as its certificate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertifiedUse {
    /// Signing requests.
    Signing,
    /// Decrypting assertions.
    Encryption,
}

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

/// Generates RSA keys with certificates in the name of `subject`, valid from a day before `now` for `life`,
/// on a thread where they block nobody.
pub async fn certify(
    uses: Vec<CertifiedUse>,
    subject: String,
    now: Timestamp,
    life: Duration,
) -> Result<Vec<Certified>, KeygenError> {
    let make = move || uses.into_iter().map(|usage| certify_one(usage, &subject, now, life)).collect();
    tokio::task::spawn_blocking(make).await.unwrap_or(Err(KeygenError))
}

fn certify_one(
    usage: CertifiedUse,
    subject: &str,
    now: Timestamp,
    life: Duration,
) -> Result<Certified, KeygenError> {
    let private = PrivateKey::new(
        AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048)?)?.as_ref().to_vec(),
    );
    let der = PrivatePkcs8KeyDer::from(private.expose());
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256)
        .map_err(|_| KeygenError)?;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, subject);
    params.key_usages = vec![match usage {
        CertifiedUse::Signing => rcgen::KeyUsagePurpose::DigitalSignature,
        CertifiedUse::Encryption => rcgen::KeyUsagePurpose::KeyEncipherment,
    }];
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at =
        |instant: Timestamp| epoch + Duration::from_secs(u64::try_from(instant.secs()).unwrap_or_default());
    // A clock at the provider that is behind ours still finds the certificate valid.
    (params.not_before, params.not_after) = (at(now.minus(DAY)), at(now.plus(life)));
    let certificate = params.self_signed(&pair).map_err(|_| KeygenError)?;
    Ok(Certified { private, certificate: certificate.der().to_vec() })
}

/// Generates one key on this thread: RSA with 2048 bits, P-256 or Ed25519.
#[expect(clippy::disallowed_methods, reason = "the library takes its own source and no other")]
pub fn generate_one(uses: Uses, algorithm: SigningAlgorithm) -> Result<NewKey, KeygenError> {
    let der = match algorithm {
        SigningAlgorithm::Rs256 => {
            AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048)?)?.as_ref().to_vec()
        }
        SigningAlgorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?
                .as_ref()
                .to_vec()
        }
        SigningAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?.as_ref().to_vec(),
    };
    Ok(NewKey { uses, algorithm, private: PrivateKey::new(der) })
}
