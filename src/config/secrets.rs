//! Rules for secrets that the operator writes.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::model::document::Invalid;
use crate::model::encoding::{base64_decode, base64url_decode};
use crate::model::secret::{ExposeSecret, SecretString};

/// Shortest secret of an app client.
const SHORTEST: usize = 16;

/// Texts that stand for a secret in examples and forms, compared without case and punctuation (E-33).
const SAMPLES: [&str; 16] = [
    "secret",
    "clientsecret",
    "yoursecret",
    "yourclientsecret",
    "mysecret",
    "supersecret",
    "topsecret",
    "secretsecretsecret",
    "changeme",
    "changemeplease",
    "replaceme",
    "password",
    "demosecret",
    "testsecret",
    "examplesecret",
    "symbolon",
];

/// Whether the key that seals what is stored is 32 random bytes in base64, base64url or hexadecimal.
pub(super) fn seal_key(secret: &SecretString) -> Result<(), Invalid> {
    let text = secret.expose_secret().trim();
    let decoded =
        hex(text).or_else(|| base64_decode(text)).or_else(|| base64url_decode(text)).map(Zeroizing::new);
    let fix = "write the output of: openssl rand -base64 32";
    let Some(bytes) = decoded.filter(|bytes| bytes.len() == 32) else {
        return Err(Invalid::new("the key is not 32 bytes in base64 or hexadecimal", fix));
    };
    let distinct = bytes.iter().collect::<BTreeSet<_>>().len();
    if distinct < 8 {
        return Err(Invalid::new("the key is not random", fix));
    }
    Ok(())
}

/// Whether an app client's secret is long enough and none of the well-known samples.
pub(super) fn client_secret(secret: &SecretString) -> Result<(), Invalid> {
    let fix = "write the output of: openssl rand -hex 24";
    if is_sample(secret) {
        return Err(Invalid::new("the secret is a sample from an example", fix));
    }
    let length = secret.expose_secret().len();
    if length < SHORTEST {
        return Err(Invalid::new(
            format!("the secret has {length} characters, {SHORTEST} are the least"),
            fix,
        ));
    }
    Ok(())
}

/// Whether the secret is a placeholder: a known sample, dots, or one character repeated.
pub(super) fn is_sample(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let mut characters = text.chars();
    let first = characters.next();
    SAMPLES.contains(&letters.as_str()) || letters.is_empty() || characters.all(|c| Some(c) == first)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}
