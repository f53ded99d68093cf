//! Which of our sessions came of a person's sign-ins at a SAML provider, so that the provider can end them.

use crate::model::encoding::{base64url, sha256};
use crate::model::identity::{SamlSession, UpstreamSession};
use crate::model::ids::{PoolId, ProviderName, SessionId, Sub};
use crate::model::session::Session;

use super::record::Records;
use super::sessions::{self, SessionRef};
use super::{Batch, Key, Life, Outcome, StoreError};

/// Sessions of one name that are ended together; further ones end by their age.
const MOST: usize = 200;

/// What the provider calls the person: the parts of a NameID that two LogoutRequests must agree in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// The provider.
    pub provider: &'a ProviderName,
    /// Content of the NameID.
    pub name_id: &'a str,
    /// `NameQualifier`.
    pub name_qualifier: Option<&'a str>,
    /// `SPNameQualifier`.
    pub sp_name_qualifier: Option<&'a str>,
}

/// The qualifiers that go without saying ([SAML Core section 8.3.7](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual<'a> {
    /// The provider's entity id.
    pub name_qualifier: &'a str,
    /// Our entity id towards it.
    pub sp_name_qualifier: &'a str,
}

impl<'a> Named<'a> {
    /// The name under which a session came about.
    pub fn of(provider: &'a ProviderName, saml: &'a SamlSession) -> Self {
        Self {
            provider,
            name_id: &saml.name_id,
            name_qualifier: saml.name_qualifier.as_deref(),
            sp_name_qualifier: saml.sp_name_qualifier.as_deref(),
        }
    }

    fn key(&self, pool: &PoolId) -> Key {
        Key::upstream_sessions(pool, &digest(&[self.provider.as_str(), self.name_id]))
    }

    /// Whether both mean the same person: the usual qualifiers may be left out.
    fn is(&self, other: &Self, usual: Usual<'_>) -> bool {
        let same = |one: Option<&str>, other: Option<&str>, usual| one.unwrap_or(usual) == other.unwrap_or(usual);
        self.provider == other.provider
            && self.name_id == other.name_id
            && same(self.name_qualifier, other.name_qualifier, usual.name_qualifier)
            && same(self.sp_name_qualifier, other.sp_name_qualifier, usual.sp_name_qualifier)
    }
}

/// Notes that `session` came of a sign-in at a SAML provider; nothing is noted of any other. One round trip.
pub async fn note(records: &Records, pool: &PoolId, session: &Session) -> Result<(), StoreError> {
    let Some((upstream, saml)) = of_saml(session) else { return Ok(()) };
    let key = Named::of(&upstream.provider, saml).key(pool);
    let batch = Batch::new(key.partition()).index(&key, &member(session), session.expires.millis(), Life::Until(session.expires));
    match records.store.commit(batch).await? {
        Outcome::Committed | Outcome::Conflict => Ok(()),
    }
}

/// Ends the sessions that came of `named`'s sign-ins with one of these session indexes, or of all of them where none is given. Gives
/// the ended ones, for those who have to hear of it.
pub async fn end(
    records: &Records,
    pool: &PoolId,
    (named, usual): (Named<'_>, Usual<'_>),
    indexes: &[String],
) -> Result<Vec<Session>, StoreError> {
    let key = named.key(pool);
    let page = records.store.list(&key, None, MOST).await?;
    let mut ended = Vec::new();
    for (sub, id) in page.members.iter().filter_map(|member| parse(member)) {
        let reference = SessionRef::new(pool, &sub, &id);
        let Some(session) = sessions::peek(records, &reference).await? else { continue };
        let meant = of_saml(&session).is_some_and(|(upstream, saml)| {
            let index = saml.session_index.as_ref();
            Named::of(&upstream.provider, saml).is(&named, usual)
                && (indexes.is_empty() || index.is_some_and(|index| indexes.contains(index)))
        });
        if meant {
            ended.extend(sessions::end(records, &reference).await?);
        }
    }
    Ok(ended)
}

fn of_saml(session: &Session) -> Option<(&UpstreamSession, &SamlSession)> {
    let upstream = session.upstream.as_ref()?;
    Some((upstream, upstream.saml.as_ref()?))
}

fn member(session: &Session) -> String {
    format!("{}:{}", session.sub, session.id)
}

fn parse(member: &str) -> Option<(Sub, SessionId)> {
    let (sub, id) = member.split_once(':')?;
    Some((Sub::parse(sub).ok()?, SessionId::parse(id).ok()?))
}

fn digest(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    base64url(sha256(bytes))
}
