//! The broker's client credentials at a provider's token endpoint: a secret as configured, a signed
//! assertion, or Apple's minted secret.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::Outside;
use super::apple_secret::AppleSecret;
use crate::model::encoding::sha256;
use crate::model::secret::{ExposeSecret, SecretString};
use crate::protocol::jose::{Algorithm, SigningKey, SigningKeyError};
use crate::protocol::oauth2::provider_credentials::{Credentials, private_key_jwt, secret_jwt};
use crate::provider::settings::{ClientAuth, Protocol, Provider};

/// Parsed key and current minted secret of one upstream.
#[derive(Default)]
pub struct ProviderCredentials {
    key: Mutex<Option<([u8; 32], Arc<SigningKey>)>>,
    apple: AppleSecret,
}

impl fmt::Debug for ProviderCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderCredentials")
    }
}

impl ProviderCredentials {
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
                Credentials::Post(self.apple.current(&key, now, || {
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
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = held.as_ref().filter(|(of, _)| *of == digest) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(SigningKey::from_pem(algorithm, kid, pem.expose_secret())?);
        *held = Some((digest, Arc::clone(&key)));
        Ok(key)
    }
}
