//! One connection to Redis, checked when it is made, made again when it is lost, with a pause that grows while it fails.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, SendError};
use ::redis::{AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind, TlsCertificates};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::outside::clock::Clock;
use crate::outside::random::Random;

use super::redis_check::{Answers, generation, judge};
use super::redis_error;
use super::redis_scripts::Scripts;
use super::{Role, StoreError, StoreSettings};

/// The way to the server. Clones share it.
#[derive(Clone)]
pub(in crate::store) struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    scripts: Arc<Scripts>,
    role: Role,
    patience: Duration,
    clock: Clock,
    random: Random,
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
    open: Arc<AtomicBool>,
    generation: Arc<str>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Failed attempts after which callers no longer wait for the next one.
const GIVE_UP: u32 = 2;
/// An attempt to connect takes several round trips, so it may take longer than a call.
const CONNECT_PATIENCE: u32 = 4;

impl Link {
    /// A link that connects at first use.
    pub(in crate::store) fn new(
        url: &str,
        settings: &StoreSettings,
        scripts: Arc<Scripts>,
        (clock, random): (Clock, Random),
    ) -> Result<Self, StoreError> {
        let refuse = |error: ::redis::RedisError| StoreError::Misconfigured(format!("the Redis address: {:?}", error.kind()));
        let info = url.into_connection_info().map_err(refuse)?;
        let resp3 = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_redis_settings(resp3);
        let client = match &settings.root_certificates {
            Some(pem) => Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) }),
            None => Client::open(info),
        }
        .map_err(refuse)?;
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                scripts,
                role: settings.role,
                patience: settings.deadline * CONNECT_PATIENCE,
                clock,
                random,
                state: Mutex::new(State { phase: Phase::Down, failures: 0, last: None }),
            }),
        })
    }

    /// A connection, at once if there is one; waits while one is made, unless it keeps failing.
    pub(in crate::store) async fn live(&self) -> Result<Live, StoreError> {
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

    /// Asks the server what it is, in one round trip, and loads the scripts. Gives the generation of its data.
    pub(in crate::store) async fn check(&self, connection: &mut MultiplexedConnection) -> Result<String, StoreError> {
        let scripts = &self.shared.scripts;
        let mut pipe = ::redis::pipe();
        pipe.cmd("INFO").cmd("TIME");
        for script in [&scripts.commit, &scripts.increment, &scripts.list] {
            pipe.cmd("SCRIPT").arg("LOAD").arg(script.text).ignore();
        }
        let before = self.shared.clock.now();
        let (info, (seconds, micros)): (String, (i64, i64)) = pipe.query_async(connection).await.map_err(|error| {
            let refused = redis_error::classify(&error, false).error;
            if error.to_string().contains("unknown command") { StoreError::Misconfigured(error.to_string()) } else { refused }
        })?;
        let clocks = match self.shared.clock {
            Clock::Real => {
                Some((before.millis(), seconds.saturating_mul(1000).saturating_add(micros / 1000), self.shared.clock.now().millis()))
            }
            Clock::Fake(_) => None,
        };
        for warning in judge(&Answers { info: &info, clocks }, self.shared.role)? {
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
            let connected = timeout(link.shared.patience, link.connect()).await;
            let failures = link.settle(connected.unwrap_or_else(|_| Err(StoreError::NotApplied("Redis does not answer".into()))));
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
        let open = Arc::new(AtomicBool::new(true));
        let closed = Arc::clone(&open);
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None).set_push_sender(
            move |push: PushInfo| -> Result<(), SendError> {
                if push.kind == PushKind::Disconnection {
                    closed.store(false, Ordering::Release);
                }
                Ok(())
            },
        );
        let connection = self.shared.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.map_err(|error| redis_error::refusal(&error))?;
        let generation = self.check(&mut connection).await?.into();
        Ok(Live { connection, open, generation })
    }

    /// Doubles with each failure up to a second; half of it is chance, so that replicas do not come back all at once.
    fn pause(&self, failures: u32) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(5)).min(LONGEST_PAUSE);
        let [chance] = self.shared.random.bytes::<1>();
        longest / 2 + longest.mul_f64(f64::from(chance) / 512.0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    pub(in crate::store) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
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
