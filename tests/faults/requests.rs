//! The requests of browsers and apps, each written into the history with what came of it.

use reqwest::header::COOKIE;
use serde_json::Value;

use crate::history::{Event, Id, Micros, Op, Outcome, Yield};
use crate::world::{APP_HOME, APP_SECRET, APP_URL, APPS, NoReply, Reply, World};

/// Tokens of one family, as an app holds them.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) family: Id,
    pub(crate) sub: String,
    pub(crate) refresh: String,
    pub(crate) access: String,
}

/// What the browser is given at the end of a sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) code: String,
    pub(crate) session: Option<String>,
}

/// A provider's answer that can be delivered.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) query: String,
    pub(crate) state: String,
    pub(crate) cookies: String,
    pub(crate) began: Micros,
}

/// Somebody who asks: the person's number, and the replica that is asked first.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'w> {
    pub(crate) world: &'w World,
    pub(crate) who: usize,
    pub(crate) at: usize,
}

impl Desk<'_> {
    /// The app sends a browser without cookies to the broker, the broker to the provider, and the provider
    /// back: the way back.
    pub(crate) async fn begins(&self, app: usize, person: &str) -> Option<Delivery> {
        let began = self.world.recorder.now();
        let path = format!(
            "/oauth2/authorize?response_type=code&client_id={}&redirect_uri={APP_URL}&scope=openid&state=s",
            APPS[app].0
        );
        let reply = self.world.ask(self.at, |http, url| http.get(url + &path)).await;
        let cookies = reply.as_ref().map(cookies).unwrap_or_default();
        let mut way_back = None;
        self.note(Op::Begin, began, reply, |reply| {
            let location = reply
                .location
                .as_ref()
                .filter(|location| location.as_str().starts_with(&self.world.upstream.issuer));
            way_back = location.and_then(|location| self.world.upstream.authorizes(location, person));
            if way_back.is_some() { Outcome::Done(Yield::Nothing) } else { no(reply) }
        });
        way_back.map(|(query, state)| Delivery { query, state, cookies, began })
    }

    /// The browser comes back from the provider.
    pub(crate) async fn delivers(&self, delivery: &Delivery) -> Option<Arrival> {
        self.returns(delivery).await.0
    }

    /// The browser goes back to where it came back before.
    pub(crate) async fn redelivers(&self, delivery: &Delivery) -> Outcome {
        self.returns(delivery).await.1
    }

    async fn returns(&self, delivery: &Delivery) -> (Option<Arrival>, Outcome) {
        let invoked = self.world.recorder.now();
        let path = format!("/oauth2/idpresponse?{}", delivery.query);
        let reply = self
            .world
            .ask(self.at, |http, url| http.get(url + &path).header(COOKIE, &delivery.cookies))
            .await;
        let op = Op::Callback { state: Id::of(&delivery.state), began: delivery.began };
        let mut arrival = None;
        let outcome = self.note(op, invoked, reply, |reply| {
            let session = reply
                .cookies
                .iter()
                .find(|(name, _)| name == "symbolon-session")
                .map(|(_, value)| value.clone());
            arrival = code(reply).map(|code| Arrival { code, session });
            given(reply, arrival.as_ref())
        });
        (arrival, outcome)
    }

    /// An app asks for a code that needs no page, for a browser with this session.
    pub(crate) async fn uses(&self, app: usize, session: &str) -> (Option<Arrival>, Outcome) {
        let invoked = self.world.recorder.now();
        let path = format!(
            "/oauth2/authorize?response_type=code&client_id={}&redirect_uri={APP_URL}&scope=openid&prompt=none&state=s",
            APPS[app].0
        );
        let cookie = format!("symbolon-session={session}");
        let reply = self.world.ask(self.at, |http, url| http.get(url + &path).header(COOKIE, &cookie)).await;
        let mut arrival = None;
        let outcome = self.note(Op::Use { session: Id::of(session) }, invoked, reply, |reply| {
            arrival = code(reply).map(|code| Arrival { code, session: None });
            given(reply, arrival.as_ref())
        });
        (arrival, outcome)
    }

    /// The browser signs out, and once more when it does not hear that it is.
    pub(crate) async fn signs_out(&self, session: &str) -> Outcome {
        match self.signs_out_once(session).await {
            Outcome::Unknown(_) => self.signs_out_once(session).await,
            outcome => outcome,
        }
    }

    async fn signs_out_once(&self, session: &str) -> Outcome {
        let invoked = self.world.recorder.now();
        let path = format!("/logout?client_id={}&logout_uri={APP_HOME}", APPS[0].0);
        let cookie = format!("symbolon-session={session}");
        let reply = self.world.ask(self.at, |http, url| http.get(url + &path).header(COOKIE, &cookie)).await;
        self.note(Op::SignOut { session: Id::of(session) }, invoked, reply, |reply| {
            let home = reply.location.as_ref().is_some_and(|location| location.as_str() == APP_HOME);
            if home { Outcome::Done(Yield::Nothing) } else { no(reply) }
        })
    }

    /// An app presents a code.
    pub(crate) async fn redeems(&self, app: usize, code: &str) -> (Option<Tokens>, Outcome) {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", APP_URL)];
        self.token(app, Op::Redeem { code: Id::of(code) }, &form).await
    }

    /// An app presents a refresh token.
    pub(crate) async fn refreshes(&self, app: usize, token: &str) -> (Option<Tokens>, Outcome) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(app, Op::Refresh { token: Id::of(token), rotates: APPS[app].1 }, &form).await
    }

    /// An app revokes a refresh token, and once more when it does not hear that it is.
    pub(crate) async fn revokes(&self, app: usize, token: &str) -> Outcome {
        match self.revokes_once(app, token).await {
            Outcome::Unknown(_) => self.revokes_once(app, token).await,
            outcome => outcome,
        }
    }

    async fn revokes_once(&self, app: usize, token: &str) -> Outcome {
        let invoked = self.world.recorder.now();
        let reply = self.post(app, "/oauth2/revoke", &[("token", token)]).await;
        self.note(Op::Revoke { token: Id::of(token) }, invoked, reply, |reply| {
            if reply.status == 200 { Outcome::Done(Yield::Nothing) } else { no(reply) }
        })
    }

    /// An app asks whether an access token of `family` is good.
    pub(crate) async fn introspects(&self, app: usize, (family, access): (Id, &str)) -> Outcome {
        let invoked = self.world.recorder.now();
        let reply = self.post(app, "/oauth2/introspect", &[("token", access)]).await;
        self.note(Op::Introspect { family }, invoked, reply, |reply| {
            match (reply.status, json(&reply.body)["active"].as_bool()) {
                (200, Some(active)) => Outcome::Done(Yield::Active(active)),
                _ => no(reply),
            }
        })
    }

    /// The person is signed out everywhere.
    pub(crate) async fn signs_out_everywhere(&self, sub: &str) -> Outcome {
        let invoked = self.world.recorder.now();
        let Some(done) = self.world.signs_out_everywhere(sub).await else { return Outcome::NotSent };
        let outcome = done.map_or_else(Outcome::Unknown, |()| Outcome::Done(Yield::Nothing));
        self.write(Op::Everywhere, (invoked, invoked), outcome)
    }

    async fn token(&self, app: usize, op: Op, form: &[(&str, &str)]) -> (Option<Tokens>, Outcome) {
        let invoked = self.world.recorder.now();
        let reply = self.post(app, "/oauth2/token", form).await;
        let mut tokens = None;
        let outcome = self.note(op, invoked, reply, |reply| {
            tokens = if reply.status == 200 { read(&json(&reply.body)) } else { None };
            match &tokens {
                Some(tokens) => {
                    let (family, sub, refresh) =
                        (tokens.family, Id::of(&tokens.sub), Id::of(&tokens.refresh));
                    Outcome::Done(Yield::Tokens { family, sub, refresh })
                }
                None => no(reply),
            }
        });
        (tokens, outcome)
    }

    async fn post(&self, app: usize, path: &str, form: &[(&str, &str)]) -> Result<Reply, NoReply> {
        self.world
            .ask(self.at, |http, url| {
                http.post(url + path).basic_auth(APPS[app].0, Some(APP_SECRET)).form(form)
            })
            .await
    }

    fn note(
        &self,
        op: Op,
        invoked: Micros,
        reply: Result<Reply, NoReply>,
        meaning: impl FnOnce(&Reply) -> Outcome,
    ) -> Outcome {
        match reply {
            Err(NoReply::NotSent) => self.write(op, (invoked, invoked), Outcome::NotSent),
            Err(NoReply::Lost(why)) => self.write(op, (invoked, invoked), Outcome::Unknown(why)),
            Ok(reply) => {
                let [first, second] = reply.effects;
                let decisive = match op {
                    Op::Refresh { rotates: true, .. } | Op::Redeem { .. } => second,
                    _ => first,
                };
                let outcome = meaning(&reply);
                self.write(op, (invoked, decisive.max(invoked)), outcome)
            }
        }
    }

    fn write(&self, op: Op, (invoked, effect): (Micros, Micros), outcome: Outcome) -> Outcome {
        let done = self.world.recorder.now();
        self.world.recorder.event(Event {
            who: self.who,
            op,
            invoked,
            effect,
            done,
            outcome: outcome.clone(),
        });
        outcome
    }
}

