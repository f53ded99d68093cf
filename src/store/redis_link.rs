//! One connection to Redis, checked when it is made, made again when it is lost, with a pause that grows
//! while it fails.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, SendError};
use ::redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind,
    TlsCertificates,
};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::outside::clock::{Clock, Stopwatch};
use crate::outside::random::Random;

use super::redis_check::{Answers, RedisTopology, generation, judge};
use super::redis_error;
use super::redis_scripts::Scripts;
use super::redis_sentinel::Sentinels;
use super::{Role, StoreError};
use crate::config::RedisAddress;
use crate::model::secret::ExposeSecret as _;

/// The way to the server. Clones share it.
#[derive(Clone)]
pub(in crate::store) struct Link {
    shared: Arc<Shared>,
}

/// What every connection of a store is made with.
#[derive(Clone)]
pub(in crate::store) struct Making {
    pub(in crate::store) scripts: Arc<Scripts>,
    pub(in crate::store) role: Role,
    /// An attempt to connect takes several round trips, so it may take longer than a call.
    pub(in crate::store) patience: Duration,
    pub(in crate::store) root_certificates: Option<Vec<u8>>,
    /// How many replicas confirm what may not be lost.
    pub(in crate::store) replicas: u32,
    pub(in crate::store) clock: Clock,
    pub(in crate::store) random: Random,
    /// Counts the connections.
    pub(in crate::store) made: Arc<AtomicU64>,
}

/// Whom a link leads to.
pub(in crate::store) enum Target {
    /// Always the same server.
    Node { client: Client, in_cluster: bool },
    /// Whichever server is the master now.
    Master { sentinels: Sentinels, address: RedisAddress },
}

struct Shared {
    target: Target,
    making: Making,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Failed attempts in a row, and why the last one failed.
    failures: u32,
    last: Option<StoreError>,
}

enum Phase {
    Up(Live),
    /// Ends when the sender is dropped.
    Connecting(watch::Receiver<()>),
    /// Nobody tries for a while, because of this.
    Resting(StoreError),
    /// The next caller begins.
    Down,
}

/// A connection that was checked.
#[derive(Clone)]
pub(in crate::store) struct Live {
    connection: MultiplexedConnection,
    /// Connections of their own for writes that wait for replicas: others would wait behind them.
    waiting: Arc<[tokio::sync::Mutex<MultiplexedConnection>]>,
    turn: Arc<AtomicUsize>,
    open: Arc<AtomicBool>,
    generation: Arc<str>,
    vouched: Option<Arc<Vouched>>,
}

/// That most Sentinels named this server as the master, and when they were asked.
struct Vouched {
    address: String,
    asked: Mutex<Stopwatch>,
    turn: tokio::sync::Mutex<()>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Failed attempts after which callers no longer wait for the next one.
const GIVE_UP: u32 = 2;
/// Connections for writes that wait for replicas.
const WAITING: usize = 4;
/// How often the Sentinels are asked whether the master moved.
const WATCH: Duration = Duration::from_millis(500);
/// How long their answer counts: longer than a look and a Sentinel that does not answer take together. A
/// process that was held for longer asks before it believes a server that may have been replaced meanwhile,
/// and that would answer from what it had then.
const VOUCHED: Duration = Duration::from_millis(1250);

impl Link {
    /// A link that connects at first use.
    pub(in crate::store) fn new(target: Target, making: Making) -> Self {
        let state = Mutex::new(State { phase: Phase::Down, failures: 0, last: None });
        Self { shared: Arc::new(Shared { target, making, state }) }
    }

    /// A connection, at once if there is one; waits while one is made, unless it keeps failing.
    pub(in crate::store) async fn live(&self) -> Result<Live, StoreError> {
        loop {
            let live = self.connected().await?;
            if self.is_vouched_for(&live).await {
                return Ok(live);
            }
        }
    }

    async fn connected(&self) -> Result<Live, StoreError> {
        loop {
            let mut attempt = {
                let mut state = self.lock();
                match &state.phase {
                    Phase::Up(live) if live.open.load(Ordering::Acquire) => return Ok(live.clone()),
                    Phase::Resting(error) => return Err(error.clone()),
                    Phase::Connecting(attempt) if attempt.has_changed().is_ok() => {
                        if let Some(error) = state.last.as_ref().filter(|_| state.failures >= GIVE_UP) {
                            return Err(error.clone());
                        }
                        attempt.clone()
                    }
                    _ => self.begin(&mut state),
                }
            };
            // Ends with an error when the attempt is over, whatever came of it.
            drop(attempt.changed().await);
        }
    }

