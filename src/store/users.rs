//! Users and their external identities in the directory.
//!
//! A user, the identities and the user name lie in partitions of their own, so a first sign-in reserves the identity and
//! the name, then writes the user; whoever finds a reservation without a user goes on from there.

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

use super::record::{Record, Records};
use super::{Batch, Expect, Key, Life, Outcome, StoreError, Version};
use crate::model::identity::IdentityKey;
use crate::model::ids::{PoolId, Sub};
use crate::model::time::Timestamp;
use crate::model::user::User;

/// Users of one pool in the directory.
#[derive(Debug, Clone, Copy)]
pub struct Users<'d> {
    directory: &'d Records,
    pool: &'d PoolId,
}

/// To whom an external identity belongs.
#[derive(Debug, Clone, PartialEq)]
pub enum Owner {
    /// Nobody yet; the likely `sub` for this person, unless somebody has or had that.
    Nobody(Option<Sub>),
    /// A `sub` was chosen, and no user was written under it yet.
    Reserved(Sub),
    /// A user.
    User(Box<Record<User>>),
    /// A user who was deleted, or who no longer has this identity; the stamp is that of the reservation.
    Former(Version),
}

/// What an identity or a user name points to.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    sub: Sub,
}

/// What remains of a deleted user.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    at: Timestamp,
}

impl<'d> Users<'d> {
    /// The users of `pool`.
    pub fn new(directory: &'d Records, pool: &'d PoolId) -> Self {
        Self { directory, pool }
    }

    /// The user with this `sub`.
    pub async fn get(&self, sub: &Sub) -> Result<Option<Record<User>>, StoreError> {
        self.directory.get(&Key::user(self.pool, sub)).await
    }

    /// The user with this user name.
    pub async fn by_username(&self, username: &str) -> Result<Option<Record<User>>, StoreError> {
        let Some(pointer) = self.directory.get::<Pointer>(&Key::username(self.pool, username)).await? else { return Ok(None) };
        let user = self.get(&pointer.value.sub).await?;
        Ok(user.filter(|user| user.value.username == username))
    }

    /// The `sub` that the first user with this identity is given, so that both can be asked for at once. A hint: the identity's record decides.
    pub fn likely(&self, identity: &IdentityKey) -> Sub {
        Sub::from_random(self.directory.bytes_of("sub", &format!("{}:{}", self.pool, identity.digest())))
    }

    /// To whom an identity belongs. One round trip for a known one whose user has the likely `sub`, else two.
    pub async fn owner(&self, identity: &IdentityKey) -> Result<Owner, StoreError> {
        let (key, likely) = (Key::identity(self.pool, &identity.digest()), self.likely(identity));
        let (pointer, found) = try_join(self.directory.get::<Pointer>(&key), self.user_or_deleted(&likely)).await?;
        let Some(pointer) = pointer else {
            let free = matches!(found, (None, false));
            return Ok(Owner::Nobody(free.then_some(likely)));
        };
        let sub = pointer.value.sub;
        let (user, deleted) = if sub == likely { found } else { self.user_or_deleted(&sub).await? };
        Ok(match user {
            Some(user) if user.value.identities.iter().any(|linked| &linked.key == identity) => Owner::User(Box::new(user)),
            Some(_) => Owner::Former(pointer.version),
            None if deleted => Owner::Former(pointer.version),
            None => Owner::Reserved(sub),
        })
    }

    /// Points an identity to `sub`, if it still points to nobody, or to the `former` owner. Whoever loses asks for the owner again.
    pub async fn reserve_identity(&self, identity: &IdentityKey, sub: &Sub, former: Option<Version>) -> Result<Outcome, StoreError> {
        self.point(&Key::identity(self.pool, &identity.digest()), sub, former.map_or(Expect::Absent, Expect::Version)).await
    }

