//! Secrets: redacted in `Debug`, wiped on drop, compared in constant time.

pub use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::encoding::sha256;

/// Whether two secrets are equal, in time that depends on neither content nor common prefix.
///
/// Digests are compared, so the lengths do not show either.
pub fn same_secret(left: impl AsRef<[u8]>, right: impl AsRef<[u8]>) -> bool {
    sha256(left).ct_eq(&sha256(right)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E-35
    #[test]
    fn secrets_compare_by_content_whatever_their_length() {
        assert!(same_secret("correct", "correct"));
        assert!(!same_secret("correct", "correct horse"));
        assert!(!same_secret("", "x"));
    }

    /// E-34
    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = SecretString::from("hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