    /// Gives a connection up; `pause` before the next attempt unless it was merely closed.
    pub(in crate::store) fn lose(&self, live: &Live, error: StoreError, pause: bool) {
        live.open.store(false, Ordering::Release);
        let mut state = self.lock();
        if matches!(&state.phase, Phase::Up(current) if Arc::ptr_eq(&current.open, &live.open)) {
            tracing::warn!(%error, "the connection to Redis is given up");
            if pause {
                state.phase = Phase::Resting(error);
                let link = self.clone();
                tokio::spawn(async move { link.rest(1).await });
            } else {
                state.phase = Phase::Down;
            }
        }
    }

    /// Asks the server what it is, in one round trip, and loads the scripts. Gives the generation of its
    /// data.
    pub(in crate::store) async fn check(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<String, StoreError> {
        let scripts = &self.shared.making.scripts;
        let mut pipe = ::redis::pipe();
        pipe.cmd("INFO").cmd("TIME");
        for script in [&scripts.commit, &scripts.increment, &scripts.list] {
            pipe.cmd("SCRIPT").arg("LOAD").arg(script.text).ignore();
        }
        let before = self.shared.making.clock.now();
        let (info, (seconds, micros)): (String, (i64, i64)) =
            pipe.query_async(connection).await.map_err(|error| {
                let refused = redis_error::classify(&error, false).error;
                if error.to_string().contains("unknown command") {
                    StoreError::Misconfigured(error.to_string())
                } else {
                    refused
                }
            })?;
        let clocks = match self.shared.making.clock {
            Clock::Real => Some((
                before.millis(),
                seconds.saturating_mul(1000).saturating_add(micros / 1000),
                self.shared.making.clock.now().millis(),
            )),
            Clock::Fake(_) => None,
        };
        for warning in judge(&Answers { info: &info, clocks, place: self.place() }, self.shared.making.role)?
        {
            tracing::warn!("{warning}");
        }
        Ok(generation(&info).to_owned())
    }

    fn begin(&self, state: &mut State) -> watch::Receiver<()> {
        let (done, attempt) = watch::channel(());
        state.phase = Phase::Connecting(attempt.clone());
        let link = self.clone();
        // A task of its own, so that an attempt does not end with the caller that began it.
        tokio::spawn(async move {
            let connected = timeout(link.shared.making.patience, link.connect()).await;
            let failures = link.settle(
                connected.unwrap_or_else(|_| Err(StoreError::NotApplied("Redis does not answer".into()))),
            );
            drop(done);
            if failures > 0 {
                link.rest(failures).await;
            }
        });
        attempt
    }

    /// Takes the outcome of an attempt; how often it failed in a row.
    fn settle(&self, connected: Result<Live, StoreError>) -> u32 {
        let mut state = self.lock();
        match connected {
            Ok(live) => {
                self.shared.making.made.fetch_add(1, Ordering::AcqRel);
                tracing::info!("connected to Redis");
                *state = State { phase: Phase::Up(live), failures: 0, last: None };
            }
            Err(error) => {
                tracing::warn!(%error, "no connection to Redis");
                state.failures = state.failures.saturating_add(1);
                state.last = Some(error.clone());
                state.phase = Phase::Resting(error);
            }
        }
        state.failures
    }

    async fn rest(&self, failures: u32) {
        sleep(self.pause(failures)).await;
        let mut state = self.lock();
        if matches!(state.phase, Phase::Resting(_)) {
            state.phase = Phase::Down;
        }
    }

    async fn connect(&self) -> Result<Live, StoreError> {
        let asked = self.shared.making.clock.stopwatch();
        let (client, address) = self.server().await?;
        let open = Arc::new(AtomicBool::new(true));
        let connection = dial(&client, &open).await?;
        let generation = self.check(&mut connection.clone()).await?.into();
        let mut waiting = Vec::new();
        if self.shared.making.replicas > 0 {
            for _ in 0..WAITING {
                waiting.push(tokio::sync::Mutex::new(dial(&client, &open).await?));
            }
        }
        let vouched = address.map(|address| {
            Arc::new(Vouched { address, asked: Mutex::new(asked), turn: tokio::sync::Mutex::default() })
        });
        let live =
            Live { connection, waiting: waiting.into(), turn: Arc::default(), open, generation, vouched };
        self.watch(&live);
        Ok(live)
    }

    /// The server to connect to; its address where it may be another one later.
    async fn server(&self) -> Result<(Client, Option<String>), StoreError> {
        match &self.shared.target {
            Target::Node { client, .. } => Ok((client.clone(), None)),
            Target::Master { sentinels, address } => {
                let server = sentinels.master().await?;
                Ok((client(address, &server, &self.shared.making)?, Some(server)))
            }
        }
    }

    /// Leaves a server that is no longer the master although it still answers: cut off, it does not know.
    fn watch(&self, live: &Live) {
        let Some(vouched) = live.vouched.clone() else { return };
        let (link, live) = (self.clone(), live.clone());
        tokio::spawn(async move {
            loop {
                sleep(WATCH).await;
                if !live.open.load(Ordering::Acquire)
                    || Arc::strong_count(&link.shared) == 1
                    || !link.asks_again(&live, &vouched).await
                {
                    return;
                }
            }
        });
    }

    /// Whether the server may be believed: it is the only one, or the Sentinels named it lately.
    async fn is_vouched_for(&self, live: &Live) -> bool {
        let Some(vouched) = &live.vouched else { return true };
        if vouched.is_fresh() {
            return true;
        }
        let _turn = vouched.turn.lock().await;
        vouched.is_fresh() || self.asks_again(live, vouched).await
    }

    /// Asks the Sentinels, and gives the connection up when most name another server. Where they do not
    /// answer, nothing is known against it.
    async fn asks_again(&self, live: &Live, vouched: &Vouched) -> bool {
        let Target::Master { sentinels, .. } = &self.shared.target else { return true };
        let asked = self.shared.making.clock.stopwatch();
        if sentinels.moved_from(&vouched.address).await {
            self.lose(live, StoreError::NotApplied("another Redis is the master now".into()), false);
            return false;
        }
        *vouched.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        true
    }

    fn place(&self) -> RedisTopology {
        match &self.shared.target {
            Target::Node { in_cluster: false, .. } => RedisTopology::Alone,
            Target::Node { in_cluster: true, .. } => RedisTopology::InCluster,
            Target::Master { .. } => RedisTopology::BehindSentinels,
        }
    }

    /// Doubles with each failure up to a second; half of it is chance, so that replicas do not come back all
    /// at once.
    fn pause(&self, failures: u32) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(5)).min(LONGEST_PAUSE);
        let [chance] = self.shared.making.random.bytes::<1>();
        longest / 2 + longest.mul_f64(f64::from(chance) / 512.0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client of one server.
pub(in crate::store) fn client(
    address: &RedisAddress,
    server: &str,
    making: &Making,
) -> Result<Client, StoreError> {
    let refuse = |error: ::redis::RedisError| {
        StoreError::Misconfigured(format!("the Redis address: {:?}", error.kind()))
    };
    let info = address.url_of(server).expose_secret().into_connection_info().map_err(refuse)?;
    let resp3 = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(resp3);
    match &making.root_certificates {
        Some(pem) => {
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) })
        }
        None => Client::open(info),
    }
    .map_err(refuse)
}

/// A connection that says when it ends.
async fn dial(client: &Client, open: &Arc<AtomicBool>) -> Result<MultiplexedConnection, StoreError> {
    let closed = Arc::clone(open);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_push_sender(move |push: PushInfo| -> Result<(), SendError> {
            if push.kind == PushKind::Disconnection {
                closed.store(false, Ordering::Release);
            }
            Ok(())
        });
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map_err(|error| redis_error::refusal(&error))
}

impl Vouched {
    fn is_fresh(&self) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < VOUCHED
    }
}

impl Live {
    pub(in crate::store) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// A connection for a write that waits for replicas; its user alone sends over it.
    pub(in crate::store) async fn waiting(
        &self,
    ) -> Option<tokio::sync::MutexGuard<'_, MultiplexedConnection>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        match self.waiting.get(turn % self.waiting.len().max(1)) {
            Some(connection) => Some(connection.lock().await),
            None => None,
        }
    }

    /// The generation of the data behind this connection.
    pub(in crate::store) fn generation(&self) -> &str {
        &self.generation
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
}
