//! The upstream provider of other make: `oidc-provider`, and how the operator configures it.

use serde_json::{Value, json};

use super::{Settings, get, secrets};
use crate::support::peers::OpenIdProvider;

const CLIENT_ID: &str = "symbolon-at-upstream";

/// A running provider.
pub(crate) struct Upstream {
    op: OpenIdProvider,
    settings: Value,
    secret: String,
    /// Its issuer identifier.
    pub(crate) issuer: String,
}

impl Upstream {
    /// Starts a provider at which the broker authenticates with a secret.
    #[track_caller]
    pub(crate) fn start(broker: &Settings) -> Self {
        Self::start_with(broker, json!({}), json!({}))
    }

    /// Starts a provider with settings of `op.mjs` and client metadata of `oidc-provider` over the usual
    /// ones.
    #[track_caller]
    pub(crate) fn start_with(broker: &Settings, settings: Value, client: Value) -> Self {
        let secret = format!("upstream-secret-{}", symbolon::outside::random::Random::Real.token());
        secrets::add(&secret);
        let mut all =
            json!({ "client_id": CLIENT_ID, "client_secret": secret, "redirect_uris": [broker.callback()] });
        merge(&mut all, client);
        let mut with_clients = json!({ "clients": [all] });
        merge(&mut with_clients, settings);
        let op = OpenIdProvider::start(&with_clients);
        let issuer = op.issuer.clone();
        if let Some(port) = issuer.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()) {
            merge(&mut with_clients, json!({ "port": port }));
        }
        Self { op, settings: with_clients, secret, issuer }
    }

    /// The provider in the operator's file.
    pub(crate) fn toml(&self, name: &str) -> String {
        self.toml_with(name, &format!("client_secret = {:?}", self.secret))
    }

    /// The provider in the operator's file, with these lines instead of the secret.
    pub(crate) fn toml_with(&self, name: &str, lines: &str) -> String {
        let issuer = &self.issuer;
        format!(
            "[[pool.provider]]\nname = {name:?}\nuse = \"oidc\"\nissuer = {issuer:?}\nclient_id = \
             {CLIENT_ID:?}\n{lines}\n"
        )
    }

    /// What arrived at the provider on `route`.
    pub(crate) async fn saw(&self, route: &str) -> Vec<Value> {
        let Value::Array(seen) = get(&format!("{}/seen", self.issuer)).await.json() else { panic!("a list") };
        seen.into_iter()
            .filter(|request| request.get("route").and_then(Value::as_str) == Some(route))
            .collect()
    }

    /// The provider ends.
    pub(crate) fn kill(&mut self) {
        self.op.process().kill();
    }

    /// The provider starts again at the same address, with new keys.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.kill();
        self.op = OpenIdProvider::start(&self.settings);
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
