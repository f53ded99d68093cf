//! Identity from a profile call, for providers without ID tokens.

use futures_util::future::try_join_all;
use http::{HeaderName, header};
use serde_json::Value;
use url::Url;

use super::{Exchange, FederationError, value};
use crate::model::identity::{ExternalIdentity, UpstreamSession};
use crate::model::secret::{ExposeSecret, SecretString};
use crate::outside::http::{Request, Response};
use crate::outside::upstreams::{Upstream, UpstreamError};
use crate::protocol::oauth2::profile;
use crate::protocol::oidc::callback::CallbackError;
use crate::provider::deviations::TokenAudienceRule;
use crate::provider::quirks;
use crate::provider::settings::{ClientAuth, Oauth2};

/// An endpoint of the settings.
pub(super) fn endpoint(
    upstream: &Upstream,
    text: Option<&str>,
    name: &'static str,
) -> Result<Url, UpstreamError> {
    upstream.url(text.ok_or(UpstreamError::EndpointMissing(name))?, name)
}

impl Exchange<'_> {
    pub(super) async fn oauth2(&self, oauth2: &Oauth2) -> Result<ExternalIdentity, FederationError> {
        let given = &oauth2.endpoints;
        let authorization = endpoint(self.upstream, given.authorization.as_deref(), "authorization")?;
        self.check_site(&authorization)?;
        let code = self.code()?;
        let token_endpoint = endpoint(self.upstream, given.token.as_deref(), "token")?;
        let access_token = self.redeem(token_endpoint, code).await?.access_token;
        if let Some(rule) = &oauth2.quirks.token_audience {
            self.check_audience(rule, &access_token).await?;
        }
        let mut url = endpoint(self.upstream, given.userinfo.as_deref(), "userinfo")?;
        for (name, text) in &oauth2.profile.query {
            url.query_pairs_mut().append_pair(name, text);
        }
        let answer = self.profile(oauth2, url, &access_token).await?;
        let mut claims = profile::parse(answer.status.as_u16(), &answer.body)?;
        let further =
            oauth2.profile.also.iter().map(|(claim, url)| self.further(oauth2, claim, url, &access_token));
        claims.extend(try_join_all(further).await?);
        let key = quirks::key(self.provider, &claims)?;
        let upstream = UpstreamSession {
            provider: self.provider.name.clone(),
            sid: None,
            subject: key.subject.clone(),
            saml: None,
        };
        self.identity(key, claims, None, upstream)
    }

    /// `iss` of the answer, where there is one, is at the place to which the browser was sent (RFC 9207,
    /// B-20): these providers have no issuer in the settings to compare with.
    fn check_site(&self, authorization: &Url) -> Result<(), FederationError> {
        let Some(iss) = self.answer.iss() else { return Ok(()) };
        let same = Url::parse(iss).is_ok_and(|iss| iss.origin() == authorization.origin());
        if same {
            return Ok(());
        }
        let found = iss.chars().take(256).collect();
        Err(CallbackError::Issuer { found, expected: authorization.origin().ascii_serialization() }.into())
    }

    async fn check_audience(
        &self,
        rule: &TokenAudienceRule,
        access_token: &SecretString,
    ) -> Result<(), FederationError> {
        let mut url = self.upstream.url(&rule.url, "token_audience")?;
        url.query_pairs_mut().append_pair(&rule.parameter, access_token.expose_secret());
        if rule.app_token {
            let own = format!("{}|{}", self.provider.client_id, self.app_secret()?.expose_secret());
            url.query_pairs_mut().append_pair("access_token", &own);
        }
        let answer = self.call("question whose access token this is", Request::get(url)).await?;
        Ok(profile::check_audience(
            answer.status.as_u16(),
            &answer.body,
            &rule.audience,
            &self.provider.client_id,
        )?)
    }

    async fn further(
        &self,
        oauth2: &Oauth2,
        claim: &str,
        url: &str,
        access_token: &SecretString,
    ) -> Result<(String, Value), FederationError> {
        let answer = self.profile(oauth2, self.upstream.url(url, "profile")?, access_token).await?;
        Ok((claim.to_owned(), profile::parse_also(claim, answer.status.as_u16(), &answer.body)?))
    }

    /// A profile call with the access token where the provider wants it.
    async fn profile(
        &self,
        oauth2: &Oauth2,
        mut url: Url,
        access_token: &SecretString,
    ) -> Result<Response, FederationError> {
        if oauth2.quirks.appsecret_proof {
            let proof =
                quirks::appsecret_proof(self.app_secret()?.expose_secret(), access_token.expose_secret());
            url.query_pairs_mut().append_pair("appsecret_proof", &proof);
        }
        match &oauth2.profile.token_header {
            None => self.get_with("profile request", url, access_token).await,
            Some(name) => {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap_or(header::AUTHORIZATION);
                self.call("profile request", Request::get(url).secret_header(name, value(access_token)?))
                    .await
            }
        }
    }

    fn app_secret(&self) -> Result<&SecretString, FederationError> {
        match &self.provider.client_auth {
            ClientAuth::SecretBasic(secret) | ClientAuth::SecretPost(secret) => Ok(secret),
            ClientAuth::PrivateKeyJwt { .. } | ClientAuth::AppleJwt { .. } | ClientAuth::None => {
                Err(FederationError::NoAppSecret)
            }
        }
    }
}
