//! Those who hold something that is not theirs, and requests that say more than usual about the person.

use std::time::Duration;

use symbolon::model::encoding::{base64url, sha256};
use symbolon::model::time::Timestamp;

use super::referee::{Family, Session};
use super::world::{Browser, CLIENTS, POOLS};
use super::{Asked, CALLBACK, Simulation, keep};

const COOKIE: &str = "__Host-symbolon-session";

/// A copy of a session's cookie. Copies outlive their sessions.
#[derive(Clone)]
pub struct Copied {
    pool: usize,
    cookie: String,
}

impl Simulation {
    pub(super) async fn a_thief_tries(&mut self) {
        match self.rng.below(8) {
            0..5 => self.a_copied_cookie_is_used().await,
            5 => self.a_page_is_carried_to_the_other_pool().await,
            6 => self.a_secret_is_guessed().await,
            _ => self.another_token_is_passed_off_as_an_access_token().await,
        }
    }

    fn a_cookie_is_copied(&mut self) {
        if !self.sessions.is_empty() {
            let session = &self.sessions[self.rng.place(self.sessions.len())];
            let copied = Copied { pool: session.pool, cookie: session.cookie.clone() };
            keep(&mut self.copied, copied);
        }
    }

    /// A copy is worth what the session is worth: nothing after its end, nothing at another pool. No page is
    /// shown to it.
    async fn a_copied_cookie_is_used(&mut self) {
        if self.rng.chance(60) {
            self.a_cookie_is_copied();
        }
        if self.copied.is_empty() {
            return;
        }
        let at = if self.rng.chance(60) { self.copied.len() - 1 } else { self.rng.below(self.copied.len()) };
        let Copied { pool: home, cookie } = self.copied[at].clone();
        let pool = if self.rng.chance(85) { home } else { 1 - home };
        let client = self.rng.below(CLIENTS.len());
        let verifier = base64url(sha256(self.rng.next().to_string()));
        let max_age = self.rng.chance(40).then(|| self.rng.below(600) as u64);
        let hint = self.hint_for(pool, client);
        let mut path = format!(
            "/oauth2/authorize?response_type=code&client_id={}&redirect_uri={CALLBACK}&scope=openid&prompt=none&code_challenge={}&code_challenge_method=S256",
            CLIENTS[client].0,
            base64url(sha256(&verifier)),
        );
        path.extend(max_age.map(|seconds| format!("&max_age={seconds}")));
        path.extend(hint.as_ref().map(|family| format!("&id_token_hint={}", family.id_token)));
        let mut browser = Browser::default();
        browser.give(POOLS[pool], COOKIE, &cookie);
        let answer = self.world.get(&mut browser, POOLS[pool], &path).await;
        let (now, event) = (self.world.now(), self.event);
        let session =
            self.sessions.iter_mut().find(|session| session.pool == pool && session.cookie == cookie);
        let fits = |session: &Session| {
            (CLIENTS[client].0 != "shop" || session.provider != 2)
                && hint.as_ref().is_none_or(|family| family.person == session.person)
                && max_age.is_none_or(|seconds| since(session.started, now) <= seconds)
        };
        let Some(session) = session.filter(|session| fits(session)) else {
            assert_eq!(
                answer.sent("code"),
                None,
                "{event}: a copied cookie opens {pool} for {client} with {max_age:?}: {answer:?}"
            );
            assert_eq!(answer.sent("error").as_deref(), Some("login_required"), "{event}: {answer:?}");
            self.tally.refused += 1;
            return;
        };
        assert!(
            now >= session.last_used.plus(Duration::from_secs(1080)) || answer.sent("code").is_some(),
            "{event}: {answer:?}"
        );
        if answer.sent("code").is_some() {
            assert!(
                now < session.last_used.plus(Duration::from_secs(1200)),
                "{event}: a code from an idle session"
            );
            session.last_used = now;
            let person = session.person.clone();
            let asked =
                Asked { client, verifier: Some(verifier), provider: None, again: false, expires: now };
            self.code_given(pool, &asked, person, &answer);
        }
    }

    /// An ID token of somebody at this app, to say who is expected.
    fn hint_for(&mut self, pool: usize, client: usize) -> Option<Family> {
        let named = self.rng.chance(40);
        let fitting: Vec<&Family> = self
            .families
            .iter()
            .filter(|family| named && family.pool == pool && family.client == client)
            .collect();
        let at = if fitting.is_empty() { return None } else { self.rng.below(fitting.len()) };
        Some(fitting[at].clone())
    }

    /// Somebody with full power over a browser gives the other pool every cookie of this one, and the sign-in
    /// page with them.
    async fn a_page_is_carried_to_the_other_pool(&mut self) {
        if self.pages.is_empty() {
            return;
        }
        let page = self.pages[self.rng.place(self.pages.len())].clone();
        let mut browser = self.browsers[page.browser].copied(POOLS[page.pool], POOLS[1 - page.pool]);
        let path = format!("/login/Honest?flow={}", page.handle);
        let answer = self.world.get(&mut browser, POOLS[1 - page.pool], &path).await;
        assert!(
            answer.location.is_none(),
            "{}: a sign-in of one pool goes on at the other: {answer:?}",
            self.event
        );
    }

    /// A confidential client is nobody without its secret; a code that came with a wrong one is dead.
    async fn a_secret_is_guessed(&mut self) {
        let guess = [None, Some("correct-horse-battery-stapl"), Some("correct-horse-battery-staple2")]
            [self.rng.below(3)];
        let mut credentials = vec![("client_id", "shop")];
        credentials.extend(guess.map(|guess| ("client_secret", guess)));
        if self.rng.chance(50) && !self.codes.is_empty() {
            let at = self.rng.place(self.codes.len());
            let code = self.codes[at].clone();
            let mut form = vec![
                ("grant_type", "authorization_code"),
                ("code", code.text.as_str()),
                ("redirect_uri", CALLBACK),
            ];
            form.extend(code.verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
            form.extend(credentials);
            let answer =
                self.world.post(&mut Browser::default(), POOLS[code.pool], "/oauth2/token", &form).await;
            assert_eq!(answer.json()["error"], "invalid_client", "{}: {}", self.event, answer.json());
            self.codes[at].spent = true;
        } else if let Some(family) = self.families.last() {
            let mut form = vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", family.tokens.last().unwrap().as_str()),
            ];
            form.extend(credentials);
            let answer =
                self.world.post(&mut Browser::default(), POOLS[family.pool], "/oauth2/token", &form).await;
            assert_eq!(answer.json()["error"], "invalid_client", "{}: {}", self.event, answer.json());
        }
    }

    async fn another_token_is_passed_off_as_an_access_token(&mut self) {
        if self.families.is_empty() {
            return;
        }
        let family = &self.families[self.rng.place(self.families.len())];
        let token = if self.rng.chance(70) { &family.id_token } else { family.tokens.last().unwrap() };
        let answer = self
            .world
            .post(&mut Browser::default(), POOLS[family.pool], "/oauth2/userInfo", &[("access_token", token)])
            .await;
        assert_eq!(answer.status, 401, "{}: {answer:?}", self.event);
    }
}

/// Whole seconds since `from`, as `auth_time` counts them.
fn since(from: Timestamp, now: Timestamp) -> u64 {
    now.since(Timestamp::from_secs(from.secs())).as_millis().div_ceil(1000).try_into().unwrap()
}
