//! Signing a person out everywhere: one write ends every session, code and refresh-token family, then the apps are told.

use std::collections::BTreeSet;

use super::backchannel::{SignedOut, notices, tell};
use super::issuer::Issuer;
use crate::model::ids::{ClientId, SessionId, Sub};
use crate::model::session::Session;
use crate::outside::http::Http;
use crate::store::{Key, StoreError};

/// Sessions of one person whose apps are told; further ones end without notice.
const TOLD: usize = 100;

/// Signs `sub` out everywhere. The write is what counts; telling the apps is best effort and nobody waits for it.
pub async fn sign_out_everywhere(issuer: &Issuer<'_>, http: &Http, sub: &Sub) -> Result<(), StoreError> {
    issuer.grants.end_everything(sub, issuer.now).await?;
    match apps(issuer, sub).await {
        Ok(clients) => {
            let out = SignedOut { sub, session: None, clients: &clients };
            match notices(issuer.grants.pool, out, issuer.keys, issuer.now, issuer.grants.random) {
                Ok(notices) => tell(http, notices),
                Err(error) => tracing::warn!(code = "backchannel_logout_failed", %error, "no logout token was signed"),
            }
        }
        Err(error) => tracing::warn!(code = "backchannel_logout_failed", %error, "the apps of a signed-out person could not be found"),
    }
    Ok(())
}

/// The apps of the person's sessions.
async fn apps(issuer: &Issuer<'_>, sub: &Sub) -> Result<Vec<ClientId>, StoreError> {
    let (records, pool) = (issuer.grants.records, &issuer.grants.pool.id);
    let page = records.store.list(&Key::sessions_index(pool, sub), None, TOLD).await?;
    let keys: Vec<Key> = page.members.iter().filter_map(|id| SessionId::parse(id).ok()).map(|id| Key::session(pool, sub, &id)).collect();
    let found = records.store.get_many(&keys).await?;
    let mut clients = BTreeSet::new();
    for (key, entry) in keys.iter().zip(found) {
        if let Some(entry) = entry {
            clients.extend(records.decode::<Session>(key, &entry)?.value.clients);
        }
    }
    Ok(clients.into_iter().collect())
}
