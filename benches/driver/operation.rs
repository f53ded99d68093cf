//! One operation of each mode, against any server.

use std::sync::Arc;

use url::Url;

use super::app::{App, Asked};
use super::browser::{Browser, Step};
use super::connection::Connection;
use super::mode::Mode;
use super::statistics::Latencies;
use super::upstream::Upstream;
use super::{Fail, config};

/// Redirects that a broker may make of its own.
const MOST_STEPS: usize = 12;
/// A prime: the next person is far from the one before, so that a large directory is not used at its
/// beginning only.
const STRIDE: usize = 2_654_435_761;
const SCOPE: &str = "openid email profile";

/// A server under load and how it is used.
pub struct Site {
    /// One for each pool.
    pub apps: Vec<App>,
    /// Further parameters of the authorization request, in turn: they choose the provider.
    pub oidc: Vec<Vec<(String, String)>>,
    /// The same for the SAML provider.
    pub saml: Vec<(String, String)>,
    /// For the sign-in page.
    pub page: Vec<(String, String)>,
    /// People who sign in.
    pub users: usize,
    /// Ports of the replicas, the first of which is in every URL; none where there is one server.
    pub replicas: Arc<[u16]>,
    /// The provider.
    pub upstream: Upstream,
}

/// One of the C.
pub struct Worker {
    /// The app's and the browser's connections.
    pub http: Connection,
    /// For refreshes, by pool.
    pub refresh_token: Option<String>,
}

/// Where it failed, and why.
#[derive(Debug)]
pub struct Failure {
    /// The step.
    pub step: &'static str,
    /// The error.
    pub why: Fail,
}

impl Site {
    /// Does it once. `number` tells this operation from every other one.
    pub async fn perform(
        &self,
        mode: Mode,
        worker: &mut Worker,
        number: usize,
    ) -> Result<Latencies, Failure> {
        let mut seen = Latencies::default();
        let app = self.app(number);
        match mode {
            Mode::Oidc | Mode::Saml => drop(self.login(mode, worker, number, &mut seen).await?),
            Mode::Refresh => {
                if worker.refresh_token.is_none() {
                    worker.refresh_token = Some(self.refresh_token(worker, 0).await?);
                }
                let token = worker.refresh_token.as_deref().unwrap_or_default();
                let tokens = self
                    .app(0)
                    .refresh(&worker.http, token)
                    .await
                    .map_err(|why| Failure { step: "refresh", why })?;
                seen.add("refresh", tokens.took);
            }
            Mode::ClientCredentials => {
                let took = app.own_token(&worker.http).await.map_err(|why| Failure { step: "token", why })?;
                seen.add("token", took);
            }
            Mode::Authorize => {
                let asked = app.ask(&format!("authorize {number}"), SCOPE, self.oidc_parameters(number));
                let step = get(&mut Browser::new(&worker.http), "authorize", &asked.url).await?;
                seen.add("authorize", step.took);
                step.location.ok_or_else(|| failed("authorize", &format!("status {}", step.status)))?;
            }
            Mode::SignInPage => self.sign_in_page(worker, number, &mut seen).await?,
            Mode::Discovery => document(&app.discovery, "discovery", worker, &mut seen).await?,
            Mode::Jwks => document(&app.jwks, "jwks", worker, &mut seen).await?,
        }
        Ok(seen)
    }

    /// The refresh token of a login at the first pool.
    pub async fn refresh_token(&self, worker: &Worker, number: usize) -> Result<String, Failure> {
        let first = number - number % self.apps.len();
        let token = self.login(Mode::Oidc, worker, first, &mut Latencies::default()).await?;
        token.ok_or_else(|| failed("login", "no refresh token"))
    }

    fn app(&self, number: usize) -> &App {
        self.apps.get(number % self.apps.len()).expect("an app at least")
    }

    fn oidc_parameters(&self, number: usize) -> &[(String, String)] {
        self.oidc.get(number % self.oidc.len().max(1)).map_or(&[], Vec::as_slice)
    }

