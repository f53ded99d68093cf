//! Single logout, both ways
//! ([SAML Profiles section 4.4](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! Our session ends first, and whatever the provider does (C-72). A provider's request ends the sessions that
//! came of that person's sign-ins there and no other; it has to be signed by a key of the provider's
//! metadata, meant for us, fresh, and counts once.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::backchannel::{self, SignedOut};
use super::federate::saml::{Connection, send};
use super::federate::{Departure, FederationError, SamlRefusal};
use crate::model::identity::{SamlSession, UpstreamSession};
use crate::model::ids::ProviderName;
use crate::model::session::Session;
use crate::protocol::saml::algorithm::SignaturePolicy;
use crate::protocol::saml::binding::{Binding, Message};
use crate::protocol::saml::logout::{
    self, Expected, LogoutRequest, LogoutStatus, NewLogoutRequest, NewLogoutResponse, Received,
    verify_request, verify_response,
};
use crate::protocol::saml::metadata::{Endpoint, IdpMetadata};
use crate::protocol::saml::request::message_id;
use crate::protocol::saml::subject::NameId;
use crate::provider::saml::Saml;
use crate::store::record::Records;
use crate::store::upstream_sessions::{self, Named, Usual};
use crate::store::{Batch, CommitOutcome, Expect, Key, Life, StoreError, replay_cache};

/// How long a person who signs out waits for a provider's metadata, which is usually known.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a provider's answer to our request is waited for.
const RETURN_LIFE: Duration = Duration::from_secs(30 * 60);

/// A sign-out under way at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// The provider.
    pub provider: ProviderName,
    /// `ID` of our request.
    pub request: String,
    /// Where the browser goes then: a registered address, or nothing for the signed-out page.
    pub back: String,
}

/// A provider's request that was honoured.
#[derive(Debug)]
pub struct Honoured {
    /// The sessions that ended.
    pub ended: Vec<Session>,
    /// How the browser brings our answer to the provider, if it takes one.
    pub answer: Option<Departure>,
}

/// How the browser leaves for the provider's own sign-out, after ours; it will come back with an answer.
/// `None` when that is not configured, not offered, or cannot be found out now: signing out here never
/// depends on it.
pub async fn leave(connection: Connection<'_>, session: &UpstreamSession, back: &str) -> Option<Departure> {
    if !connection.provider.end_session || session.provider != connection.provider.name {
        return None;
    }
    let request = timeout(PATIENCE, request(connection, session.saml.as_ref()?, back)).await.ok()?;
    let why = |error: &FederationError| {
        tracing::warn!(code = "upstream_sign_out_skipped", provider = %connection.provider.name, %error, "a \
            person was not signed out at the provider");
    };
    request.inspect_err(why).ok().flatten()
}

/// Where the provider takes LogoutRequests, if it does.
pub async fn location(connection: Connection<'_>) -> Option<String> {
    let saml = connection.rules().ok().filter(|_| connection.provider.end_session)?;
    let metadata = timeout(PATIENCE, connection.metadata(saml)).await.ok()?.ok()?;
    metadata.slo(None).map(|endpoint| endpoint.location.clone())
}

async fn request(
    connection: Connection<'_>,
    session: &SamlSession,
    back: &str,
) -> Result<Option<Departure>, FederationError> {
    let (saml, app) = (connection.rules()?, connection.app);
    let metadata = connection.metadata(saml).await?;
    let Some(endpoint) = metadata.slo(None).filter(|_| !session.name_id.is_empty()) else { return Ok(None) };
    let keys = connection.keys().await?;
    let (handle, id) = (app.outside.random.token(), message_id(app.outside.random.bytes()));
    let name_id = NameId {
        value: session.name_id.clone(),
        format: session.format.clone(),
        name_qualifier: session.name_qualifier.clone(),
        sp_name_qualifier: session.sp_name_qualifier.clone(),
        sp_provided_id: None,
    };
    let request = NewLogoutRequest {
        id: &id,
        issue_instant: app.outside.clock.now(),
        destination: &endpoint.location,
        issuer: &saml.sp_entity_id,
        name_id: &name_id,
        session_index: session.session_index.as_deref(),
    };
    let to = (endpoint.binding, endpoint.location.as_str());
    let departure = send(to, Message::Request, (&id, &request.to_xml()), Some(&handle), Some(&keys.signing))?;
    let leaving = Leaving { provider: connection.provider.name.clone(), request: id, back: back.to_owned() };
    remember(connection, &handle, &leaving).await.map_err(SamlRefusal::Store)?;
    Ok(Some(departure))
}

async fn remember(connection: Connection<'_>, handle: &str, leaving: &Leaving) -> Result<(), StoreError> {
    let (records, key) = (&connection.app.state, Key::sign_out(handle));
    let life = Life::Until(connection.app.outside.clock.now().plus(RETURN_LIFE));
    let batch = Batch::new(key.partition()).put(&key, records.encode(&key, leaving), life, Expect::Absent);
    match records.store.commit(batch).await? {
        CommitOutcome::Committed => Ok(()),
        CommitOutcome::Conflict => Err(StoreError::Misuse("a sign-out handle was used twice")),
    }
}

