//! C operations at once, or a fixed number in a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use url::Url;

use super::Fail;
use super::app::App;
use super::connection::Connection;
use super::mode::Mode;
use super::operation::{Failure, Site, Worker};
use super::statistics::Latencies;

/// How a round is driven.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Operations.
    pub count: usize,
    /// At once.
    pub concurrency: usize,
    /// In a second; `None` begins the next one when one ends.
    pub rate: Option<f64>,
}

/// What a round was like for who waited.
#[derive(Debug, Default)]
pub struct Seen {
    /// By step.
    pub latencies: Latencies,
    /// By step and reason.
    pub errors: BTreeMap<String, usize>,
    /// From first to last.
    pub took: Duration,
}

/// The workers of one site; they keep their connections from round to round.
pub struct Crew {
    site: Arc<Site>,
    workers: Vec<Arc<Mutex<Worker>>>,
    next: Arc<AtomicUsize>,
}

impl Crew {
    /// So many workers.
    pub fn new(site: Site, size: usize) -> Result<Self, Fail> {
        let worker = || {
            Ok(Arc::new(Mutex::new(Worker {
                http: Connection::to_replicas(site.replicas.clone())?,
                refresh_token: None,
            })))
        };
        let workers = (0..size.max(1)).map(|_| worker()).collect::<Result<_, Fail>>()?;
        Ok(Self { site: Arc::new(site), workers, next: Arc::default() })
    }

    /// What a mode that reads a document reads.
    pub fn document(&self, mode: Mode) -> Option<Url> {
        let app = self.site.apps.first()?;
        match mode {
            Mode::Discovery => Some(app.discovery.clone()),
            Mode::Jwks => Some(app.jwks.clone()),
            _ => None,
        }
    }

    /// As many refresh tokens as are wanted, each from a login of its own.
    pub async fn refresh_tokens(&self, wanted: usize, concurrency: usize) -> Result<Vec<String>, Fail> {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for worker in self.workers.iter().take(concurrency) {
            let (site, worker, next, begun) =
                (self.site.clone(), worker.clone(), self.next.clone(), begun.clone());
            tasks.spawn(async move {
                let (worker, mut tokens) = (worker.lock().await, Vec::new());
                while begun.fetch_add(1, Ordering::Relaxed) < wanted {
                    tokens.push(
                        site.refresh_token(&worker, next.fetch_add(1, Ordering::Relaxed))
                            .await
                            .map_err(|failure| failure.why)?,
                    );
                }
                Ok::<_, Fail>(tokens)
            });
        }
        let mut all = Vec::new();
        while let Some(tokens) = tasks.join_next().await {
            all.extend(tokens??);
        }
        Ok(all)
    }

    /// The app whose refresh tokens [`Crew::refresh_tokens`] gives.
    pub fn app(&self) -> Option<&App> {
        self.site.apps.first()
    }

    /// So many connections, at most one of each worker.
    pub async fn connections(&self, wanted: usize) -> Vec<Connection> {
        let mut all = Vec::new();
        for worker in self.workers.iter().take(wanted) {
            all.push(worker.lock().await.http.clone());
        }
        all
    }

    /// One round.
    pub async fn round(&self, mode: Mode, pace: Pace) -> Result<Seen, Fail> {
        let began = Instant::now();
        let begun = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for worker in self.workers.iter().take(pace.concurrency) {
            let (site, worker, next, begun) =
                (self.site.clone(), worker.clone(), self.next.clone(), begun.clone());
            tasks.spawn(async move {
                let mut worker = worker.lock().await;
                let mut seen = Seen::default();
                loop {
                    let turn = begun.fetch_add(1, Ordering::Relaxed);
                    if turn >= pace.count {
                        return seen;
                    }
                    if let Some(rate) = pace.rate {
                        tokio::time::sleep_until(
                            (began + Duration::from_secs_f64(turn as f64 / rate)).into(),
                        )
                        .await;
                    }
                    seen.note(site.perform(mode, &mut worker, next.fetch_add(1, Ordering::Relaxed)).await);
                }
            });
        }
        let mut all = Seen::default();
        while let Some(seen) = tasks.join_next().await {
            let seen = seen?;
            all.latencies.merge(seen.latencies);
            for (kind, count) in seen.errors {
                *all.errors.entry(kind).or_default() += count;
            }
        }
        all.took = began.elapsed();
        Ok(all)
    }
}

impl Seen {
    fn note(&mut self, outcome: Result<Latencies, Failure>) {
        match outcome {
            Ok(latencies) => self.latencies.merge(latencies),
            Err(Failure { step, why }) => *self.errors.entry(format!("{step}: {why}")).or_default() += 1,
        }
    }
}
