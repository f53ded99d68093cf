//! Flows in the state store, each under a handle that only the browser and the provider know.

use crate::flow::state::{Flow, Pending, Stage, Trial};
use crate::model::fault::{Fault, Refusal};
use crate::model::time::Timestamp;
use crate::outside::random::Random;

use super::record::{Record, Records};
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError};

/// A sign-in that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The handle is unknown, used or expired.
    #[error("no sign-in is in progress under this handle: it ended, expired or was never begun")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for FlowError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "flow_not_found",
            Self::Store(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotFound => Fault::Visitor,
            Self::Store(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotFound => "Go back to the app and start signing in again.".to_owned(),
            Self::Store(error) => error.hint(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::NotFound => false,
            Self::Store(error) => error.retryable(),
        }
    }
}

/// Stores `flow` under a fresh handle (256 random bits) and returns the handle. One round trip.
pub async fn begin(records: &Records, random: &Random, flow: &Flow) -> Result<String, StoreError> {
    let handle = random.token();
    put(records, &handle, flow).await?;
    Ok(handle)
}

/// Stores `flow` under `handle`, which was never used before. One round trip.
pub async fn put(records: &Records, handle: &str, flow: &Flow) -> Result<(), StoreError> {
    let key = Key::flow(handle);
    let batch = Batch::new(key.partition()).put(
        &key,
        records.encode_again(&key, flow, &flow.tagged),
        Life::Until(flow.expires),
        Expect::Absent,
    );
    match records.store.commit(batch).await? {
        CommitOutcome::Committed => Ok(()),
        CommitOutcome::Conflict => Err(StoreError::Misuse("a flow handle was used twice")),
    }
}

/// The flow under `handle`, left where it is. One round trip.
pub async fn load(records: &Records, handle: &str) -> Result<Flow, FlowError> {
    let found = records.get::<Flow>(&Key::flow(handle)).await?;
    found.map(whole).ok_or(FlowError::NotFound)
}

fn whole(Record { value, tagged, .. }: Record<Flow>) -> Flow {
    Flow { tagged, ..value }
}

/// The flow under `handle`, removed: of any number of callers exactly one receives it. One round trip.
pub async fn take(records: &Records, handle: &str) -> Result<Flow, FlowError> {
    records.take::<Flow>(&Key::flow(handle)).await?.map(whole).ok_or(FlowError::NotFound)
}

/// What the handle of a trial begins with; no other handle has a full stop.
const TRIAL: &str = "trial.";

/// A fresh handle for a trial.
pub fn trial_handle(random: &Random) -> String {
    format!("{TRIAL}{}", random.token())
}

/// Whether `handle` is that of a trial.
pub fn is_trial(handle: &str) -> bool {
    handle.starts_with(TRIAL)
}

/// Stores `trial` under `handle`, which was never used before. One round trip.
pub async fn put_trial(records: &Records, handle: &str, trial: &Trial) -> Result<(), StoreError> {
    let key = Key::trial(handle);
    let batch = Batch::new(key.partition()).put(
        &key,
        records.encode(&key, trial),
        Life::Until(trial.expires),
        Expect::Absent,
    );
    match records.store.commit(batch).await? {
        CommitOutcome::Committed => Ok(()),
        CommitOutcome::Conflict => Err(StoreError::Misuse("a trial's handle was used twice")),
    }
}

/// The trial under `handle`, removed: of any number of callers exactly one receives it. One round trip.
pub async fn take_trial(records: &Records, handle: &str) -> Result<Trial, FlowError> {
    let found = records.take::<Trial>(&Key::trial(handle)).await?;
    found.map(|record| record.value).ok_or(FlowError::NotFound)
}

/// What an answer under `handle` is checked against and until when, left where it is. One round trip.
pub async fn waiting(records: &Records, handle: &str) -> Result<(Pending, Timestamp), FlowError> {
    if is_trial(handle) {
        let trial = records.get::<Trial>(&Key::trial(handle)).await?.ok_or(FlowError::NotFound)?.value;
        return Ok((trial.pending, trial.expires));
    }
    let flow = load(records, handle).await?;
    match flow.stage {
        Stage::AtProvider(pending) => Ok((pending, flow.expires)),
        Stage::Started => Err(FlowError::NotFound),
    }
}
