//! The report as data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::Case;
use super::half_load::HalfLoad;
use super::herd::Herd;
use super::machine::Machine;
use super::meter::Memory;
use super::redis::Kind;
use super::soak::Soak;
use super::statistics::Latency;

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was typed.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// Of Redis, where one was used.
    pub redis: Option<String>,
    /// Operations at once, rounds, operations in a round, people.
    pub settings: BTreeMap<&'static str, String>,
    /// CPU of an RSA-2048 signature with a prepared key, in microseconds: the median of the rounds.
    pub signing: f64,
    /// The floor by mode.
    pub floor: Vec<Measured>,
    /// The cases.
    pub cases: Vec<CaseReport>,
}

/// What was seen of one case.
#[derive(Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// What it is; none for a broker that somebody else runs.
    pub case: Option<Case>,
    /// From start to ready in milliseconds: at first, when keys are made, and again, with the keys that a
    /// durable store has.
    pub start: Vec<f64>,
    /// Memory when ready, before any request.
    pub idle: Option<Memory>,
    /// Memory at the end.
    pub end: Option<Memory>,
    /// By mode.
    pub modes: Vec<Measured>,
    /// A herd, where one was asked for.
    pub herd: Option<Herd>,
    /// Many logins in a row, where they were asked for.
    pub soak: Option<Soak>,
    /// Keys in Redis at the end, by kind.
    pub keys: BTreeMap<String, Kind>,
}

/// One mode of one server.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The mode.
    pub mode: &'static str,
    /// CPU of the server for one operation in microseconds; none where its process is not known.
    pub cpu: Option<f64>,
    /// The same by round.
    pub rounds: Vec<f64>,
    /// Median of the rounds' ratios to the floor.
    pub to_floor: Option<f64>,
    /// Median of the rounds' ratios to the signatures in the operation.
    pub to_signatures: Option<f64>,
    /// Operations in a second, the driver's and the provider's work included.
    pub rate: f64,
    /// By step, of the last round.
    pub latency: Vec<Latency>,
    /// All errors by kind.
    pub errors: BTreeMap<String, usize>,
    /// Growth of the server's own memory by operation, after the first round, in bytes.
    pub growth: Option<f64>,
    /// What Redis counted for one operation.
    pub redis: Option<PerOperation>,
    /// Everybody's CPU for one operation.
    pub shares: Shares,
    /// Latencies at half of the saturation rate, where they were asked for.
    pub half_load: Option<HalfLoad>,
}

/// CPU for one operation in microseconds, medians of the rounds: how many processors' time a rate takes on
/// one machine.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Shares {
    /// Of the servers.
    pub server: f64,
    /// Of this process: browsers, the provider and the app.
    pub driver: f64,
    /// Of Redis.
    pub redis: f64,
}

/// What Redis counted for one operation while one was made at a time.
#[derive(Debug, Serialize)]
pub struct PerOperation {
    /// How often something came from the broker: round trips.
    pub reads: f64,
    /// Commands: those of one read were sent together.
    pub commands: f64,
    /// Growth of `used_memory`.
    pub bytes: f64,
}

impl Report {
    /// Errors of all modes and cases.
    pub fn errors(&self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        for measured in self.cases.iter().flat_map(|case| &case.modes).chain(&self.floor) {
            let at_half = measured.half_load.iter().flat_map(|half| &half.errors);
            for (kind, count) in measured.errors.iter().chain(at_half) {
                *all.entry(kind.clone()).or_default() += count;
            }
        }
        for case in &self.cases {
            let herd = case.herd.iter().flat_map(|herd| &herd.errors);
            for (kind, count) in case.soak.iter().flat_map(|soak| &soak.errors).chain(herd) {
                *all.entry(kind.clone()).or_default() += count;
            }
        }
        all
    }
}
