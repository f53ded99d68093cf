//! A 1024-bit RSA key that signs: no library makes such signatures any more, so the arithmetic is here.

use serde_json::{Value, json};

use super::keys::{b64, padded_digest};

const LIMBS: usize = 16;
type Number = [u64; LIMBS];

const MODULUS: &str = "b243b591882df7c7025545eb43c503b3cdd114e5552cda69dcfabea2edfd579c414ab10343f9366125e72\
    6f79254d31a8d79b164e4da643bf5baeca705d2f9243c68be68e44025161d734dccc6dfbd218665c4d2528c442d905b50314d0dd\
    b1704df5a43bbaf722271e9e3663390a81f8cc77e22f08023531715c53ea4ec5c0d";
const PRIVATE_EXPONENT: &str = "8f54adaaa40a01cd7b6cc0d917165391c08cb9f662f3bb719f01e541ef84e16a7b7ce8b2ad76\
    b5688b273e4794daab1a1062a6656f34c19f0c470d7c85cc4a10a5c1ee923d7e3c84d3fcb66269751fa8a1a68a47e9fc81e8ce7a\
    93b1116b0ebfffe6ce85892fa629a64f2382f8e3837b017ce1f1f8303ac0c72752663a8a25c1";

/// The public key as a JWK.
pub(crate) fn jwk(kid: &str) -> Value {
    json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": b64(bytes(&number(MODULUS))),
        "e": "AQAB"})
}

/// A compact RS256 JWS over exactly these texts.
pub(crate) fn sign(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", b64(header), b64(payload));
    let padded = padded_digest(input.as_bytes(), LIMBS * 8);
    let message = from_bytes(&padded);
    format!("{input}.{}", b64(bytes(&power(&message, &number(PRIVATE_EXPONENT), &number(MODULUS)))))
}

fn number(hex: &str) -> Number {
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    from_bytes(&bytes)
}

/// Big-endian bytes to little-endian limbs.
fn from_bytes(bytes: &[u8]) -> Number {
    let mut out = [0; LIMBS];
    for (limb, chunk) in out.iter_mut().zip(bytes.rchunks(8)) {
        *limb = chunk.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    out
}

fn bytes(number: &Number) -> Vec<u8> {
    number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect()
}

fn power(base: &Number, exponent: &Number, modulus: &Number) -> Number {
    let mut result = [0; LIMBS];
    result[0] = 1;
    for limb in exponent.iter().rev() {
        for bit in (0..64).rev() {
            result = multiply(&result, &result, modulus);
            if limb >> bit & 1 == 1 {
                result = multiply(&result, base, modulus);
            }
        }
    }
    result
}

/// `a * b mod modulus`, limb by limb from the top: shift the sum by 64 bits, add, reduce.
fn multiply(a: &Number, b: &Number, modulus: &Number) -> Number {
    let mut sum = [0; LIMBS];
    for limb in b.iter().rev() {
        for bit in (0..64).rev() {
            sum = add(&sum, &sum, modulus);
            if limb >> bit & 1 == 1 {
                sum = add(&sum, a, modulus);
            }
        }
    }
    sum
}

/// `a + b mod modulus` for reduced arguments.
fn add(a: &Number, b: &Number, modulus: &Number) -> Number {
    let mut out = [0; LIMBS];
    let mut carry = false;
    for ((to, x), y) in out.iter_mut().zip(a).zip(b) {
        let (sum, first) = x.overflowing_add(*y);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first | second;
        *to = sum;
    }
    if carry || out.iter().rev().ge(modulus.iter().rev()) { subtract(&out, modulus) } else { out }
}

fn subtract(a: &Number, b: &Number) -> Number {
    let mut out = [0; LIMBS];
    let mut borrow = false;
    for ((to, x), y) in out.iter_mut().zip(a).zip(b) {
        let (difference, first) = x.overflowing_sub(*y);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        borrow = first | second;
        *to = difference;
    }
    out
}
