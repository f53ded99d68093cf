//! Browser binding: what ties a flow to the browser that started it.

use serde::{Deserialize, Serialize};

use crate::model::encoding::{base64url, sha256};
use crate::model::secret::same_secret;

/// SHA-256 (base64url) of the secret in the browser's cookie: a flow goes on only in the browser that holds
/// it (B-01, B-23, D-12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrowserBinding(String);

impl BrowserBinding {
    /// Binds to the browser whose cookie holds `secret`.
    pub fn to(secret: &str) -> Self {
        Self(base64url(sha256(secret)))
    }

    /// Whether the browser that presents `secrets` is the one bound to.
    pub fn holds(&self, secrets: &[String]) -> bool {
        secrets.iter().any(|secret| same_secret(&self.0, &Self::to(secret).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-01
    #[test]
    fn only_the_same_secret_holds() {
        let binding = BrowserBinding::to("kept");
        assert!(binding.holds(&["other".to_owned(), "kept".to_owned()]));
        assert!(!binding.holds(&["other".to_owned()]));
        assert!(!binding.holds(&[String::new()]));
        assert!(!binding.holds(&[]));
    }
}
