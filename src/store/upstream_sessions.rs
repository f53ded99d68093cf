//! Index of sessions by what a provider calls them: which of ours came of a person's sign-ins at a provider
//! that can end them: found by the words that its message will use.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::model::encoding::{base64url, sha256};
use crate::model::identity::{SamlSession, UpstreamSession};
use crate::model::ids::{PoolId, ProviderName, SessionId, Sub};
use crate::model::session::Session;
use crate::model::time::Timestamp;

use super::record::Records;
use super::sessions::{self, SessionRef};
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError};

/// Listed sessions that are looked at in one round trip, and how often; further ones end by their age.
const PAGE: usize = 200;
const MOST_PAGES: usize = 50;
/// Longest time that a sign-in is under way here after the provider proved it: its budget, and what the store
/// takes.
const UNDER_WAY: Duration = Duration::from_secs(120);

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

/// The qualifiers that go without saying ([SAML Core section
/// 8.3.7](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
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
        let same =
            |one: Option<&str>, other: Option<&str>, usual| one.unwrap_or(usual) == other.unwrap_or(usual);
        self.provider == other.provider
            && self.name_id == other.name_id
            && same(self.name_qualifier, other.name_qualifier, usual.name_qualifier)
            && same(self.sp_name_qualifier, other.sp_name_qualifier, usual.sp_name_qualifier)
    }
}

/// Whom a provider of OpenID Connect signs out: a sign-in, a person, or a sign-in that has to be of that
/// person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedOutThere<'a> {
    /// The provider.
    pub provider: &'a ProviderName,
    /// Its issuer, canonical and with the tenant.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: Option<&'a str>,
    /// `sid`.
    pub sid: Option<&'a str>,
}

impl<'a> SignedOutThere<'a> {
    /// What the provider would say of the person of `upstream`, and of that very sign-in.
    fn names(upstream: &'a UpstreamSession, issuer: &'a str) -> impl Iterator<Item = Self> {
        let of_person =
            Self { provider: &upstream.provider, issuer, subject: Some(&upstream.subject), sid: None };
        let of_sign_in =
            upstream.sid.as_deref().map(|sid| Self { subject: None, sid: Some(sid), ..of_person });
        [of_person].into_iter().chain(of_sign_in)
    }

    fn digest(&self) -> String {
        let (word, name) = match self.sid {
            Some(sid) => ("sid", sid),
            None => ("sub", self.subject.unwrap_or_default()),
        };
        digest(&["openid", self.provider.as_str(), self.issuer, word, name])
    }

    fn key(&self, pool: &PoolId) -> Key {
        Key::upstream_sessions(pool, &self.digest())
    }

    /// Where it is kept for a while that the provider said so.
    fn said(&self, pool: &PoolId) -> Key {
        Key::mark("signed-out-there", pool.as_str(), &self.digest())
    }

    fn means(&self, upstream: &UpstreamSession) -> bool {
        upstream.saml.is_none()
            && upstream.provider == *self.provider
            && self.subject.is_none_or(|subject| subject == upstream.subject)
            && self.sid.is_none_or(|sid| upstream.sid.as_deref() == Some(sid))
    }
}

/// Notes that `session` came of a sign-in at a provider that can end it; `issuer` is that of the identity.
/// One round trip.
pub async fn note(
    records: &Records,
    pool: &PoolId,
    session: &Session,
    issuer: &str,
) -> Result<(), StoreError> {
    let Some(upstream) = &session.upstream else { return Ok(()) };
    let keys = if let Some(saml) = &upstream.saml {
        vec![Named::of(&upstream.provider, saml).key(pool)]
    } else {
        SignedOutThere::names(upstream, issuer).map(|names| names.key(pool)).collect()
    };
    let (member, score, life) = (member(session), session.expires.millis(), Life::Until(session.expires));
    let writes = keys
        .iter()
        .map(|key| records.store.commit(Batch::new(key.partition()).index(key, &member, score, life)));
    // A batch without conditions meets no conflict.
    try_join_all(writes).await.map(drop)
}

/// Ends the sessions that came of `named`'s sign-ins with one of these session indexes, or of all of them
/// where none is given. Gives the ended ones, for those who have to hear of it.
pub async fn end(
    records: &Records,
    pool: &PoolId,
    (named, usual): (Named<'_>, Usual<'_>),
    indexes: &[String],
) -> Result<Vec<Session>, StoreError> {
    let meant = |session: &Session| {
        of_saml(session).is_some_and(|(upstream, saml)| {
            let index = saml.session_index.as_ref();
            Named::of(&upstream.provider, saml).is(&named, usual)
                && (indexes.is_empty() || index.is_some_and(|index| indexes.contains(index)))
        })
    };
    end_listed(records, pool, &named.key(pool), meant).await
}

