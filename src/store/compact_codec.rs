//! Compact binary codec of sessions and grants: it leaves out what the record's key or another field says
//! already, and has a byte for a common word.

use serde::{Deserialize, Serialize};

use crate::model::client_authentication::Confirmation;
use crate::model::identity::{SamlSession, UpstreamSession};
use crate::model::ids::{ClientId, FamilyId, ProviderName, SessionId, Sub};
use crate::model::scope::Scopes;
use crate::model::session::{Epoch, Session, SignIn};
use crate::model::time::Timestamp;
use crate::token::refresh::{Family, Previous};

/// A session but for its id and its user.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ShortSession {
    /// `None`: the id.
    sid: Option<SessionId>,
    sign_in: ShortSignIn,
    last_used: Timestamp,
    expires: Timestamp,
    epoch: Epoch,
    clients: Vec<ClientId>,
    upstream: Option<ShortUpstream>,
}

/// A family but for its id.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ShortFamily {
    client: ClientId,
    scopes: Vec<Word>,
    resource: Option<String>,
    binding: Option<Confirmation>,
    sign_in: ShortSignIn,
    session: SessionId,
    epoch: Epoch,
    created: Timestamp,
    expires: Timestamp,
    generation: u64,
    nonce: String,
    previous: Option<Previous>,
}

#[derive(Serialize, Deserialize)]
struct ShortSignIn {
    at: Timestamp,
    provider: Option<ProviderName>,
    amr: Vec<Word>,
}

#[derive(Serialize, Deserialize)]
struct ShortUpstream {
    /// `None`: the provider of the sign-in.
    provider: Option<ProviderName>,
    sid: Option<String>,
    subject: String,
    saml: Option<SamlSession>,
}

/// A word; a common one is a byte, by its place: new ones come last.
#[derive(Serialize, Deserialize)]
enum Word {
    Other(String),
    OpenId,
    Email,
    Profile,
    Phone,
    OfflineAccess,
    SelfService,
    Federated,
}

impl ShortSession {
    pub(in crate::store) fn of(session: &Session) -> Self {
        let provider = session.sign_in.provider.as_ref();
        let upstream = session.upstream.as_ref().map(|upstream| ShortUpstream {
            provider: (Some(&upstream.provider) != provider).then(|| upstream.provider.clone()),
            sid: upstream.sid.clone(),
            subject: upstream.subject.clone(),
            saml: upstream.saml.clone(),
        });
        Self {
            sid: (session.sid != session.id).then(|| session.sid.clone()),
            sign_in: ShortSignIn::of(&session.sign_in),
            last_used: session.last_used,
            expires: session.expires,
            epoch: session.epoch.clone(),
            clients: session.clients.clone(),
            upstream,
        }
    }

    /// The session; `None` when it is none.
    pub(in crate::store) fn whole(self, sub: &Sub, id: &SessionId) -> Option<Session> {
        let sign_in = self.sign_in.whole();
        let upstream = match self.upstream {
            None => None,
            Some(ShortUpstream { provider, sid, subject, saml }) => Some(UpstreamSession {
                provider: provider.or_else(|| sign_in.provider.clone())?,
                sid,
                subject,
                saml,
            }),
        };
        Some(Session {
            id: id.clone(),
            sid: self.sid.unwrap_or_else(|| id.clone()),
            sub: sub.clone(),
            sign_in,
            last_used: self.last_used,
            expires: self.expires,
            epoch: self.epoch,
            clients: self.clients,
            upstream,
        })
    }
}

impl ShortFamily {
    pub(in crate::store) fn of(family: &Family) -> Self {
        Self {
            client: family.client.clone(),
            scopes: family.scopes.iter().map(Word::of).collect(),
            resource: family.resource.clone(),
            binding: family.binding.clone(),
            sign_in: ShortSignIn::of(&family.sign_in),
            session: family.session.clone(),
            epoch: family.epoch.clone(),
            created: family.created,
            expires: family.expires,
            generation: family.generation,
            nonce: family.nonce.clone(),
            previous: family.previous.clone(),
        }
    }

    /// The family; `None` when it is none.
    pub(in crate::store) fn whole(self, id: &FamilyId) -> Option<Family> {
        Some(Family {
            id: id.clone(),
            client: self.client,
            scopes: Scopes::parse(&words(self.scopes).join(" ")).ok()?,
            resource: self.resource,
            binding: self.binding,
            sign_in: self.sign_in.whole(),
            session: self.session,
            epoch: self.epoch,
            created: self.created,
            expires: self.expires,
            generation: self.generation,
            nonce: self.nonce,
            previous: self.previous,
        })
    }
}

impl ShortSignIn {
    fn of(sign_in: &SignIn) -> Self {
        Self {
            at: sign_in.at,
            provider: sign_in.provider.clone(),
            amr: sign_in.amr.iter().map(|word| Word::of(word)).collect(),
        }
    }

