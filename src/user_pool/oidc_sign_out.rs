//! A provider of OpenID Connect signs a person out here: by a logout token that it posts
//! ([Back-Channel Logout](https://openid.net/specs/openid-connect-backchannel-1_0.html)), or by a page of
//! ours that the browser loads in a frame of its own ([Front-Channel
//! Logout](https://openid.net/specs/openid-connect-frontchannel-1_0.html)).
//!
//! What ends are the sessions that came of that sign-in, or of that person's sign-ins, at that provider, and
//! no other (B-46). As with every sign-out, the apps are told, and their refresh tokens are theirs.

mod refusal;

use std::time::Duration;

use tokio::time::timeout;

pub use refusal::LogoutRefusal;

use super::backchannel::{self, SignedOut};
use super::federate::{Means, provider_keys, trace_recording};
use crate::app::App;
use crate::config::PoolConfig;
use crate::model::ids::ProviderName;
use crate::model::secret::{ExposeSecret as _, SecretString};
use crate::model::session::Session;
use crate::outside::stale_while_revalidate::Asker;
use crate::outside::upstreams::UpstreamError;
use crate::protocol::jose::{Algorithm, JwsError, KeySet};
use crate::protocol::oidc::issuer::Issuer;
use crate::protocol::oidc::logout_token::{self, Expected, LogoutTokenError};
use crate::provider::settings::{LogoutRule, Oidc, Protocol, Provider};
use crate::store::record::Records;
use crate::store::upstream_sessions::{self, Said, SignedOutThere};
use crate::store::{Key, StoreError, replay_cache};

/// Where a logout token for a provider is posted: this, and the provider's name.
pub const BACK_CHANNEL: &str = "/oauth2/backchannel_logout";
/// The page that a provider's frame loads: this, and the provider's name.
pub const FRONT_CHANNEL: &str = "/oauth2/frontchannel_logout";

/// Fewer characters could be guessed by whoever loads the page again and again; whoever has more was given
/// them.
const SHORTEST_SID: usize = 8;
/// How long a frame waits for the provider's metadata, which is usually known.
const PATIENCE: Duration = Duration::from_secs(2);

/// A provider that may sign people out.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    app: &'a App,
    config: &'a PoolConfig,
    provider: &'a Provider,
    oidc: &'a Oidc,
}

impl<'a> Door<'a> {
    /// The provider called `name`, if it may sign people out in this way.
    pub fn of(
        app: &'a App,
        config: &'a PoolConfig,
        name: &str,
        way: fn(LogoutRule) -> bool,
    ) -> Result<Self, LogoutRefusal> {
        let provider = ProviderName::parse(name)
            .ok()
            .and_then(|name| config.provider(&name))
            .filter(|provider| provider.enabled);
        match provider.map(|provider| (provider, &provider.protocol)) {
            Some((provider, Protocol::Oidc(oidc))) if way(oidc.logout) => {
                Ok(Self { app, config, provider, oidc })
            }
            _ => Err(LogoutRefusal::NotOffered(name.chars().take(64).collect())),
        }
    }

    /// The provider.
    pub fn provider(&self) -> &'a Provider {
        self.provider
    }

    /// Ends what the provider's token says, once.
    pub async fn honours(&self, means: Means<'_>, raw: SecretString) -> Result<Vec<Session>, LogoutRefusal> {
        trace_recording::logout_token(means, raw.clone());
        let upstream = means.upstreams.of(self.provider);
        let algorithms: Vec<Algorithm> =
            self.oidc.algorithms.iter().filter_map(|name| Algorithm::parse(name)).collect();
        let expected =
            Expected { issuer: self.issuer(), client_id: &self.provider.client_id, algorithms: &algorithms };
        let now = means.outside.clock.now();
        let proof = async {
            let endpoints = trace_recording::metadata(means, self.oidc, upstream.endpoints(self.oidc).await)?;
            let jwks = endpoints.jwks.as_ref().ok_or(UpstreamError::EndpointMissing("jwks"))?;
            let check = |keys: &KeySet| Ok(logout_token::verify(raw.expose_secret(), keys, expected, now)?);
            provider_keys::checked(means, (&upstream, jwks, Asker::Anybody), check, signature).await
        };
        let budget = means.upstreams.budget();
        let (token, _) = timeout(budget, proof).await.map_err(|_| UpstreamError::Budget(budget))??;
        let there = SignedOutThere {
            provider: &self.provider.name,
            issuer: &token.issuer,
            subject: token.subject.as_deref(),
            sid: token.sid.as_deref(),
        };
        // Used up only when everything has ended: a provider tries again what failed, and ending twice ends
        // nothing more.
        let scope = format!("{}:{}", self.config.pool.id, self.provider.name);
        let mark = Key::mark("logout-token", &scope, &token.jti);
        let records: &Records = &self.app.state;
        if records.store.get(&mark).await?.is_some() {
            return Err(LogoutRefusal::Replayed(token.jti.chars().take(64).collect()));
        }
        let ended = self.end(there, Some(Said { at: token.issued, now })).await?;
        replay_cache::is_first(&records.store, &mark, token.over).await?;
        Ok(ended)
    }

    /// Ends the sign-in that a frame names. Nothing is signed, so whoever knows the `sid` can do it: the
    /// provider, this broker, and the browser.
    pub async fn honours_frame(
        &self,
        iss: Option<&str>,
        sid: Option<&str>,
    ) -> Result<Vec<Session>, LogoutRefusal> {
        let iss = iss.ok_or(LogoutRefusal::FrameIncomplete("iss"))?;
        let sid = sid.ok_or(LogoutRefusal::FrameIncomplete("sid"))?;
        let issuer = self.issuer().admitted(iss).ok_or_else(|| LogoutRefusal::OtherIssuer {
            found: iss.chars().take(256).collect(),
            expected: self.oidc.issuer.clone(),
        })?;
        if sid.len() < SHORTEST_SID {
            return Err(LogoutRefusal::Guessable);
        }
        let there =
            SignedOutThere { provider: &self.provider.name, issuer: &issuer, subject: None, sid: Some(sid) };
        Ok(self.end(there, None).await?)
    }

    /// Addresses at whose origins the provider's own pages lie: those may show our page in a frame.
    pub async fn pages(&self) -> Vec<String> {
        let upstream = self.app.upstreams.of(self.provider);
        let mut pages = vec![self.oidc.issuer.clone()];
        if let Ok(Ok(endpoints)) = timeout(PATIENCE, upstream.endpoints(self.oidc)).await {
            pages.extend(
                [&endpoints.authorization, &endpoints.end_session]
                    .into_iter()
                    .flatten()
                    .map(ToString::to_string),
            );
        }
        pages
    }

    async fn end(&self, there: SignedOutThere<'_>, said: Option<Said>) -> Result<Vec<Session>, StoreError> {
        let pool = &self.config.pool;
        let ended = upstream_sessions::end_signed_out(&self.app.state, &pool.id, there, said).await?;
        for session in &ended {
            backchannel::announce(self.app, pool, SignedOut::of(session)).await;
        }
        tracing::info!(pool = %pool.id, provider = %self.provider.name, sessions = ended.len(), "a provider \
            signed a person out");
        Ok(ended)
    }

    fn issuer(&self) -> Issuer<'a> {
        Issuer { value: &self.oidc.issuer, aliases: &self.oidc.quirks.issuer_aliases }
    }
}

fn signature(error: &LogoutRefusal) -> Option<&JwsError> {
    match error {
        LogoutRefusal::Token(LogoutTokenError::Signature(error)) => Some(error),
        _ => None,
    }
}
