//! Identity from a SAML provider: [`begin`] makes the request that the browser takes there, [`finish`] turns
//! its answer into an identity, and [`unsolicited`] one that nobody asked for.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::{Begin, Departure, FederationError, SamlRefusal};
use crate::app::App;
use crate::flow::state::{Pending, SamlRequestSent, Wishes};
use crate::model::identity::{Claims, ExternalIdentity, SamlSession, UpstreamSession};
use crate::model::pool::Pool;
use crate::protocol::saml::assertion::Assertion;
use crate::protocol::saml::binding::{Binding, Message, post_form, redirect_url};
use crate::protocol::saml::error::SamlError;
use crate::protocol::saml::expected::{Expected, ResponseTo};
use crate::protocol::saml::metadata::IdpMetadata;
use crate::protocol::saml::request::{AuthnRequest, message_id};
use crate::protocol::saml::response;
use crate::protocol::saml::signature::{self, SpKey};
use crate::protocol::saml::verification_report::Checks;
use crate::provider::email_trust;
use crate::provider::quirks;
use crate::provider::saml::Saml;
use crate::provider::saml_claims;
use crate::provider::settings::{Protocol, Provider};
use crate::store::saml_trust::Party;
use crate::store::sp_keys::SpKeys;
use crate::store::{Key, replay_cache};
use crate::user_pool::test_login;

/// How old a response that nobody asked for may be, as in Cognito.
const UNSOLICITED_AGE: Duration = Duration::from_secs(6 * 60);
/// Responses of one provider that may fail to decrypt within [`FAILURE_WINDOW`] while nothing protects their
/// ciphertext (C-44).
const MOST_FAILURES: i64 = 100;
const FAILURE_WINDOW: Duration = Duration::from_secs(3600);
/// How long our metadata waits for what a provider's says of it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest name or session index that is remembered for signing out: a session's record is small.
const LONGEST_REMEMBERED: usize = 512;

/// A provider of a pool of this broker.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// The broker.
    pub app: &'a App,
    /// The pool.
    pub pool: &'a Pool,
    /// The provider.
    pub provider: &'a Provider,
}

/// What becomes of a response that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is verified and stays usable.
    Look,
    /// It counts, once.
    Once,
}

/// How the browser leaves for the provider, and what its answer will be checked against.
pub async fn begin(
    connection: Connection<'_>,
    begin: Begin<'_>,
) -> Result<(Departure, Pending), FederationError> {
    let (saml, app) = (connection.rules()?, connection.app);
    let metadata = connection.metadata(saml).await?;
    let Begin { wishes, handle, redirect_uri, .. } = begin;
    let endpoint = metadata
        .sso(saml.request.binding)
        .ok_or(SamlRefusal::NoEndpoint(saml.request.binding.map_or("any", Binding::uri)))?;
    let (id, now) = (message_id(app.outside.random.bytes()), app.outside.clock.now());
    let request = AuthnRequest {
        id: &id,
        issue_instant: now,
        destination: &endpoint.location,
        issuer: &saml.sp_entity_id,
        acs_url: &redirect_uri,
        force_authn: wishes.prompt.login || wishes.prompt.select_account || wishes.max_age.is_some(),
        is_passive: wishes.prompt.none,
        name_id_format: saml.request.name_id_format.as_deref(),
        authn_context: &saml.request.authn_context,
    };
    let keys = if saml.request.sign.unwrap_or(metadata.wants_signed_requests) {
        Some(connection.keys().await?)
    } else {
        None
    };
    let key = keys.as_ref().map(|keys| &keys.signing);
    let departure = send(
        (endpoint.binding, &endpoint.location),
        Message::Request,
        (&id, &request.to_xml()),
        Some(&handle),
        key,
    )?;
    let pending = Pending {
        provider: connection.provider.name.clone(),
        nonce: String::new(),
        verifier: String::new(),
        redirect_uri,
        form_post: true,
        sent: now,
        max_age: max_age(wishes),
        saml: Some(SamlRequestSent { request_id: id, authn_context: saml.request.authn_context.clone() }),
    };
    Ok((departure, pending))
}

/// How a message of ours leaves for `endpoint`, signed where there is a key.
pub(in crate::user_pool) fn send(
    to: (Binding, &str),
    message: Message,
    (id, xml): (&str, &str),
    relay_state: Option<&str>,
    key: Option<&SpKey>,
) -> Result<Departure, SamlRefusal> {
    let (binding, location) = to;
    match binding {
        Binding::Redirect => Ok(Departure::Redirect(redirect_url(location, message, xml, relay_state, key)?)),
        Binding::Post => {
            let signed = key.map(|key| signature::sign(xml, id, key)).transpose()?;
            let form = post_form(location, message, signed.as_deref().unwrap_or(xml), relay_state)?;
            Ok(Departure::Post { action: form.action, fields: form.fields })
        }
    }
}

