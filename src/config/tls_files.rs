//! A certificate chain and its private key, named in the configuration as two files.

use std::path::{Path, PathBuf};

use crate::model::document::Table;

/// The files of a certificate chain (PEM, the server's own first) and its private key (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Reads the two keys; `None` when neither is given, or when a problem was noted.
pub(super) fn read(
    table: &Table<'_>,
    folder: &Path,
    [certificate_file, key_file]: [&str; 2],
) -> Option<TlsFiles> {
    let path = |key: &str, holds: &str| {
        let content = table.file(key)?;
        if !content.contains(holds) {
            table.problem(key, "the file holds nothing of the kind", format!("name a PEM file with {holds}"));
        }
        table.string(key).map(|name| folder.join(name))
    };
    let certificate = path(certificate_file, "-----BEGIN CERTIFICATE-----");
    let key = path(key_file, "PRIVATE KEY-----");
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            table.require(key_file);
            None
        }
        (None, Some(_)) => {
            table.require(certificate_file);
            None
        }
    }
}
