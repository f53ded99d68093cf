//! Random bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand;

use crate::model::encoding::{base64url, sha256};

/// A source of random bytes. Clones of a fake source share its position.
#[derive(Debug, Clone)]
pub enum Random {
    /// The operating system's, through the crypto library.
    Real,
    /// SHA-256 of a seed and a counter: repeatable, for tests and simulation.
    Fake {
        /// What distinguishes runs.
        seed: u64,
        /// How often it was asked.
        position: Arc<AtomicU64>,
    },
}

impl Random {
    /// A repeatable source.
    pub fn fake(seed: u64) -> Self {
        Self::Fake { seed, position: Arc::new(AtomicU64::new(0)) }
    }

    /// `N` random bytes, `N` at most 32.
    ///
    /// The process ends when the operating system gives no randomness: nothing here can go on without it.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        const { assert!(N <= 32) };
        let mut out = [0; N];
        match self {
            Self::Real => {
                if rand::fill(&mut out).is_err() {
                    std::process::abort();
                }
            }
            Self::Fake { seed, position } => {
                let mut input = seed.to_be_bytes().to_vec();
                input.extend_from_slice(&position.fetch_add(1, Ordering::SeqCst).to_be_bytes());
                for (to, from) in out.iter_mut().zip(sha256(input)) {
                    *to = from;
                }
            }
        }
        out
    }

    /// 256 random bits as 43 base64url characters: handles, nonces, verifiers.
    pub fn token(&self) -> String {
        base64url(self.bytes::<32>())
    }

    /// 72 random bits as text, for what must not come twice and need not be kept secret.
    pub fn stamp(&self) -> String {
        base64url(self.bytes::<9>())
    }
}
