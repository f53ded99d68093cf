//! Test keys and signatures by hand, independent of the product's JOSE code, so that every malformed token
//! can be made.

#![expect(clippy::disallowed_methods, reason = "keys of tests, made without the product")]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// base64url without padding.
pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Inverse of [`b64`].
pub(crate) fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// A PEM block.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// `at_hash` of an access token under a SHA-256 algorithm.
pub(crate) fn at_hash(access_token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
    b64(&hash.as_ref()[..16])
}

/// S256 challenge of a PKCE verifier.
pub(crate) fn s256(verifier: &str) -> String {
    b64(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// A random text of 32 base64url characters.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::SecureRandom::fill(&SystemRandom::new(), &mut bytes).expect("randomness");
    b64(bytes)
}

/// A key that signs.
pub(crate) enum TestKey {
    Rsa(RsaKeyPair, Vec<u8>),
    Ec(EcdsaKeyPair, Vec<u8>),
    Ed(Ed25519KeyPair),
}

impl TestKey {
    /// A fresh 2048-bit RSA key.
    pub(crate) fn rsa() -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("PKCS#8");
        let der = der.as_ref().to_vec();
        Self::Rsa(RsaKeyPair::from_pkcs8(&der).expect("an RSA key"), der)
    }

    /// A fresh P-256 key.
    pub(crate) fn ec() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("an EC key");
        let der = pair.to_pkcs8v1().expect("PKCS#8").as_ref().to_vec();
        Self::Ec(pair, der)
    }

    /// A fresh Ed25519 key.
    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().expect("an Ed25519 key"))
    }

    /// The `alg` that the key signs with unless told otherwise.
    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(..) => "RS256",
            Self::Ec(..) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    /// The private key as PKCS#8 PEM, as Apple's `.p8` files are.
    pub(crate) fn private_pem(&self) -> String {
        match self {
            Self::Rsa(_, der) | Self::Ec(_, der) => pem("PRIVATE KEY", der),
            Self::Ed(pair) => pem("PRIVATE KEY", pair.to_pkcs8().expect("PKCS#8").as_ref()),
        }
    }

    /// RSA modulus and exponent.
    pub(crate) fn rsa_numbers(&self) -> (Vec<u8>, Vec<u8>) {
        let Self::Rsa(pair, _) = self else { panic!("not an RSA key") };
        // RSAPublicKey ends with the 256-byte modulus and `02 03 01 00 01`.
        let der = pair.public_key().as_ref();
        let end = der.len() - 5;
        (der[end - 256..end].to_vec(), vec![1, 0, 1])
    }

    /// The public key as a SubjectPublicKeyInfo.
    pub(crate) fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair, _) => pair.public_key().as_der().expect("SPKI").as_ref().to_vec(),
            Self::Ec(pair, _) => pair.public_key().as_der().expect("SPKI").as_ref().to_vec(),
            Self::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public key as a JWK with `use`, `alg` and the given `kid`.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(..) => {
                let (n, e) = self.rsa_numbers();
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": b64(n), "e": b64(e)})
            }
            Self::Ec(pair, _) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
                    "x": b64(&point[1..33]), "y": b64(&point[33..])})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid,
                    "x": b64(pair.public_key())})
            }
        }
    }

    /// A compact JWS over exactly these texts, signed as `alg` says.
    pub(crate) fn sign(&self, alg: &str, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", b64(header), b64(payload));
        let signature = self.signature(alg, input.as_bytes());
        format!("{input}.{}", b64(signature))
    }

    fn signature(&self, alg: &str, input: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair, _) => {
                let encoding: &dyn RsaEncoding = match alg {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    other => panic!("no RSA signature for {other}"),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), input, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(pair, _) => {
                pair.sign(&SystemRandom::new(), input).expect("a signature").as_ref().to_vec()
            }
            Self::Ed(pair) => pair.sign(input).as_ref().to_vec(),
        }
    }
}

/// A compact JWS with an HMAC over exactly these texts.
pub(crate) fn sign_hs256(secret: &[u8], header: &str, payload: &str) -> String {
    let input = format!("{}.{}", b64(header), b64(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", b64(tag))
}

/// HMAC-SHA256 in hexadecimal, Facebook's `appsecret_proof`.
pub(crate) fn hmac_hex(secret: &str, text: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    tag.as_ref().iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"))
}

/// An RSA "signature" that verifies under exponent 1: the padded digest itself.
pub(crate) fn sign_with_exponent_one(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", b64(header), b64(payload));
    format!("{input}.{}", b64(padded_digest(input.as_bytes(), 256)))
}

/// EMSA-PKCS1-v1_5 with SHA-256 ([RFC 8017 section 9.2](https://www.rfc-editor.org/rfc/rfc8017#section-9.2)).
pub(super) fn padded_digest(input: &[u8], len: usize) -> Vec<u8> {
    const DIGEST_INFO: [u8; 19] =
        [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let hash = digest::digest(&digest::SHA256, input);
    let mut out = vec![0, 1];
    out.resize(len - 52, 0xff);
    out.push(0);
    out.extend_from_slice(&DIGEST_INFO);
    out.extend_from_slice(hash.as_ref());
    out
}

/// The honest provider's key, shared by all tests of a process: making RSA keys is slow.
pub(crate) static HONEST: LazyLock<TestKey> = LazyLock::new(TestKey::rsa);
/// The key after a rotation.
pub(crate) static NEXT: LazyLock<TestKey> = LazyLock::new(TestKey::rsa);
/// A key that no key set holds.
pub(crate) static STRANGER: LazyLock<TestKey> = LazyLock::new(TestKey::rsa);
/// An elliptic-curve key.
pub(crate) static EC: LazyLock<TestKey> = LazyLock::new(TestKey::ec);
/// An Ed25519 key.
pub(crate) static ED: LazyLock<TestKey> = LazyLock::new(TestKey::ed);
/// The broker's own key at providers that take `private_key_jwt`, and its `.p8` key at Apple.
pub(crate) static CLIENT: LazyLock<TestKey> = LazyLock::new(TestKey::ec);
