//! What ought to be, kept beside the broker and never asking it.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use symbolon::model::encoding::base64url_decode;
use symbolon::model::time::Timestamp;

/// Life of a refresh-token family in seconds.
const FAMILY: u64 = 7200;
const GRACE: u64 = 10;

/// Somebody at a provider, as a pool knows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    pub pool: usize,
    pub provider: usize,
    pub subject: String,
}

/// A browser on its way to a provider.
#[derive(Debug, Clone)]
pub struct Visit {
    pub pool: usize,
    pub browser: usize,
    pub provider: usize,
    pub state: String,
    pub nonce: String,
    pub asked_client: usize,
    pub verifier: Option<String>,
    pub expires: Timestamp,
    pub consumed: bool,
}

#[derive(Debug, Clone)]
pub struct Session {
    pub pool: usize,
    pub cookie: String,
    pub provider: usize,
    pub person: Person,
    pub started: Timestamp,
    pub last_used: Timestamp,
    pub ended: bool,
}

#[derive(Debug, Clone)]
pub struct Code {
    pub pool: usize,
    pub client: usize,
    pub verifier: Option<String>,
    pub text: String,
    pub person: Person,
    pub issued: Timestamp,
    pub spent: bool,
    pub ended: bool,
}

/// What an app holds: every refresh token so far, the newest last, and its access tokens with the time of
/// issue.
#[derive(Debug, Clone)]
pub struct Family {
    pub pool: usize,
    pub client: usize,
    pub code: String,
    pub person: Person,
    pub sub: String,
    pub id_token: String,
    pub tokens: Vec<String>,
    pub access: Vec<(String, Timestamp)>,
    pub born: Timestamp,
    pub rotated: Timestamp,
    pub ended: bool,
}

/// What a presented refresh token deserves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The newest: tokens, and a successor if the client rotates.
    Serve,
    /// The one before, within grace: the same successor again.
    Repeat,
    /// An older one, or the one before after grace: stolen.
    EndFamily,
    /// Over, or not the owner.
    Refuse,
}

impl Verdict {
    pub fn serves(&self) -> bool {
        matches!(self, Self::Serve | Self::Repeat)
    }
}

impl Family {
    pub fn begin(code: &Code, answer: &Value, now: Timestamp) -> Self {
        let claims = claims(answer["id_token"].as_str().expect("openid was granted"));
        assert_eq!(
            claims["aud"],
            super::CLIENTS[code.client].0,
            "the ID token is for the client that redeems"
        );
        Self {
            pool: code.pool,
            client: code.client,
            code: code.text.clone(),
            person: code.person.clone(),
            sub: claims["sub"].as_str().unwrap().to_owned(),
            id_token: text(answer, "id_token"),
            tokens: vec![text(answer, "refresh_token")],
            access: vec![(text(answer, "access_token"), now)],
            born: now,
            rotated: now,
            ended: false,
        }
    }

    pub fn judge(&self, token: &str, now: Timestamp) -> Verdict {
        if self.ended || !within(self.born, now, FAMILY) {
            return Verdict::Refuse;
        }
        match self.tokens.iter().rev().position(|have| have == token) {
            Some(0) => Verdict::Serve,
            Some(1) if now.since(self.rotated) <= Duration::from_secs(GRACE) => Verdict::Repeat,
            Some(_) => Verdict::EndFamily,
            None => Verdict::Refuse,
        }
    }

    pub fn refreshed(&mut self, verdict: &Verdict, answer: &Value, now: Timestamp, event: u64) {
        self.access.push((text(answer, "access_token"), now));
        let successor = text(answer, "refresh_token");
        let newest = self.tokens.last().unwrap();
        match verdict {
            Verdict::Serve if super::CLIENTS[self.client].1.is_none() => {
                assert!(!self.tokens.contains(&successor), "{event}: a rotated token is new");
                self.tokens.push(successor);
                self.rotated = now;
            }
            _ => assert_eq!(
                *newest, successor,
                "{event}: parallel uses receive one successor, and without rotation the token stays"
            ),
        }
        let claims = claims(answer["id_token"].as_str().unwrap());
        assert_eq!(claims["sub"], self.sub.as_str(), "{event}: refreshing changes nobody");
    }
}

/// Who has which `sub`.
#[derive(Debug, Default)]
pub struct People {
    subs: HashMap<Person, String>,
}

impl People {
    /// One person keeps one `sub`, and nobody shares one (F-03).
    pub fn check(&mut self, person: &Person, sub: &str, event: u64) {
        let known = self.subs.entry(person.clone()).or_insert_with(|| sub.to_owned());
        assert_eq!(known, sub, "{event}: {person:?} stays the same user");
        let others = self.subs.iter().filter(|(other, have)| *other != person && *have == sub).count();
        assert_eq!(others, 0, "{event}: {person:?} shares a user with somebody else");
    }
}

/// Whether less than `seconds` passed since `from`.
pub fn within(from: Timestamp, now: Timestamp, seconds: u64) -> bool {
    // Tokens count in whole seconds.
    now.secs() < from.secs() + i64::try_from(seconds).unwrap()
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{name} is missing in {answer}")).to_owned()
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&base64url_decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