/// An answer that is no success: refused, or nobody knows.
fn no(reply: &Reply) -> Outcome {
    let sent = |name: &str| {
        let location = reply.location.as_ref()?;
        location.query_pairs().find(|(have, _)| have == name).map(|(_, value)| value.into_owned())
    };
    let told = if reply.status == 303 {
        format!("{} {}", sent("error").unwrap_or_default(), sent("error_description").unwrap_or_default())
    } else {
        let body = json(&reply.body);
        let page =
            reply.body.split("Code: ").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        let (error, description) = (
            body["error"].as_str().unwrap_or_default(),
            body["error_description"].as_str().unwrap_or_default(),
        );
        format!("status {} {page}{error} {description}", reply.status)
    };
    let later = ["temporarily_unavailable", "server_error"].iter().any(|error| told.starts_with(error));
    if later || reply.status >= 500 { Outcome::Unknown(told) } else { Outcome::Refused(told) }
}

fn given(reply: &Reply, arrival: Option<&Arrival>) -> Outcome {
    match arrival {
        Some(Arrival { code, session }) => {
            Outcome::Done(Yield::Code { code: Id::of(code), session: session.as_deref().map(Id::of) })
        }
        None => no(reply),
    }
}

/// The code with which the browser is sent to the app.
fn code(reply: &Reply) -> Option<String> {
    let location = reply.location.as_ref().filter(|location| location.as_str().starts_with(APP_URL))?;
    location.query_pairs().find(|(name, _)| name == "code").map(|(_, value)| value.into_owned())
}

fn cookies(reply: &Reply) -> String {
    reply.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

fn read(body: &Value) -> Option<Tokens> {
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let access = text("access_token")?;
    let claims = symbolon::model::encoding::base64url_decode(access.split('.').nth(1)?)?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let family = Id::of(claims["origin_jti"].as_str()?);
    Some(Tokens { family, sub: claims["sub"].as_str()?.to_owned(), refresh: text("refresh_token")?, access })
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
