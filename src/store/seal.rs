//! Encryption at rest and in tokens that only this broker reads. Who holds a dump of the store mints and
//! reads nothing (E-30, E-31).
//!
//! AES-256-GCM-SIV ([RFC 8452](https://www.rfc-editor.org/rfc/rfc8452)) with a random nonce of 96 bits, under
//! one key for each label (a kind of record, a kind of token) that HKDF-SHA256 derives from the master key
//! once. Under plain GCM a nonce that comes twice would give both texts and the key's authenticity away, so
//! that one key should seal no more than 2^32 values: weeks for a busy broker. Here it tells only whether two
//! values, bound to the same place, are the same one; a place is a record's key, which is random, so a nonce
//! that comes twice (some 2^48 values of one kind) says nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::model::encoding::{base64, base64_decode, base64url, base64url_decode};
use crate::outside::random::Random;

/// The 32 bytes from which every key of the broker is derived.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SecretKeyBytes([u8; 32]);

/// The text is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 random bytes as base64 (44 characters) or hexadecimal (64 characters)")]
pub struct InvalidSecretKey;

impl SecretKeyBytes {
    /// A fresh key.
    pub fn generate(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// Parses base64, base64url or hexadecimal text; surrounding white space is ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidSecretKey> {
        let text = text.trim();
        let mut bytes = match text.len() {
            64 => hex(text),
            _ => base64_decode(text).or_else(|| base64url_decode(text)),
        }
        .ok_or(InvalidSecretKey)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map(Self);
        bytes.zeroize();
        key.map_err(|_| InvalidSecretKey)
    }

    /// The key as base64, as [`SecretKeyBytes::parse`] takes it. A secret.
    pub fn to_base64(&self) -> String {
        base64(self.0)
    }
}

impl fmt::Debug for SecretKeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKeyBytes(..)")
    }
}

/// Seals and opens. Cheap to clone; clones share the keys that were derived.
#[derive(Clone)]
pub struct Seal {
    root: Arc<Prk>,
    derived: Arc<RwLock<HashMap<String, Arc<Derived>>>>,
}

/// The keys of one label.
struct Derived {
    records: LessSafeKey,
    tokens: LessSafeKey,
    token_nonces: hmac::Key,
}

/// Bytes of a nonce.
pub(in crate::store) const NONCE: usize = 12;
const TAG: usize = 16;
/// Most labels whose keys are remembered; ours are fewer.
const MOST_LABELS: usize = 256;

impl Seal {
    /// With the keys of this master key.
    pub fn new(key: &SecretKeyBytes) -> Self {
        Self {
            root: Arc::new(Salt::new(HKDF_SHA256, b"symbolon/3").extract(&key.0)),
            derived: Arc::default(),
        }
    }

    /// Encrypts `plain` for `label`, bound to `aad`. Begins with a random nonce of 12 bytes.
    pub fn seal(&self, label: &str, aad: &[u8], plain: &[u8], random: &Random) -> Vec<u8> {
        sealed(&self.keys(label).records, aad, plain, random.bytes())
    }

    /// Decrypts what [`Seal::seal`] gave for the same label and `aad`; `None` for anything else.
    pub fn open(&self, label: &str, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        self.open_parts(label, aad, *nonce, rest)
    }

    /// [`Seal::open`] of what was taken apart after the nonce.
    pub(in crate::store) fn open_parts(
        &self,
        label: &str,
        aad: &[u8],
        nonce: [u8; NONCE],
        rest: &[u8],
    ) -> Option<Vec<u8>> {
        opened(&self.keys(label).records, aad, nonce, rest)
    }

    /// A value as an opaque token: base64url, the same for the same value, unreadable and unforgeable without
    /// the master key.
    ///
    /// A value that is no JSON gives the empty text, which opens to nothing.
    pub fn token<T: Serialize>(&self, label: &str, value: &T) -> String {
        let Ok(plain) = serde_json::to_vec(value) else { return String::new() };
        let keys = self.keys(label);
        let mut nonce = [0; NONCE];
        for (to, from) in nonce.iter_mut().zip(hmac::sign(&keys.token_nonces, &plain).as_ref()) {
            *to = *from;
        }
        base64url(sealed(&keys.tokens, b"", &plain, nonce))
    }

    /// The value of a token made by [`Seal::token`] for the same label; `None` for anything else.
    pub fn open_token<T: DeserializeOwned>(&self, label: &str, text: &str) -> Option<T> {
        let sealed = base64url_decode(text)?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let plain = opened(&self.keys(label).tokens, b"", *nonce, rest)?;
        serde_json::from_slice(&plain).ok()
    }

