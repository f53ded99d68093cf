//! Every key shape.
//!
//! `symbolon:{<partition>}:<kind>[:<name>]`; the braces are the hash tag of Redis Cluster, so a partition is one slot.
//! Handles, codes and whatever else must not be readable in a dump appear only as SHA-256.

use std::fmt;

use crate::model::encoding::{base64url, sha256};
use crate::model::ids::{FamilyId, PoolId, ReferenceId, SessionId, Sub};

/// A group of keys that can be changed together: one flow, one user, never a whole pool. Shared hash tag in Redis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(String);

/// A key: its partition, its kind and a name. Every shape is made in this file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    partition: Partition,
    kind: &'static str,
    name: String,
}

impl Partition {
    /// One sign-in in progress, by its handle.
    pub fn flow(handle: &str) -> Self {
        Self(format!("flow:{}", digest(handle)))
    }

    /// Everything of one user that changes together: sessions, codes, grants; the user record in the directory.
    pub fn user(pool: &PoolId, sub: &Sub) -> Self {
        Self(format!("user:{pool}:{sub}"))
    }

    /// One external identity, by [`crate::model::identity::IdentityKey::digest`].
    pub fn identity(pool: &PoolId, digest: &str) -> Self {
        Self(format!("identity:{pool}:{}", plain(digest)))
    }

    /// What a pool has once: its signing keys.
    pub fn pool(pool: &PoolId) -> Self {
        Self(format!("pool:{pool}"))
    }

    /// One mark that something was seen.
    pub fn mark(kind: &str, scope: &str, digest: &str) -> Self {
        Self(format!("mark:{}:{}", plain(kind), pair(scope, digest)))
    }

    /// The stories of one hour of a pool, so that one write keeps a story and lists it.
    pub fn traces(pool: &PoolId, hour: i64) -> Self {
        Self(format!("traces:{pool}:{hour}"))
    }

    /// One counter of attempts.
    pub fn limit(kind: &str, scope: &str) -> Self {
        Self(format!("limit:{}:{}", plain(kind), digest(scope)))
    }
}

impl Key {
    /// A sign-in in progress, by its handle.
    pub fn flow(handle: &str) -> Self {
        Self { partition: Partition::flow(handle), kind: "flow", name: String::new() }
    }

    /// An authorization request that an app pushed, by its handle.
    pub fn pushed(handle: &str) -> Self {
        Self { partition: Partition(format!("pushed:{}", digest(handle))), kind: "pushed", name: String::new() }
    }

    /// That a pushed request led to a code.
    pub fn pushed_spent(handle: &str) -> Self {
        Self { partition: Partition(format!("pushed:{}", digest(handle))), kind: "pushed_spent", name: String::new() }
    }

    /// A form answer of a provider kept for the step to our own site, by its handle.
    pub fn relay(handle: &str) -> Self {
        Self { partition: Partition(format!("relay:{}", digest(handle))), kind: "relay", name: String::new() }
    }

    /// A SAML answer kept for the step to our own site, by its handle.
    pub fn saml_response(handle: &str) -> Self {
        Self { partition: Partition(format!("saml:{}", digest(handle))), kind: "saml_response", name: String::new() }
    }

    /// A sign-in that an administrator tries out, by its handle.
    pub fn trial(handle: &str) -> Self {
        Self { partition: Partition::flow(handle), kind: "trial", name: String::new() }
    }

    /// A sign-out under way at a provider, by its handle.
    pub fn sign_out(handle: &str) -> Self {
        Self { partition: Partition(format!("sign-out:{}", digest(handle))), kind: "sign_out", name: String::new() }
    }

    /// The index of the sessions that came of one person's sign-ins at a SAML provider, by a digest of its name for them.
    pub fn upstream_sessions(pool: &PoolId, digest: &str) -> Self {
        Self { partition: Partition(format!("upstream:{pool}:{}", plain(digest))), kind: "upstream_sessions", name: String::new() }
    }

    /// A browser's session.
    pub fn session(pool: &PoolId, sub: &Sub, sid: &SessionId) -> Self {
        Self::of_user(pool, sub, "session", sid.as_str().to_owned())
    }

