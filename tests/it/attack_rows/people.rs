//! Who somebody is, when names and handles are made to look alike.

use super::clock;
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp, Person};

/// F-14: two people whose provider and subject read the same when put together are two users with two names.
#[tokio::test]
async fn a_user_name_that_is_taken_is_never_shared() {
    let clock = clock();
    let (acme, acme_b) = (FakeIdp::oidc(&clock).await, FakeIdp::oidc(&clock).await);
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let broker =
        builder.provider(provider("Acme", &acme)).provider(provider("Acme_b", &acme_b)).start().await;
    let app = broker.app("web");
    acme.signs_in(Person::new("b_1", "Ada Example", "ada@example.org"));
    acme_b.signs_in(Person::new("1", "Eve Example", "eve@example.org"));
    let mut names = Vec::new();
    for provider in ["Acme", "Acme_b"] {
        let (ask, mut visitor) = (app.asks().at(provider), Browser::new(&clock));
        visitor.opens(ask.url()).await;
        let code = app.takes_code(&ask, visitor.page());
        let tokens = app.redeems(&ask, &code).await.tokens(&app).await;
        names.push((tokens.id["sub"].clone(), tokens.id["cognito:username"].as_str().unwrap().to_owned()));
    }
    assert_eq!(names[0].1, "Acme_b_1");
    assert!(names[1].1.starts_with("Acme_b_1-"), "{names:?}");
    assert_ne!(names[0].0, names[1].0);
}

/// F-10: the handle of a sign-in at a provider is good once and in one browser, and the browser that it is
/// stolen from is not signed in by it either.
#[tokio::test]
async fn the_handle_of_a_sign_in_at_a_provider_is_used_once_by_one_browser() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web"))
        .provider(provider("Acme", &acme))
        .start()
        .await;
    let (app, mut visitor, mut thief) = (broker.app("web"), Browser::new(&clock), Browser::new(&clock));
    let ask = app.asks();
    visitor.requests(ask.url()).await.follows().await;
    let answer = visitor.page().header("location").unwrap().to_owned();
    assert!(answer.contains("/oauth2/idpresponse?"), "{answer}");
    thief.opens(&answer).await.answers(400);
    assert_eq!(acme.count(Endpoint::Token), 0, "the code was not redeemed for another browser");
    let ask = app.asks();
    visitor.opens(ask.url()).await;
    app.takes_code(&ask, visitor.page());
    let used =
        visitor.trail().iter().rfind(|page| page.url.path() == "/oauth2/idpresponse").unwrap().url.clone();
    let before = acme.count(Endpoint::Token);
    for browser in [&mut visitor, &mut thief] {
        browser.opens(&used).await.answers(400);
    }
    assert_eq!(acme.count(Endpoint::Token), before);
}

/// D-08: a browser that keeps no cookies is told so, and is not sent in circles.
#[tokio::test]
async fn a_browser_without_cookies_is_told_what_to_allow() {
    let clock = clock();
    let (acme, other) = (FakeIdp::oidc(&clock).await, FakeIdp::oidc(&clock).await);
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let broker = builder.provider(provider("Acme", &acme)).provider(provider("Other", &other)).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.requests(app.asks().url()).await.forgets_cookies().follows_all().await.answers(400);
    visitor.sees("with cookies allowed");
    visitor.requests(app.asks().at("Acme").url()).await.forgets_cookies().follows_all().await.answers(400);
    visitor.sees("with cookies allowed");
    assert_eq!(acme.count(Endpoint::Token), 0);
}
