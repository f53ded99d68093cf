//! Keys and hand-made tokens for the tests of this folder.

use std::sync::LazyLock;

use serde_json::{Value, json};
use symbolon::model::encoding::base64url;
use symbolon::model::pool::SigningAlgorithm;
use symbolon::outside::keygen::generate_one;
use symbolon::protocol::jose::{Algorithm, KeySet, SigningKey};
use symbolon::token::keyset::{PrivateKey, Uses};

/// One private key of each kind.
pub(super) struct Keys {
    pub(super) rsa: PrivateKey,
    pub(super) p256: PrivateKey,
    pub(super) ed25519: PrivateKey,
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = |algorithm| generate_one(Uses::Both, algorithm).unwrap().private;
    Keys {
        rsa: key(SigningAlgorithm::Rs256),
        p256: key(SigningAlgorithm::Es256),
        ed25519: key(SigningAlgorithm::EdDsa),
    }
});

/// Every algorithm that these keys can sign with.
pub(super) const SIGNABLE: [Algorithm; 8] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::EdDsa,
];

pub(super) fn der(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::Es256 => KEYS.p256.expose(),
        Algorithm::EdDsa => KEYS.ed25519.expose(),
        _ => KEYS.rsa.expose(),
    }
}

pub(super) fn key(algorithm: Algorithm, kid: Option<&str>) -> SigningKey {
    SigningKey::from_pkcs8_der(algorithm, kid.map(str::to_owned), der(algorithm)).unwrap()
}

pub(super) fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

pub(super) fn set_of(key: &SigningKey) -> KeySet {
    set(&[key.public_jwk()])
}

/// A validly signed token whose header is exactly `header`.
pub(super) fn token_with_header(header: &str, payload: &[u8]) -> String {
    token_of_parts(&base64url(header), &base64url(payload))
}

/// A token over exactly these encoded parts, signed by the Ed25519 key.
pub(super) fn token_of_parts(header: &str, payload: &str) -> String {
    let signed = format!("{header}.{payload}");
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(KEYS.ed25519.expose()).unwrap();
    format!("{signed}.{}", base64url(pair.sign(signed.as_bytes())))
}
