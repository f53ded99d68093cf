//! The end of a sign-in: what was decided becomes a code for the app.

use crate::model::pool::Pool;
use crate::model::session::{CodeGrant, Session};
use crate::outside::random::Random;
use crate::store::grants::Grants;
use crate::store::record::Records;
use crate::store::seal::Seal;
use crate::store::{StoreError, sessions};

/// Stores `grant` in the user's partition and returns the code for the app's redirect URI: one round trip.
pub async fn issue_code(
    state: &Records,
    seal: &Seal,
    random: &Random,
    pool: &Pool,
    grant: CodeGrant,
) -> Result<String, StoreError> {
    Grants { records: state, seal, random, pool }.put_code(&grant).await
}

/// Opens `session` and stores `grant`, which belongs to it, in the same round trip. Returns the code and the
/// session's cookie.
pub async fn open_and_issue_code(
    grants: Grants<'_>,
    mut session: Session,
    grant: &CodeGrant,
) -> Result<(String, String), StoreError> {
    if !session.clients.contains(&grant.client) {
        session.clients.push(grant.client.clone());
        match open(grants, &session, grant).await {
            // More apps than a session can name: the last one is served all the same, and does not hear of
            // the sign-out.
            Err(StoreError::TooLarge { kind: "session", .. }) => {
                tracing::warn!(code = "session_full", pool = %grants.pool.id, client = %grant.client, "an \
                    app will not hear when this session ends");
                session.clients.pop();
            }
            outcome => return outcome,
        }
    }
    open(grants, &session, grant).await
}

async fn open(
    grants: Grants<'_>,
    session: &Session,
    grant: &CodeGrant,
) -> Result<(String, String), StoreError> {
    let (opening, cookie) = sessions::opening(grants.records, grants.seal, grants.pool, session);
    Ok((grants.put_code_with(grant, opening).await?, cookie))
}
