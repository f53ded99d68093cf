//! All access tokens end in the same second, and every app asks for new ones in it (H-48).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Fail;
use super::load::{Crew, Pace};
use super::mode::Mode;
use super::options::{HERD_CONNECTIONS, Options};
use super::statistics::{Latencies, Latency};

/// How long the herd takes to arrive.
const WITHIN: Duration = Duration::from_secs(1);

/// What the refreshes of a herd were like, each counted from the instant at which it was due.
#[derive(Debug, Serialize)]
pub struct Herd {
    /// How many apps, each with a session and a refresh token of its own.
    pub apps: usize,
    /// From the first arrival to the last answer, in milliseconds.
    pub took: f64,
    /// Of a refresh.
    pub latency: Vec<Latency>,
    /// The same of the floor, which only signs two tokens.
    pub floor: Vec<Latency>,
    /// From the first arrival to the last answer of the floor.
    pub floor_took: f64,
    /// Errors by kind.
    pub errors: BTreeMap<String, usize>,
}

/// Signs everybody in, and lets the herd loose: at the floor, then at the case.
pub async fn measure(options: &Options, apps: usize, crew: &Crew, floor: &Crew) -> Result<Herd, Fail> {
    let of_floor = stampede(floor, vec![String::from("refresh-token"); apps]).await?;
    let tokens = crew.refresh_tokens(apps, options.concurrency).await?;
    let mut seen = stampede(crew, tokens).await?;
    for (kind, count) in of_floor.errors {
        *seen.errors.entry(format!("floor: {kind}")).or_default() += count;
    }
    let millis = |took: Duration| took.as_secs_f64() * 1000.0;
    Ok(Herd {
        apps,
        took: millis(seen.took),
        latency: seen.latencies.summary(),
        floor: of_floor.latencies.summary(),
        floor_took: millis(of_floor.took),
        errors: seen.errors,
    })
}

/// What everybody saw.
#[derive(Default)]
struct Stampede {
    latencies: Latencies,
    errors: BTreeMap<String, usize>,
    took: Duration,
}

async fn stampede(crew: &Crew, tokens: Vec<String>) -> Result<Stampede, Fail> {
    // Every connection is there before anybody counts.
    let connections = HERD_CONNECTIONS.min(tokens.len());
    crew.round(Mode::Refresh, Pace { count: connections, concurrency: connections, rate: None }).await?;
    let (free, idle) =
        (Arc::new(Semaphore::new(connections)), Arc::new(Mutex::new(crew.connections(connections).await)));
    let app = crew.app().ok_or("nobody to refresh")?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate() {
        let (app, free, idle) = (app.clone(), free.clone(), idle.clone());
        let due = began + WITHIN.mul_f64(chance(number as u64));
        tasks.spawn(async move {
            tokio::time::sleep_until(due.into()).await;
            let _free = free.acquire_owned().await;
            let http = idle.lock().expect("nobody panics here").pop().expect("as many as are free");
            let refreshed = app.refresh(&http, &token).await;
            idle.lock().expect("nobody panics here").push(http);
            (due.elapsed(), refreshed.map(drop))
        });
    }
    let mut seen = Stampede::default();
    while let Some(ended) = tasks.join_next().await {
        match ended? {
            (took, Ok(())) => seen.latencies.add("refresh", took),
            (_, Err(why)) => *seen.errors.entry(why.to_string()).or_default() += 1,
        }
    }
    seen.took = began.elapsed();
    Ok(seen)
}

/// A number from 0 to 1 for each number, the same in every run (splitmix64).
fn chance(number: u64) -> f64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
