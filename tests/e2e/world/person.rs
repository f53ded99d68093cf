//! A person with a browser.

use serde_json::Value;
use symbolon::outside::clock::Clock;

use super::{App, secrets};
use crate::support::browser::Browser;

/// Somebody who uses apps.
pub(crate) struct Person {
    pub(crate) browser: Browser,
    name: String,
}

impl Person {
    /// A person, by the name that the upstream provider knows them under, with a fresh browser.
    pub(crate) fn new(name: &str) -> Self {
        Self { browser: Browser::new(&Clock::Real), name: name.to_owned() }
    }

    /// The name under which they sign in.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Goes to the app, chooses `provider` where a page asks, signs in there where it asks, and is back at
    /// the app: its tokens.
    pub(crate) async fn signs_in(&mut self, app: &App, provider: &str) -> Value {
        self.opens(&app.login(&[])).await;
        self.chooses(provider).await;
        self.identifies_themself().await;
        self.is_in(app)
    }

    /// Opens an address and follows whatever comes.
    pub(crate) async fn opens(&mut self, url: &str) -> &mut Self {
        self.browser.opens(url).await;
        self.remember();
        self
    }

    /// Chooses a provider on the broker's page; where there is one provider only, the broker asks nothing.
    pub(crate) async fn chooses(&mut self, provider: &str) -> &mut Self {
        let label = format!("Continue with {provider}");
        if self.browser.page().text().contains(&label) {
            self.browser.clicks(&label).await;
            self.remember();
        }
        self
    }

    /// Signs in at the upstream provider.
    pub(crate) async fn identifies_themself(&mut self) -> &mut Self {
        let name = self.name.clone();
        self.browser.fills("login", &name).clicks("Sign in").await;
        self.remember();
        self
    }

    /// Presses a button or follows a link.
    pub(crate) async fn clicks(&mut self, text: &str) -> &mut Self {
        self.browser.clicks(text).await;
        self.remember();
        self
    }

    /// What the app shows after its checks of a sign-in.
    #[track_caller]
    pub(crate) fn is_in(&self, app: &App) -> Value {
        let page = self.browser.page();
        assert!(
            page.url.as_str().starts_with(&format!("{}/callback", app.url)) && page.status == 200,
            "{}",
            self.browser
        );
        serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}", self.browser))
    }

    /// The page shows JSON.
    #[track_caller]
    pub(crate) fn sees_json(&self) -> Value {
        serde_json::from_str(&self.browser.page().body).unwrap_or_else(|_| panic!("{}", self.browser))
    }

    /// How often the browser was on the broker's sign-in page.
    pub(crate) fn pages_seen(&self, path: &str) -> usize {
        self.browser.trail().iter().filter(|page| page.url.path() == path && page.status == 200).count()
    }

    /// Learns the secrets that went through the browser.
    fn remember(&self) {
        for page in self.browser.trail() {
            secrets::learn(page.url.as_str());
            if page.header("content-type").is_some_and(|kind| kind.contains("json")) {
                secrets::learn(&page.body);
            }
        }
        self.browser
            .cookies()
            .iter()
            .filter(|cookie| cookie.name.starts_with("symbolon"))
            .for_each(|cookie| secrets::add(&cookie.value));
    }
}
