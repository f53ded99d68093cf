//! Public key sets ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)): parsed once, unusable keys left out
//! with a reason.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RsaPublicKeyComponents,
    VerificationAlgorithm,
};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use crate::model::encoding::{base64url_decode, sha256};
use crate::model::fault::{Fault, Refusal};
use crate::protocol::json::{self, JsonError, Limits};

/// Longest key set in bytes.
const MAX_SET: usize = 256 * 1024;
/// Most keys in a set.
const MAX_KEYS: usize = 100;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Why a key set as a whole is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// No acceptable JSON object; a duplicate member anywhere ends here.
    #[error("key set: {0}")]
    Json(#[from] JsonError),
    /// The `keys` array is absent or no array.
    #[error("key set without a \"keys\" array")]
    NoKeys,
    /// More than 100 keys.
    #[error("key set of {0} keys, at most 100 are read")]
    TooMany(usize),
}

impl Refusal for JwkError {
    fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "jwks_json",
            Self::NoKeys => "jwks_no_keys",
            Self::TooMany(_) => "jwks_too_many_keys",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Provider
    }

    fn hint(&self) -> String {
        "publish a JSON Web Key Set of at most 100 keys and 256 kB at the jwks_uri".into()
    }
}

/// Why one key of a set is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No JSON object, or a member of the wrong type.
    #[error("no well-formed key")]
    Malformed,
    /// `use` or `key_ops` names something else than signature verification.
    #[error("not for verifying signatures")]
    OtherUse,
    /// A private or symmetric key: whoever reads the set could sign.
    #[error("private or symmetric key material in a public set")]
    Private,
    /// `kty`, `crv` or `alg` that is not supported, or that do not fit each other.
    #[error("key type, curve and algorithm are unsupported or do not fit each other")]
    Unsupported,
    /// RSA modulus outside 2048 to 8192 bits, exponent even or below 3, or a modulus with the fingerprint of
    /// ROCA (CVE-2017-15361).
    #[error("weak RSA key")]
    Weak,
    /// The point is not on its curve or has the wrong length.
    #[error("no point of its curve")]
    BadPoint,
}

/// A key that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    /// The reason.
    pub reason: Unusable,
}

/// A public key, parsed for each algorithm that it may verify.
pub struct PublicKey {
    kid: Option<String>,
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Parses one JWK. Private members and keys that are unfit to verify are refused.
    pub fn from_jwk(jwk: &Value) -> Result<Self, Unusable> {
        let members = jwk.as_object().ok_or(Unusable::Malformed)?;
        let kid = text(members, "kid")?.map(str::to_owned);
        for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            if members.contains_key(secret) {
                return Err(Unusable::Private);
            }
        }
        for_verification(members)?;
        let named = text(members, "alg")?;
        let only = named.map(|alg| Algorithm::parse(alg).ok_or(Unusable::Unsupported)).transpose()?;
        let parsed = match text(members, "kty")?.ok_or(Unusable::Malformed)? {
            "RSA" => rsa(members, only)?,
            "EC" => curve(members, only, &[P256, P384])?,
            "OKP" => curve(members, only, &[ED25519_KEY])?,
            _ => return Err(Unusable::Unsupported),
        };
        if parsed.is_empty() { Err(Unusable::Unsupported) } else { Ok(Self { kid, parsed }) }
    }

    /// Its `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms that it may verify.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.parsed.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether `signature` is this key's over `message` with `algorithm`; `false` too when the key is not for
    /// that algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let fitting = self.parsed.iter().find(|(have, _)| *have == algorithm);
        fitting.is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// A parsed key set.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    skipped: Vec<Skipped>,
}

impl KeySet {
    /// Parses a JWK Set. A set that breaks a bound or repeats a member is refused; a key that cannot be used
    /// is left out ([RFC 7517 section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5)). No usable key at
    /// all is no error here.
    pub fn parse(json: &[u8]) -> Result<Self, JwkError> {
        let set = json::object(json, Limits { bytes: MAX_SET, depth: 8 })?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(JwkError::NoKeys)?;
        if list.len() > MAX_KEYS {
            return Err(JwkError::TooMany(list.len()));
        }
        let mut out = Self::default();
        for jwk in list {
            match PublicKey::from_jwk(jwk) {
                Ok(key) => out.keys.push(key),
                Err(reason) => {
                    let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
                    out.skipped.push(Skipped { kid, reason });
                }
            }
        }
        Ok(out)
    }

