//! A seeded simulation of random people, apps, thieves and clocks against the whole broker, held to laws.
//!
//! Whatever happens in whatever order: no token without proof, none after expiry, none twice, none from
//! another provider, pool or browser; and whoever keeps to the rules is served. `SYMBOLON_LAWS_EVENTS` and
//! `SYMBOLON_LAWS_SEED` set length and course.

mod apps;
mod chance;
mod referee;
mod thieves;
mod world;

use std::time::Duration;

use chance::Rng;
use referee::{Code, Family, Session, Visit, within};
use symbolon::model::encoding::{base64url, sha256};
use symbolon::model::time::Timestamp;
use world::{Answer, Assertion, Browser, CLIENTS, POOLS, PROVIDERS, World, issuer, upstream_code};

const CALLBACK: &str = "https://app.test/cb";
const BROWSERS: usize = 6;
const PEOPLE: usize = 5;
/// How much of the past events choose from.
const MEMORY: usize = 48;

/// B-01, B-04, B-07, B-12, B-16, B-20, B-23, A-15, A-17, A-18, A-19, A-20, E-20, E-22, E-23, E-26, E-28,
/// F-03, D-11
#[tokio::test]
async fn no_course_of_events_breaks_a_law() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (events, seed) = (number("SYMBOLON_LAWS_EVENTS", 5_000), number("SYMBOLON_LAWS_SEED", 1));
    let mut simulation = Simulation::new(seed).await;
    for event in 0..events {
        simulation.event = event;
        simulation.step().await;
    }
    let Tally { codes, tokens, refreshed, refused } = simulation.tally;
    println!(
        "{events} events of seed {seed}: {codes} codes, {tokens} redemptions, {refreshed} refreshes, \
         {refused} refusals"
    );
    assert!(
        codes > 0 && tokens > 0 && refreshed > 0 && refused > 0,
        "the simulation reached every kind of outcome"
    );
}

#[derive(Default)]
struct Tally {
    codes: u64,
    tokens: u64,
    refreshed: u64,
    refused: u64,
}

struct Simulation {
    world: World,
    rng: Rng,
    event: u64,
    browsers: Vec<Browser>,
    pages: Vec<Page>,
    visits: Vec<Visit>,
    codes: Vec<Code>,
    families: Vec<Family>,
    sessions: Vec<Session>,
    copied: Vec<thieves::Copied>,
    people: referee::People,
    tally: Tally,
}

/// A sign-in page that was shown.
#[derive(Clone)]
struct Page {
    pool: usize,
    browser: usize,
    handle: String,
    asked: Asked,
}

/// What the app asked for, and until when the sign-in may last.
#[derive(Clone)]
struct Asked {
    client: usize,
    verifier: Option<String>,
    provider: Option<usize>,
    again: bool,
    expires: Timestamp,
}

/// An answer on its way to the broker, tampered with or not.
struct Delivery {
    tampered: bool,
    assertion: Assertion,
    browser: usize,
    pool: usize,
    by_form: bool,
    told_issuer: Option<String>,
}

impl Simulation {
    async fn new(seed: u64) -> Self {
        Self {
            world: World::new(seed).await,
            rng: Rng(seed),
            event: 0,
            browsers: vec![Browser::default(); BROWSERS],
            pages: Vec::new(),
            visits: Vec::new(),
            codes: Vec::new(),
            families: Vec::new(),
            sessions: Vec::new(),
            copied: Vec::new(),
            people: referee::People::default(),
            tally: Tally::default(),
        }
    }

    async fn step(&mut self) {
        match self.rng.below(100) {
            0..16 => self.an_app_asks().await,
            16..18 => self.a_thief_tries().await,
            18..32 => self.somebody_chooses().await,
            32..54 => self.a_provider_answers().await,
            54..70 => self.a_code_is_presented().await,
            70..84 => self.a_refresh_token_is_presented().await,
            84..90 => self.an_access_token_is_presented().await,
            90..92 => self.somebody_signs_out().await,
            92..94 => self.a_token_is_revoked().await,
            94 => self.somebody_is_signed_out_everywhere().await,
            _ => self.time_passes(),
        }
        // Only sessions that may be used are remembered: a code from any other is a code without a session.
        let now = self.world.now();
        self.sessions
            .retain(|session| !session.ended && now < session.started.plus(Duration::from_secs(3600)));
    }

