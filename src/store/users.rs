//! Users and their external identities in the directory.
//!
//! An identity and a user name point to a user. Both lie at home: in the partition of the `sub` that the
//! first person of that name is given, so a first sign-in writes identity, name and user at once. Whoever
//! finds the name taken is given a `sub` by chance, and a user who lies elsewhere: then identity and name are
//! reserved first, and whoever finds a reservation without a user goes on from there.

use serde::{Deserialize, Serialize};

use super::record::{Record, Records};
use super::{Batch, CommitOutcome, Expect, Key, Life, StoreError, Value, Version};
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
    /// Nobody yet; the likely `sub` for this person, unless somebody has or had that or the user name.
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
pub(in crate::store) struct Pointer {
    sub: Sub,
}

/// What remains of a deleted user.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::store) struct Deleted {
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
        let Some(sub) = self.holder(username).await? else { return Ok(None) };
        let user = self.get(&sub).await?;
        Ok(user.filter(|user| user.value.username == username))
    }

    /// For whom a user name is reserved, whether or not that user was written.
    pub async fn holder(&self, username: &str) -> Result<Option<Sub>, StoreError> {
        let pointer = self.directory.get::<Pointer>(&self.username_key(username)).await?;
        Ok(pointer.map(|pointer| pointer.value.sub))
    }

    /// The `sub` that the first user with this identity is given, so that all can be asked for at once. A
    /// hint: the identity's record decides.
    pub fn likely(&self, identity: &IdentityKey) -> Sub {
        self.home(&identity.username())
    }

    /// To whom an identity belongs, whose new user would be called `username`: that of
    /// [`IdentityKey::username`] in this or in lower case. One round trip, or two where the user does not
    /// have the likely `sub`.
    pub async fn owner(&self, identity: &IdentityKey, username: &str) -> Result<Owner, StoreError> {
        let home = self.likely(identity);
        let (key, user_key) =
            (Key::identity(self.pool, &home, &identity.digest()), Key::user(self.pool, &home));
        let keys =
            [key, user_key, Key::deleted_user(self.pool, &home), Key::username(self.pool, &home, username)];
        let mut found = self.directory.store.get_many(&keys).await?.into_iter();
        let mut next = || found.next().flatten();
        let (pointer, user, deleted, name) = (next(), next(), next(), next());
        let Some(pointer) = pointer else {
            let free = user.is_none() && deleted.is_none() && name.is_none();
            return Ok(Owner::Nobody(free.then_some(home)));
        };
        let pointer = self.directory.decode::<Pointer>(&key, &pointer)?;
        let sub = pointer.value.sub;
        let (user, deleted) = if sub == home {
            (user.map(|entry| self.directory.decode(&user_key, &entry)).transpose()?, deleted.is_some())
        } else {
            self.user_or_deleted(&sub).await?
        };
        Ok(match user {
            Some(user) if user.value.identities.iter().any(|linked| &linked.key == identity) => {
                Owner::User(Box::new(user))
            }
            Some(_) => Owner::Former(pointer.version),
            None if deleted => Owner::Former(pointer.version),
            None => Owner::Reserved(sub),
        })
    }

    /// Writes a new user under the likely `sub` of `identity`, with identity and user name: everything, or
    /// nothing where any of it is or was there.
    pub async fn create_at_home(
        &self,
        user: &User,
        identity: &IdentityKey,
    ) -> Result<CommitOutcome, StoreError> {
        let key = Key::identity(self.pool, &user.sub, &identity.digest());
        let batch =
            self.creation(user).put(&key, self.pointer(&key, &user.sub), Life::Forever, Expect::Absent);
        let name = Key::username(self.pool, &user.sub, &user.username);
        self.directory
            .store
            .commit(batch.put(&name, self.pointer(&name, &user.sub), Life::Forever, Expect::Absent))
            .await
    }

    /// Points an identity to `sub`, if it still points to nobody, or to the `former` owner. Whoever loses
    /// asks for the owner again.
    pub async fn reserve_identity(
        &self,
        identity: &IdentityKey,
        sub: &Sub,
        former: Option<Version>,
    ) -> Result<CommitOutcome, StoreError> {
        self.point(&self.identity_key(identity), sub, former.map_or(Expect::Absent, Expect::Version)).await
    }

    /// Gives a user name to `sub` unless another user has it; a deleted user's name is free. Returns whether
    /// `sub` has it now.
    pub async fn reserve_username(&self, username: &str, sub: &Sub) -> Result<bool, StoreError> {
        let key = self.username_key(username);
        if self.point(&key, sub, Expect::Absent).await? == CommitOutcome::Committed {
            return Ok(true);
        }
        let Some(pointer) = self.directory.get::<Pointer>(&key).await? else { return Ok(false) };
        if &pointer.value.sub == sub {
            return Ok(true);
        }
        let (_, deleted) = self.user_or_deleted(&pointer.value.sub).await?;
        Ok(deleted
            && self.point(&key, sub, Expect::Version(pointer.version)).await? == CommitOutcome::Committed)
    }

    /// Writes a new user, unless there is or was one with this `sub`.
    pub async fn create(&self, user: &User) -> Result<CommitOutcome, StoreError> {
        self.directory.store.commit(self.creation(user)).await
    }

    /// Replaces a user that was read at `version`.
    pub async fn update(&self, user: &User, version: &Version) -> Result<CommitOutcome, StoreError> {
        let key = Key::user(self.pool, &user.sub);
        let batch = Batch::new(key.partition());
        let expect = Expect::Version(version.clone());
        self.directory
            .store
            .commit(batch.put(&key, self.directory.encode(&key, user), Life::Forever, expect))
            .await
    }

    /// Deletes a user read at its version; identities and name become free, the `sub` never does.
    ///
    /// The first write decides: when the process ends after it, the next sign-in or sign-up frees the rest.
    pub async fn delete(&self, user: &Record<User>, now: Timestamp) -> Result<CommitOutcome, StoreError> {
        let sub = &user.value.sub;
        let (key, deleted) = (Key::user(self.pool, sub), Key::deleted_user(self.pool, sub));
        let batch = Batch::new(key.partition()).delete(&key, Expect::Version(user.version.clone())).put(
            &deleted,
            self.directory.encode(&deleted, &Deleted { at: now }),
            Life::Forever,
            Expect::Absent,
        );
        if self.directory.store.commit(batch).await? == CommitOutcome::Conflict {
            return Ok(CommitOutcome::Conflict);
        }
        for identity in &user.value.identities {
            self.free(&self.identity_key(&identity.key), sub).await?;
        }
        self.free(&self.username_key(&user.value.username), sub).await?;
        Ok(CommitOutcome::Committed)
    }

    /// Removes a pointer that still points to `sub`; one that was taken over meanwhile stays.
    async fn free(&self, key: &Key, sub: &Sub) -> Result<(), StoreError> {
        if let Some(pointer) = self.directory.get::<Pointer>(key).await?
            && &pointer.value.sub == sub
        {
            let batch = Batch::new(key.partition()).delete(key, Expect::Version(pointer.version));
            let (CommitOutcome::Committed | CommitOutcome::Conflict) =
                self.directory.store.commit(batch).await?;
        }
        Ok(())
    }

    async fn point(&self, key: &Key, sub: &Sub, expect: Expect) -> Result<CommitOutcome, StoreError> {
        self.directory
            .store
            .commit(Batch::new(key.partition()).put(key, self.pointer(key, sub), Life::Forever, expect))
            .await
    }

    fn pointer(&self, key: &Key, sub: &Sub) -> Value {
        self.directory.encode(key, &Pointer { sub: sub.clone() })
    }

    fn creation(&self, user: &User) -> Batch {
        let (key, deleted) = (Key::user(self.pool, &user.sub), Key::deleted_user(self.pool, &user.sub));
        let batch = Batch::new(key.partition()).require(&deleted, Expect::Absent);
        batch.put(&key, self.directory.encode(&key, user), Life::Forever, Expect::Absent)
    }

    fn identity_key(&self, identity: &IdentityKey) -> Key {
        Key::identity(self.pool, &self.likely(identity), &identity.digest())
    }

    fn username_key(&self, username: &str) -> Key {
        Key::username(self.pool, &self.home(username), username)
    }

    /// Where a user name lies, in any case: the same for a name and the same name in lower case.
    fn home(&self, username: &str) -> Sub {
        Sub::from_random(
            self.directory.bytes_of("home", &format!("{}:{}", self.pool, username.to_lowercase())),
        )
    }

    async fn user_or_deleted(&self, sub: &Sub) -> Result<(Option<Record<User>>, bool), StoreError> {
        let keys = [Key::user(self.pool, sub), Key::deleted_user(self.pool, sub)];
        let entries = self.directory.store.get_many(&keys).await?;
        let [key, _] = &keys;
        let user = entries
            .first()
            .and_then(Option::as_ref)
            .map(|entry| self.directory.decode(key, entry))
            .transpose()?;
        Ok((user, entries.get(1).is_some_and(Option::is_some)))
    }
}

#[cfg(test)]
mod tests {
    /// A name lies at one place, whether or not its pool puts it in lower case.
    #[test]
    fn lower_case_has_no_lower_case_of_its_own() {
        for letter in '\0'..=char::MAX {
            let lower = letter.to_lowercase().to_string();
            assert_eq!(lower.to_lowercase(), lower, "{letter:?}");
        }
        for word in ["ΟΔΥΣΣΕΥΣ", "Σ", "ΑΣ Β", "İSTANBUL", "STRASSE_ΣΣ"] {
            let lower = word.to_lowercase();
            assert_eq!(lower.to_lowercase(), lower);
        }
    }
}