    /// Gives a user name to `sub` unless another user has it; a deleted user's name is free. Returns whether `sub` has it now.
    pub async fn reserve_username(&self, username: &str, sub: &Sub) -> Result<bool, StoreError> {
        let key = Key::username(self.pool, username);
        if self.point(&key, sub, Expect::Absent).await? == Outcome::Committed {
            return Ok(true);
        }
        let Some(pointer) = self.directory.get::<Pointer>(&key).await? else { return Ok(false) };
        if &pointer.value.sub == sub {
            return Ok(true);
        }
        let (_, deleted) = self.user_or_deleted(&pointer.value.sub).await?;
        Ok(deleted && self.point(&key, sub, Expect::Version(pointer.version)).await? == Outcome::Committed)
    }

    /// Writes a new user, unless there is or was one with this `sub`.
    pub async fn create(&self, user: &User) -> Result<Outcome, StoreError> {
        let (key, deleted) = (Key::user(self.pool, &user.sub), Key::deleted_user(self.pool, &user.sub));
        let batch = Batch::new(key.partition()).require(&deleted, Expect::Absent);
        self.directory.store.commit(batch.put(&key, self.directory.encode(&key, user), Life::Forever, Expect::Absent)).await
    }

    /// Replaces a user that was read at `version`.
    pub async fn update(&self, user: &User, version: &Version) -> Result<Outcome, StoreError> {
        let key = Key::user(self.pool, &user.sub);
        let batch = Batch::new(key.partition());
        let expect = Expect::Version(version.clone());
        self.directory.store.commit(batch.put(&key, self.directory.encode(&key, user), Life::Forever, expect)).await
    }

    /// Deletes a user read at its version; identities and name become free, the `sub` never does.
    ///
    /// The first write decides: when the process ends after it, the next sign-in or sign-up frees the rest.
    pub async fn delete(&self, user: &Record<User>, now: Timestamp) -> Result<Outcome, StoreError> {
        let sub = &user.value.sub;
        let (key, deleted) = (Key::user(self.pool, sub), Key::deleted_user(self.pool, sub));
        let batch = Batch::new(key.partition()).delete(&key, Expect::Version(user.version.clone())).put(
            &deleted,
            self.directory.encode(&deleted, &Deleted { at: now }),
            Life::Forever,
            Expect::Absent,
        );
        if self.directory.store.commit(batch).await? == Outcome::Conflict {
            return Ok(Outcome::Conflict);
        }
        for identity in &user.value.identities {
            self.free(&Key::identity(self.pool, &identity.key.digest()), sub).await?;
        }
        self.free(&Key::username(self.pool, &user.value.username), sub).await?;
        Ok(Outcome::Committed)
    }

    /// Removes a pointer that still points to `sub`; one that was taken over meanwhile stays.
    async fn free(&self, key: &Key, sub: &Sub) -> Result<(), StoreError> {
        if let Some(pointer) = self.directory.get::<Pointer>(key).await?
            && &pointer.value.sub == sub
        {
            let batch = Batch::new(key.partition()).delete(key, Expect::Version(pointer.version));
            let (Outcome::Committed | Outcome::Conflict) = self.directory.store.commit(batch).await?;
        }
        Ok(())
    }

    async fn point(&self, key: &Key, sub: &Sub, expect: Expect) -> Result<Outcome, StoreError> {
        let value = self.directory.encode(key, &Pointer { sub: sub.clone() });
        self.directory.store.commit(Batch::new(key.partition()).put(key, value, Life::Forever, expect)).await
    }

    async fn user_or_deleted(&self, sub: &Sub) -> Result<(Option<Record<User>>, bool), StoreError> {
        let keys = [Key::user(self.pool, sub), Key::deleted_user(self.pool, sub)];
        let entries = self.directory.store.get_many(&keys).await?;
        let [key, _] = &keys;
        let user = entries.first().and_then(Option::as_ref).map(|entry| self.directory.decode(key, entry)).transpose()?;
        Ok((user, entries.get(1).is_some_and(Option::is_some)))
    }
}