    fn time_passes(&mut self) {
        let millis = match self.rng.below(100) {
            0..3 => 3_600_000,
            3..10 => 400_000,
            10..30 => 30_000,
            _ => 3_000,
        };
        self.world.clock.advance(Duration::from_millis(self.rng.next() % millis + 1));
    }

    async fn an_app_asks(&mut self) {
        let (pool, browser, client) =
            (self.rng.below(POOLS.len()), self.rng.below(BROWSERS), self.rng.below(CLIENTS.len()));
        let (id, secret) = CLIENTS[client];
        let verifier =
            (secret.is_none() || self.rng.chance(50)).then(|| base64url(sha256(self.rng.next().to_string())));
        let mut path = format!(
            "/oauth2/authorize?response_type=code&client_id={id}&redirect_uri={CALLBACK}&scope=openid&state=s{}",
            self.event
        );
        if let Some(verifier) = &verifier {
            path =
                format!("{path}&code_challenge={}&code_challenge_method=S256", base64url(sha256(verifier)));
        }
        let again = self.rng.chance(30);
        if again {
            path += "&prompt=login";
        }
        let provider = self.rng.chance(30).then(|| self.rng.below(2));
        if let Some(provider) = provider {
            path = format!("{path}&identity_provider={}", PROVIDERS[provider]);
        }
        let asked = Asked {
            client,
            verifier,
            provider,
            again,
            expires: self.world.now().plus(Duration::from_secs(300)),
        };
        let answer = self.world.get(&mut self.browsers[browser], POOLS[pool], &path).await;
        let to = answer
            .location
            .clone()
            .unwrap_or_else(|| panic!("{}: an honest request is refused: {answer:?}", self.event));
        let suffices = self.has_a_session_for(pool, browser, &asked);
        assert!(
            !suffices || answer.sent("code").is_some(),
            "{}: a person with a session is asked to sign in: {answer:?}",
            self.event
        );
        if answer.sent("code").is_some() {
            self.signed_in_already(pool, browser, &asked, &answer);
        } else if to.path() == "/login" {
            keep(&mut self.pages, Page { pool, browser, handle: answer.sent("flow").unwrap(), asked });
        } else {
            self.sent_to_provider(pool, browser, asked, &answer);
        }
    }

    /// Whether the browser's session answers the app at once. Use is written down to a tenth of the idle
    /// time.
    fn has_a_session_for(&self, pool: usize, browser: usize, asked: &Asked) -> bool {
        let cookie = self.browsers[browser].cookie(POOLS[pool], "__Host-symbolon-session");
        self.sessions.iter().any(|session| {
            session.pool == pool
                && Some(&session.cookie) == cookie.as_ref()
                && self.world.now() < session.last_used.plus(Duration::from_secs(1080))
                && asked.provider.is_none_or(|provider| provider == session.provider)
                && (CLIENTS[asked.client].0 != "shop" || session.provider != 2)
                && !asked.again
        })
    }

    /// A code without a sign-in: the browser must have a session that may still be used.
    fn signed_in_already(&mut self, pool: usize, browser: usize, asked: &Asked, answer: &Answer) {
        let now = self.world.now();
        let cookie = self.browsers[browser].cookie(POOLS[pool], "__Host-symbolon-session");
        let event = self.event;
        let session = self
            .sessions
            .iter_mut()
            .find(|session| session.pool == pool && Some(&session.cookie) == cookie.as_ref());
        let session =
            session.unwrap_or_else(|| panic!("{event}: a code without a session, or from one that ended"));
        assert!(!asked.again, "{event}: a code though the app asked to sign in again");
        assert!(
            asked.provider.is_none_or(|provider| provider == session.provider),
            "{event}: a code though the app asked for another provider"
        );
        assert!(
            now < session.last_used.plus(Duration::from_secs(1200)),
            "{event}: a code from an idle session"
        );
        session.last_used = now;
        let (person, provider) = (session.person.clone(), session.provider);
        assert!(
            CLIENTS[asked.client].0 != "shop" || provider != 2,
            "{event}: a code from a provider that the client may not use"
        );
        self.code_given(pool, asked, person, answer);
    }

