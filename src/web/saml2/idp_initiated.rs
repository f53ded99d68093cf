//! A response that nobody asked for: refused, turned into a sign-in that the app begins, or accepted once
//! (C-56).

use axum::response::Response;
use url::Url;

use super::relay::keep;
use crate::config::PoolConfig;
use crate::flow::request::{self, Refused};
use crate::flow::state::AuthorizeRequest;
use crate::model::client::Client;
use crate::model::identity::ExternalIdentity;
use crate::model::ids::{ClientId, ProviderName, ReferenceId};
use crate::model::pool::Pool;
use crate::protocol::saml::unverified::Unverified;
use crate::protocol::saml::verification_report::Checks;
use crate::provider::saml::{IdpInitiated, Saml};
use crate::provider::settings::{Protocol, Provider};
use crate::user_pool::federate::saml::{self, Connection, Use};
use crate::user_pool::federate::{FederationError, SamlRefusal};
use crate::web::complete_sign_in;
use crate::web::error::Failure;
use crate::web::redirect::see_other;
use crate::web::request_context::RequestContext;

/// Takes the first step with a response that answers nothing. It is verified before anything of it is kept or
/// passed on.
pub async fn receive(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    seen: &Unverified,
    xml: &[u8],
) -> Result<Response, Failure> {
    let config = ctx.config.clone();
    let issuer = seen.issuer.as_deref().unwrap_or_default();
    let (provider, saml) = sender(ctx, &config, issuer).await?;
    let connection = Connection { app: &ctx.app, pool: &config.pool, provider };
    let identity = saml::unsolicited(connection, &ctx.origin, xml, Use::Look, &mut Checks::default()).await?;
    match &saml.idp_initiated {
        IdpInitiated::Off => Err(nobody_asked(issuer)),
        IdpInitiated::Accept { client } => {
            request_of(&config.pool, provider, client)?;
            let handle = ctx.app.outside.random.token();
            let latest = ctx.now().plus(config.pool.flow_lifetime);
            keep(ctx, &handle, xml, (Some(provider.name.clone()), latest)).await
        }
        IdpInitiated::Restart { client } => {
            tracing::info!(pool = %config.pool.id, provider = %provider.name, %client, %reference, "a \
                provider began a sign-in: the app is asked to");
            restart(&config.pool, provider, client, &identity)
        }
    }
}

/// Signs the person in to the provider's default client, once.
pub async fn accept(
    ctx: &mut RequestContext,
    reference: &ReferenceId,
    name: &ProviderName,
    xml: &[u8],
) -> Result<Response, Failure> {
    let config = ctx.config.clone();
    let provider = config.provider(name).ok_or(FederationError::Disabled)?;
    let Protocol::Saml(saml) = &provider.protocol else { return Err(FederationError::Disabled.into()) };
    let IdpInitiated::Accept { client } = &saml.idp_initiated else {
        return Err(nobody_asked(name.as_str()));
    };
    let request = request_of(&config.pool, provider, client)?;
    let connection = Connection { app: &ctx.app.clone(), pool: &config.pool, provider };
    let identity = saml::unsolicited(connection, &ctx.origin, xml, Use::Once, &mut Checks::default()).await?;
    complete_sign_in::admit_to(ctx, (&request, reference), provider, &identity).await
}

/// The one enabled provider with this entity id that may begin sign-ins.
async fn sender<'c>(
    ctx: &RequestContext,
    config: &'c PoolConfig,
    issuer: &str,
) -> Result<(&'c Provider, &'c Saml), Failure> {
    let (mut found, mut unreadable) = (None, None);
    for provider in config.providers.iter().filter(|provider| provider.enabled) {
        let Protocol::Saml(saml) = &provider.protocol else { continue };
        if saml.idp_initiated == IdpInitiated::Off {
            continue;
        }
        let connection = Connection { app: &ctx.app, pool: &config.pool, provider };
        match saml::entity_id(connection, saml).await {
            Ok(id) if id == issuer => {
                if found.replace((provider, &**saml)).is_some() {
                    return Err(SamlRefusal::Ambiguous(issuer.chars().take(200).collect()).into());
                }
            }
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    // Whose metadata cannot be read may be the sender.
    found.ok_or_else(|| unreadable.map_or_else(|| nobody_asked(issuer), Failure::from))
}

fn nobody_asked(issuer: &str) -> Failure {
    SamlRefusal::NobodyAsked(issuer.chars().take(200).collect()).into()
}

/// What `client` would have asked for. It must be enabled and able to authenticate: a code without PKCE is
/// for nobody else (C-64); and not bound to push its requests, for nobody pushed this one.
fn request_of(pool: &Pool, provider: &Provider, client: &ClientId) -> Result<AuthorizeRequest, Failure> {
    let unusable =
        |problem: String| Failure::from(SamlRefusal::Target { client: client.to_string(), problem });
    let target = target(pool, provider, client)?;
    if target.is_public() {
        return Err(unusable("it has no secret".to_owned()));
    }
    if target.proof.require_par {
        return Err(unusable("it has to push its authorization requests".to_owned()));
    }
    let redirect_uri =
        target.redirect_uris.first().ok_or_else(|| unusable("it has no redirect URI".to_owned()))?;
    let parameters =
        [("response_type", "code"), ("client_id", client.as_str()), ("redirect_uri", redirect_uri)];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    match request::check(pool, &parameters, |_, _| None) {
        Ok((request, _)) => Ok(request),
        Err(Refused::Page(error) | Refused::Redirect { error, .. }) => Err(unusable(error.to_string())),
    }
}

fn target<'p>(pool: &'p Pool, provider: &Provider, client: &ClientId) -> Result<&'p Client, Failure> {
    let unusable =
        |problem: &str| SamlRefusal::Target { client: client.to_string(), problem: problem.to_owned() };
    let target = pool.client(client.as_str()).ok_or_else(|| unusable("it does not exist or is disabled"))?;
    if target.allows_provider(&provider.name) {
        Ok(target)
    } else {
        Err(unusable("its people may not use this provider").into())
    }
}

/// Asks the app to begin a sign-in with this provider
/// ([OpenID Connect Core section
/// 4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)).
fn restart(
    pool: &Pool,
    provider: &Provider,
    client: &ClientId,
    identity: &ExternalIdentity,
) -> Result<Response, Failure> {
    let unusable =
        |problem: &str| SamlRefusal::Target { client: client.to_string(), problem: problem.to_owned() };
    let target = target(pool, provider, client)?;
    let uri = target.initiate_login_uri.as_deref().and_then(|uri| Url::parse(uri).ok());
    let mut uri = uri.ok_or_else(|| unusable("it has no initiate_login_uri"))?;
    let hint = identity
        .claims
        .get("email")
        .and_then(serde_json::Value::as_str)
        .filter(|hint| hint.len() <= request::MAX_LOGIN_HINT);
    uri.query_pairs_mut()
        .append_pair("iss", &pool.issuer)
        .append_pair("identity_provider", provider.name.as_str());
    if let Some(hint) = hint {
        uri.query_pairs_mut().append_pair("login_hint", hint);
    }
    Ok(see_other(uri.as_str()))
}
