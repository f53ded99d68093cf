//! An app of other make: `openid-client`.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{Answer, Broker, get, secrets, text};
use crate::support::peers::RelyingParty;
use crate::support::process::free_port;

/// How an app is registered and how it behaves.
#[derive(Clone)]
pub(crate) struct AppSettings {
    pub(crate) id: String,
    secret: Option<String>,
    port: u16,
    scopes: Vec<String>,
    lines: Vec<String>,
    behaviour: Map<String, Value>,
}

impl AppSettings {
    /// An app on the web with a secret.
    pub(crate) fn new(id: &str) -> Self {
        let secret = format!("secret-of-{id}-{:x}", free_port());
        secrets::add(&secret);
        Self {
            id: id.to_owned(),
            secret: Some(secret),
            port: free_port(),
            scopes: ["openid", "email", "profile"].map(str::to_owned).into(),
            lines: Vec::new(),
            behaviour: Map::new(),
        }
    }

    /// Without a secret: PKCE alone.
    pub(crate) fn public(mut self) -> Self {
        self.secret = None;
        self
    }

    /// May also ask for this scope.
    pub(crate) fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    /// One more line of the operator's file.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// A setting of `rp.mjs`.
    pub(crate) fn behaves(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.behaviour.insert(name.to_owned(), value.into());
        self
    }

    /// Wants to hear of sign-outs.
    pub(crate) fn hears_of_sign_outs(self) -> Self {
        let line = format!("backchannel_logout_uri = \"{}/backchannel\"", self.url());
        self.with(&line)
    }

    /// Wants to be loaded in a frame when somebody signs out.
    pub(crate) fn loaded_at_sign_out(self) -> Self {
        let line = format!("frontchannel_logout_uri = \"{}/frontchannel\"", self.url());
        self.with(&line)
    }

    /// Where the app is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn toml(&self) -> String {
        let Self { id, scopes, .. } = self;
        let url = self.url();
        let secret = self.secret.as_ref().map(|secret| format!("secret = {secret:?}\n")).unwrap_or_default();
        let lines = self.lines.join("\n");
        format!(
            "[[pool.client]]\nid = {id:?}\nname = \"The app {id}\"\n{secret}redirect_uris = \
             [\"{url}/callback\"]\n\
             logout_uris = [\"{url}/logged-out\"]\nscopes = {scopes:?}\n{lines}\n"
        )
    }

    /// Starts the app; it need not find the broker yet.
    #[track_caller]
    pub(crate) fn start(&self, broker: &Broker) -> App {
        let mut settings = json!({
            "issuer": broker.issuer, "client_id": self.id, "port": self.port, "scope": "openid email profile",
        });
        let members = settings.as_object_mut().expect("an object");
        members.extend(self.secret.iter().map(|secret| ("client_secret".to_owned(), secret.as_str().into())));
        members.extend(self.behaviour.clone());
        let rp = RelyingParty::start(&settings);
        assert_eq!(rp.url, self.url());
        App { id: self.id.clone(), secret: self.secret.clone(), url: rp.url.clone(), _rp: rp }
    }
}

/// A running app.
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) url: String,
    _rp: RelyingParty,
}

impl App {
    /// Where the app's sign-in begins, with parameters for the authorization request.
    pub(crate) fn login(&self, parameters: &[(&str, &str)]) -> String {
        format!("{}/login?{}", self.url, query(parameters))
    }

    /// Where the app's sign-out begins.
    pub(crate) fn logout(&self, parameters: &[(&str, &str)]) -> String {
        format!("{}/logout?{}", self.url, query(parameters))
    }

    /// Does something by itself, see the routes of `rp.mjs`.
    pub(crate) async fn does(&self, what: &str, parameters: &[(&str, &str)]) -> Answer {
        get(&format!("{}/{what}?{}", self.url, query(parameters))).await
    }

    /// Refreshes and expects new tokens.
    pub(crate) async fn refreshes(&self, refresh_token: &str) -> Value {
        let answer = self.does("refresh", &[("token", refresh_token)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Refreshes and expects to be refused with `error`.
    pub(crate) async fn may_not_refresh(&self, refresh_token: &str, error: &str) {
        let answer = self.does("refresh", &[("token", refresh_token)]).await;
        assert_eq!((answer.status, text(&answer.json(), "error").as_str()), (400, error), "{answer:?}");
    }

    /// Whether introspection calls the token active.
    pub(crate) async fn sees_active(&self, token: &str) -> bool {
        let answer = self.does("introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json().get("active").and_then(Value::as_bool).unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// The claims of the logout tokens that it has accepted, once there are `count`.
    pub(crate) async fn hears_of(&self, count: usize) -> Vec<Value> {
        for _ in 0..100 {
            let Value::Array(heard) = self.does("backchannel", &[]).await.json() else { panic!("a list") };
            if heard.len() >= count {
                return heard;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} heard of no sign-out", self.id);
    }
}

pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}
