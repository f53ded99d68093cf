//! The end of a sign-in: what was decided becomes a code for the app.

use crate::model::pool::Pool;
use crate::model::session::CodeGrant;
use crate::outside::random::Random;
use crate::store::StoreError;
use crate::store::grants::Grants;
use crate::store::record::Records;
use crate::store::seal::Seal;

/// Stores `grant` in the user's partition and returns the code for the app's redirect URI: one round trip.
pub async fn issue_code(state: &Records, seal: &Seal, random: &Random, pool: &Pool, grant: CodeGrant) -> Result<String, StoreError> {
    Grants { records: state, seal, random, pool }.put_code(&grant).await
}
