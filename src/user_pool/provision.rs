//! The user behind an external identity: made at the first sign-in, brought up to date at later ones.

use crate::model::attributes::Attributes;
use crate::model::fault::{Fault, Refusal};
use crate::model::identity::{ExternalIdentity, IdentityKey};
use crate::model::ids::{ProviderName, Sub};
use crate::model::pool::Pool;
use crate::model::time::Timestamp;
use crate::model::unknown::UnknownMembers;
use crate::model::user::{LinkedIdentity, User};
use crate::outside::Outside;
use crate::provider::mapping::{Mapped, MappingProblem};
use crate::provider::quirks;
use crate::provider::settings::{EmailTrust, Provider};
use crate::store::record::Records;
use crate::store::users::{Owner, Users};
use crate::store::{CommitOutcome, StoreError};

/// How often a sign-in starts over because another one of the same person was faster.
const ATTEMPTS: usize = 16;

/// Why a proved identity gives no user.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The pool's administrator disabled the user.
    #[error("user {0} is disabled")]
    Disabled(Sub),
    /// The pool wants a verified e-mail address from this provider, and there is none.
    #[error("provider {provider} gave {came}, and a verified e-mail address is required")]
    EmailNotVerified {
        /// The provider.
        provider: ProviderName,
        /// What came instead.
        came: &'static str,
        /// When an address would count as verified.
        rule: &'static str,
    },
    /// Other sign-ins of the same person kept changing the user.
    #[error("the user kept changing during the sign-in")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for ProvisionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Disabled(_) => "user_disabled",
            Self::EmailNotVerified { .. } => "email_not_verified",
            Self::Busy => "user_busy",
            Self::Store(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Disabled(_) | Self::EmailNotVerified { .. } => Fault::Visitor,
            Self::Busy => Fault::Us,
            Self::Store(error) => error.fault(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Disabled(_) => "Ask the administrator of this service to enable the account.".to_owned(),
            Self::EmailNotVerified { provider, rule, .. } => format!(
                "Verify the e-mail address at the provider and sign in again. An address of {provider} \
                 counts as verified {rule}; if that rule does not fit the provider, change email_trust or \
                 domains, or take require_verified_email away."
            ),
            Self::Busy => "Sign in again.".to_owned(),
            Self::Store(error) => error.hint(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Disabled(_) | Self::EmailNotVerified { .. } => false,
            Self::Busy => true,
            Self::Store(error) => error.retryable(),
        }
    }

    fn expected(&self) -> Option<String> {
        match self {
            Self::EmailNotVerified { .. } => Some("a verified e-mail address".to_owned()),
            Self::Disabled(_) | Self::Busy | Self::Store(_) => None,
        }
    }

    fn received(&self) -> Option<String> {
        match self {
            Self::EmailNotVerified { came, .. } => Some((*came).to_owned()),
            Self::Disabled(_) | Self::Busy | Self::Store(_) => None,
        }
    }
}

/// Whom a sign-in found.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundUser {
    /// A user, as stored.
    Known(User),
    /// A user who is to be written: by [`Proved::make`], beside whatever else is only good once that
    /// succeeded.
    New(User),
}

/// What a sign-in says about a user. The identity key alone decides who this is; an e-mail address never does
/// (F-01, F-03).
#[derive(Debug)]
pub struct Proved<'p> {
    users: Users<'p>,
    outside: &'p Outside,
    provider: &'p Provider,
    key: &'p IdentityKey,
    username: String,
    mapped: Mapped,
    groups: Vec<String>,
}

impl<'p> Proved<'p> {
    /// What `provider` proved, by its mapping.
    ///
    /// # Errors
    /// The pool wants a verified e-mail address.
    pub fn of(
        (directory, outside): (&'p Records, &'p Outside),
        pool: &'p Pool,
        provider: &'p Provider,
        identity: &'p ExternalIdentity,
    ) -> Result<Self, ProvisionError> {
        check_email(provider, identity)?;
        let mut mapped = provider.mapping.apply(identity);
        let overage = quirks::groups_overage(provider, &identity.claims);
        if overage && provider.groups.claim.is_some() {
            mapped.problems.push(MappingProblem::GroupsOverage);
        }
        for problem in &mapped.problems {
            tracing::warn!(provider = %provider.name, %problem, "a claim was left out");
        }
        // Cognito's automatic group of everybody from this provider comes first.
        let mut groups = vec![format!("{}_{}", pool.id, provider.name)];
        if !overage {
            groups.extend(quirks::pool_groups(&provider.groups, &identity.claims));
        }
        let (users, username) = (Users::new(directory, &pool.id), username(pool, &identity.key));
        Ok(Self { users, outside, provider, key: &identity.key, username, mapped, groups })
    }