    fn code_given(&mut self, pool: usize, asked: &Asked, person: referee::Person, answer: &Answer) {
        self.tally.codes += 1;
        let code = Code {
            pool,
            client: asked.client,
            verifier: asked.verifier.clone(),
            text: answer.sent("code").unwrap(),
            person,
            issued: self.world.now(),
            spent: false,
            ended: false,
        };
        keep(&mut self.codes, code);
    }

    fn sent_to_provider(&mut self, pool: usize, browser: usize, asked: Asked, answer: &Answer) {
        let to = answer.location.as_ref().unwrap();
        let provider = PROVIDERS
            .iter()
            .position(|name| to.as_str().starts_with(&issuer(name)))
            .expect("a configured provider");
        assert_eq!(
            answer.sent("code_challenge_method").as_deref(),
            Some("S256"),
            "{}: PKCE is sent always (B-47)",
            self.event
        );
        let (state, nonce) = (answer.sent("state").unwrap(), answer.sent("nonce").unwrap());
        assert!(
            self.visits.iter().all(|visit| visit.state != state && visit.nonce != nonce),
            "{}: state and nonce are fresh",
            self.event
        );
        keep(
            &mut self.visits,
            Visit {
                pool,
                browser,
                provider,
                state,
                nonce,
                asked_client: asked.client,
                verifier: asked.verifier,
                expires: asked.expires,
                consumed: false,
            },
        );
    }

    async fn somebody_chooses(&mut self) {
        if self.pages.is_empty() {
            return;
        }
        let page = self.pages[self.rng.place(self.pages.len())].clone();
        let browser = if self.rng.chance(90) { page.browser } else { self.rng.below(BROWSERS) };
        let pool = if self.rng.chance(95) { page.pool } else { 1 - page.pool };
        let provider = self.rng.below(PROVIDERS.len());
        let path = format!("/login/{}?flow={}", PROVIDERS[provider], page.handle);
        let answer = self.world.get(&mut self.browsers[browser], POOLS[pool], &path).await;
        let allowed = CLIENTS[page.asked.client].0 != "shop" || provider != 2;
        let honest =
            browser == page.browser && pool == page.pool && self.world.now() < page.asked.expires && allowed;
        let sent =
            answer.location.as_ref().is_some_and(|to| to.as_str().starts_with(&issuer(PROVIDERS[provider])));
        assert_eq!(
            sent, honest,
            "{}: choosing {} on a page of another browser, pool or time: {answer:?}",
            self.event, PROVIDERS[provider]
        );
        if sent {
            self.sent_to_provider(pool, browser, page.asked, &answer);
        } else {
            self.tally.refused += 1;
        }
    }