    /// A set of keys parsed elsewhere.
    pub fn from_keys(keys: Vec<PublicKey>) -> Self {
        Self { keys, skipped: Vec::new() }
    }

    /// Whether a usable key has this `kid`.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The usable keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The keys that were left out, for diagnosis.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// The SHA-256 thumbprint of a public JWK ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)); `None` when a
/// required member is missing.
pub fn thumbprint(jwk: &Value) -> Option<[u8; 32]> {
    let required: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let members: Option<Map<String, Value>> =
        required.iter().map(|name| Some(((*name).to_owned(), jwk.get(*name)?.clone()))).collect();
    Some(sha256(Value::Object(members?).to_string()))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Unusable> {
    members.get(name).map(|value| value.as_str().ok_or(Unusable::Malformed)).transpose()
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, Unusable> {
    text(members, name)?.and_then(base64url_decode).ok_or(Unusable::Malformed)
}

fn for_verification(members: &Map<String, Value>) -> Result<(), Unusable> {
    if text(members, "use")?.is_some_and(|usage| usage != "sig") {
        return Err(Unusable::OtherUse);
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(Unusable::OtherUse),
        Some(_) => Err(Unusable::Malformed),
    }
}

fn rsa(
    members: &Map<String, Value>,
    only: Option<Algorithm>,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, Unusable> {
    let (modulus, exponent) = (bytes(members, "n")?, bytes(members, "e")?);
    let (n, e) = (without_leading_zeros(&modulus), without_leading_zeros(&exponent));
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !RSA_BITS.contains(&bits) || !odd(n) || !odd(e) || e == [1] || e.len() > 4 || has_roca_fingerprint(n) {
        return Err(Unusable::Weak);
    }
    let fits = |algorithm: &Algorithm| only.is_none_or(|only| only == *algorithm);
    let components = RsaPublicKeyComponents { n, e };
    let parse = |algorithm: Algorithm| {
        let parameters = algorithm.rsa()?;
        Some(
            components
                .to_parsed_public_key(parameters)
                .map(|key| (algorithm, key))
                .map_err(|_| Unusable::Weak),
        )
    };
    Algorithm::ALL.into_iter().filter(fits).filter_map(parse).collect()
}

/// An elliptic curve: its `crv`, its one algorithm, the length of a coordinate, and how many coordinates a
/// point has.
struct Curve {
    name: &'static str,
    algorithm: Algorithm,
    verification: &'static dyn VerificationAlgorithm,
    size: usize,
    prefix: &'static [u8],
    coordinates: &'static [&'static str],
}

const P256: Curve = Curve {
    name: "P-256",
    algorithm: Algorithm::Es256,
    verification: &ECDSA_P256_SHA256_FIXED,
    size: 32,
    prefix: UNCOMPRESSED,
    coordinates: &["x", "y"],
};
const P384: Curve = Curve {
    name: "P-384",
    algorithm: Algorithm::Es384,
    verification: &ECDSA_P384_SHA384_FIXED,
    size: 48,
    ..P256
};
const ED25519_KEY: Curve = Curve {
    name: "Ed25519",
    algorithm: Algorithm::EdDsa,
    verification: &ED25519,
    size: 32,
    prefix: &[],
    coordinates: &["x"],
};

/// SEC 1 section 2.3.3.
const UNCOMPRESSED: &[u8] = &[4];

fn curve(
    members: &Map<String, Value>,
    only: Option<Algorithm>,
    curves: &[Curve],
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, Unusable> {
    let name = text(members, "crv")?.ok_or(Unusable::Malformed)?;
    let curve = curves.iter().find(|curve| curve.name == name).ok_or(Unusable::Unsupported)?;
    if only.is_some_and(|only| only != curve.algorithm) {
        return Err(Unusable::Unsupported);
    }
    let mut point = curve.prefix.to_vec();
    for coordinate in curve.coordinates {
        let bytes = bytes(members, coordinate)?;
        if bytes.len() != curve.size {
            return Err(Unusable::BadPoint);
        }
        point.extend_from_slice(&bytes);
    }
    let key = ParsedPublicKey::new(curve.verification, point).map_err(|_| Unusable::BadPoint)?;
    Ok(vec![(curve.algorithm, key)])
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Keys made by the library of CVE-2017-15361 are powers of 65537 modulo each of these primes; a sound key is
/// so with probability below 2^-25.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
        103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.into_iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        for _ in 0..prime {
            if power == rest {
                return true;
            }
            power = power * 65537 % prime;
        }
        false
    })
}