    /// The index of a user's sessions; members are session ids.
    pub fn sessions_index(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, "sessions", String::new())
    }

    /// An authorization code or its tombstone, by the code's digest.
    pub fn code(pool: &PoolId, sub: &Sub, code_digest: &str) -> Self {
        Self::of_user(pool, sub, "code", plain(code_digest))
    }

    /// A refresh-token family.
    pub fn grant(pool: &PoolId, sub: &Sub, family: &FamilyId) -> Self {
        Self::of_user(pool, sub, "grant", family.as_str().to_owned())
    }

    /// The stamp of a user's last sign-out-everywhere.
    pub fn epoch(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, "epoch", String::new())
    }

    /// A user record.
    pub fn user(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, "user", String::new())
    }

    /// That a user was deleted: its `sub` is never used again.
    pub fn deleted_user(pool: &PoolId, sub: &Sub) -> Self {
        Self::of_user(pool, sub, "deleted", String::new())
    }

    /// The user who has a user name.
    pub fn username(pool: &PoolId, username: &str) -> Self {
        Self { partition: Partition(format!("username:{pool}:{}", digest(username))), kind: "username", name: String::new() }
    }

    /// The user to whom an external identity belongs, by [`crate::model::identity::IdentityKey::digest`].
    pub fn identity(pool: &PoolId, digest: &str) -> Self {
        Self { partition: Partition::identity(pool, digest), kind: "identity", name: String::new() }
    }

    /// The signing keys of a pool.
    pub fn keyset(pool: &PoolId) -> Self {
        Self { partition: Partition::pool(pool), kind: "keyset", name: String::new() }
    }

    /// The keys that a pool shows to SAML identity providers.
    pub fn sp_keys(pool: &PoolId) -> Self {
        Self { partition: Partition::pool(pool), kind: "sp_keys", name: String::new() }
    }

    /// What is believed of a SAML identity provider, by a digest of where its metadata comes from.
    pub fn saml_trust(pool: &PoolId, digest: &str) -> Self {
        Self { partition: Partition(format!("saml-trust:{pool}:{}", plain(digest))), kind: "saml_trust", name: String::new() }
    }

    /// That something was seen: a `jti`, an assertion id. `scope` names who may not use it twice.
    pub fn mark(kind: &str, scope: &str, digest: &str) -> Self {
        Self { partition: Partition::mark(kind, scope, digest), kind: "mark", name: String::new() }
    }

    /// A counter of attempts; `scope` may be an address or a name, it is stored as a digest.
    pub fn limit(kind: &str, scope: &str) -> Self {
        Self { partition: Partition::limit(kind, scope), kind: "limit", name: String::new() }
    }

    /// The story of a refused request, by its reference id.
    pub fn trace(pool: &PoolId, hour: i64, reference: &ReferenceId) -> Self {
        Self { partition: Partition::traces(pool, hour), kind: "trace", name: reference.as_str().to_owned() }
    }

    /// The index of one hour's stories; members are reference ids.
    pub fn traces_index(pool: &PoolId, hour: i64) -> Self {
        Self { partition: Partition::traces(pool, hour), kind: "traces", name: String::new() }
    }

    /// The partition.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The kind, for messages and metrics.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Most bytes that a value under this key may have.
    pub fn size_limit(&self) -> usize {
        match self.kind {
            "flow" | "trial" | "session" | "sign_out" => 4 * 1024,
            "pushed" => 16 * 1024,
            // The largest message as base64, sealed.
            "saml_response" => 360 * 1024,
            _ => 64 * 1024,
        }
    }

    pub(in crate::store) fn is_index(&self) -> bool {
        matches!(self.kind, "sessions" | "grants" | "upstream_sessions" | "traces")
    }

    fn of_user(pool: &PoolId, sub: &Sub, kind: &'static str, name: String) -> Self {
        Self { partition: Partition::user(pool, sub), kind, name }
    }
}

/// The key as text, also what a sealed value is bound to.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "symbolon:{{{}}}:{}", self.partition.0, self.kind)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, ":{}", self.name) }
    }
}

fn digest(text: &str) -> String {
    base64url(sha256(text))
}

/// One digest of two texts that do not run together.
fn pair(left: &str, right: &str) -> String {
    digest(&format!("{}:{left}{right}", left.len()))
}

/// Text that already is a digest or a word of ours stays readable; anything else becomes a digest.
fn plain(text: &str) -> String {
    let word = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if word && !text.is_empty() { text.to_owned() } else { digest(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> PoolId {
        PoolId::parse("eu-west-1_A").unwrap()
    }

    #[test]
    fn keys_of_one_user_share_one_hash_tag() {
        let sub = Sub::from_random([1; 16]);
        let sid = SessionId::from_random([2; 16]);
        assert_eq!(Key::session(&pool(), &sub, &sid).to_string(), format!("symbolon:{{user:eu-west-1_A:{sub}}}:session:{sid}"));
        assert_eq!(Key::epoch(&pool(), &sub).partition(), Key::session(&pool(), &sub, &sid).partition());
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