    async fn a_provider_answers(&mut self) {
        if self.visits.is_empty() {
            return;
        }
        let at = self.rng.place(self.visits.len());
        let visit = self.visits[at].clone();
        let delivery = self.some_answer(&visit);
        let Delivery { tampered, browser, pool, .. } = delivery;
        let mut form = vec![("state", visit.state.as_str())];
        let code = upstream_code(&delivery.assertion);
        form.push(("code", &code));
        form.extend(delivery.told_issuer.as_deref().map(|issuer| ("iss", issuer)));
        let before = self.browsers[browser].cookie(POOLS[pool], "__Host-symbolon-session");
        let (answer, arrived) = self.deliver(browser, pool, delivery.by_form, &form).await;
        let honest = !tampered && !visit.consumed && self.world.now() < visit.expires;
        assert_eq!(
            answer.sent("code").is_some(),
            honest,
            "{}: {:?} to {visit:?} in browser {browser} at {pool}: {answer:?}",
            self.event,
            delivery.assertion
        );
        self.visits[at].consumed |= arrived;
        if !honest {
            self.tally.refused += 1;
            return;
        }
        for session in self.sessions.iter_mut().filter(|session| Some(&session.cookie) == before.as_ref()) {
            session.ended = true;
        }
        let person = referee::Person { pool, provider: visit.provider, subject: delivery.assertion.subject };
        let cookie =
            self.browsers[browser].cookie(POOLS[pool], "__Host-symbolon-session").expect("a session begins");
        assert!(before.as_ref() != Some(&cookie), "{}: the session id is new at every sign-in", self.event);
        let now = self.world.now();
        self.sessions.push(Session {
            pool,
            cookie,
            provider: visit.provider,
            person: person.clone(),
            started: now,
            last_used: now,
            ended: false,
        });
        let asked = Asked {
            client: visit.asked_client,
            verifier: visit.verifier.clone(),
            provider: None,
            again: false,
            expires: visit.expires,
        };
        self.code_given(pool, &asked, person, &answer);
    }

    /// The answer of the provider that `visit` went to: in two of five cases something about it is not as it
    /// should be.
    fn some_answer(&mut self, visit: &Visit) -> Delivery {
        let (own, foreign) = (issuer(PROVIDERS[visit.provider]), issuer(PROVIDERS[(visit.provider + 1) % 3]));
        let other = self.visits[self.rng.place(self.visits.len())].nonce.clone();
        let subject = format!("p{}", self.rng.below(PEOPLE));
        let (nonce, issued) = (visit.nonce.clone(), self.world.now().secs());
        let assertion =
            Assertion { issuer: own, subject, audience: "broker".to_owned(), nonce, issued, forged: false };
        let (tampered, by_form) = (self.rng.chance(40), visit.provider == 2);
        let mut delivery = Delivery {
            tampered,
            assertion,
            browser: visit.browser,
            pool: visit.pool,
            by_form,
            told_issuer: None,
        };
        match if tampered { self.rng.below(9) } else { 9 } {
            0 => delivery.browser = (visit.browser + 1 + self.rng.below(BROWSERS - 1)) % BROWSERS,
            1 => delivery.pool = 1 - visit.pool,
            2 if other == visit.nonce => "invented".clone_into(&mut delivery.assertion.nonce),
            2 => delivery.assertion.nonce = other,
            3 => delivery.assertion.issuer = foreign,
            4 => "somebody-else".clone_into(&mut delivery.assertion.audience),
            5 => delivery.assertion.forged = true,
            6 => delivery.assertion.issued -= 100_000,
            7 => delivery.by_form = !by_form,
            8 => delivery.told_issuer = Some(foreign),
            _ => {}
        }
        delivery
    }

    /// Brings an answer to the broker; says whether it reached the flow.
    async fn deliver(
        &mut self,
        browser: usize,
        pool: usize,
        by_form: bool,
        form: &[(&str, &str)],
    ) -> (Answer, bool) {
        if !by_form {
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            let path = format!("/oauth2/idpresponse?{query}");
            return (self.world.get(&mut self.browsers[browser], POOLS[pool], &path).await, true);
        }
        // A cross-site POST carries no SameSite=Lax cookie.
        let answer = self.world.post(&mut Browser::default(), POOLS[pool], "/oauth2/idpresponse", form).await;
        let Some(relay) = answer.location.clone() else { return (answer, false) };
        let path = format!("{}?{}", relay.path(), relay.query().unwrap_or_default());
        (self.world.get(&mut self.browsers[browser], POOLS[pool], &path).await, true)
    }
}

/// Keeps the newest of a list.
fn keep<T>(list: &mut Vec<T>, item: T) {
    if list.len() == MEMORY {
        list.remove(0);
    }
    list.push(item);
}
