//! Keys of stored records: every shape is made here.
//!
//! `{<partition>}<kind><name>`: 8 characters, one letter, 19 characters, so that a key with what Redis keeps
//! of it fits 32 bytes. The braces are the hash tag of Redis Cluster, so a partition is one slot. Partition
//! and name are digests of the pool, the kind and what the key is of, so nothing is readable in a dump: no
//! handle, no code, no person.

use std::fmt;

use crate::model::encoding::{base64url, sha256};
use crate::model::ids::{FamilyId, PoolId, ReferenceId, SessionId, Sub};

use super::kind::Kind;

/// A group of keys that can be changed together: one flow, one user, never a whole pool. Shared hash tag in
/// Redis.
///
/// Two groups may share a tag: then they could be changed together, and their keys still differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition([u8; TAG]);

/// A key: its partition, its kind and a name. Every shape is made in this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    partition: Partition,
    kind: Kind,
    name: [u8; NAME],
}

/// Bytes of a partition and of a name: 160 bits of digests together.
const TAG: usize = 6;
const NAME: usize = 14;

impl Partition {
    /// Everything of one user that changes together: sessions, codes, grants; the user record in the
    /// directory.
    pub fn user(pool: &PoolId, sub: &Sub) -> Self {
        Self::of(&["user", pool.as_str(), sub.as_str()])
    }

    fn of(words: &[&str]) -> Self {
        Self(digest("", words, ""))
    }
}

impl Key {
    /// A sign-in in progress, by its handle.
    pub fn flow(handle: &str) -> Self {
        Self::new(Kind::Flow, &["flow", handle], "")
    }

    /// An authorization request that an app pushed, by its handle.
    pub fn pushed(handle: &str) -> Self {
        Self::new(Kind::Pushed, &["pushed", handle], "")
    }

    /// That a pushed request led to a code.
    pub fn pushed_spent(handle: &str) -> Self {
        Self::new(Kind::PushedSpent, &["pushed", handle], "")
    }

    /// A form answer of a provider kept for the step to our own site, by its handle.
    pub fn relay(handle: &str) -> Self {
        Self::new(Kind::Relay, &["relay", handle], "")
    }

    /// A SAML answer kept for the step to our own site, by its handle.
    pub fn saml_response(handle: &str) -> Self {
        Self::new(Kind::SamlResponse, &["saml", handle], "")
    }

    /// A sign-in that an administrator tries out, by its handle.
    pub fn trial(handle: &str) -> Self {
        Self::new(Kind::Trial, &["flow", handle], "")
    }

    /// A sign-out under way at a provider, by its handle.
    pub fn sign_out(handle: &str) -> Self {
        Self::new(Kind::SignOut, &["sign-out", handle], "")
    }

    /// The index of the sessions that came of one person's sign-ins at a provider, or of one of them, by a
    /// digest of its name for that.
    pub fn upstream_sessions(pool: &PoolId, digest: &str) -> Self {
        Self::new(Kind::UpstreamSessions, &["upstream", pool.as_str(), digest], "")
    }

    /// A browser's session.
    pub fn session(pool: &PoolId, sub: &Sub, id: &SessionId) -> Self {
        Self::of_user(pool, sub, Kind::Session, id.as_str())
    }

