//! What apps do with what they hold: codes, refresh tokens and access tokens.

use super::*;

impl Simulation {
    pub(super) async fn a_code_is_presented(&mut self) {
        if self.codes.is_empty() {
            return;
        }
        let at = self.rng.place(self.codes.len());
        let code = self.codes[at].clone();
        let (mut pool, mut client, mut verifier, mut uri) =
            (code.pool, code.client, code.verifier.clone(), CALLBACK);
        let tampered = self.rng.chance(30);
        match if tampered { self.rng.below(4) } else { 4 } {
            0 => pool = 1 - pool,
            1 => client = 1 - client,
            2 => {
                verifier = if verifier.is_some() && self.rng.chance(50) {
                    None
                } else {
                    Some(base64url(sha256("guess")))
                }
            }
            3 => uri = "https://app.test/other",
            _ => {}
        }
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", code.text.as_str()), ("redirect_uri", uri)];
        form.extend(verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
        let answer = self.ask_for_tokens(pool, client, form).await;
        let in_time = self.world.now() < code.issued.plus(Duration::from_secs(60));
        let honest = !tampered && !code.spent && !code.ended && in_time;
        assert_eq!(
            answer.status == 200,
            honest,
            "{}: {code:?} by client {client} at {pool}: {}",
            self.event,
            answer.json()
        );
        if pool == code.pool {
            if code.spent {
                // A replay takes back what the code gave.
                self.families
                    .iter_mut()
                    .filter(|family| family.code == code.text)
                    .for_each(|family| family.ended = true);
            }
            self.codes[at].spent = true;
        }
        if !honest {
            self.tally.refused += 1;
            return;
        }
        self.tally.tokens += 1;
        let family = Family::begin(&code, &answer.json(), self.world.now());
        self.people.check(&code.person, &family.sub, self.event);
        keep(&mut self.families, family);
    }

    pub(super) async fn a_refresh_token_is_presented(&mut self) {
        if self.families.is_empty() {
            return;
        }
        let at = self.rng.place(self.families.len());
        let family = self.families[at].clone();
        let token = family.tokens[self.rng.below(family.tokens.len())].clone();
        let token = if self.rng.chance(60) { family.tokens.last().unwrap().clone() } else { token };
        let stranger = self.rng.chance(10);
        let (pool, client) = match (stranger, self.rng.chance(50)) {
            (false, _) => (family.pool, family.client),
            (true, true) => (1 - family.pool, family.client),
            (true, false) => (family.pool, 1 - family.client),
        };
        let answer = self
            .ask_for_tokens(pool, client, vec![("grant_type", "refresh_token"), ("refresh_token", &token)])
            .await;
        let verdict =
            if stranger { referee::Verdict::Refuse } else { family.judge(&token, self.world.now()) };
        let event = self.event;
        assert_eq!(
            answer.status == 200,
            verdict.serves(),
            "{event}: {verdict:?} by client {client} at {pool}, {family:?}: {}",
            answer.json()
        );
        if answer.status == 200 {
            self.tally.refreshed += 1;
            self.families[at].refreshed(&verdict, &answer.json(), self.world.now(), event);
        } else {
            self.tally.refused += 1;
            self.families[at].ended |= verdict == referee::Verdict::EndFamily;
        }
    }

    pub(super) async fn ask_for_tokens(
        &self,
        pool: usize,
        client: usize,
        mut form: Vec<(&str, &str)>,
    ) -> Answer {
        let (id, secret) = CLIENTS[client];
        form.push(("client_id", id));
        form.extend(secret.map(|secret| ("client_secret", secret)));
        self.world.post(&mut Browser::default(), POOLS[pool], "/oauth2/token", &form).await
    }

    pub(super) async fn an_access_token_is_presented(&mut self) {
        if self.families.is_empty() {
            return;
        }
        let family = &self.families[self.rng.place(self.families.len())];
        let (token, issued) = &family.access[self.rng.below(family.access.len())];
        let pool = if self.rng.chance(90) { family.pool } else { 1 - family.pool };
        let answer = self
            .world
            .post(&mut Browser::default(), POOLS[pool], "/oauth2/userInfo", &[("access_token", token)])
            .await;
        let good = pool == family.pool && !family.ended && within(*issued, self.world.now(), 3600);
        assert_eq!(answer.status == 200, good, "{}: {family:?} at {pool}: {answer:?}", self.event);
        if good {
            assert_eq!(answer.json()["sub"], family.sub.as_str());
        }
    }

    pub(super) async fn somebody_signs_out(&mut self) {
        let (pool, browser) = (self.rng.below(POOLS.len()), self.rng.below(BROWSERS));
        let cookie = self.browsers[browser].cookie(POOLS[pool], "__Host-symbolon-session");
        let answer = self
            .world
            .get(
                &mut self.browsers[browser],
                POOLS[pool],
                "/logout?client_id=web&logout_uri=https://app.test/",
            )
            .await;
        assert_eq!(
            answer.location.as_ref().map(url::Url::as_str),
            Some("https://app.test/"),
            "{}: sign-out ends where it should",
            self.event
        );
        self.sessions
            .iter_mut()
            .filter(|session| Some(&session.cookie) == cookie.as_ref())
            .for_each(|session| session.ended = true);
    }

    pub(super) async fn a_token_is_revoked(&mut self) {
        if self.families.is_empty() {
            return;
        }
        let at = self.rng.place(self.families.len());
        let family = self.families[at].clone();
        let client = if self.rng.chance(80) { family.client } else { 1 - family.client };
        let (id, secret) = CLIENTS[client];
        let mut form = vec![("token", family.tokens.last().unwrap().as_str()), ("client_id", id)];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let answer =
            self.world.post(&mut Browser::default(), POOLS[family.pool], "/oauth2/revoke", &form).await;
        let own = client == family.client;
        assert!(!own || answer.status == 200, "{}: {}", self.event, answer.json());
        self.families[at].ended |= own;
    }

    pub(super) async fn somebody_is_signed_out_everywhere(&mut self) {
        if self.families.is_empty() {
            return;
        }
        let family = self.families[self.rng.place(self.families.len())].clone();
        self.world.sign_out_everywhere(family.pool, &family.sub).await;
        let theirs = |person: &referee::Person| *person == family.person;
        self.families
            .iter_mut()
            .filter(|family| theirs(&family.person))
            .for_each(|family| family.ended = true);
        self.codes.iter_mut().filter(|code| theirs(&code.person)).for_each(|code| code.ended = true);
        self.sessions
            .iter_mut()
            .filter(|session| theirs(&session.person))
            .for_each(|session| session.ended = true);
    }
}
