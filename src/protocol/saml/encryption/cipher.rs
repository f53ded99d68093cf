//! The content ciphers: AES-GCM, and AES-CBC where a rule allows it.

use aws_lc_rs::aead::{self, AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    self, AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

const GCM_IV: usize = 12;
const GCM_TAG: usize = 16;
const CBC_IV: usize = 16;

/// A content cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Aes128Gcm,
    Aes192Gcm,
    Aes256Gcm,
    Aes128Cbc,
    Aes192Cbc,
    Aes256Cbc,
}

impl Content {
    const ALL: [Self; 6] = [
        Self::Aes128Gcm,
        Self::Aes192Gcm,
        Self::Aes256Gcm,
        Self::Aes128Cbc,
        Self::Aes192Cbc,
        Self::Aes256Cbc,
    ];

    pub(super) const fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes192Gcm => "http://www.w3.org/2009/xmlenc11#aes192-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes192Cbc => "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        }
    }

    pub(super) fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content| content.uri() == uri)
    }

    pub(super) const fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm)
    }

    pub(super) const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
            Self::Aes192Gcm | Self::Aes192Cbc => 24,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }

    /// Whether a ciphertext may have `length` bytes, the initialization vector included.
    pub(super) const fn may_have(self, length: usize) -> bool {
        if self.is_authenticated() {
            length > GCM_IV + GCM_TAG
        } else {
            length >= 2 * CBC_IV && length.is_multiple_of(CBC_IV)
        }
    }
}

/// Decrypts `cipher`, which starts with its initialization vector; `None` for every failure.
pub(super) fn open(content: Content, key: &[u8], cipher: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(cipher);
    let opened = match content {
        Content::Aes128Gcm => open_gcm(&AES_128_GCM, key, &mut plain),
        Content::Aes192Gcm => open_gcm(&AES_192_GCM, key, &mut plain),
        Content::Aes256Gcm => open_gcm(&AES_256_GCM, key, &mut plain),
        Content::Aes128Cbc => open_cbc(&AES_128, key, &mut plain),
        Content::Aes192Cbc => open_cbc(&AES_192, key, &mut plain),
        Content::Aes256Cbc => open_cbc(&AES_256, key, &mut plain),
    };
    let (start, length) = opened?;
    plain.truncate(start + length);
    plain.drain(..start);
    Some(plain)
}

/// Decrypts in place; where the plaintext starts and how long it is.
fn open_gcm(algorithm: &'static aead::Algorithm, key: &[u8], bytes: &mut [u8]) -> Option<(usize, usize)> {
    let (iv, sealed) = bytes.split_at_mut_checked(GCM_IV)?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    let plain = key.open_in_place(Nonce::try_assume_unique_for_key(iv).ok()?, Aad::empty(), sealed).ok()?;
    Some((GCM_IV, plain.len()))
}

/// As [`open_gcm`]. The padding is [ISO 10126](https://www.w3.org/TR/xmlenc-core1/#sec-Padding): only its
/// last byte means something.
fn open_cbc(algorithm: &'static cipher::Algorithm, key: &[u8], bytes: &mut [u8]) -> Option<(usize, usize)> {
    let (iv, sealed) = bytes.split_at_mut_checked(CBC_IV)?;
    let key = PaddedBlockDecryptingKey::cbc_iso10126(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
    let iv: [u8; CBC_IV] = (&*iv).try_into().ok()?;
    let plain = key.decrypt(sealed, DecryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    Some((CBC_IV, plain.len()))
}