/// Checks the answer to the request that `pending` remembers, and proves who the person is. An answer counts
/// once (C-57).
pub async fn finish(
    connection: Connection<'_>,
    pending: &Pending,
    xml: &[u8],
    checks: &mut Checks,
) -> Result<ExternalIdentity, FederationError> {
    let saml = connection.rules()?;
    if connection.provider.name != pending.provider {
        return Err(FederationError::OtherProvider {
            asked: pending.provider.clone(),
            used: connection.provider.name.clone(),
        });
    }
    let asked = pending.saml.as_ref().ok_or(SamlRefusal::OtherProtocol)?;
    let fitting = Fitting {
        acs: &pending.redirect_uri,
        request: ResponseTo::Request { id: &asked.request_id, sent: pending.sent },
        authn_context: &asked.authn_context,
        max_age: pending.max_age,
    };
    let assertion = connection.verify(saml, xml, fitting, checks).await?;
    connection.use_once(&assertion).await?;
    connection.identity(saml, &assertion)
}

/// Checks a response that nobody asked for, as it came to `origin` (C-56).
pub async fn unsolicited(
    connection: Connection<'_>,
    origin: &str,
    xml: &[u8],
    once: Use,
    checks: &mut Checks,
) -> Result<ExternalIdentity, FederationError> {
    let saml = connection.rules()?;
    let acs = acs_url(saml, origin);
    let fitting = Fitting {
        acs: &acs,
        request: ResponseTo::Nothing { max_age: UNSOLICITED_AGE },
        authn_context: &saml.request.authn_context,
        max_age: None,
    };
    let assertion = connection.verify(saml, xml, fitting, checks).await?;
    if once == Use::Once {
        connection.use_once(&assertion).await?;
    }
    connection.identity(saml, &assertion)
}

/// The provider's entity id; an error when its metadata is not to be had.
pub async fn entity_id(connection: Connection<'_>, saml: &Saml) -> Result<String, FederationError> {
    Ok(connection.metadata(saml).await?.entity_id.clone())
}

/// Our assertion consumer service towards a provider, for browsers at `origin`.
pub fn acs_url(saml: &Saml, origin: &str) -> String {
    saml.acs_url.clone().unwrap_or_else(|| format!("{origin}/saml2/idpresponse"))
}

/// Whether our requests to this provider are signed: what the setting says, else what its metadata wants, if
/// that is to be had soon. A provider may be reading our metadata now and give its own when it has.
pub async fn signs_requests(connection: Connection<'_>, saml: &Saml) -> bool {
    match saml.request.sign {
        Some(sign) => sign,
        None => timeout(PATIENCE, connection.metadata(saml))
            .await
            .is_ok_and(|known| known.is_ok_and(|idp| idp.wants_signed_requests)),
    }
}

/// How long ago the person may have authenticated: not before the request where a new sign-in was asked for.
fn max_age(wishes: Wishes<'_>) -> Option<Duration> {
    if wishes.prompt.login { Some(Duration::ZERO) } else { wishes.max_age.map(Duration::from_secs) }
}

/// What a response is checked against besides the provider's rules.
#[derive(Clone, Copy)]
struct Fitting<'a> {
    acs: &'a str,
    request: ResponseTo<'a>,
    authn_context: &'a [String],
    max_age: Option<Duration>,
}

