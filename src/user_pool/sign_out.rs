//! Signing a person out everywhere: one write ends every session, code and refresh-token family, then the
//! apps are told.

use std::collections::BTreeSet;

use super::backchannel::{SignedOut, announce};
use crate::app::App;
use crate::model::ids::{ClientId, Sub};
use crate::model::pool::Pool;
use crate::store::grants::Grants;
use crate::store::record::Records;
use crate::store::{StoreError, sessions};

/// Sessions of one person whose apps are told; further ones end without notice.
const TOLD: usize = 100;

/// Signs `sub` out everywhere. The write is what counts; telling the apps is best effort and nobody waits for
/// it.
pub async fn sign_out_everywhere(app: &App, pool: &Pool, sub: &Sub) -> Result<(), StoreError> {
    let grants = Grants { records: &app.state, seal: &app.seal, random: &app.outside.random, pool };
    grants.end_everything(sub, app.outside.clock.now()).await?;
    match apps(&app.state, pool, sub).await {
        Ok(clients) => announce(app, pool, SignedOut { sub, session: None, clients: &clients }).await,
        Err(error) => {
            tracing::warn!(code = "backchannel_logout_failed", %error, "the apps of a signed-out person \
                could not be found");
        }
    }
    Ok(())
}

/// The apps of the person's sessions.
async fn apps(records: &Records, pool: &Pool, sub: &Sub) -> Result<Vec<ClientId>, StoreError> {
    let sessions = sessions::listed(records, &pool.id, sub, TOLD).await?;
    Ok(sessions
        .into_iter()
        .flat_map(|session| session.clients)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect())
}
