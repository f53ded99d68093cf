//! DPoP proofs of apps ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)): a request was made by whoever
//! holds a key.

use serde_json::Value;
use url::Url;

use crate::model::encoding::{base64url, sha256};
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;
use crate::model::time::Timestamp;
use crate::protocol::jose::{self, Algorithm, JwsError, PublicKey, Unusable, thumbprint};

/// Algorithms of proofs.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];
const TYPE: &str = "dpop+jwt";
/// Longest accepted proof, in bytes.
const MAX_PROOF: usize = 8 * 1024;
/// Longest accepted `jti`, in bytes.
const MAX_JTI: usize = 256;
/// How far `iat` may be from now, either way.
const WINDOW: i64 = 60;

/// One failed check of a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// Longer than any honest one.
    #[error("the DPoP proof is {0} bytes long")]
    TooLarge(usize),
    /// Shape or signature.
    #[error("DPoP proof: {0}")]
    Jws(#[from] JwsError),
    /// `typ` is not `dpop+jwt`.
    #[error("typ of the DPoP proof is not dpop+jwt")]
    Type,
    /// No `jwk` in the header, or one that cannot be used.
    #[error("jwk in the header of the DPoP proof: {0}")]
    Key(Unusable),
    /// A claim is missing or has another type.
    #[error("claim {0:?} of the DPoP proof is missing or malformed")]
    Claim(&'static str),
    /// `htm` is not the method of the request.
    #[error("htm of the DPoP proof is not {0}")]
    Method(String),
    /// `htu` is not the URL of the request.
    #[error("htu of the DPoP proof is {found:?}, expected {expected:?}")]
    Url {
        /// What came.
        found: String,
        /// The endpoint.
        expected: String,
    },
    /// Too old, or from the future.
    #[error("claim {claim:?} of the DPoP proof is {at}, now is {now}")]
    Time {
        /// Which.
        claim: &'static str,
        /// Its value.
        at: i64,
        /// Now, in seconds.
        now: i64,
    },
    /// `ath` is not the hash of the access token.
    #[error("ath of the DPoP proof is not the hash of the access token")]
    AccessToken,
}

impl Refusal for DpopError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "dpop_proof_too_large",
            Self::Jws(_) => "dpop_proof_signature",
            Self::Type => "dpop_proof_type",
            Self::Key(_) => "dpop_proof_key",
            Self::Claim(_) => "dpop_proof_claim",
            Self::Method(_) => "dpop_proof_method",
            Self::Url { .. } => "dpop_proof_url",
            Self::Time { .. } => "dpop_proof_time",
            Self::AccessToken => "dpop_proof_access_token",
        }
    }

    fn fault(&self) -> Fault {
        Fault::App
    }

    fn hint(&self) -> String {
        match self {
            Self::TooLarge(_) => "put no more into a proof than its claims".into(),
            Self::Jws(_) => {
                "sign the proof with PS256, ES256 or EdDSA and the key whose public half is jwk in its header"
                    .into()
            }
            Self::Type => "set typ in the header of the proof to dpop+jwt".into(),
            Self::Key(_) => "put the public key alone into the header of the proof as jwk".into(),
            Self::Claim(name) => format!("send {name} in the proof"),
            Self::Method(method) => format!("set htm to {method}"),
            Self::Url { expected, .. } => format!("set htu to {expected:?}, without query and fragment"),
            Self::Time { .. } => "make each proof just before it is sent, with the right time".into(),
            Self::AccessToken => "set ath to the base64url SHA-256 of the access token that is sent".into(),
        }
    }
}

/// What a proof is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The URLs under which the endpoint may have been asked.
    pub urls: &'a [String],
    /// The access token beside the proof, at a resource.
    pub access_token: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// A proof in which every check passed but whether it comes for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    jkt: String,
    jti: String,
    nonce: Option<String>,
    expires: Timestamp,
}

impl Proof {
    /// The SHA-256 thumbprint of the key, base64url ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
    pub fn jkt(&self) -> &str {
        &self.jkt
    }

    /// `jti`: once for each key.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// `nonce`.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// Until when its `jti` has to be remembered.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// Verifies a proof ([RFC 9449 section 4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3)).
pub fn verify(raw: &str, expected: Expected<'_>) -> Result<Proof, DpopError> {
    if raw.len() > MAX_PROOF {
        return Err(DpopError::TooLarge(raw.len()));
    }
    let header = jose::unverified_header(raw)?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(DpopError::Type);
    }
    let jwk = header.jwk.ok_or(DpopError::Key(Unusable::Malformed))?;
    let key = PublicKey::from_jwk(&jwk).map_err(DpopError::Key)?;
    let claims = jose::verify_with(raw, &key, &ALGORITHMS)?;
    if text(&claims, "htm")? != expected.method {
        return Err(DpopError::Method(expected.method.to_owned()));
    }
    same_url(text(&claims, "htu")?, expected.urls)?;
    let expires = in_time(&claims, expected.now.secs())?;
    if let Some(token) = expected.access_token
        && text(&claims, "ath")? != base64url(sha256(token))
    {
        return Err(DpopError::AccessToken);
    }
    let jti = text(&claims, "jti")?;
    if !(1..=MAX_JTI).contains(&jti.len()) {
        return Err(DpopError::Claim("jti"));
    }
    let nonce =
        claims.contains_key("nonce").then(|| text(&claims, "nonce").map(str::to_owned)).transpose()?;
    let jkt = thumbprint(&jwk).map(base64url).ok_or(DpopError::Key(Unusable::Malformed))?;
    Ok(Proof { jkt, jti: jti.to_owned(), nonce, expires })
}

/// Compares scheme, host, port and path, normalised ([RFC 3986 section
/// 6.2](https://www.rfc-editor.org/rfc/rfc3986#section-6.2)).
fn same_url(htu: &str, urls: &[String]) -> Result<(), DpopError> {
    let found = normalised(htu).ok_or(DpopError::Claim("htu"))?;
    if urls.iter().any(|url| normalised(url).as_ref() == Some(&found)) {
        return Ok(());
    }
    let expected = urls.first().cloned().unwrap_or_default();
    Err(DpopError::Url { found: htu.chars().take(256).collect(), expected })
}

fn normalised(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

fn in_time(claims: &Claims, now: i64) -> Result<Timestamp, DpopError> {
    let date = |claim: &'static str| {
        claims.get(claim).map(|value| jose::numeric_date(value).ok_or(DpopError::Claim(claim))).transpose()
    };
    let issued = date("iat")?.ok_or(DpopError::Claim("iat"))?;
    if issued.abs_diff(now) > WINDOW.unsigned_abs() {
        return Err(DpopError::Time { claim: "iat", at: issued, now });
    }
    match (date("nbf")?, date("exp")?) {
        (Some(at), _) if at > now.saturating_add(WINDOW) => Err(DpopError::Time { claim: "nbf", at, now }),
        (_, Some(at)) if at <= now => Err(DpopError::Time { claim: "exp", at, now }),
        _ => Ok(Timestamp::from_secs(issued.saturating_add(WINDOW + 1))),
    }
}

fn text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str, DpopError> {
    claims.get(name).and_then(Value::as_str).ok_or(DpopError::Claim(name))
}
