//! E-07: Wycheproof's vectors. The corpus lies beside the checkout (`../shared/corpus`, or where
//! `SYMBOLON_CORPUS` says) and is not part of it.
//!
//! Exceptions, each stricter than the vector's expectation:
//! - `HS256`, `HS384`, `HS512`: there is no symmetric algorithm here, so valid ones are refused too;
//! - `ES512`: not offered; the vectors also carry the misspelt key algorithm `ES521`;
//! - RFC 7520 figure 20: header `PS384` under a key that says `alg` `PS256`; a key's `alg` binds it here;
//! - JWE: encrypted tokens are not read, so every vector is refused as no compact JWS.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use symbolon::model::encoding::base64url;
use symbolon::protocol::jose::{Algorithm, JwsError, KeySet, PublicKey, unverified_header, verify_payload};

/// `tcId`s of `json_web_signature_test.json` that are valid there and refused here, besides the symmetric
/// ones.
const REFUSED_HERE: [u64; 4] = [346, 347, 350, 351];

fn vectors(name: &str) -> Option<Value> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let corpus = std::env::var_os("SYMBOLON_CORPUS").map_or_else(beside, PathBuf::from);
    let path = corpus.join("wycheproof").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("{} is absent: these vectors were not run", path.display());
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// Calls `check` with each group and each of its tests; gives the number of tests.
fn each(file: &str, mut check: impl FnMut(&Value, &Value)) -> usize {
    let Some(file) = vectors(file) else { return 0 };
    let mut count = 0;
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            check(group, test);
            count += 1;
        }
    }
    assert_eq!(count as u64, file["numberOfTests"], "every vector was run");
    count
}

fn key_set(group: &Value) -> KeySet {
    let keys = group.get("public").unwrap_or(&group["private"]);
    let set = if keys.get("keys").is_some() { keys.clone() } else { json!({ "keys": [keys] }) };
    KeySet::parse(set.to_string().as_bytes()).unwrap()
}

fn is_symmetric(token: &str) -> bool {
    unverified_header(token).is_ok_and(|header| header.alg.starts_with("HS"))
}

fn check_jws(group: &Value, test: &Value) {
    let token = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
    let accepted = verify_payload(&token, &key_set(group), &Algorithm::ALL).is_ok();
    let refused_here =
        group["type"] == "JsonWebSignature" && REFUSED_HERE.iter().any(|id| test["tcId"] == *id);
    let uses_hmac = group["private"]["kty"] == "oct" || is_symmetric(&token);
    let expected = test["result"] == "valid" && !refused_here && !uses_hmac;
    assert_eq!(accepted, expected, "{} {} {}", group["comment"], test["tcId"], test["comment"]);
}

/// E-07
#[test]
fn json_web_signature_vectors() {
    let count = each("json_web_signature_test.json", check_jws);
    println!("{count} vectors");
}

/// E-07
#[test]
fn json_web_key_vectors() {
    each("json_web_key_test.json", check_jws);
}

/// E-07
#[test]
fn json_web_crypto_vectors() {
    each("json_web_crypto_test.json", |group, test| {
        if test.get("jws").is_some() {
            check_jws(group, test);
        } else {
            check_jwe(test);
        }
    });
}

/// E-07
#[test]
fn json_web_encryption_vectors_are_no_signed_tokens() {
    each("json_web_encryption_test.json", |_, test| check_jwe(test));
}

fn check_jwe(test: &Value) {
    let token = test["jwe"].as_str().map_or_else(|| test["jwe"].to_string(), str::to_owned);
    let refused = verify_payload(&token, &KeySet::default(), &Algorithm::ALL).unwrap_err();
    let no_jws = matches!(
        refused,
        JwsError::NotCompact
            | JwsError::Encoding(_)
            | JwsError::Header(_)
            | JwsError::AlgorithmNotAllowed { .. }
    );
    assert!(no_jws, "{}: {refused}", test["tcId"]);
}

/// Raw signatures under the key of the group. `acceptable` vectors are weak encodings that some accept: here
/// they are refused.
fn check_raw(member: &str, algorithm: Algorithm, group: &Value, test: &Value) {
    let mut jwk = if group[member].is_object() {
        group[member].clone()
    } else {
        p256(&group["publicKey"]["uncompressed"])
    };
    jwk["alg"] = algorithm.as_str().into();
    let key = PublicKey::from_jwk(&jwk).unwrap();
    let accepted = key.verifies(algorithm, &hex(&test["msg"]), &hex(&test["sig"]));
    assert_eq!(accepted, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
}

/// E-07
#[test]
fn rsa_pkcs1_vectors() {
    each("rsa_signature_2048_sha256_test.json", |group, test| {
        check_raw("keyJwk", Algorithm::Rs256, group, test);
    });
}

/// E-07
#[test]
fn rsa_pss_vectors() {
    each("rsa_pss_2048_sha256_mgf1_32_test.json", |group, test| {
        check_raw("publicKeyJwk", Algorithm::Ps256, group, test);
    });
}

/// E-07, E-08
#[test]
fn ecdsa_vectors() {
    each("ecdsa_secp256r1_sha256_p1363_test.json", |group, test| {
        check_raw("publicKeyJwk", Algorithm::Es256, group, test);
    });
}

/// E-07
#[test]
fn ed25519_vectors() {
    each("ed25519_test.json", |group, test| check_raw("publicKeyJwk", Algorithm::EdDsa, group, test));
}

/// A few ECDSA groups give the point only.
fn p256(point: &Value) -> Value {
    let point = hex(point);
    json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
