//! A posted response on its way to the GET that completes it.

use std::time::Duration;

use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::model::encoding::base64;
use crate::model::ids::ProviderName;
use crate::model::time::Timestamp;
use crate::store::{self, Batch, Expect, Key, Life, StoreError};
use crate::web::error::Failure;
use crate::web::redirect::see_other;
use crate::web::request_context::RequestContext;

/// Where the browser completes what a form began.
const PATH: &str = "/saml2/idpresponse";
const RELAY_LIFE: Duration = Duration::from_secs(60);

/// A response on its way to the GET that completes it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredResponse {
    /// base64.
    pub(super) response: String,
    /// The provider of a response that nobody asked for.
    pub(super) unsolicited: Option<ProviderName>,
}

/// Keeps a response under `handle` and sends the browser on.
pub(super) async fn keep(
    ctx: &RequestContext,
    handle: &str,
    xml: &[u8],
    (unsolicited, latest): (Option<ProviderName>, Timestamp),
) -> Result<Response, Failure> {
    let (key, records) = (Key::saml_response(handle), &ctx.app.state);
    let life = Life::Until(latest.min(ctx.now().plus(RELAY_LIFE)));
    let kept = records.encode(&key, &StoredResponse { response: base64(xml), unsolicited });
    match records.store.commit(Batch::new(key.partition()).put(&key, kept, life, Expect::Any)).await? {
        store::CommitOutcome::Committed => Ok(see_other(&format!("{PATH}?relay={handle}"))),
        store::CommitOutcome::Conflict => {
            Err(StoreError::Misuse("a write without a condition failed by one").into())
        }
    }
}

/// Gives what was kept under `handle`, once; `None` when there is nothing, or it waited too long.
pub(super) async fn take(ctx: &RequestContext, handle: &str) -> Result<Option<StoredResponse>, StoreError> {
    Ok(ctx.app.state.take(&Key::saml_response(handle)).await?.map(|record| record.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a release stored is read by the next one, which writes it alike.
    #[test]
    fn the_stored_record_is_this_one() {
        let stored = r#"{"response":"PHg+","unsolicited":"Acme"}"#;
        let read: StoredResponse = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }
}
