//! People and apps at work: they sign in, redeem, refresh, use what they have, sign out; and now and then a
//! thief does what thieves do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join3};

use crate::chance::Chance;
use crate::history::{Id, Micros, Outcome};
use crate::requests::{Arrival, Delivery, Desk, Tokens};
use crate::world::{APPS, World};

/// After this time an app no longer trusts that a token it presented before is still answered.
const TRUST: Micros = 40_000_000;
/// How much of what was anybody keeps.
const MEMORY: usize = 8;
/// How often something is tried when all faults are over.
const TRIES: usize = 100;
/// How often a sign-in is tried then: for as long as the broker leaves a provider alone that has failed.
const SIGN_INS: usize = 500;

/// What an app holds of one sign-in.
#[derive(Debug, Clone)]
struct Family {
    app: usize,
    id: Id,
    /// Every refresh token so far, the newest last.
    chain: Vec<String>,
    access: String,
    /// When the newest was presented first.
    asked: Option<Micros>,
}

/// A person with their browsers, and the apps that work for them.
pub(crate) struct Person {
    world: Arc<World>,
    who: usize,
    name: String,
    chance: Chance,
    sub: Option<String>,
    families: Vec<Family>,
    ended: Vec<Family>,
    sessions: Vec<String>,
    left: Vec<String>,
    spent: Vec<(usize, String)>,
    delivered: Vec<Delivery>,
}

impl Person {
    pub(crate) fn new(world: Arc<World>, who: usize, chance: Chance) -> Self {
        let name = format!("person-{who}");
        let (families, ended, sessions, left, spent, delivered) = Default::default();
        Self { world, who, name, chance, sub: None, families, ended, sessions, left, spent, delivered }
    }