    async fn login(
        &self,
        mode: Mode,
        worker: &Worker,
        number: usize,
        seen: &mut Latencies,
    ) -> Result<Option<String>, Failure> {
        let subject = if self.users == 0 {
            format!("u{number}")
        } else {
            format!("u{}", number.wrapping_mul(STRIDE) % self.users)
        };
        let further = if mode == Mode::Saml { &self.saml } else { self.oidc_parameters(number) };
        let app = self.app(number);
        let asked = app.ask(&format!("{mode} {number}"), SCOPE, further);
        let back = self.through_the_broker(app, &asked, &subject, (worker, seen)).await?;
        let tokens =
            app.redeem(&worker.http, &asked, &back).await.map_err(|why| Failure { step: "token", why })?;
        seen.add("token", tokens.took);
        Ok(tokens.refresh_token)
    }

    /// Follows the browser until it is back at the app. Steps at the provider are the driver's own.
    async fn through_the_broker(
        &self,
        app: &App,
        asked: &Asked,
        subject: &str,
        (worker, seen): (&Worker, &mut Latencies),
    ) -> Result<Url, Failure> {
        let mut browser = Browser::new(&worker.http);
        let mut name = "authorize";
        let mut step = get(&mut browser, name, &asked.url).await?;
        for _ in 0..MOST_STEPS {
            seen.add(name, step.took);
            let next = step
                .location
                .ok_or_else(|| failed(name, &format!("status {} without a redirect", step.status)))?;
            if next.as_str().starts_with(&app.client.redirect_uri) {
                return Ok(next);
            }
            let provider = |why| Failure { step: "provider", why };
            if !self.upstream.is_at(&next) {
                name = if name == "saml answer" { "callback" } else { "redirect" };
                step = get(&mut browser, name, &next).await?;
            } else if next.as_str().starts_with(&self.upstream.saml.sso) {
                let answer = self.upstream.saml.signs_in(&next, subject).map_err(provider)?;
                name = "saml answer";
                let fields =
                    [("SAMLResponse", answer.response.as_str()), ("RelayState", &answer.relay_state)];
                step = browser
                    .post_from_elsewhere(&answer.acs, &fields)
                    .await
                    .map_err(|why| Failure { step: name, why })?;
            } else {
                let back = Upstream::signs_in(&next, subject).map_err(provider)?;
                name = "callback";
                step = get(&mut browser, name, &back).await?;
            }
        }
        Err(failed(name, "the redirects do not end"))
    }

    async fn sign_in_page(
        &self,
        worker: &Worker,
        number: usize,
        seen: &mut Latencies,
    ) -> Result<(), Failure> {
        let asked = self.app(number).ask(&format!("page {number}"), SCOPE, &self.page);
        let mut browser = Browser::new(&worker.http);
        let step = get(&mut browser, "authorize", &asked.url).await?;
        seen.add("authorize", step.took);
        let next = step.location.ok_or_else(|| failed("authorize", &format!("status {}", step.status)))?;
        let step = get(&mut browser, "page", &next).await?;
        seen.add("page", step.took);
        if step.status == 200 { Ok(()) } else { Err(failed("page", &format!("status {}", step.status))) }
    }
}

/// The length of what is at `url`, for a floor that answers as much.
pub async fn length(http: &Connection, url: &Url) -> Result<usize, Fail> {
    Ok(http.get(url).send().await?.error_for_status()?.bytes().await?.len())
}

/// Where a broker's metadata say that its endpoints are.
pub async fn discovered(http: &Connection, issuer: &str, client: config::Client) -> Result<App, Fail> {
    let discovery =
        Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
    let text = http.get(&discovery).send().await?.error_for_status()?.text().await?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let endpoint = |name: &str| -> Result<Url, Fail> {
        let text = metadata.get(name).and_then(serde_json::Value::as_str);
        Ok(Url::parse(text.ok_or_else(|| format!("the metadata have no {name}"))?)?)
    };
    let (authorize, token, jwks) =
        (endpoint("authorization_endpoint")?, endpoint("token_endpoint")?, endpoint("jwks_uri")?);
    Ok(App { authorize, token, discovery, jwks, client, checked: true })
}

async fn document(
    url: &Url,
    name: &'static str,
    worker: &Worker,
    seen: &mut Latencies,
) -> Result<(), Failure> {
    let step = get(&mut Browser::new(&worker.http), name, url).await?;
    seen.add(name, step.took);
    if step.status == 200 { Ok(()) } else { Err(failed(name, &format!("status {}", step.status))) }
}

async fn get(browser: &mut Browser, name: &'static str, url: &Url) -> Result<Step, Failure> {
    browser.get(url).await.map_err(|why| Failure { step: name, why })
}

fn failed(step: &'static str, why: &str) -> Failure {
    Failure { step, why: why.into() }
}
