//! A second opinion: the jsonwebtoken crate verifies what we sign and signs what we verify.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};
use symbolon::protocol::jose::{Algorithm, verify};

use super::keys::{KEYS, SIGNABLE, key, set_of};

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.as_str().parse().unwrap()
}

fn claims() -> Value {
    json!({"sub": "ada", "groups": ["a", "b"], "n": 1.5, "text": "ünï\u{0}\"\\"})
}

#[test]
fn jsonwebtoken_verifies_what_we_sign() {
    for algorithm in SIGNABLE {
        let key = key(algorithm, Some("k"));
        let token = key.sign(None, &claims()).unwrap();
        let jwk: Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        let mut validation = Validation::new(theirs(algorithm));
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let decoded =
            jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation)
                .unwrap();
        assert_eq!(decoded.claims, claims(), "{algorithm:?}");
        assert_eq!(decoded.header.kid.as_deref(), Some("k"));
    }
}

#[test]
fn we_verify_what_jsonwebtoken_signs() {
    for algorithm in SIGNABLE {
        let ours = key(algorithm, Some("k"));
        let encoding = match algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_der(KEYS.p256.expose()),
            Algorithm::EdDsa => EncodingKey::from_ed_der(KEYS.ed25519.expose()),
            _ => EncodingKey::from_rsa_pem(pem(KEYS.rsa.expose()).as_bytes()).unwrap(),
        };
        let mut header = Header::new(theirs(algorithm));
        header.kid = Some("k".into());
        let token = jsonwebtoken::encode(&header, &claims(), &encoding).unwrap();
        let verified: Map<String, Value> = verify(&token, &set_of(&ours), &[algorithm]).unwrap();
        assert_eq!(Value::Object(verified), claims(), "{algorithm:?}");
    }
}

fn pem(der: &[u8]) -> String {
    let text = symbolon::model::encoding::base64(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
