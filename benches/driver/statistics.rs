//! Medians and percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// The middle of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(upper), 0) => f64::midpoint(*upper, sorted.get(middle - 1).copied().unwrap_or(*upper)),
        (Some(only), _) => *only,
    }
}

/// How long one step took, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// The step.
    pub step: &'static str,
    /// Half of them took at most this.
    pub p50: f64,
    /// 95 of a hundred.
    pub p95: f64,
    /// 99 of a hundred.
    pub p99: f64,
}

/// Latencies by step, in the order in which steps come first.
#[derive(Debug, Default, Clone)]
pub struct Latencies(BTreeMap<usize, (&'static str, Vec<Duration>)>);

impl Latencies {
    /// Adds one step.
    pub fn add(&mut self, step: &'static str, took: Duration) {
        let known = self.0.iter().find(|(_, (name, _))| *name == step).map(|(place, _)| *place);
        let place = known.unwrap_or(self.0.len());
        self.0.entry(place).or_insert_with(|| (step, Vec::new())).1.push(took);
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: Self) {
        for (step, times) in other.0.into_values() {
            for took in times {
                self.add(step, took);
            }
        }
    }

    /// The percentiles.
    pub fn summary(&self) -> Vec<Latency> {
        let of = |(step, times): &(&'static str, Vec<Duration>)| {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let at = |share: f64| {
                let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
                sorted.get(index).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
            };
            Latency { step, p50: at(0.5), p95: at(0.95), p99: at(0.99) }
        };
        self.0.values().map(of).collect()
    }
}
