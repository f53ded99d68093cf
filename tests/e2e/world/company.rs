//! A company whose people sign in with SAML: its identity provider of other make, and how the operator
//! configures it.

use serde_json::{Value, json};

use super::{App, Broker, Person, Settings, get};
use crate::support::process::wait_until;
use crate::support::saml_peers::{Make, SamlIdp};

/// The service provider's entity id towards every provider of the pool.
pub(crate) const SP_ENTITY_ID: &str = "urn:amazon:cognito:sp:eu-west-1_Example01";

/// A company with a running identity provider.
pub(crate) struct Company {
    pub(crate) name: String,
    pub(crate) idp: SamlIdp,
}

impl Company {
    /// A company whose identity provider has read our metadata and does what it does by itself.
    #[track_caller]
    pub(crate) fn start(make: Make, broker: &Settings, name: &str) -> Self {
        Self::start_with(make, broker, name, json!({}))
    }

    /// The same with settings of the identity provider's script.
    #[track_caller]
    pub(crate) fn start_with(make: Make, broker: &Settings, name: &str, settings: Value) -> Self {
        let sp_metadata = format!("{}/saml2/metadata/{name}", broker.url());
        Self { name: name.to_owned(), idp: SamlIdp::start(make, &sp_metadata, settings) }
    }

    /// What the operator writes: a name and the one URL that the company's administrator gave them.
    pub(crate) fn toml(&self) -> String {
        let Self { name, idp, .. } = self;
        let preset = match idp.make {
            Make::SimpleSamlPhp => "simplesamlphp",
            Make::Pysaml2 => "saml",
        };
        format!(
            "[[pool.provider]]\nname = {name:?}\nuse = {preset:?}\nmetadata_url = {:?}\n",
            idp.metadata_url
        )
    }

    /// The same with more lines.
    pub(crate) fn toml_with(&self, lines: &str) -> String {
        format!("{}{lines}\n", self.toml())
    }

    /// What arrived at a pysaml2 provider under this name of a message.
    pub(crate) async fn saw(&self, message: &str) -> Vec<Value> {
        let Value::Array(seen) = get(&self.idp.seen()).await.json() else { panic!("a list") };
        seen.into_iter().filter(|one| one.get("message").and_then(Value::as_str) == Some(message)).collect()
    }
}

impl Person {
    /// Signs in on the company's page and goes back with what it says.
    pub(crate) async fn identifies_themself_at(&mut self, company: &Company) -> &mut Self {
        let (fields, button) = company.idp.sign_in_page();
        let name = self.name().to_owned();
        for field in fields {
            self.browser.fills(field, &name);
        }
        self.clicks(button).await.goes_on_from(company).await
    }

    /// Presses the button of a page that SimpleSAMLphp would send by a script of its own.
    pub(crate) async fn goes_on_from(&mut self, company: &Company) -> &mut Self {
        if company.idp.make == Make::SimpleSamlPhp && self.browser.page().body.contains("name=\"SAML") {
            self.clicks("Submit").await;
        }
        self
    }

    /// Goes to the app, by way of the company, and is back at the app: its tokens.
    pub(crate) async fn signs_in_by(&mut self, company: &Company, app: &App) -> Value {
        self.opens(&app.login(&[("identity_provider", &company.name)])).await;
        self.identifies_themself_at(company).await.is_in(app)
    }

    /// The window shows a page of the broker with the reference under which the log has the reason, `code`.
    #[track_caller]
    pub(crate) fn is_refused(&self, broker: &Broker, code: &str) {
        let page = self.browser.page();
        assert!(page.url.as_str().starts_with(&broker.url) && page.status >= 400, "{}", self.browser);
        let shown = page.text();
        let is_named = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("the log is JSON");
            line["reference"].as_str().is_some_and(|reference| shown.contains(reference))
        };
        let is_logged = || broker.log().lines().any(|line| line.contains(code) && is_named(line));
        wait_until(&format!("the broker logs {code:?} with the reference of: {shown}"), is_logged);
        assert!(!shown.contains("127.0.0.1"), "what is inside stays inside: {shown}");
    }
}
