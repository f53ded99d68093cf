//! JWS compact serialization ([RFC 7515 section 7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)),
//! read strictly.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::jwk::{KeySet, PublicKey};
use crate::model::encoding::base64url_decode;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;
use crate::protocol::json::{self, JsonError, Limits};

/// Longest token in bytes.
pub const MAX_TOKEN: usize = 64 * 1024;
const HEADER: Limits = Limits { bytes: 16 * 1024, depth: 8 };
const CLAIMS: Limits = Limits { bytes: MAX_TOKEN, depth: 16 };

/// Why a token is refused. One variant per check, in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than [`MAX_TOKEN`].
    #[error("token of {0} bytes, at most 65536 are read")]
    TooLarge(usize),
    /// Not three parts with two dots: JSON serialization, an encrypted token, or garbage.
    #[error("token is not three base64url parts joined by dots")]
    NotCompact,
    /// A part is no canonical base64url without padding.
    #[error("the token's {0} is not canonical base64url")]
    Encoding(&'static str),
    /// The header is no acceptable JSON object.
    #[error("token header: {0}")]
    Header(JsonError),
    /// A header member is missing or has the wrong type.
    #[error("token header member {0:?} is missing or no string")]
    HeaderMember(&'static str),
    /// `crit`, `b64` or `zip`: extensions that change the meaning of a token and are not understood here.
    #[error("token header member {0:?} is not supported")]
    Extension(&'static str),
    /// The algorithm is not among those that the caller allows.
    #[error("token algorithm {found:?}, allowed are {allowed:?}")]
    AlgorithmNotAllowed {
        /// The header's `alg`, shortened.
        found: String,
        /// The caller's list.
        allowed: Vec<&'static str>,
    },
    /// No usable key has the header's `kid`, or the header has none and no key fits its algorithm.
    #[error("no usable key {kid:?} in the key set")]
    UnknownKey {
        /// The header's `kid`.
        kid: Option<String>,
    },
    /// Keys with that `kid` exist, but are for other algorithms.
    #[error("key {kid:?} is not for algorithm {alg}")]
    KeyMismatch {
        /// The header's `kid`.
        kid: Option<String>,
        /// The header's `alg`.
        alg: &'static str,
    },
    /// Several keys fit: the header has no `kid`, or several keys share it.
    #[error("{count} keys fit the token; its header must name one by a unique kid")]
    AmbiguousKey {
        /// How many.
        count: usize,
    },
    /// The signature is not the key's over this token.
    #[error("the token's signature is wrong")]
    Signature,
    /// The payload is no acceptable JSON object.
    #[error("token claims: {0}")]
    Claims(JsonError),
}

impl Refusal for JwsError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "jws_too_large",
            Self::NotCompact => "jws_not_compact",
            Self::Encoding(_) => "jws_encoding",
            Self::Header(_) => "jws_header",
            Self::HeaderMember(_) => "jws_header_member",
            Self::Extension(_) => "jws_extension",
            Self::AlgorithmNotAllowed { .. } => "jws_algorithm_not_allowed",
            Self::UnknownKey { .. } => "jws_unknown_key",
            Self::KeyMismatch { .. } => "jws_key_mismatch",
            Self::AmbiguousKey { .. } => "jws_ambiguous_key",
            Self::Signature => "jws_signature",
            Self::Claims(_) => "jws_claims",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::AlgorithmNotAllowed { .. } => Fault::Pool,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::AlgorithmNotAllowed { found, .. } => {
                format!("sign with an allowed algorithm, or allow {found} for this issuer")
            }
            Self::UnknownKey { .. } | Self::KeyMismatch { .. } => {
                "publish the signing key with its kid, alg and use=sig at the jwks_uri before signing with it"
                    .into()
            }
            Self::AmbiguousKey { .. } => {
                "give every published key its own kid and name it in the token header".into()
            }
            _ => "send a signed JWT in compact serialization (RFC 7515 section 7.1)".into(),
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::AlgorithmNotAllowed { allowed, .. } => Some(allowed.join(" or ")),
            Self::UnknownKey { .. } => Some("a kid of the key set".to_owned()),
            _ => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::AlgorithmNotAllowed { found, .. } => Some(found.clone()),
            Self::UnknownKey { kid } | Self::KeyMismatch { kid, .. } => {
                Some(kid.clone().unwrap_or_else(|| "no kid".to_owned()))
            }
            _ => None,
        }
    }
}

