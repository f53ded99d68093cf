//! The broker's proof of itself at a provider's token endpoint: secrets as configured, assertions and secret
//! JWTs minted.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use super::Outside;
use crate::model::encoding::sha256;
use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::time::Timestamp;
use crate::protocol::jose::{Algorithm, SigningKey, SigningKeyError};
use crate::protocol::oauth2::client_auth::{Credentials, SECRET_JWT_USE, private_key_jwt, secret_jwt};
use crate::provider::settings::{ClientAuth, Protocol, Provider};

/// Parsed key and current secret JWT of one upstream.
#[derive(Default)]
pub struct Minting {
    key: Mutex<Option<([u8; 32], Arc<SigningKey>)>>,
    secret: Mutex<Option<Minted>>,
}

impl fmt::Debug for Minting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minting")
    }
}

struct Minted {
    jwt: SecretString,
    of: Arc<SigningKey>,
    made: Timestamp,
}

impl Minting {
    /// What to send with one token request to `token_endpoint`.
    pub fn credentials(
        &self,
        outside: &Outside,
        provider: &Provider,
        token_endpoint: &Url,
    ) -> Result<Credentials, SigningKeyError> {
        let now = outside.clock.now();
        Ok(match &provider.client_auth {
            ClientAuth::SecretBasic(secret) => Credentials::Basic(secret.clone()),
            ClientAuth::SecretPost(secret) => Credentials::Post(secret.clone()),
            ClientAuth::PrivateKeyJwt { key, key_id, algorithm } => {
                let algorithm = Algorithm::parse(algorithm).ok_or(SigningKeyError::Key("client_auth"))?;
                let key = self.key(algorithm, key_id.clone(), key)?;
                let claims = private_key_jwt(
                    &provider.client_id,
                    token_endpoint.as_str(),
                    outside.random.token(),
                    now,
                );
                Credentials::Assertion(key.sign(Some("JWT"), &claims)?.into())
            }
            ClientAuth::AppleJwt { key, key_id, team_id } => {
                let key = self.key(Algorithm::Es256, Some(key_id.clone()), key)?;
                let audience = match &provider.protocol {
                    Protocol::Oidc(oidc) => oidc.issuer.clone(),
                    Protocol::Oauth2(_) | Protocol::Saml(_) => token_endpoint.origin().ascii_serialization(),
                };
                Credentials::Post(self.secret(&key, now, || {
                    key.sign(None, &secret_jwt(team_id, &provider.client_id, &audience, now))
                })?)
            }
            ClientAuth::None => Credentials::None,
        })
    }

    /// The key, parsed again only when the settings changed.
    fn key(
        &self,
        algorithm: Algorithm,
        kid: Option<String>,
        pem: &SecretString,
    ) -> Result<Arc<SigningKey>, SigningKeyError> {
        let digest =
            sha256([algorithm.as_str(), kid.as_deref().unwrap_or_default(), pem.expose_secret()].join("\n"));
        let mut held = locked(&self.key);
        if let Some((_, key)) = held.as_ref().filter(|(of, _)| *of == digest) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(SigningKey::from_pem(algorithm, kid, pem.expose_secret())?);
        *held = Some((digest, Arc::clone(&key)));
        Ok(key)
    }

    /// The current secret JWT, minted anew in good time before it ends (B-33).
    fn secret<F>(
        &self,
        key: &Arc<SigningKey>,
        now: Timestamp,
        mint: F,
    ) -> Result<SecretString, SigningKeyError>
    where
        F: FnOnce() -> Result<String, SigningKeyError>,
    {
        let mut held = locked(&self.secret);
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
