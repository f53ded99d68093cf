//! The userinfo answer ([OpenID Connect Core section
//! 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)).

use serde_json::Value;

use super::super::Verified;
use super::super::jose::{self, Algorithm, JwsError, KeySet};
use super::super::json::{self, JsonError};
use super::super::oauth2::token_request::DOCUMENT;
use super::id_token::IdTokenClaims;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::Claims;

/// Why userinfo is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// A status other than 200; redirects are not followed.
    #[error("userinfo answered with status {0}")]
    Status(u16),
    /// Neither JSON nor a signed token.
    #[error("userinfo answered with content type {0:?}")]
    ContentType(String),
    /// No acceptable JSON.
    #[error("userinfo: {0}")]
    Json(JsonError),
    /// A signed answer that is not the provider's.
    #[error("signed userinfo: {0}")]
    Signature(JwsError),
    /// A signed answer of another issuer or for another client.
    #[error("signed userinfo is of another {0}")]
    Foreign(&'static str),
    /// Another subject than the ID token's, or none (B-25).
    #[error("userinfo is about another subject than the ID token")]
    Subject,
}

impl Refusal for UserinfoError {
    fn code(&self) -> &'static str {
        match self {
            Self::Status(_) => "userinfo_status",
            Self::ContentType(_) => "userinfo_content_type",
            Self::Json(_) => "userinfo_malformed",
            Self::Signature(_) => "userinfo_signature",
            Self::Foreign(_) => "userinfo_foreign",
            Self::Subject => "userinfo_subject_mismatch",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Provider
    }

    fn hint(&self) -> String {
        match self {
            Self::Subject => {
                "the provider must send the same sub in ID token and userinfo; switch userinfo off for this \
                 provider otherwise"
                    .into()
            }
            _ => "check the userinfo endpoint of this provider, or switch userinfo off if the ID token has \
                all claims"
                .into(),
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Status(429 | 500..))
    }
}

/// A userinfo answer as it came.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The media type, lower case, without parameters.
    pub media_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a signed answer is verified with.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The provider's keys.
    pub keys: &'a KeySet,
    /// Accepted algorithms.
    pub algorithms: &'a [Algorithm],
    /// The broker at the provider.
    pub client_id: &'a str,
}

/// The claims of ID token and userinfo together; the ID token's win. A signed answer is verified with the
/// provider's keys.
pub fn merge(
    id_token: &Verified<IdTokenClaims>,
    answer: Answer<'_>,
    signer: Signer<'_>,
) -> Result<Claims, UserinfoError> {
    if answer.status != 200 {
        return Err(UserinfoError::Status(answer.status));
    }
    let userinfo = match answer.media_type {
        Some("application/json") | None => {
            json::object(answer.body, DOCUMENT).map_err(UserinfoError::Json)?
        }
        Some("application/jwt") => verify_signed(id_token, answer.body, signer)?,
        Some(other) => return Err(UserinfoError::ContentType(other.chars().take(64).collect())),
    };
    if userinfo.get("sub").and_then(Value::as_str) != Some(id_token.subject.as_str()) {
        return Err(UserinfoError::Subject);
    }
    let (mut merged, mut userinfo) = (id_token.claims.clone(), userinfo);
    for (value, flag) in PROVED {
        keep_together(&mut merged, &mut userinfo, value, flag);
    }
    for (name, value) in userinfo {
        merged.entry(name).or_insert(value);
    }
    Ok(merged)
}

/// Claims and the flags that speak of them.
const PROVED: [(&str, &str); 3] =
    [("email", "email_verified"), ("email", "xms_edov"), ("phone_number", "phone_number_verified")];

/// A flag speaks of the value beside it: it is never joined with another value from the other source (B-49).
fn keep_together(id_token: &mut Claims, userinfo: &mut Claims, value: &str, flag: &str) {
    match (id_token.get(value), userinfo.get(value)) {
        (Some(ours), theirs) if theirs != Some(ours) => drop(userinfo.remove(flag)),
        (None, Some(_)) => drop(id_token.remove(flag)),
        _ => {}
    }
}

fn verify_signed(id_token: &IdTokenClaims, body: &[u8], signer: Signer<'_>) -> Result<Claims, UserinfoError> {
    let raw = std::str::from_utf8(body).map_err(|_| UserinfoError::Signature(JwsError::NotCompact))?;
    let claims =
        jose::verify(raw.trim_ascii(), signer.keys, signer.algorithms).map_err(UserinfoError::Signature)?;
    if claims.get("iss") != id_token.claims.get("iss") {
        return Err(UserinfoError::Foreign("issuer"));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(one)) => one == signer.client_id,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(signer.client_id)),
        _ => false,
    };
    if for_us { Ok(claims) } else { Err(UserinfoError::Foreign("audience")) }
}
