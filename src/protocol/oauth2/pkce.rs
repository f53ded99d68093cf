//! Proof Key for Code Exchange, method S256 ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)).

use crate::model::encoding::{base64url, sha256};

/// The `code_challenge` of `verifier` ([section 4.2](https://www.rfc-editor.org/rfc/rfc7636#section-4.2)).
pub fn s256(verifier: &str) -> String {
    base64url(sha256(verifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        assert_eq!(
            s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
