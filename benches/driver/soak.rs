//! Many logins in a row, and what grows meanwhile (H-45).

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::Fail;
use super::load::{Crew, Pace};
use super::meter::{descriptors, memory};
use super::mode::Mode;
use super::options::Options;
use super::redis::Redis;

/// How often the broker is looked at.
const PARTS: usize = 20;
/// Parts after which what is kept by connection, provider and thread is there.
const WARM: usize = 2;

/// What a broker was like after so many logins.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Logins until now.
    pub logins: usize,
    /// Seconds until now.
    pub seconds: f64,
    /// Its own memory in kB: heap and stacks.
    pub own: u64,
    /// Open descriptors: files, connections.
    pub descriptors: usize,
    /// Keys in Redis, where it has one.
    pub keys: Option<u64>,
    /// 99 of a hundred logins' last steps took at most this, in milliseconds.
    pub token_p99: f64,
}

/// All of them, and what grew.
#[derive(Debug, Serialize)]
pub struct Soak {
    /// In their order.
    pub samples: Vec<Sample>,
    /// From the samples after the first tenth: how far own memory went from their median, in parts of it, at
    /// most.
    pub memory_drift: f64,
    /// Most descriptors less the fewest, of the same samples.
    pub descriptors_drift: usize,
    /// Keys that a login left in Redis, of the same samples.
    pub keys_of_a_login: Option<f64>,
    /// Errors by kind.
    pub errors: BTreeMap<String, usize>,
}

/// So many logins at OpenID Connect providers. `pid` is the broker's process, without which this fails.
pub async fn measure(
    options: &Options,
    logins: usize,
    crew: &Crew,
    pid: Option<u32>,
    redis: Option<&Redis>,
) -> Result<Soak, Fail> {
    let pid = pid.ok_or("a soak needs the broker's process: --pid")?;
    let pace = Pace { count: logins.div_ceil(PARTS), concurrency: options.concurrency, rate: options.rate };
    let (began, mut samples, mut errors) = (Instant::now(), Vec::new(), BTreeMap::new());
    for part in 1..=PARTS {
        let seen = crew.round(Mode::Oidc, pace).await?;
        for (kind, count) in seen.errors {
            *errors.entry(kind).or_default() += count;
        }
        let token = seen.latencies.summary().into_iter().find(|step| step.step == "token");
        samples.push(Sample {
            logins: part * pace.count,
            seconds: began.elapsed().as_secs_f64(),
            own: memory(pid)?.own,
            descriptors: descriptors(pid)?,
            keys: match redis {
                Some(redis) => Some(redis.keys().await?),
                None => None,
            },
            token_p99: token.map_or(0.0, |step| step.p99),
        });
    }
    Ok(judged(samples, errors))
}

fn judged(samples: Vec<Sample>, errors: BTreeMap<String, usize>) -> Soak {
    let later: Vec<&Sample> = samples.iter().skip(WARM).collect();
    let own: Vec<f64> = later.iter().map(|sample| sample.own as f64).collect();
    let middle = super::statistics::median(&own);
    let open = || later.iter().map(|sample| sample.descriptors);
    let ends = later.first().zip(later.last());
    let keys = ends.and_then(|(first, last)| {
        let logins = last.logins.checked_sub(first.logins).filter(|logins| *logins > 0)?;
        Some((last.keys? as f64 - first.keys? as f64) / logins as f64)
    });
    Soak {
        memory_drift: own.iter().map(|own| (own - middle).abs() / middle).fold(0.0, f64::max),
        descriptors_drift: open().max().unwrap_or_default() - open().min().unwrap_or_default(),
        keys_of_a_login: keys,
        samples,
        errors,
    }
}
