//! Every effect, one file each: real in production, settable in tests.

pub mod address;
pub mod clock;
mod credentials;
pub mod gate;
pub mod http;
pub mod keygen;
pub mod metrics;
pub mod random;
pub mod refreshing;
pub mod saml_metadata;
pub mod upstreams;

use crate::model::time::Timestamp;

use clock::Clock;
use random::Random;

/// The clock and the source of randomness that everything uses. Clones share them.
#[derive(Debug, Clone)]
pub struct Outside {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

impl Outside {
    /// The system's.
    pub fn real() -> Self {
        Self { clock: Clock::Real, random: Random::Real }
    }

    /// A clock that stands at `now` and repeatable randomness.
    pub fn fake(now: Timestamp, seed: u64) -> Self {
        Self { clock: Clock::fake(now), random: Random::fake(seed) }
    }
}