    /// 16 bytes for `text`: always the same, and without the master key as good as random.
    pub fn bytes_of(&self, purpose: &str, text: &str) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(self.derive(&[b"bytes", purpose.as_bytes(), text.as_bytes()]))
        {
            *to = from;
        }
        bytes
    }

    fn keys(&self, label: &str) -> Arc<Derived> {
        if let Some(known) = self.derived.read().unwrap_or_else(PoisonError::into_inner).get(label) {
            return Arc::clone(known);
        }
        let derived = Arc::new(Derived {
            records: self.cipher(&[b"record", label.as_bytes()]),
            tokens: self.cipher(&[b"token", label.as_bytes()]),
            token_nonces: hmac::Key::new(
                hmac::HMAC_SHA256,
                &self.derive(&[b"token nonce", label.as_bytes()]),
            ),
        });
        let mut all = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST_LABELS {
            all.insert(label.to_owned(), Arc::clone(&derived));
        }
        derived
    }

    fn cipher(&self, parts: &[&[u8]]) -> LessSafeKey {
        let mut bytes = self.derive(parts);
        let key = must(UnboundKey::new(&AES_256_GCM_SIV, &bytes));
        bytes.zeroize();
        LessSafeKey::new(key)
    }

    /// HKDF-Expand with length-prefixed parts, so that they do not run together.
    fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut info = Vec::new();
        for part in parts {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part);
        }
        let mut out = [0; 32];
        must(self.root.expand(&[&info], HKDF_SHA256).and_then(|okm| okm.fill(&mut out)));
        out
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

fn sealed(key: &LessSafeKey, aad: &[u8], plain: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(NONCE + plain.len() + TAG);
    buffer.extend_from_slice(&nonce);
    buffer.extend_from_slice(plain);
    let text = buffer.get_mut(NONCE..).unwrap_or_default();
    let tag = must(key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), text));
    buffer.extend_from_slice(tag.as_ref());
    buffer
}

fn opened(key: &LessSafeKey, aad: &[u8], nonce: [u8; NONCE], rest: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = rest.to_vec();
    let length =
        key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// Fixed algorithms and lengths leave the crypto library no reason to refuse; were it to, nothing could be
/// kept secret any more.
fn must<T>(result: Result<T, Unspecified>) -> T {
    result.unwrap_or_else(|_| std::process::abort())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(seed: u64) -> Seal {
        Seal::new(&SecretKeyBytes::generate(&Random::fake(seed)))
    }

    /// E-30
    #[test]
    fn what_is_sealed_opens_only_with_its_key_label_and_place() {
        let sealed = seal(1).seal("flow", b"key-1", b"plain text", &Random::Real);
        assert_eq!(seal(1).open("flow", b"key-1", &sealed).as_deref(), Some(b"plain text".as_slice()));
        assert!(!sealed.windows(5).any(|w| w == b"plain"));
        assert_eq!(seal(2).open("flow", b"key-1", &sealed), None);
        assert_eq!(seal(1).open("session", b"key-1", &sealed), None);
        assert_eq!(seal(1).open("flow", b"key-2", &sealed), None);
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_refused() {
        let sealed = seal(1).seal("flow", b"", b"x", &Random::Real);
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(seal(1).open("flow", b"", &bad), None, "byte {at}");
            assert_eq!(seal(1).open("flow", b"", &sealed[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn the_same_value_sealed_twice_looks_different() {
        assert_ne!(seal(1).seal("a", b"", b"x", &Random::Real), seal(1).seal("a", b"", b"x", &Random::Real));
    }

    /// E-31
    #[test]
    fn tokens_repeat_for_the_same_value_and_open_only_under_their_label() {
        let token = seal(1).token("refresh", &("family", 3));
        assert_eq!(token, seal(1).token("refresh", &("family", 3)));
        assert_ne!(token, seal(1).token("refresh", &("family", 4)));
        assert_eq!(seal(1).open_token::<(String, u32)>("refresh", &token), Some(("family".into(), 3)));
        assert_eq!(seal(1).open_token::<(String, u32)>("code", &token), None);
        assert_eq!(seal(2).open_token::<(String, u32)>("refresh", &token), None);
        assert_eq!(seal(1).open_token::<(String, u32)>("refresh", ""), None);
    }

    #[test]
    fn master_keys_parse_from_base64_and_hexadecimal() {
        let key = SecretKeyBytes::parse(&"ab".repeat(32)).unwrap();
        assert_eq!(SecretKeyBytes::parse(&format!(" {}\n", key.to_base64())).unwrap().0, key.0);
        for bad in ["", "abcd", &"zz".repeat(32), &"ab".repeat(33)] {
            assert_eq!(SecretKeyBytes::parse(bad).err(), Some(InvalidSecretKey));
        }
        assert_eq!(format!("{key:?}"), "SecretKeyBytes(..)");
    }
}