/// Ends the sessions that came of these sign-ins; gives the ended ones, for those who have to hear of it.
/// Where the provider signed that it `said` so, and when, sign-ins that are still under way here end, too:
/// see [`end_if_over`].
pub async fn end_signed_out(
    records: &Records,
    pool: &PoolId,
    there: SignedOutThere<'_>,
    said: Option<Said>,
) -> Result<Vec<Session>, StoreError> {
    if let Some(Said { at, now }) = said {
        let key = there.said(pool);
        let value = at.secs().to_string().into_bytes();
        let batch =
            Batch::new(key.partition()).put(&key, value, Life::Until(now.plus(UNDER_WAY)), Expect::Any);
        match records.store.commit(batch).await? {
            CommitOutcome::Committed | CommitOutcome::Conflict => {}
        }
    }
    let meant = |session: &Session| session.upstream.as_ref().is_some_and(|upstream| there.means(upstream));
    end_listed(records, pool, &there.key(pool), meant).await
}

/// When a provider said that somebody signed out, by its clock and by ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// `iat` of its token.
    pub at: Timestamp,
    /// The present instant.
    pub now: Timestamp,
}

/// Ends `session`, which is stored and noted by now, if the provider has signed it out since it `issued` the
/// ID token. Of a sign-out and a sign-in at the same time one sees the other: this looks after it was noted,
/// and the sign-out says so before it looks. One round trip.
pub async fn end_if_over(
    records: &Records,
    pool: &PoolId,
    (session, issuer): (&Session, &str),
    issued: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let Some(upstream) = session.upstream.as_ref().filter(|upstream| upstream.saml.is_none()) else {
        return Ok(None);
    };
    let looks = SignedOutThere::names(upstream, issuer).map(async |names| {
        let found = records.store.get(&names.said(pool)).await?;
        let said = found
            .and_then(|entry| std::str::from_utf8(&entry.value).ok()?.parse().ok())
            .map(Timestamp::from_secs);
        // A sign-in is over once and for all; a person may come again within the second.
        Ok::<_, StoreError>(said.is_some_and(|said| issued < said || (names.sid.is_some() && issued == said)))
    });
    if try_join_all(looks).await?.contains(&true) {
        return sessions::end(records, &SessionRef::new(pool, &session.sub, &session.id)).await;
    }
    Ok(None)
}

/// Ends those of the sessions listed under `key` that are `meant`. Where one is gone already, or nothing is
/// left to end, that is all there is to acknowledge: then everything is read once more, from a server whose
/// replicas say the same.
async fn end_listed(
    records: &Records,
    pool: &PoolId,
    key: &Key,
    meant: impl Fn(&Session) -> bool,
) -> Result<Vec<Session>, StoreError> {
    let (mut ended, all) = end_found(records, pool, key, &meant).await?;
    if (ended.is_empty() || !all)
        && let Some(confirmed) = records.confirmed()
    {
        ended.extend(end_found(&confirmed, pool, key, &meant).await?.0);
    }
    Ok(ended)
}

/// The sessions that ended, and whether all that are listed were there. The list also has those that ended
/// otherwise, so it is read to its end.
async fn end_found(
    records: &Records,
    pool: &PoolId,
    key: &Key,
    meant: &impl Fn(&Session) -> bool,
) -> Result<(Vec<Session>, bool), StoreError> {
    let (mut ended, mut all, mut after) = (Vec::new(), true, None);
    for _ in 0..MOST_PAGES {
        let page = records.store.list(key, after.as_deref(), PAGE).await?;
        let mut of_users: BTreeMap<Sub, Vec<SessionRef>> = BTreeMap::new();
        for (sub, id) in page.members.iter().filter_map(|member| parse(member)) {
            let reference = SessionRef::new(pool, &sub, &id);
            of_users.entry(sub).or_default().push(reference);
        }
        for references in of_users.values() {
            let found = sessions::peek(records, references).await?;
            all &= found.iter().all(Option::is_some);
            for (reference, _) in
                references.iter().zip(found).filter(|(_, session)| session.as_ref().is_some_and(meant))
            {
                ended.extend(sessions::end(records, reference).await?);
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok((ended, all))
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
