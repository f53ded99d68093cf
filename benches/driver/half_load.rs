//! How long people wait while a server has half of the work that it can do.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Fail;
use super::load::{Crew, Pace};
use super::mode::Mode;
use super::options::{MOST_AT_ONCE, Options};
use super::statistics::Latency;

/// Fewest operations at once in the search.
const FEWEST_AT_ONCE: usize = 4;
/// More at once is worth it where the rate grows by this factor.
const WORTH: f64 = 1.03;

/// Latencies at half of the rate that saturates a server.
#[derive(Debug, Serialize)]
pub struct HalfLoad {
    /// Operations in a second when the next one begins as soon as one ends, with as many at once as still
    /// made it faster.
    pub saturation: f64,
    /// How many at once that were.
    pub at_once: usize,
    /// Operations begun in a second: half of that.
    pub rate: f64,
    /// Operations ended in a second: about as many, unless the driver was too slow.
    pub reached: f64,
    /// How many there were.
    pub operations: usize,
    /// By step.
    pub latency: Vec<Latency>,
    /// The same steps of the floor at the same rate: what driver and machine have in it.
    pub floor: Vec<Latency>,
    /// All errors by kind.
    pub errors: BTreeMap<String, usize>,
}

/// Finds the rate, and measures at half of it as many operations as in all rounds together.
pub async fn measure(options: &Options, mode: Mode, crew: &Crew, floor: &Crew) -> Result<HalfLoad, Fail> {
    let count = options.count * mode.repeated();
    let (saturation, at_once, mut errors) = saturation(mode, crew, count).await?;
    let rate = saturation / 2.0;
    let pace = Pace { count: count * options.rounds, concurrency: MOST_AT_ONCE, rate: Some(rate) };
    // What is kept by connection is there before anybody counts.
    let first = Pace { count: MOST_AT_ONCE * 2, rate: None, ..pace };
    for crew in [crew, floor] {
        crew.round(mode, first).await?;
    }
    let of_floor = floor.round(mode, pace).await?;
    let seen = crew.round(mode, pace).await?;
    for (kind, count) in seen.errors {
        *errors.entry(kind).or_default() += count;
    }
    Ok(HalfLoad {
        saturation,
        at_once,
        rate,
        reached: pace.count as f64 / seen.took.as_secs_f64(),
        operations: pace.count,
        latency: seen.latencies.summary(),
        floor: of_floor.latencies.summary(),
        errors,
    })
}

/// The highest rate, and with how many at once it was reached.
async fn saturation(
    mode: Mode,
    crew: &Crew,
    count: usize,
) -> Result<(f64, usize, BTreeMap<String, usize>), Fail> {
    let (mut best, mut at_once, mut errors) = (0.0, FEWEST_AT_ONCE, BTreeMap::new());
    let mut concurrency = FEWEST_AT_ONCE;
    while concurrency <= MOST_AT_ONCE {
        let seen = crew.round(mode, Pace { count, concurrency, rate: None }).await?;
        for (kind, count) in seen.errors {
            *errors.entry(kind).or_default() += count;
        }
        let rate = count as f64 / seen.took.as_secs_f64();
        if rate > best * WORTH {
            (best, at_once) = (rate, concurrency);
        }
        concurrency *= 2;
    }
    Ok((best, at_once, errors))
}
