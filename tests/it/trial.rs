//! Trying a provider out: a whole sign-in that creates nothing and shows an administrator what came of it.

use std::time::Duration;

use symbolon::cli::test_login;
use symbolon::config;
use symbolon::model::time::Timestamp;
use symbolon::outside::Outside;
use symbolon::outside::clock::Clock;
use symbolon::store::users::Users;
use symbolon::user_pool::test_login as trial;

use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{FakeIdp, Switch, Vendor};

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

/// The link for the first provider of the broker.
pub(crate) fn link(broker: &Broker) -> String {
    let config = &broker.app.pools()[0];
    trial::link(&broker.app.seal, config, &config.providers[0], broker.clock.now())
}

/// Whether the person's identity was ever seen, or the browser signed in.
pub(crate) async fn left_a_trace(broker: &Broker, visitor: &Browser, username: &str) -> bool {
    let users = Users::new(&broker.app.directory, &broker.app.pools()[0].pool.id);
    users.holder(username).await.unwrap().is_some() || visitor.cookie("symbolon-session").is_some()
}

#[tokio::test]
async fn a_test_link_shows_what_a_sign_in_would_make_of_a_person_and_creates_nothing() {
    let clock = clock();
    for vendor in [Vendor::Oidc, Vendor::Apple, Vendor::GitHub] {
        let acme = FakeIdp::start(vendor, &clock).await;
        let pool = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
        let broker = pool.provider(provider("Acme", &acme)).start().await;
        let mut admin = Browser::new(&clock);
        admin.opens(link(&broker)).await.answers(200);
        let username = format!("Acme_{}", acme.person().subject);
        admin
            .sees("Test of Acme")
            .sees("The sign-in works")
            .sees(&username)
            .sees(&acme.person().subject)
            .sees("email");
        assert!(!left_a_trace(&broker, &admin, &username).await, "{vendor:?}");
        admin.opens(broker.app("web").asks().with("prompt", "none").url()).await;
        admin.is_refused_with("login_required", &broker.app("web").redirect_uri);
    }
}

#[tokio::test]
async fn a_failed_test_names_what_to_change() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker =
        Broker::builder(&clock).client(client("web")).provider(provider("Acme", &acme)).start().await;
    acme.does(Switch::NonceWrong);
    let mut admin = Browser::new(&clock);
    admin
        .opens(link(&broker))
        .await
        .sees("The sign-in did not work")
        .sees("What to change")
        .sees("id_token_nonce");
    acme.behaves();
    acme.is_cancelled();
    admin.opens(link(&broker)).await.sees("provider_access_denied");
}

/// D-12
#[tokio::test]
async fn a_test_ends_in_the_browser_that_began_it_and_a_link_serves_its_pool_for_half_an_hour() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker =
        Broker::builder(&clock).client(client("web")).provider(provider("Acme", &acme)).start().await;
    let (mut admin, mut other) = (Browser::new(&clock), Browser::new(&clock));
    admin.requests(link(&broker)).await.follows().await;
    let answer = admin.page().header("location").unwrap().to_owned();
    other.opens(&answer).await.answers(400);
    other.sees("flow_other_browser");
    let url = link(&broker);
    for wrong in [format!("{url}x"), broker.at("/test-login"), broker.at("/test-login?ticket=")] {
        admin.opens(wrong).await.answers(400);
        admin.sees("test_link_unusable");
    }
    clock.advance(Duration::from_secs(30 * 60));
    admin.opens(&url).await.sees("test_link_unusable");
}

#[test]
fn the_command_prints_a_link_that_needs_no_store() {
    let text =
        include_str!("../../README.md").split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let text = text.replace(
        "[server]\n",
        "[server]\nseal_key = \"349685f3afa83a290c14b8ff3c52a0ee3e8b906c72e79ffe01106283714155b2\"\n",
    );
    let config = config::parse(&text, "symbolon.toml", &[], &|file| Err(file.to_owned())).unwrap();
    let outside = Outside::fake(Timestamp::from_secs(1_800_000_000), 1);
    let name = config.pools[0].providers[0].name.as_str();
    let link = test_login::link(&config, name, None, &outside).unwrap();
    assert!(link.starts_with(&format!("{}/test-login?ticket=", config.pools[0].pool.public_url)), "{link}");
    let unknown = test_login::link(&config, "Nobody", None, &outside).unwrap_err().to_string();
    assert!(unknown.contains(name), "{unknown}");
}
