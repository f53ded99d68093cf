//! Every effect, one file each: real in production, settable in tests.

pub mod address;
mod apple_secret;
pub mod client_authorities;
pub mod client_keys;
pub mod clock;
mod provider_credentials;
pub mod circuit_breaker;
pub mod http;
pub mod keygen;
pub mod metrics;
pub mod random;
pub mod stale_while_revalidate;
pub mod saml_metadata;
pub mod telemetry;
pub mod upstreams;

use crate::model::time::Timestamp;

use clock::Clock;
use metrics::Metrics;
use random::Random;
use telemetry::Telemetry;

/// The clock, the source of randomness, and what is told of the work done: used by everything. Clones share
/// them.
#[derive(Debug, Clone)]
pub struct Outside {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// What is counted for the operator.
    pub metrics: Metrics,
    /// What is reported to a collector.
    pub telemetry: Telemetry,
}

impl Outside {
    /// The system's.
    pub fn real() -> Self {
        Self::of(Clock::Real, Random::Real)
    }

    /// A clock that stands at `now` and repeatable randomness.
    pub fn fake(now: Timestamp, seed: u64) -> Self {
        Self::of(Clock::fake(now), Random::fake(seed))
    }

    /// This clock and this randomness, nothing counted yet and nothing reported.
    pub fn of(clock: Clock, random: Random) -> Self {
        Self { clock, random, metrics: Metrics::default(), telemetry: Telemetry::default() }
    }
}
