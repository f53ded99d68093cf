//! Key sets of strangers and key files of administrators.

use serde_json::{Value, json};
use symbolon::model::encoding::{base64, base64url, base64url_decode};
use symbolon::protocol::jose::{
    Algorithm, JwkError, KeySet, PublicKey, SigningKey, SigningKeyError, Unusable, thumbprint,
};
use symbolon::protocol::json::JsonError;

use super::keys::{KEYS, der, key, set};

fn with(algorithm: Algorithm, changes: &Value) -> Value {
    let mut jwk = key(algorithm, Some("k")).public_jwk();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

fn unusable(jwk: &Value) -> Unusable {
    PublicKey::from_jwk(jwk).expect_err("the key was accepted")
}

/// B-28
#[test]
fn weak_rsa_keys_are_left_out() {
    let n = base64url_decode(key(Algorithm::Rs256, None).public_jwk()["n"].as_str().unwrap()).unwrap();
    let mut even = n.clone();
    even[255] &= 0xfe;
    let mut bits_2047 = n.clone();
    bits_2047[0] &= 0x7f;
    bits_2047[0] |= 0x40;
    let huge = [&n[..], &[0xff; 1024]].concat();
    for n in [&n[..128], &n[..255], &[], &[0; 256], &even, &bits_2047, &huge] {
        assert_eq!(
            unusable(&with(Algorithm::Rs256, &json!({"n": base64url(n)}))),
            Unusable::Weak,
            "{} bytes",
            n.len()
        );
    }
    for e in [&[1][..], &[], &[0], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(unusable(&with(Algorithm::Rs256, &json!({"e": base64url(e)}))), Unusable::Weak, "e {e:?}");
    }
    assert_eq!(
        unusable(&with(Algorithm::Rs256, &json!({"n": base64url(power_of_65537())}))),
        Unusable::Weak,
        "the fingerprint of ROCA"
    );
    let padded = [&[0], n.as_slice()].concat();
    assert!(
        PublicKey::from_jwk(&with(Algorithm::Rs256, &json!({"n": base64url(padded)}))).is_ok(),
        "a leading zero is a known harmless bug"
    );
    assert!(PublicKey::from_jwk(&with(Algorithm::Rs256, &json!({"e": "Aw"}))).is_ok(), "e = 3 is legal");
}

/// 65537 to the 128th: 2049 bits, and a power of 65537 modulo every prime, as the moduli of CVE-2017-15361
/// are.
fn power_of_65537() -> Vec<u8> {
    let mut number = vec![1];
    for _ in 0..128 {
        let (shifted, unshifted) = ([&number[..], &[0, 0]].concat(), [&[0, 0], &number[..]].concat());
        let mut carry = 0;
        let mut sum: Vec<u8> = Vec::new();
        for (left, right) in shifted.iter().zip(&unshifted).rev() {
            let digit: u16 = u16::from(*left) + u16::from(*right) + carry;
            sum.push(digit.to_le_bytes()[0]);
            carry = digit >> 8;
        }
        sum.push(carry.to_le_bytes()[0]);
        number = sum.into_iter().rev().collect();
    }
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.split_off(zeros)
}

/// B-28
#[test]
fn points_off_their_curve_or_of_the_wrong_length_are_left_out() {
    let flip = |name: &str| {
        let jwk = key(Algorithm::Es256, None).public_jwk();
        let mut bytes = base64url_decode(jwk[name].as_str().unwrap()).unwrap();
        bytes[31] ^= 1;
        base64url(bytes)
    };
    for changes in [
        json!({"x": flip("x")}),
        json!({"y": flip("y")}),
        json!({"x": base64url([0; 32]), "y": base64url([0; 32])}),
        json!({"x": base64url([0xff; 32])}),
        json!({"x": base64url([1; 31])}),
        json!({"y": base64url([0; 33])}),
    ] {
        assert_eq!(unusable(&with(Algorithm::Es256, &changes)), Unusable::BadPoint, "{changes}");
    }
    assert_eq!(unusable(&with(Algorithm::Es256, &json!({"crv": "P-384", "alg": null}))), Unusable::BadPoint);
    assert_eq!(unusable(&with(Algorithm::EdDsa, &json!({"x": base64url([1; 31])}))), Unusable::BadPoint);
}

/// B-28
#[test]
fn keys_for_another_purpose_are_left_out() {
    for (changes, reason) in [
        (json!({"use": "enc"}), Unusable::OtherUse),
        (json!({"use": ""}), Unusable::OtherUse),
        (json!({"use": null, "key_ops": ["sign"]}), Unusable::OtherUse),
        (json!({"key_ops": []}), Unusable::OtherUse),
        (json!({"key_ops": "verify"}), Unusable::Malformed),
        (json!({"alg": "RSA-OAEP"}), Unusable::Unsupported),
        (json!({"alg": "HS256"}), Unusable::Unsupported),
        (json!({"alg": "ES256"}), Unusable::Unsupported),
        (json!({"alg": 5}), Unusable::Malformed),
        (json!({"kid": 5}), Unusable::Malformed),
        (json!({"kty": "EC"}), Unusable::Malformed),
        (json!({"kty": "rsa"}), Unusable::Unsupported),
        (json!({"kty": null}), Unusable::Malformed),
        (json!({"n": null}), Unusable::Malformed),
        (json!({"e": "A=="}), Unusable::Malformed),
        (json!({"n": "+/+/"}), Unusable::Malformed),
    ] {
        assert_eq!(unusable(&with(Algorithm::Rs256, &changes)), reason, "{changes}");
    }
    assert_eq!(
        unusable(&with(Algorithm::Es256, &json!({"crv": "secp256k1", "alg": null}))),
        Unusable::Unsupported
    );
    assert_eq!(unusable(&with(Algorithm::EdDsa, &json!({"crv": "X25519"}))), Unusable::Unsupported);
    assert_eq!(unusable(&json!("text")), Unusable::Malformed);
    assert!(
        PublicKey::from_jwk(&with(
            Algorithm::Rs256,
            &json!({"use": null, "key_ops": ["verify"], "alg": null})
        ))
        .is_ok()
    );
}

/// B-28: symmetric and private keys in a public set are known to everybody who can read it.
#[test]
fn private_and_symmetric_keys_are_left_out() {
    assert_eq!(unusable(&json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"})), Unusable::Private);
    assert_eq!(unusable(&with(Algorithm::Es256, &json!({"d": "AQ"}))), Unusable::Private);
    assert_eq!(unusable(&with(Algorithm::Rs256, &json!({"p": "AQ"}))), Unusable::Private);
}

/// B-28
#[test]
fn a_set_keeps_its_good_keys_and_says_why_it_left_out_the_others() {
    let good = key(Algorithm::Es256, Some("good")).public_jwk();
    let keys = set(&[good, json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}), json!(7)]);
    assert!(keys.has_kid("good") && !keys.has_kid("secret"));
    let skipped: Vec<(Option<&str>, Unusable)> =
        keys.skipped().iter().map(|key| (key.kid.as_deref(), key.reason)).collect();
    assert_eq!(skipped, [(Some("secret"), Unusable::Private), (None, Unusable::Malformed)]);
}

/// B-28
#[test]
fn a_set_is_bounded_and_repeats_no_member() {
    let one = key(Algorithm::Es256, Some("k")).public_jwk();
    let many = |count: usize| json!({ "keys": vec![one.clone(); count] }).to_string();
    assert_eq!(KeySet::parse(many(100).as_bytes()).unwrap().keys().len(), 100);
    assert_eq!(KeySet::parse(many(101).as_bytes()).unwrap_err(), JwkError::TooMany(101));
    assert!(matches!(KeySet::parse(many(2000).as_bytes()), Err(JwkError::Json(JsonError::TooLarge { .. }))));
    for (text, error) in [
        (r#"{"keys":[],"keys":[]}"#, JwkError::Json(JsonError::Duplicate("keys".into()))),
        (r#"{"keys":[{"kty":"EC","kty":"EC"}]}"#, JwkError::Json(JsonError::Duplicate("kty".into()))),
        ("[]", JwkError::Json(JsonError::NotAnObject)),
        ("{}", JwkError::NoKeys),
        (r#"{"keys":{}}"#, JwkError::NoKeys),
    ] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), error, "{text}");
    }
    assert_eq!(KeySet::parse(br#"{"keys":[]}"#).unwrap().keys().len(), 0);
}

/// A key without `alg` serves every algorithm of its type, one with `alg` only that.
#[test]
fn the_alg_of_a_key_binds_it() {
    let algorithms = |jwk: &Value| PublicKey::from_jwk(jwk).unwrap().algorithms().collect::<Vec<_>>();
    assert_eq!(algorithms(&with(Algorithm::Rs256, &json!({"alg": null}))), Algorithm::ALL[..6]);
    assert_eq!(algorithms(&with(Algorithm::Rs256, &json!({}))), [Algorithm::Rs256]);
    assert_eq!(algorithms(&with(Algorithm::Es256, &json!({"alg": null}))), [Algorithm::Es256]);
}

/// The example of [RFC 7638 section 3.1](https://www.rfc-editor.org/rfc/rfc7638#section-3.1).
#[test]
fn a_thumbprint_is_rfc_7638s() {
    let jwk = json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPeb\
            WKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQM\
            icAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRw\
            r3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"
    });
    assert_eq!(base64url(thumbprint(&jwk).unwrap()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(thumbprint(&json!({"kty": "RSA", "n": "AQ"})), None);
}

/// No private member leaves a signing key, and its published form is what Cognito publishes.
#[test]
fn a_published_key_has_no_private_part() {
    let names = |algorithm| {
        key(algorithm, Some("k")).public_jwk().as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(Algorithm::Rs256), ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(names(Algorithm::Es256), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(names(Algorithm::EdDsa), ["alg", "crv", "kid", "kty", "use", "x"]);
    assert!(!format!("{:?}", key(Algorithm::Rs256, Some("k"))).contains("AQAB"));
    assert_eq!(format!("{:?}", KEYS.rsa), "PrivateKey([redacted])");
}

#[test]
fn key_files_are_pem_of_the_right_type_or_refused() {
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\r\n{}\r\n-----END {label}-----\r\n", base64(der))
    };
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let text = pem("PRIVATE KEY", der(algorithm));
        let parsed = SigningKey::from_pem(algorithm, Some("k".into()), &format!("comment\n{text}")).unwrap();
        assert_eq!(parsed.public_jwk(), key(algorithm, Some("k")).public_jwk());
        for other in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
            if other != algorithm {
                assert_eq!(
                    SigningKey::from_pem(other, None, &text).unwrap_err(),
                    SigningKeyError::Key(other.as_str())
                );
            }
        }
    }
    for text in [
        "",
        "MIIB",
        &pem("PUBLIC KEY", b"x"),
        &pem("ENCRYPTED PRIVATE KEY", b"x"),
        "-----BEGIN PRIVATE KEY-----\nMIIB",
        &pem("PRIVATE KEY", b""),
    ] {
        assert!(SigningKey::from_pem(Algorithm::Es256, None, text).is_err(), "{text}");
    }
}

#[test]
fn claims_that_are_no_object_are_not_signed() {
    assert_eq!(key(Algorithm::Es256, None).sign(None, &[1, 2]).unwrap_err(), SigningKeyError::Claims);
    let token = key(Algorithm::Es256, None).sign(Some("logout+jwt"), &json!({})).unwrap();
    assert!(token.starts_with(&base64url(r#"{"alg":"ES256","typ":"logout+jwt"}"#)));
}
