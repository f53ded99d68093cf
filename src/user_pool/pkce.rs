//! PKCE check of an app's code ([RFC 7636 section 4.6](https://www.rfc-editor.org/rfc/rfc7636#section-4.6)).

use super::token_refusal::TokenRefusal;
use crate::model::encoding::{base64url, sha256};
use crate::model::secret::same_secret;

/// Compares the `code_verifier` of a token request with the `code_challenge` of the authorization request,
/// S256 only. Fails when one of the two is missing or they do not belong together.
pub(super) fn check(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), TokenRefusal> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(TokenRefusal::VerifierUnasked),
        (Some(_), None) => Err(TokenRefusal::VerifierMissing),
        (Some(challenge), Some(verifier)) => {
            let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
            let well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
            let matches = same_secret(base64url(sha256(verifier)), challenge);
            if well_formed && matches { Ok(()) } else { Err(TokenRefusal::VerifierMismatch) }
        }
    }
}