    /// The index of a user's sessions; members are session ids.
    pub fn sessions_index(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, Kind::Sessions, "")
    }

    /// An authorization code or its tombstone, by the family that it starts.
    pub fn code(pool: &PoolId, sub: &Sub, family: &FamilyId) -> Self {
        Self::of_user(pool, sub, Kind::Code, family.as_str())
    }

    /// A refresh-token family.
    pub fn grant(pool: &PoolId, sub: &Sub, family: &FamilyId) -> Self {
        Self::of_user(pool, sub, Kind::Grant, family.as_str())
    }

    /// The stamp of a user's last sign-out-everywhere.
    pub fn epoch(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, Kind::Epoch, "")
    }

    /// How often everybody was signed out.
    pub fn sign_out_generations() -> Self {
        Self::new(Kind::SignOutGenerations, &["generations"], "")
    }

    /// A user record.
    pub fn user(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, Kind::User, "")
    }

    /// That a user was deleted: its `sub` is never used again.
    pub fn deleted_user(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, Kind::Deleted, "")
    }

    /// The user who has a user name, which lies at the home of all names that differ from it in case only.
    pub fn username(pool: &PoolId, home: &Sub, username: &str) -> Self {
        Self::of_user(pool, home, Kind::Username, username)
    }

    /// The user to whom an external identity belongs, by [`crate::model::identity::IdentityKey::digest`]; it
    /// lies at the home of its name.
    pub fn identity(pool: &PoolId, home: &Sub, digest: &str) -> Self {
        Self::of_user(pool, home, Kind::Identity, digest)
    }

    /// The signing keys of a pool.
    pub fn keyset(pool: &PoolId) -> Self {
        Self::new(Kind::Keyset, &["pool", pool.as_str()], "")
    }

    /// The keys that a pool shows to SAML identity providers.
    pub fn sp_keys(pool: &PoolId) -> Self {
        Self::new(Kind::SpKeys, &["pool", pool.as_str()], "")
    }

    /// What is believed of a SAML identity provider, by a digest of where its metadata comes from.
    pub fn saml_trust(pool: &PoolId, digest: &str) -> Self {
        Self::new(Kind::SamlTrust, &["saml-trust", pool.as_str(), digest], "")
    }

    /// That something was seen: a `jti`, an assertion id. `scope` names who may not use it twice.
    pub fn mark(kind: &str, scope: &str, digest: &str) -> Self {
        Self::new(Kind::Mark, &["mark", kind, scope, digest], "")
    }

    /// A counter of attempts; `scope` may be an address or a name.
    pub fn limit(kind: &str, scope: &str) -> Self {
        Self::new(Kind::Limit, &["limit", kind, scope], "")
    }

    /// The story of a refused request, by its reference id. One partition has the stories of one hour of a
    /// pool, so that one write keeps a story and lists it.
    pub fn trace(pool: &PoolId, hour: i64, reference: &ReferenceId) -> Self {
        Self::new(Kind::Trace, &["traces", pool.as_str(), &hour.to_string()], reference.as_str())
    }

    /// The index of one hour's stories; members are reference ids.
    pub fn traces_index(pool: &PoolId, hour: i64) -> Self {
        Self::new(Kind::Traces, &["traces", pool.as_str(), &hour.to_string()], "")
    }

    /// Some key of this kind.
    #[cfg(test)]
    pub(in crate::store) fn any(kind: Kind) -> Self {
        Self::new(kind, &["any"], "")
    }

    /// The partition.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The kind, for messages and metrics.
    pub fn kind(&self) -> &'static str {
        self.kind.names().0
    }

    /// Most bytes that a value under this key may have.
    pub fn size_limit(&self) -> usize {
        self.kind.size_limit()
    }

    /// What its kind allows.
    pub(in crate::store) fn rules(&self) -> Kind {
        self.kind
    }

    /// The key for a store that sorts: what stays as long lies together (the first byte is that of
    /// [`Stay`](super::kind::Stay)), and of that what is of one partition.
    pub(in crate::store) fn sorted(&self) -> [u8; 2 + TAG + NAME] {
        let mut bytes = [0; 2 + TAG + NAME];
        let letter = u8::try_from(self.kind.names().1).unwrap_or_default();
        let parts =
            [self.kind.stay() as u8].into_iter().chain(self.partition.0).chain([letter]).chain(self.name);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        bytes
    }

    fn of_user(pool: &PoolId, sub: &Sub, kind: Kind, name: &str) -> Self {
        Self::new(kind, &["user", pool.as_str(), sub.as_str()], name)
    }

    fn new(kind: Kind, words: &[&str], name: &str) -> Self {
        Self { partition: Partition::of(words), kind, name: digest(kind.names().0, words, name) }
    }
}

/// The key as text, also what a sealed value is bound to.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}{}", base64url(self.partition.0), self.kind.names().1, base64url(self.name))
    }
}

/// The first bytes of one digest of all, which do not run together.
fn digest<const N: usize>(kind: &str, words: &[&str], name: &str) -> [u8; N] {
    let mut bytes = Vec::with_capacity(160);
    for part in [kind].iter().chain(words).chain(&[name]) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(sha256(bytes)) {
        *to = from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> PoolId {
        PoolId::parse("eu-west-1_A").unwrap()
    }

    #[test]
    fn keys_of_one_user_share_one_hash_tag_and_nothing_else() {
        let sub = Sub::from_random([1; 16]);
        let sid = SessionId::from_random([2; 16]);
        let (session, epoch) = (Key::session(&pool(), &sub, &sid), Key::epoch(&pool(), &sub));
        assert_eq!(epoch.partition(), session.partition());
        let tag = |key: Key| key.to_string().split_once('}').unwrap().0.to_owned();
        assert_eq!(tag(session), tag(epoch));
        let other = PoolId::parse("eu-west-1_B").unwrap();
        let keys = [
            session,
            epoch,
            Key::session(&other, &sub, &sid),
            Key::epoch(&other, &sub),
            Key::user(&pool(), &sub),
        ];
        let texts: std::collections::BTreeSet<String> = keys.iter().map(Key::to_string).collect();
        assert_eq!(texts.len(), keys.len());
        assert_eq!(keys.iter().map(Key::sorted).collect::<std::collections::BTreeSet<_>>().len(), keys.len());
        assert!(texts.iter().all(|text| text.len() == 30), "Redis keeps up to 30 characters in 32 bytes");
    }

    /// E-30
    #[test]
    fn a_handle_does_not_appear_in_its_key() {
        assert!(!Key::flow("handle-in-clear").to_string().contains("handle-in-clear"));
        assert!(!Key::mark("jti", "acme", "some jti").to_string().contains("some jti"));
        assert!(!Key::limit("login", "ada@example.com").to_string().contains("ada"));
    }

    #[test]
    fn scope_and_digest_of_a_mark_do_not_run_together() {
        assert_ne!(Key::mark("jti", "ab", "c"), Key::mark("jti", "a", "bc"));
    }

    #[test]
    fn foreign_text_cannot_close_the_hash_tag() {
        let text = Key::mark("a}b{", "x}", "{y").to_string();
        assert_eq!(text.matches('}').count(), 1);
    }
}
