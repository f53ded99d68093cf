//! C-34: Wycheproof's vectors through the keys and algorithms that SAML uses.

use rcgen::{
    CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm as Algorithm,
};
use serde_json::Value;
use symbolon::protocol::saml::algorithm::{Hash, SignatureAlgorithm};
use symbolon::protocol::saml::certificate::Certificate;
use symbolon::protocol::saml::encryption::DecryptionKey;

use super::corpus;

/// Someone else's public key, to be put into a certificate of ours.
struct Foreign(Vec<u8>, &'static Algorithm);

impl PublicKeyData for Foreign {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static Algorithm {
        self.1
    }
}

fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Runs each vector; gives how many were accepted and refused.
fn run(file: &str, algorithm: SignatureAlgorithm, key: impl Fn(&Value) -> Foreign) -> (usize, usize) {
    let Some(folder) = corpus("wycheproof") else { return (0, 0) };
    let vectors: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let own = KeyPair::generate().unwrap();
    let issuer = Issuer::new(CertificateParams::default(), own);
    let (mut accepted, mut refused) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let certificate = CertificateParams::default().signed_by(&key(group), &issuer).unwrap();
        let certificate = Certificate::from_der(certificate.der()).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let verified =
                certificate.public_key().verifies(algorithm, &hex(&test["msg"]), &hex(&test["sig"]));
            // "acceptable" marks signatures with a DigestInfo that is not the one encoding: refused here.
            assert_eq!(verified, test["result"] == "valid", "{file} {}: {}", test["tcId"], test["comment"]);
            if verified { accepted += 1 } else { refused += 1 }
        }
    }
    assert_eq!(vectors["numberOfTests"], accepted + refused);
    (accepted, refused)
}

/// C-34
#[test]
fn ecdsa_of_fixed_length() {
    let key = |group: &Value| Foreign(hex(&group["publicKey"]["uncompressed"]), &PKCS_ECDSA_P256_SHA256);
    let counts = run("ecdsa_secp256r1_sha256_p1363_test.json", SignatureAlgorithm::Ecdsa(Hash::Sha256), key);
    assert!(matches!(counts, (0, 0) | (1.., 1..)), "{counts:?}");
}

/// C-34
#[test]
fn rsa_pkcs1() {
    let key = |group: &Value| Foreign(hex(&group["publicKeyAsn"]), &PKCS_RSA_SHA256);
    let counts = run("rsa_signature_2048_sha256_test.json", SignatureAlgorithm::Rsa(Hash::Sha256), key);
    assert!(matches!(counts, (0, 0) | (1.., 1..)), "{counts:?}");
}

/// C-34
#[test]
fn rsa_pss() {
    let key = |group: &Value| Foreign(hex(&group["publicKeyAsn"]), &PKCS_RSA_SHA256);
    let counts = run("rsa_pss_2048_sha256_mgf1_32_test.json", SignatureAlgorithm::RsaPss(Hash::Sha256), key);
    assert!(matches!(counts, (0, 0) | (1.., 1..)), "{counts:?}");
}

/// C-34: a label is never used here, so vectors that need one do not decrypt.
#[test]
fn rsa_oaep() {
    let Some(folder) = corpus("wycheproof") else { return };
    let vectors: Value = serde_json::from_slice(
        &std::fs::read(folder.join("rsa_oaep_2048_sha256_mgf1sha256_test.json")).unwrap(),
    )
    .unwrap();
    let mut run = 0;
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = DecryptionKey::from_pkcs8(&hex(&group["privateKeyPkcs8"])).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let found = key.open_oaep(Hash::Sha256, &hex(&test["ct"])).map(|found| found.to_vec());
            let expected = (test["result"] == "valid" && test["label"] == "").then(|| hex(&test["msg"]));
            assert_eq!(found, expected, "{}: {}", test["tcId"], test["comment"]);
            run += 1;
        }
    }
    assert_eq!(vectors["numberOfTests"], run);
}

/// C-34: a signature for another curve, digest or family than the key's.
#[test]
fn a_key_verifies_only_what_fits_its_type() {
    for (name, fits) in
        [("rsa", "RSA 2048"), ("p256", "EC P-256"), ("p384", "EC P-384"), ("p521", "EC P-521")]
    {
        let certificate = super::certificate(name);
        assert_eq!(certificate.public_key().key_type().to_string(), fits);
        for algorithm in SignatureAlgorithm::ALL {
            for length in [0, 1, 63, 64, 65, 96, 132, 256, 4096] {
                for byte in [0, 1, 0xFF] {
                    assert!(
                        !certificate.public_key().verifies(algorithm, b"message", &vec![byte; length]),
                        "{name} {algorithm:?} {length} {byte}"
                    );
                }
            }
        }
    }
}