/// The sign-out under `handle`, once.
pub async fn returned(records: &Records, handle: &str) -> Result<Option<Leaving>, StoreError> {
    Ok(records.take::<Leaving>(&Key::sign_out(handle)).await?.map(|record| record.value))
}

/// What the provider says of the sign-out that we asked for. It decides nothing: the person is signed out
/// here and goes on.
pub async fn judge(
    connection: Connection<'_>,
    slo: &str,
    leaving: &Leaving,
    received: Received<'_>,
) -> Result<(), FederationError> {
    let saml = connection.rules()?;
    let metadata = connection.metadata(saml).await?;
    let now = connection.app.outside.clock.now();
    let expected = expected(connection, saml, &metadata, slo);
    let response =
        verify_response(received, &expected, &leaving.request, now).map_err(SamlRefusal::Logout)?;
    match &response.status {
        LogoutStatus::Success => Ok(()),
        LogoutStatus::Partial => Err(SamlRefusal::LogoutIncomplete("PartialLogout".to_owned()).into()),
        LogoutStatus::Failed(code) => Err(SamlRefusal::LogoutIncomplete(code.clone()).into()),
    }
}

/// Honours a provider's request that came to `slo`, our single logout service, once.
pub async fn honour(
    connection: Connection<'_>,
    slo: &str,
    received: Received<'_>,
    relay_state: Option<&str>,
) -> Result<Honoured, FederationError> {
    let (saml, app) = (connection.rules()?, connection.app);
    let metadata = connection.metadata(saml).await?;
    let keys = connection.keys().await?;
    let now = app.outside.clock.now();
    let expected = Expected { decryption: &keys.decryption, ..expected(connection, saml, &metadata, slo) };
    let request = verify_request(received, &expected, now).map_err(SamlRefusal::Logout)?.into_inner();
    let (records, mark) = (&app.state, Key::mark("logout", &connection.scope(), &request.id));
    let replayed = || FederationError::from(SamlRefusal::Replayed(request.id.clone()));
    if records.store.get(&mark).await.map_err(SamlRefusal::Store)?.is_some() {
        return Err(replayed());
    }
    let usual = Usual { name_qualifier: &metadata.entity_id, sp_name_qualifier: &saml.sp_entity_id };
    // Used up only when everything has ended: what failed may be tried again, and ending twice ends nothing
    // more.
    let ended = end(connection, &request, usual).await.map_err(SamlRefusal::Store)?;
    if !replay_cache::is_first(&records.store, &mark, request.acceptable_until)
        .await
        .map_err(SamlRefusal::Store)?
    {
        return Err(replayed());
    }
    let answer = match answers_to(&metadata) {
        None => None,
        Some(endpoint) => {
            let id = message_id(app.outside.random.bytes());
            let response = NewLogoutResponse {
                id: &id,
                issue_instant: now,
                destination: endpoint.answers(),
                issuer: &saml.sp_entity_id,
                in_response_to: Some(&request.id),
                status: &LogoutStatus::Success,
            };
            let to = (endpoint.binding, endpoint.answers());
            Some(send(to, Message::Response, (&id, &response.to_xml()), relay_state, Some(&keys.signing))?)
        }
    };
    Ok(Honoured { ended, answer })
}

/// Redirect where there is a choice: providers ask in frames, in which our pages do not show.
fn answers_to(metadata: &IdpMetadata) -> Option<&Endpoint> {
    metadata.slo(Some(Binding::Redirect)).or_else(|| metadata.slo(None))
}

async fn end(
    connection: Connection<'_>,
    request: &LogoutRequest,
    usual: Usual<'_>,
) -> Result<Vec<Session>, StoreError> {
    let (app, pool) = (connection.app, connection.pool);
    let named = Named {
        provider: &connection.provider.name,
        name_id: &request.name_id.value,
        name_qualifier: request.name_id.name_qualifier.as_deref(),
        sp_name_qualifier: request.name_id.sp_name_qualifier.as_deref(),
    };
    let ended =
        upstream_sessions::end(&app.state, &pool.id, (named, usual), &request.session_indexes).await?;
    for session in &ended {
        backchannel::announce(app, pool, SignedOut::of(session)).await;
    }
    tracing::info!(pool = %pool.id, provider = %connection.provider.name, sessions = ended.len(), "a \
        provider signed a person out");
    Ok(ended)
}

/// What a logout message of this provider must fit, apart from keys for an encrypted name.
fn expected<'a>(
    connection: Connection<'_>,
    saml: &Saml,
    metadata: &'a IdpMetadata,
    slo: &'a str,
) -> logout::Expected<'a> {
    let now = connection.app.outside.clock.now();
    Expected {
        idp: &metadata.entity_id,
        slo_url: slo,
        keys: &metadata.signing,
        decryption: &[],
        skew: saml.accept.skew,
        policy: SignaturePolicy { sha1: saml.accept.sha1(now) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a release stored is read by the next one, which writes it alike.
    #[test]
    fn the_stored_record_is_this_one() {
        let stored = r#"{"provider":"Acme","request":"_r1","back":"https://app.example/bye"}"#;
        let read: Leaving = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }
}
