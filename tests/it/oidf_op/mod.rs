//! What the modules of the OpenID Foundation's conformance suite check of a provider, each as a test of the
//! module's name, with hyphens as underscores. `tests/conformance/modules.tsv` lists them with their results;
//! docs/conformance.md shows it.

mod discovery;
mod happy;
mod logout;
mod prompt;
mod refusals;
mod third_party;
mod userinfo;

use std::time::Duration;

use serde_json::Value;
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::app::Tokens;
use crate::support::broker::{AppUnderTest, Ask, Broker, Builder, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::keys::at_hash;
use crate::support::fake_idp::{FakeIdp, Person};

/// All scopes that the broker knows a meaning of.
const SCOPES: [&str; 4] = ["openid", "email", "phone", "profile"];

/// The provider under test with two apps, one person with all standard claims, and their browser.
struct Suite {
    clock: Clock,
    broker: Broker,
    idp: FakeIdp,
    app: AppUnderTest,
    visitor: Browser,
}

async fn suite() -> Suite {
    suite_with(|pool| pool.pool("signing = \"ES256\"")).await
}

/// With the default keys, RS256, unless `change` says otherwise.
async fn suite_with(change: impl FnOnce(Builder) -> Builder) -> Suite {
    let clock = Clock::fake(Timestamp::from_secs(1_800_000_000));
    let idp = FakeIdp::oidc(&clock).await;
    idp.signs_in(person());
    let apps =
        Broker::builder(&clock).client(client("web").scopes(&SCOPES)).client(client("shop").scopes(&SCOPES));
    let broker = change(apps.provider(provider("Acme", &idp))).start().await;
    Suite { app: broker.app("web"), visitor: Browser::new(&clock), clock, broker, idp }
}

fn person() -> Person {
    let texts = [
        ("given_name", "Ada"),
        ("family_name", "Example"),
        ("middle_name", "M"),
        ("nickname", "ada"),
        ("preferred_username", "ada"),
        ("profile", "https://people.example/ada"),
        ("picture", "https://people.example/ada.png"),
        ("website", "https://ada.example/"),
        ("gender", "female"),
        ("birthdate", "1990-10-12"),
        ("zoneinfo", "Europe/London"),
        ("locale", "en-GB"),
        ("phone_number", "+441234567890"),
    ];
    texts
        .into_iter()
        .fold(Person::new("person-1", "Ada Example", "ada@example.org"), |person, (claim, text)| {
            person.with(claim, text)
        })
}

impl Suite {
    /// The whole code flow with this request, and every check that the suite makes of its answers.
    async fn completes(&mut self, change: impl FnOnce(Ask) -> Ask) -> Tokens {
        let ask = change(self.app.asks());
        self.visitor.opens(ask.url()).await;
        self.redeems(&ask).await
    }

    /// The code that the browser brought back, redeemed.
    async fn redeems(&mut self, ask: &Ask) -> Tokens {
        let code = self.app.takes_code(ask, self.visitor.page());
        let answer = self.app.redeems(ask, &code).await;
        let header = |name: &str| {
            answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        assert!(
            header("cache-control").contains("no-store")
                && header("content-type").starts_with("application/json"),
            "{:?}",
            answer.headers
        );
        let tokens = answer.tokens(&self.app).await;
        let sent = |name: &str| {
            ask.parameters.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
        };
        is_well_made(&tokens, self.clock.now(), sent("nonce"));
        tokens
    }

    /// The claims of userinfo.
    async fn user_info(&self, tokens: &Tokens) -> Value {
        let answer = self.app.user_info(&tokens.access_token).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["sub"], tokens.id["sub"]);
        answer.body
    }

    /// The same person, a second time in the same browser.
    async fn again(&mut self, change: impl FnOnce(Ask) -> Ask) -> Tokens {
        self.clock.advance(Duration::from_secs(2));
        self.completes(change).await
    }

    /// Whether the app would be served without a page.
    async fn is_signed_in(&mut self) -> bool {
        self.visitor.opens(self.app.asks().with("prompt", "none").url()).await;
        let page = self.visitor.page();
        assert!(
            page.query("code").is_some() ^ (page.query("error").as_deref() == Some("login_required")),
            "{}",
            page.url
        );
        page.query("code").is_some()
    }
}

/// Token response and ID token by OpenID Connect Core sections 2, 3.1.3.3 and 3.1.3.6; signature, issuer and
/// audience hold already.
fn is_well_made(tokens: &Tokens, now: Timestamp, nonce: Option<&str>) {
    assert_eq!(tokens.answer["token_type"], "Bearer");
    assert!(tokens.answer["expires_in"].as_i64().is_some_and(|seconds| seconds > 0), "{}", tokens.answer);
    let id = &tokens.id;
    let time = |name: &str| id[name].as_i64().unwrap_or_else(|| panic!("{name}: {id}"));
    assert!((1..=255).contains(&id["sub"].as_str().unwrap().len()) && id["sub"].as_str().unwrap().is_ascii());
    assert!(
        time("exp") > time("iat") && time("iat") == now.secs() && time("auth_time") <= now.secs(),
        "{id}"
    );
    assert_eq!(id["nonce"].as_str(), nonce);
    assert_eq!(id["at_hash"], at_hash(&tokens.access_token).as_str());
    assert!(matches!(id.get("azp"), None | Some(Value::Null)) || id["azp"] == id["aud"], "{id}");
}