/// Header members that may steer which key is tried; nothing in them is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedHeader {
    /// `alg`, any text.
    pub alg: String,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ`.
    pub typ: Option<String>,
    /// `jwk`. Whoever made the token chose it.
    pub jwk: Option<Value>,
}

/// Reads the header of a compact token without verifying anything. Refuses `crit`, `b64`, `zip`, duplicate
/// members and foreign encodings; `jku`, `x5u` and `x5c` are ignored.
pub fn unverified_header(raw: &str) -> Result<UnverifiedHeader, JwsError> {
    parse_header(split(raw)?.header)
}

/// Reads the claims of a compact token without verifying anything: good for choosing whose keys to try, and
/// for nothing else.
pub fn unverified_claims(raw: &str) -> Result<Claims, JwsError> {
    let payload = base64url_decode(split(raw)?.payload).ok_or(JwsError::Encoding("payload"))?;
    json::object(&payload, CLAIMS).map_err(JwsError::Claims)
}

/// Verifies a compact token and gives its claims.
///
/// The key is chosen by `kid`; a token without `kid` is accepted when exactly one key of the set fits its
/// algorithm, and refused as ambiguous when several do. Times, issuer and audience are the caller's to check.
pub fn verify(raw: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Claims, JwsError> {
    let payload = verify_payload(raw, keys, allowed)?;
    json::object(&payload, CLAIMS).map_err(JwsError::Claims)
}

/// Verifies a compact token like [`verify`] with one key, whatever the token calls it.
pub fn verify_with(raw: &str, key: &PublicKey, allowed: &[Algorithm]) -> Result<Claims, JwsError> {
    let parts = split(raw)?;
    let header = parse_header(parts.header)?;
    let payload = checked(&parts, key, allowed_algorithm(&header, allowed)?)?;
    json::object(&payload, CLAIMS).map_err(JwsError::Claims)
}

/// Verifies a compact token like [`verify`] and gives its payload, whatever it is.
pub fn verify_payload(raw: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Vec<u8>, JwsError> {
    let parts = split(raw)?;
    let header = parse_header(parts.header)?;
    let algorithm = allowed_algorithm(&header, allowed)?;
    let key = choose(keys, header.kid.as_deref(), algorithm)?;
    checked(&parts, key, algorithm)
}

fn allowed_algorithm(header: &UnverifiedHeader, allowed: &[Algorithm]) -> Result<Algorithm, JwsError> {
    let algorithm = Algorithm::parse(&header.alg).filter(|algorithm| allowed.contains(algorithm));
    algorithm.ok_or_else(|| JwsError::AlgorithmNotAllowed {
        found: shortened(&header.alg),
        allowed: allowed.iter().map(|algorithm| algorithm.as_str()).collect(),
    })
}

fn checked(parts: &Parts<'_>, key: &PublicKey, algorithm: Algorithm) -> Result<Vec<u8>, JwsError> {
    let signature = base64url_decode(parts.signature).ok_or(JwsError::Encoding("signature"))?;
    let payload = base64url_decode(parts.payload).ok_or(JwsError::Encoding("payload"))?;
    if key.verifies(algorithm, parts.signed.as_bytes(), &signature) {
        Ok(payload)
    } else {
        Err(JwsError::Signature)
    }
}

struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

fn split(raw: &str) -> Result<Parts<'_>, JwsError> {
    if raw.len() > MAX_TOKEN {
        return Err(JwsError::TooLarge(raw.len()));
    }
    let (signed, signature) = raw.rsplit_once('.').ok_or(JwsError::NotCompact)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
    if payload.contains('.') {
        Err(JwsError::NotCompact)
    } else {
        Ok(Parts { signed, header, payload, signature })
    }
}

fn parse_header(encoded: &str) -> Result<UnverifiedHeader, JwsError> {
    let bytes = base64url_decode(encoded).ok_or(JwsError::Encoding("header"))?;
    let members = json::object(&bytes, HEADER).map_err(JwsError::Header)?;
    for extension in ["crit", "b64", "zip"] {
        if members.contains_key(extension) {
            return Err(JwsError::Extension(extension));
        }
    }
    let alg = string(&members, "alg")?.ok_or(JwsError::HeaderMember("alg"))?;
    Ok(UnverifiedHeader {
        alg,
        kid: string(&members, "kid")?,
        typ: string(&members, "typ")?,
        jwk: members.get("jwk").cloned(),
    })
}

fn string(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, JwsError> {
    members
        .get(name)
        .map(|value| value.as_str().map(str::to_owned).ok_or(JwsError::HeaderMember(name)))
        .transpose()
}

fn choose<'k>(keys: &'k KeySet, kid: Option<&str>, algorithm: Algorithm) -> Result<&'k PublicKey, JwsError> {
    let named: Vec<&PublicKey> = keys.keys().iter().filter(|key| kid.is_none() || key.kid() == kid).collect();
    let unknown = || JwsError::UnknownKey { kid: kid.map(shortened) };
    if named.is_empty() {
        return Err(unknown());
    }
    let fitting: Vec<&PublicKey> =
        named.into_iter().filter(|key| key.algorithms().any(|have| have == algorithm)).collect();
    match fitting.as_slice() {
        [key] => Ok(key),
        [] if kid.is_none() => Err(unknown()),
        [] => Err(JwsError::KeyMismatch { kid: kid.map(shortened), alg: algorithm.as_str() }),
        several => Err(JwsError::AmbiguousKey { count: several.len() }),
    }
}

/// Enough to recognise a value in a log, too little to flood it.
fn shortened(text: &str) -> String {
    text.chars().take(128).collect()
}
