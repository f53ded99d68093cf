//! Identity from a verified ID token, with userinfo where the provider offers more there.

use url::Url;

use super::{Exchange, FederationError, provider_keys, trace_recording};
use crate::model::identity::{Claims, ExternalIdentity, UpstreamSession};
use crate::model::secret::{ExposeSecret, SecretString};
use crate::outside::stale_while_revalidate::Asker;
use crate::outside::upstreams::UpstreamError;
use crate::protocol::Verified;
use crate::protocol::jose::{Algorithm, JwsError, KeySet};
use crate::protocol::oidc::id_token::{self, Expected, IdTokenClaims, IdTokenError};
use crate::protocol::oidc::issuer::Issuer;
use crate::protocol::oidc::userinfo::{self, Answer, Signer};
use crate::provider::quirks;
use crate::provider::settings::{Oidc, UserinfoRule};

impl Exchange<'_> {
    pub(super) async fn oidc(&self, oidc: &Oidc) -> Result<ExternalIdentity, FederationError> {
        let endpoints = trace_recording::metadata(self.means, oidc, self.upstream.endpoints(oidc).await)?;
        let issuer = Issuer { value: &oidc.issuer, aliases: &oidc.quirks.issuer_aliases };
        self.answer.check_issuer(issuer, endpoints.promises_iss)?;
        let code = self.code()?;
        let token_endpoint = endpoints.token.clone().ok_or(UpstreamError::EndpointMissing("token"))?;
        let jwks = endpoints.jwks.as_ref().ok_or(UpstreamError::EndpointMissing("jwks"))?;
        let tokens = self.redeem(token_endpoint, code).await?;
        let raw = tokens.id_token.ok_or(FederationError::NoIdToken)?;
        trace_recording::id_token(self.means, raw.clone(), self.pending.nonce.clone());
        let algorithms: Vec<Algorithm> =
            oidc.algorithms.iter().filter_map(|name| Algorithm::parse(name)).collect();
        let expected = Expected {
            issuer,
            client_id: &self.provider.client_id,
            algorithms: &algorithms,
            nonce: &self.pending.nonce,
            nonce_may_be_absent: quirks::nonce_may_be_absent(oidc),
            access_token: tokens.access_token.expose_secret(),
            code: code.expose_secret(),
            sent: self.pending.sent,
            max_age: self.pending.max_age,
        };
        let check = |keys: &KeySet| Ok(id_token::verify(raw.expose_secret(), keys, expected, self.now)?);
        let (id_token, keys) =
            provider_keys::checked(self.means, (self.upstream, jwks, Asker::SignIn), check, signature)
                .await?;
        let key = quirks::key(self.provider, &id_token.claims)?;
        let claims = match endpoints.userinfo.as_ref().filter(|_| oidc.userinfo == UserinfoRule::WhenOffered)
        {
            None => id_token.claims.clone(),
            Some(url) => {
                let signer =
                    Signer { keys: &keys, algorithms: &algorithms, client_id: &self.provider.client_id };
                self.userinfo(url.clone(), &tokens.access_token, &id_token, signer).await?
            }
        };
        let upstream = UpstreamSession {
            provider: self.provider.name.clone(),
            sid: id_token.sid.clone().filter(|_| self.provider.may_sign_out()),
            subject: id_token.subject.clone(),
            saml: None,
        };
        self.identity(key, claims, id_token.auth_time, upstream)
    }

    async fn userinfo(
        &self,
        url: Url,
        access_token: &SecretString,
        id_token: &Verified<IdTokenClaims>,
        signer: Signer<'_>,
    ) -> Result<Claims, FederationError> {
        let response = self.get_with("userinfo request", url, access_token).await?;
        let media_type = response.media_type();
        let answer = Answer {
            status: response.status.as_u16(),
            media_type: media_type.as_deref(),
            body: &response.body,
        };
        Ok(userinfo::merge(id_token, answer, signer)?)
    }
}

fn signature(error: &FederationError) -> Option<&JwsError> {
    match error {
        FederationError::IdToken(IdTokenError::Signature(error)) => Some(error),
        _ => None,
    }
}