impl<'a> Connection<'a> {
    /// The provider's SAML rules; a disabled provider is refused at every door (C-63).
    pub(in crate::user_pool) fn rules(self) -> Result<&'a Saml, FederationError> {
        match &self.provider.protocol {
            _ if !self.provider.enabled => Err(FederationError::Disabled),
            Protocol::Saml(saml) => Ok(saml),
            Protocol::Oidc(_) | Protocol::Oauth2(_) => Err(SamlRefusal::OtherProtocol.into()),
        }
    }

    pub(in crate::user_pool) async fn metadata(
        self,
        saml: &Saml,
    ) -> Result<Arc<IdpMetadata>, FederationError> {
        Ok(self.app.idps.idp(self.party(saml)).await.map_err(SamlRefusal::Metadata)?)
    }

    pub(in crate::user_pool) async fn keys(self) -> Result<Arc<SpKeys>, FederationError> {
        Ok(self.app.sp_keys.of(&self.pool.id).await.map_err(SamlRefusal::Keys)?)
    }

    fn party<'s>(self, saml: &'s Saml) -> Party<'s>
    where
        'a: 's,
    {
        Party { pool: &self.pool.id, provider: &self.provider.name, saml }
    }

    /// Verifies with the keys of this provider's own metadata. When none of them made the signature, the
    /// metadata is read once more, unless that was done a moment ago.
    async fn verify(
        self,
        saml: &Saml,
        xml: &[u8],
        fitting: Fitting<'_>,
        checks: &mut Checks,
    ) -> Result<Assertion, FederationError> {
        self.check_cap(saml).await?;
        let metadata = self.metadata(saml).await?;
        let ours = self.keys().await?;
        let now = self.app.outside.clock.now();
        let attempt = |metadata: &IdpMetadata, checks: &mut Checks| {
            let expected = Expected {
                idp: &metadata.entity_id,
                audience: &saml.sp_entity_id,
                acs: fitting.acs,
                request: fitting.request,
                keys: &metadata.signing,
                decryption: &ours.decryption,
                rules: saml.accept.rules(now),
                authn_context: fitting.authn_context,
                max_age: fitting.max_age,
            };
            response::verify(xml, &expected, now, checks)
        };
        let outcome = match attempt(&metadata, checks) {
            Err(error @ SamlError::Signature { .. }) => {
                match self.app.idps.newer(self.party(saml), &metadata).await {
                    Some(newer) => {
                        checks.note("Metadata", "read again, for a certificate that was not in it");
                        attempt(&newer, checks)
                    }
                    None => Err(error),
                }
            }
            outcome => outcome,
        };
        match outcome {
            Ok(assertion) => Ok(assertion.into_inner()),
            Err(error) => {
                let blind = matches!(
                    error,
                    SamlError::Decryption(_) | SamlError::Plaintext { .. } | SamlError::Oracle(_)
                );
                if blind && saml.accept.cbc_without_signature {
                    replay_cache::count(&self.app.state.store, &self.failures(), FAILURE_WINDOW, now)
                        .await
                        .map_err(SamlRefusal::Store)?;
                }
                Err(SamlRefusal::Response(error).into())
            }
        }
    }

    /// Where ciphertext may come unprotected, whoever tries out variants of it is stopped (C-44).
    async fn check_cap(self, saml: &Saml) -> Result<(), FederationError> {
        if !saml.accept.cbc_without_signature {
            return Ok(());
        }
        let failures = replay_cache::counted(&self.app.state.store, &self.failures())
            .await
            .map_err(SamlRefusal::Store)?;
        if failures < MOST_FAILURES { Ok(()) } else { Err(SamlRefusal::Capped(failures).into()) }
    }

    fn failures(self) -> Key {
        Key::limit("saml-decryption", &self.scope())
    }

    /// Names this provider of this pool among all.
    pub(in crate::user_pool) fn scope(self) -> String {
        format!("{}/{}", self.pool.id, self.provider.name)
    }

    /// The mark that an assertion was used lives for as long as anybody could bring it again. Of two replicas
    /// one sets it.
    async fn use_once(self, assertion: &Assertion) -> Result<(), FederationError> {
        let key = Key::mark("assertion", &self.scope(), &assertion.id);
        let first = replay_cache::is_first(&self.app.state.store, &key, assertion.acceptable_until)
            .await
            .map_err(SamlRefusal::Store)?;
        if first { Ok(()) } else { Err(SamlRefusal::Replayed(assertion.id.clone()).into()) }
    }

    fn identity(self, saml: &Saml, assertion: &Assertion) -> Result<ExternalIdentity, FederationError> {
        let mut claims = saml_claims::claims(saml, assertion);
        let key = quirks::key(self.provider, &claims)?;
        let single = has_one_address(saml, &claims);
        for (name, hint) in test_login::missing(self.provider, &claims)
            .into_iter()
            .filter(|(name, _)| name.as_str() == "email")
        {
            tracing::warn!(code = "saml_attribute_missing", pool = %self.pool.id,
                provider = %self.provider.name, attribute = %name, hint, "a claim is missing");
        }
        quirks::normalise(self.provider, &mut claims);
        quirks::admit(self.provider, &claims)?;
        let email_verified = single && email_trust::email_verified(self.provider, &claims);
        let upstream = UpstreamSession {
            provider: self.provider.name.clone(),
            sid: None,
            subject: key.subject.clone(),
            saml: Some(session(assertion)),
        };
        let now = self.app.outside.clock.now();
        Ok(ExternalIdentity {
            key,
            claims: Arc::new(claims),
            unsigned: Claims::new(),
            email_verified,
            authenticated_at: assertion.authn_instant.min(now),
            upstream: Some(upstream),
        })
    }
}

/// An e-mail attribute with several values belongs to nobody in particular (C-66).
fn has_one_address(saml: &Saml, claims: &Claims) -> bool {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let said = |value: &&Value| text(value) || value.as_array().is_some_and(|values| values.iter().any(text));
    !saml.email.iter().find_map(|name| claims.get(name).filter(said)).is_some_and(Value::is_array)
}

/// What signing out has to name, unless it is too long to remember.
fn session(assertion: &Assertion) -> SamlSession {
    let name = assertion.name_id.as_ref();
    let texts = [
        name.map(|name| name.value.as_str()),
        name.and_then(|name| name.name_qualifier.as_deref()),
        name.and_then(|name| name.sp_name_qualifier.as_deref()),
        assertion.session_index.as_deref(),
    ];
    let fits = texts.iter().flatten().all(|text| text.len() <= LONGEST_REMEMBERED);
    let name = name.filter(|_| fits);
    SamlSession {
        name_id: name.map(|name| name.value.clone()).unwrap_or_default(),
        format: name.and_then(|name| name.format.clone()),
        name_qualifier: name.and_then(|name| name.name_qualifier.clone()),
        sp_name_qualifier: name.and_then(|name| name.sp_name_qualifier.clone()),
        session_index: assertion.session_index.clone().filter(|_| fits),
        ends: assertion.session_not_on_or_after,
    }
}
