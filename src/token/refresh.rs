//! Refresh-token families: what a presented token stands for, and what follows from it ([RFC 9700 section
//! 4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)). Pure.
//!
//! A family is one sign-in at one app. Its record knows the generation whose token is good now, and the one
//! before. A token names its generation and that generation's random nonce, and is sealed: a generation above
//! the record's was therefore really handed out.

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::client_authentication::Confirmation;
use crate::model::ids::{ClientId, FamilyId, PoolId, SessionId, Sub};
use crate::model::scope::Scopes;
use crate::model::session::{CodeGrant, Epoch, SignIn};
use crate::model::time::Timestamp;

/// A refresh-token family as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// `origin_jti`.
    pub id: FamilyId,
    /// The app that holds it.
    pub client: ClientId,
    /// Scopes granted at sign-in; a refresh may ask for fewer, once.
    pub scopes: Scopes,
    /// RFC 8707 `resource` granted at sign-in.
    pub resource: Option<String>,
    /// What its first tokens were bound to.
    pub binding: Option<Confirmation>,
    /// How and when the person signed in.
    pub sign_in: SignIn,
    /// The browser session it came from.
    pub session: SessionId,
    /// The user's epoch at sign-in.
    pub epoch: Epoch,
    /// When the code was redeemed.
    pub created: Timestamp,
    /// End of the family, never moved.
    pub expires: Timestamp,
    /// Generation of the token that is good now.
    pub generation: u64,
    /// Random text of that generation.
    pub nonce: String,
    /// The generation before, answerable during the grace period.
    pub previous: Option<Previous>,
}

/// The generation that was replaced last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its random text.
    pub nonce: String,
    /// When it was replaced.
    pub replaced: Timestamp,
}

/// What the text of a refresh token says, once opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshTicket {
    /// The pool.
    #[serde(rename = "p")]
    pub pool: PoolId,
    /// The user.
    #[serde(rename = "s")]
    pub sub: Sub,
    /// The family.
    #[serde(rename = "f")]
    pub family: FamilyId,
    /// The generation.
    #[serde(rename = "g")]
    pub generation: u64,
    /// The generation's random text.
    #[serde(rename = "n")]
    pub nonce: String,
}

/// How a presented token stands to its family's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// The token that is good now.
    Current,
    /// The token before, inside the grace period and while its successor is unused: the same successor is the
    /// answer.
    Repeat,
    /// A generation that the record does not know yet: the store lost its latest writes, and the token is the
    /// proof of them.
    Ahead,
    /// A token that was replaced, or a second token of one generation: somebody holds a copy.
    Reused,
}

impl Family {
    /// The family that redeeming `code` starts, living for `lifetime`.
    pub fn start(code: CodeGrant, nonce: String, lifetime: Duration, now: Timestamp) -> Self {
        Self {
            id: code.family,
            client: code.client,
            scopes: code.scopes,
            resource: code.resource,
            binding: None,
            sign_in: code.sign_in,
            session: code.session,
            epoch: code.epoch,
            created: now,
            expires: now.plus(lifetime),
            generation: 0,
            nonce,
            previous: None,
        }
    }

    /// What the token that is good now says.
    pub fn ticket(&self, pool: &PoolId, sub: &Sub) -> RefreshTicket {
        RefreshTicket {
            pool: pool.clone(),
            sub: sub.clone(),
            family: self.id.clone(),
            generation: self.generation,
            nonce: self.nonce.clone(),
        }
    }

    /// How `ticket`, which names this family, stands to the record at `now`.
    pub fn state_of(&self, ticket: &RefreshTicket, grace: Duration, now: Timestamp) -> TokenState {
        match ticket.generation.cmp(&self.generation) {
            Ordering::Greater => TokenState::Ahead,
            Ordering::Equal if ticket.nonce == self.nonce => TokenState::Current,
            Ordering::Less if self.answers_again(ticket, grace, now) => TokenState::Repeat,
            Ordering::Equal | Ordering::Less => TokenState::Reused,
        }
    }

    /// The record after `used` was exchanged for a successor whose random text is `nonce`.
    #[must_use]
    pub fn succeed(&self, used: &RefreshTicket, nonce: String, now: Timestamp) -> Self {
        Self {
            generation: used.generation.saturating_add(1),
            nonce,
            previous: Some(Previous { nonce: used.nonce.clone(), replaced: now }),
            ..self.clone()
        }
    }

    /// The record of a store that lost its latest writes, as `ticket` proves it was.
    #[must_use]
    pub fn catch_up(&self, ticket: &RefreshTicket) -> Self {
        Self { generation: ticket.generation, nonce: ticket.nonce.clone(), previous: None, ..self.clone() }
    }

    fn answers_again(&self, ticket: &RefreshTicket, grace: Duration, now: Timestamp) -> bool {
        ticket.generation.checked_add(1) == Some(self.generation)
            && self
                .previous
                .as_ref()
                .is_some_and(|before| before.nonce == ticket.nonce && now.since(before.replaced) <= grace)
    }
}
