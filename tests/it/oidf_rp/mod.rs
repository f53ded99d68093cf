//! What the modules of the OpenID Foundation's conformance suite check of an app, each as a test of the
//! module's name, with hyphens as underscores. Here the broker is the app of a provider that the module makes
//! behave or lie. `tests/conformance/modules.tsv` lists them with their results; docs/conformance.md shows
//! it.

mod discovery;
mod id_token;
mod logout;
mod not_offered;
mod sign_out;
mod signature;
mod userinfo;

use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::app::Tokens;
use crate::support::broker::{AppUnderTest, Broker, ProviderToml, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp, Switch};

/// The suite's provider, the broker as its app, and an app of the broker's own in whose name somebody signs
/// in.
struct Suite {
    clock: Clock,
    op: FakeIdp,
    broker: Broker,
    app: AppUnderTest,
    visitor: Browser,
}

async fn suite() -> Suite {
    suite_with(|provider| provider).await
}

async fn suite_with(change: impl FnOnce(ProviderToml) -> ProviderToml) -> Suite {
    let clock = Clock::fake(Timestamp::from_secs(1_800_000_000));
    let op = FakeIdp::oidc(&clock).await;
    let pool = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
    let broker = pool.provider(change(provider("Suite", &op))).start().await;
    Suite { app: broker.app("web"), visitor: Browser::new(&clock), clock, op, broker }
}

impl Suite {
    /// Somebody signs in, whatever else these deeds are.
    async fn accepts(&mut self, deeds: impl IntoIterator<Item = Switch>) -> Tokens {
        for deed in deeds {
            self.op.does(deed);
        }
        let app = self.app.clone();
        self.visitor.signs_in(&app, "Suite").await
    }

    /// Nobody is signed in by a provider that does this, the page says `code`, and an honest answer does sign
    /// in.
    async fn refuses(mut self, deed: Switch, code: &str) {
        self.op.does(deed);
        self.visitor.opens(self.app.asks().url()).await.sees(code);
        assert!((400..600).contains(&self.visitor.page().status), "{}", self.visitor);
        assert!(self.visitor.cookie("symbolon-session").is_none());
        self.op.behaves();
        self.accepts([]).await;
    }

    /// [`Suite::refuses`] for what the token endpoint answered, so userinfo is not asked with a token that
    /// came along.
    async fn refuses_id_token(self, deed: Switch, code: &str) {
        self.op.does(deed.clone());
        let mut visitor = Browser::new(&self.clock);
        visitor.opens(self.app.asks().url()).await;
        assert_eq!((self.op.count(Endpoint::Token), self.op.count(Endpoint::Userinfo)), (1, 0), "{deed:?}");
        self.op.behaves();
        self.refuses(deed, code).await;
    }
}

fn claim(name: &str, value: impl Into<serde_json::Value>) -> Switch {
    Switch::Claim(name.to_owned(), value.into())
}
