//! Apple's client secret: an ES256 JWT that is minted here and renewed in good time
//! ([Sign in with Apple](https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret)).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::secret::SecretString;
use crate::model::time::Timestamp;
use crate::protocol::jose::{SigningKey, SigningKeyError};
use crate::protocol::oauth2::provider_credentials::SECRET_JWT_USE;

/// The secret of one provider that is in use now.
#[derive(Default)]
pub(super) struct AppleSecret(Mutex<Option<Minted>>);

struct Minted {
    jwt: SecretString,
    of: Arc<SigningKey>,
    made: Timestamp,
}

impl AppleSecret {
    /// The current secret, made by `mint` when there is none, when its key changed, or [`SECRET_JWT_USE`]
    /// after it was made: long before it ends (B-33). Fails as `mint` does.
    pub(super) fn current<F>(
        &self,
        key: &Arc<SigningKey>,
        now: Timestamp,
        mint: F,
    ) -> Result<SecretString, SigningKeyError>
    where
        F: FnOnce() -> Result<String, SigningKeyError>,
    {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lives = |minted: &&Minted| {
            Arc::ptr_eq(&minted.of, key) && minted.made <= now && now < minted.made.plus(SECRET_JWT_USE)
        };
        if let Some(minted) = held.as_ref().filter(lives) {
            return Ok(minted.jwt.clone());
        }
        let jwt = SecretString::from(mint()?);
        *held = Some(Minted { jwt: jwt.clone(), of: Arc::clone(key), made: now });
        Ok(jwt)
    }
}

impl fmt::Debug for AppleSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppleSecret")
    }
}