    fn whole(self) -> SignIn {
        SignIn { at: self.at, provider: self.provider, amr: words(self.amr) }
    }
}

fn words(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(Word::text).collect()
}

impl Word {
    fn of(text: &str) -> Self {
        match text {
            "openid" => Self::OpenId,
            "email" => Self::Email,
            "profile" => Self::Profile,
            "phone" => Self::Phone,
            "offline_access" => Self::OfflineAccess,
            "aws.cognito.signin.user.admin" => Self::SelfService,
            "fed" => Self::Federated,
            other => Self::Other(other.to_owned()),
        }
    }

    fn text(self) -> String {
        let common = match self {
            Self::Other(text) => return text,
            Self::OpenId => "openid",
            Self::Email => "email",
            Self::Profile => "profile",
            Self::Phone => "phone",
            Self::OfflineAccess => "offline_access",
            Self::SelfService => "aws.cognito.signin.user.admin",
            Self::Federated => "fed",
        };
        common.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in() -> SignIn {
        SignIn {
            at: Timestamp::from_secs(5),
            provider: ProviderName::parse("Acme").ok(),
            amr: vec!["fed".into(), "mfa".into()],
        }
    }

    fn family() -> Family {
        Family {
            id: FamilyId::from_random([1; 16]),
            client: ClientId::parse("web").unwrap(),
            scopes: Scopes::parse(
                "api/read openid email profile phone offline_access aws.cognito.signin.user.admin",
            )
            .unwrap(),
            resource: Some("https://api.example".into()),
            binding: Some(Confirmation::Jkt("thumbprint".into())),
            sign_in: sign_in(),
            session: SessionId::from_random([2; 16]),
            epoch: Epoch::new(Some("stamp".into()), 0),
            created: Timestamp::from_millis(7),
            expires: Timestamp::from_secs(9),
            generation: 3,
            nonce: "nonce".into(),
            previous: Some(Previous { nonce: "before".into(), replaced: Timestamp::from_secs(8) }),
        }
    }

    fn through<T: Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
        postcard::from_bytes(&postcard::to_allocvec(value).unwrap()).unwrap()
    }

    #[test]
    fn a_family_comes_back_whole() {
        let family = family();
        assert_eq!(through(&ShortFamily::of(&family)).whole(&family.id), Some(family));
    }

    #[test]
    fn a_session_comes_back_whole_whatever_repeats_in_it() {
        let (id, sub) = (SessionId::from_random([1; 16]), Sub::from_random([2; 16]));
        let saml = SamlSession {
            name_id: "ada".into(),
            format: None,
            name_qualifier: Some("q".into()),
            sp_name_qualifier: None,
            session_index: Some("_1".into()),
            ends: Some(Timestamp::from_secs(10)),
        };
        for (sid, provider, saml) in [(1, "Acme", None), (3, "Other", Some(saml))] {
            let upstream = UpstreamSession {
                provider: ProviderName::parse(provider).unwrap(),
                sid: Some("s".into()),
                subject: "ada".into(),
                saml,
            };
            let session = Session {
                id: id.clone(),
                sid: SessionId::from_random([sid; 16]),
                sub: sub.clone(),
                sign_in: sign_in(),
                last_used: Timestamp::from_secs(6),
                expires: Timestamp::from_secs(9),
                epoch: Epoch::default(),
                clients: vec![ClientId::parse("web").unwrap()],
                upstream: Some(upstream),
            };
            assert_eq!(through(&ShortSession::of(&session)).whole(&sub, &id), Some(session.clone()));
            let alone = Session { upstream: None, ..session };
            assert_eq!(through(&ShortSession::of(&alone)).whole(&sub, &id), Some(alone));
        }
    }

    /// What is stored today must be read tomorrow: other bytes are another shape (`Kind::shape`).
    #[test]
    fn the_stored_shape_is_this_one() {
        let stored = postcard::to_allocvec(&ShortFamily::of(&Family {
            binding: None,
            resource: None,
            previous: None,
            ..family()
        }))
        .unwrap();
        let begin = b"\x03web\x07\x00\x08api/read\x01\x02\x03\x04\x05\x06\x00\x00\x90\x4e\x01\x04Acme\x02\x07\x00\x03mfa";
        assert_eq!(stored.get(..begin.len()), Some(begin.as_slice()));
        assert_eq!(
            stored.get(begin.len()..),
            Some([uuid(2).as_slice(), b"\x01\x05stamp\x0e\xd0\x8c\x01\x03\x05nonce\x00"].concat().as_slice())
        );
    }

    fn uuid(byte: u8) -> [u8; 16] {
        uuid::Builder::from_random_bytes([byte; 16]).into_uuid().into_bytes()
    }
}