    /// Goes on until `stop`.
    pub(crate) async fn lives(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            self.acts().await;
            let pause = self.chance.millis(5..60);
            tokio::time::sleep(pause).await;
        }
    }

    async fn acts(&mut self) {
        let full = self.families.len() >= MEMORY;
        match self.chance.below(100) {
            _ if self.families.is_empty() => self.signs_in().await,
            0..12 if !full => self.signs_in().await,
            12..46 => self.refreshes().await,
            46..56 => self.uses_a_session().await,
            56..62 => self.introspects().await,
            62..70 => self.revokes().await,
            70..77 => self.signs_out().await,
            77..80 => self.signs_out_everywhere().await,
            80..90 => self.tries_what_is_over().await,
            90..93 => self.is_robbed().await,
            93..95 => self.redeems_again().await,
            _ => self.goes_back().await,
        }
    }

    /// Another replica each time, as a balancer without memory does.
    fn desk<'w>(chance: &mut Chance, world: &'w World, who: usize) -> Desk<'w> {
        Desk { world, who, at: chance.below(world.replicas.len()) }
    }

    async fn signs_in(&mut self) {
        let (world, app) = (self.world.clone(), self.chance.below(APPS.len()));
        let Some(delivery) = Self::desk(&mut self.chance, &world, self.who).begins(app, &self.name).await
        else {
            return;
        };
        let (one, two) =
            (Self::desk(&mut self.chance, &world, self.who), Self::desk(&mut self.chance, &world, self.who));
        // Some take their time at the provider.
        if self.chance.percent(20) {
            let pause = self.chance.millis(100..1000);
            tokio::time::sleep(pause).await;
        }
        let arrivals = if self.chance.percent(15) {
            let (first, second) = join(one.delivers(&delivery), two.delivers(&delivery)).await;
            [first, second]
        } else {
            [one.delivers(&delivery).await, None]
        };
        remember(&mut self.delivered, delivery);
        for arrival in arrivals.into_iter().flatten() {
            self.arrives(app, arrival).await;
        }
    }

    async fn arrives(&mut self, app: usize, Arrival { code, session }: Arrival) {
        let world = self.world.clone();
        if let Some(session) = session {
            remember(&mut self.sessions, session);
        }
        let (one, two) =
            (Self::desk(&mut self.chance, &world, self.who), Self::desk(&mut self.chance, &world, self.who));
        match self.chance.below(100) {
            0..4 => return,
            4..14 => {
                let ((first, _), (second, _)) = join(one.redeems(app, &code), two.redeems(app, &code)).await;
                // Whoever was answered has tokens of a family that the other one ended.
                self.ended.extend(first.or(second).map(|tokens| family(app, tokens)));
            }
            _ => {
                if let (Some(tokens), _) = one.redeems(app, &code).await {
                    self.holds(app, tokens);
                }
            }
        }
        remember(&mut self.spent, (app, code));
    }

    fn holds(&mut self, app: usize, tokens: Tokens) {
        self.sub = Some(tokens.sub.clone());
        remember(&mut self.families, family(app, tokens));
    }

    async fn refreshes(&mut self) {
        let (world, at) = (self.world.clone(), self.chance.below(self.families.len()));
        let Some(mut held) = self.families.get(at).cloned() else { return };
        let newest = held.chain.last().cloned().unwrap_or_default();
        let now = world.recorder.now();
        let asked = *held.asked.get_or_insert(now);
        if APPS[held.app].1 && now.saturating_sub(asked) > TRUST {
            self.families.remove(at);
            return;
        }
        let (one, two) =
            (Self::desk(&mut self.chance, &world, self.who), Self::desk(&mut self.chance, &world, self.who));
        let answers = if self.chance.percent(20) {
            let (first, second) =
                join(one.refreshes(held.app, &newest), two.refreshes(held.app, &newest)).await;
            vec![first, second]
        } else {
            vec![one.refreshes(held.app, &newest).await]
        };
        let refused = answers.iter().any(|(_, outcome)| matches!(outcome, Outcome::Refused(_)));
        for (tokens, _) in answers {
            held.advance(tokens);
        }
        if refused {
            self.families.remove(at);
            remember(&mut self.ended, held);
        } else {
            self.families[at] = held;
        }
    }

    async fn uses_a_session(&mut self) {
        let (world, app) = (self.world.clone(), self.chance.below(APPS.len()));
        let Some(session) = pick(&mut self.chance, &self.sessions) else { return };
        let (arrival, outcome) = Self::desk(&mut self.chance, &world, self.who).uses(app, &session).await;
        if matches!(outcome, Outcome::Refused(_)) {
            self.sessions.retain(|have| *have != session);
        }
        if let Some(arrival) = arrival.filter(|_| self.families.len() < MEMORY) {
            self.arrives(app, arrival).await;
        }
    }

    async fn introspects(&mut self) {
        let world = self.world.clone();
        let Some(held) = pick(&mut self.chance, &self.families) else { return };
        Self::desk(&mut self.chance, &world, self.who).introspects(held.app, (held.id, &held.access)).await;
    }

    /// Often while the same family is refreshed elsewhere.
    async fn revokes(&mut self) {
        let (world, at) = (self.world.clone(), self.chance.below(self.families.len()));
        if at >= self.families.len() {
            return;
        }
        let mut held = self.families.remove(at);
        let newest = held.chain.last().cloned().unwrap_or_default();
        let (one, two) =
            (Self::desk(&mut self.chance, &world, self.who), Self::desk(&mut self.chance, &world, self.who));
        if self.chance.percent(50) {
            let pause = self.chance.millis(0..300);
            let revoked = async {
                tokio::time::sleep(pause).await;
                one.revokes(held.app, &newest).await
            };
            let ((tokens, _), _) = join(two.refreshes(held.app, &newest), revoked).await;
            held.advance(tokens);
        } else {
            one.revokes(held.app, &newest).await;
        }
        remember(&mut self.ended, held);
    }

    /// Often while an app uses the same session.
    async fn signs_out(&mut self) {
        let world = self.world.clone();
        let Some(session) = pick(&mut self.chance, &self.sessions) else { return };
        self.sessions.retain(|have| *have != session);
        let app = self.chance.below(APPS.len());
        let (one, two) =
            (Self::desk(&mut self.chance, &world, self.who), Self::desk(&mut self.chance, &world, self.who));
        if self.chance.percent(60) {
            let pause = self.chance.millis(0..300);
            let out = async {
                tokio::time::sleep(pause).await;
                one.signs_out(&session).await
            };
            let ((arrival, _), _) = join(two.uses(app, &session), out).await;
            if let Some(arrival) = arrival.filter(|_| self.families.len() < MEMORY) {
                self.arrives(app, arrival).await;
            }
        } else {
            one.signs_out(&session).await;
        }
        remember(&mut self.left, session);
    }

    /// While whatever else the person has is in use.
    async fn signs_out_everywhere(&mut self) {
        let (world, who) = (self.world.clone(), self.who);
        let Some(sub) = self.sub.clone().filter(|_| world.has_office()) else { return };
        let mut held = pick(&mut self.chance, &self.families);
        let session = pick(&mut self.chance, &self.sessions);
        let (one, two) =
            (Self::desk(&mut self.chance, &world, who), Self::desk(&mut self.chance, &world, who));
        let pause = self.chance.millis(0..300);
        let out = async {
            tokio::time::sleep(pause).await;
            one.signs_out_everywhere(&sub).await
        };
        let refreshed = async {
            let Some(held) = &held else { return None };
            one.refreshes(held.app, held.chain.last().map_or("", String::as_str)).await.0
        };
        let used = async {
            let Some(session) = &session else { return None };
            two.uses(0, session).await.0
        };
        let (_, tokens, arrival) = join3(out, refreshed, used).await;
        if let Some(held) = &mut held {
            held.advance(tokens);
            remember(&mut self.ended, held.clone());
        }
        let families = std::mem::take(&mut self.families);
        for family in families {
            remember(&mut self.ended, family);
        }
        let sessions = std::mem::take(&mut self.sessions);
        for session in sessions {
            remember(&mut self.left, session);
        }
        if let Some(arrival) = arrival {
            self.arrives(0, arrival).await;
        }
    }

    async fn tries_what_is_over(&mut self) {
        let world = self.world.clone();
        let desk = Self::desk(&mut self.chance, &world, self.who);
        if let Some(held) = pick(&mut self.chance, &self.ended) {
            if self.chance.percent(50) {
                desk.introspects(held.app, (held.id, &held.access)).await;
            } else {
                desk.refreshes(held.app, held.chain.last().map_or("", String::as_str)).await;
            }
        }
        if let Some(session) = pick(&mut self.chance, &self.left) {
            desk.uses(0, &session).await;
        }
    }

    /// A thief presents a token that was replaced.
    async fn is_robbed(&mut self) {
        let (world, at) = (self.world.clone(), self.chance.below(self.families.len()));
        let Some(held) = self.families.get(at).filter(|held| held.chain.len() > 2).cloned() else { return };
        let old = self.chance.below(held.chain.len() - 2);
        let (_, outcome) =
            Self::desk(&mut self.chance, &world, self.who).refreshes(held.app, &held.chain[old]).await;
        if outcome != Outcome::NotSent {
            let held = self.families.remove(at);
            remember(&mut self.ended, held);
        }
    }

    /// A code is presented again: what it led to is over.
    async fn redeems_again(&mut self) {
        let world = self.world.clone();
        let Some((app, code)) = self.spent.pop() else { return };
        Self::desk(&mut self.chance, &world, self.who).redeems(app, &code).await;
    }

    /// A browser goes back to the provider's answer.
    async fn goes_back(&mut self) {
        let world = self.world.clone();
        let Some(delivery) = pick(&mut self.chance, &self.delivered) else { return };
        Self::desk(&mut self.chance, &world, self.who).redelivers(&delivery).await;
    }

    /// Whether everything that the person has works, and nothing that is over, now that all faults are.
    pub(crate) async fn settles(&mut self) {
        let world = self.world.clone();
        let now = world.recorder.now();
        let desk = Desk { world: &world, who: self.who, at: 0 };
        let trusted = |held: &&Family| {
            !APPS[held.app].1 || held.asked.is_none_or(|asked| now.saturating_sub(asked) < TRUST)
        };
        for held in self.families.iter().filter(trusted).chain(&self.ended) {
            let newest = held.chain.last().map_or("", String::as_str);
            decided(&world, "a refresh", async || desk.refreshes(held.app, newest).await.1).await;
            decided(&world, "an introspection", async || {
                desk.introspects(held.app, (held.id, &held.access)).await
            })
            .await;
        }
        for session in self.sessions.iter().chain(&self.left) {
            decided(&world, "the use of a session", async || desk.uses(0, session).await.1).await;
        }
        let (mut works, mut chance) = (false, self.chance.split());
        for _ in 0..SIGN_INS {
            if let Some(delivery) = Self::desk(&mut chance, &world, self.who).begins(0, &self.name).await
                && let Some(Arrival { code, .. }) =
                    Self::desk(&mut chance, &world, self.who).delivers(&delivery).await
                && let (Some(_), _) = Self::desk(&mut chance, &world, self.who).redeems(0, &code).await
            {
                works = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for delivery in &self.delivered {
            decided(&world, "a provider's answer that came before", async || desk.redelivers(delivery).await)
                .await;
        }
        for (app, code) in &self.spent {
            decided(&world, "a code that was spent", async || desk.redeems(*app, code).await.1).await;
        }
        if !works {
            world.recorder.stuck(format!("{} can no longer sign in", self.name));
        }
    }
}

/// Asks until there is a yes or a no.
async fn decided(world: &World, what: &str, ask: impl AsyncFn() -> Outcome) {
    for _ in 0..TRIES {
        if matches!(ask().await, Outcome::Done(_) | Outcome::Refused(_)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.recorder.stuck(format!("{what} is never decided"));
}

impl Family {
    fn advance(&mut self, tokens: Option<Tokens>) {
        let Some(tokens) = tokens else { return };
        self.access = tokens.access;
        if self.chain.last() != Some(&tokens.refresh) {
            self.chain.push(tokens.refresh);
            self.asked = None;
        }
    }
}

fn family(app: usize, tokens: Tokens) -> Family {
    Family { app, id: tokens.family, chain: vec![tokens.refresh], access: tokens.access, asked: None }
}

fn pick<T: Clone>(chance: &mut Chance, from: &[T]) -> Option<T> {
    if from.is_empty() { None } else { from.get(chance.below(from.len())).cloned() }
}

/// Adds one and forgets the oldest.
fn remember<T>(to: &mut Vec<T>, one: T) {
    if to.len() >= MEMORY {
        to.remove(0);
    }
    to.push(one);
}