    /// The user. A known one is read in one round trip, or two where its `sub` is not the likely one, and
    /// written only when something changed.
    pub async fn find(&self) -> Result<FoundUser, ProvisionError> {
        let users = self.users;
        for _ in 0..ATTEMPTS {
            let (fresh, now) =
                (|| Sub::from_random(self.outside.random.bytes()), || self.outside.clock.now());
            match users.owner(self.key, &self.username).await? {
                Owner::User(record) => {
                    if !record.value.enabled {
                        return Err(ProvisionError::Disabled(record.value.sub));
                    }
                    let user = self.applied(&record.value, now());
                    if user == record.value
                        || users.update(&user, &record.version).await? == CommitOutcome::Committed
                    {
                        return Ok(FoundUser::Known(user));
                    }
                }
                Owner::Reserved(sub) => {
                    let username = self.reserve_username(&sub).await?.ok_or(ProvisionError::Busy)?;
                    let user = self.first(sub, username, now());
                    if users.create(&user).await? == CommitOutcome::Committed {
                        return Ok(FoundUser::Known(user));
                    }
                }
                Owner::Nobody(Some(sub)) => {
                    return Ok(FoundUser::New(self.first(sub, self.username.clone(), now())));
                }
                // Whether this or another sign-in won the reservation shows when the owner is read again.
                Owner::Nobody(None) => {
                    let (CommitOutcome::Committed | CommitOutcome::Conflict) =
                        users.reserve_identity(self.key, &fresh(), None).await?;
                }
                Owner::Former(version) => {
                    let (CommitOutcome::Committed | CommitOutcome::Conflict) =
                        users.reserve_identity(self.key, &fresh(), Some(version)).await?;
                }
            }
        }
        Err(ProvisionError::Busy)
    }

    /// Writes who was found to be new, in one round trip, unless another first sign-in of this person just
    /// did.
    ///
    /// # Errors
    /// [`ProvisionError::Busy`] when somebody else took the name meanwhile: then this person's user will be
    /// another one.
    pub async fn make(&self, user: &User) -> Result<(), ProvisionError> {
        if self.users.create_at_home(user, self.key).await? == CommitOutcome::Committed {
            return Ok(());
        }
        match self.find().await? {
            FoundUser::Known(known) if known.sub == user.sub => Ok(()),
            FoundUser::Known(_) | FoundUser::New(_) => Err(ProvisionError::Busy),
        }
    }

    /// The user name, or that and a mark where another person's name differs from it in case or tenant only.
    async fn reserve_username(&self, sub: &Sub) -> Result<Option<String>, StoreError> {
        let mark: String = self.key.digest().chars().filter(char::is_ascii_alphanumeric).take(10).collect();
        for name in [self.username.clone(), format!("{}-{}", self.username, mark.to_ascii_lowercase())] {
            if self.users.reserve_username(&name, sub).await? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// A new user.
    fn first(&self, sub: Sub, username: String, now: Timestamp) -> User {
        let linked = LinkedIdentity {
            key: self.key.clone(),
            provider_type: self.provider.provider_type,
            primary: true,
            created: now,
            groups: Vec::new(),
            unknown: UnknownMembers::default(),
        };
        let user = User {
            sub,
            username,
            attributes: Attributes::default(),
            identities: vec![linked],
            groups: Vec::new(),
            enabled: true,
            created: now,
            modified: now,
            unknown: UnknownMembers::default(),
        };
        self.applied(&user, now)
    }

    /// A user as this sign-in leaves it: what the provider dropped is dropped; `modified` moves only with a
    /// change.
    fn applied(&self, before: &User, now: Timestamp) -> User {
        let mut user = before.clone();
        for name in &self.mapped.dropped {
            user.attributes.remove(name);
        }
        for (name, value) in self.mapped.attributes.iter() {
            user.attributes.set(name.clone(), value.to_owned());
        }
        for (name, value) in self.mapped.first.iter() {
            if user.attributes.get(name.as_str()).is_none() {
                user.attributes.set(name.clone(), value.to_owned());
            }
        }
        for linked in user.identities.iter_mut().filter(|linked| &linked.key == self.key) {
            linked.provider_type = self.provider.provider_type;
            linked.groups.clone_from(&self.groups);
        }
        if &user != before {
            user.modified = now;
        }
        user
    }
}

/// The provider's word on the address, where the pool insists on one.
fn check_email(provider: &Provider, identity: &ExternalIdentity) -> Result<(), ProvisionError> {
    if !provider.require_verified_email || identity.email_verified {
        return Ok(());
    }
    let there = identity.claims.get("email").is_some_and(|email| !email.is_null());
    let came = if there { "an e-mail address that does not count as verified" } else { "no e-mail address" };
    let rule = match &provider.email_trust {
        EmailTrust::Never => "never (email_trust = \"never\")",
        EmailTrust::Claim => "when the provider sends email_verified = true",
        EmailTrust::ClaimOrText => "when the provider sends email_verified as true or \"true\"",
        EmailTrust::EdovClaim => "when the provider sends xms_edov = true",
        EmailTrust::VerifiedList => "when it is on the provider's list of verified addresses",
        EmailTrust::Domains => "when it lies in one of the provider's domains",
        EmailTrust::Every => "when there is one",
    };
    Err(ProvisionError::EmailNotVerified { provider: provider.name.clone(), came, rule })
}

/// Cognito's user name of a federated user, lower-cased in case-insensitive pools.
pub fn username(pool: &Pool, key: &IdentityKey) -> String {
    let name = key.username();
    if pool.case_insensitive { name.to_lowercase() } else { name }
}
