//! `symbolon demo`, as a newcomer meets it.

use symbolon::cli::demo::Demo;
use symbolon::outside::Outside;
use symbolon::outside::clock::Clock;

use crate::support::browser::Browser;

async fn newcomer() -> (Demo, Browser) {
    let demo = Demo::start(Outside::real(), None).await.unwrap_or_else(|error| panic!("{error}"));
    let mut browser = Browser::new(&Clock::Real);
    browser.opens(&demo.url).await.sees("Symbolon demo");
    browser.clicks("Sign in").await.lands_on(&demo.broker);
    (demo, browser)
}

#[tokio::test]
async fn a_newcomer_is_through_with_google_and_sees_every_token() {
    let (demo, mut browser) = newcomer().await;
    browser.clicks("Demo Google").await.lands_on(&demo.google);
    browser.sees("behaves like Google").clicks("Ada Okafor").await.lands_on(&demo.url);
    browser.sees("Hello, Ada Okafor").sees(r#""token_use": "id""#).sees(r#""token_use": "access""#);
    browser
        .sees(r#""cognito:username": "Google_104728301945577210031""#)
        .sees(r#""email": "ada@acme.example""#);
    browser.kept_every_cookie();
}

/// B-31: Apple's answer is a cross-site POST, which carries no Lax cookie.
#[tokio::test]
async fn a_newcomer_is_through_with_apple_and_the_name_of_the_first_login_stays() {
    let (demo, mut browser) = newcomer().await;
    browser.clicks("Demo Apple").await.lands_on(&demo.apple);
    browser.clicks("Mei Tanaka").await.lands_on(&demo.url);
    browser
        .sees("SignInWithApple_001482.5f0c41d2a8b94c7e9d63.0917")
        .sees("q8f2mzk4tr@privaterelay.appleid.com")
        .sees("Hello, Mei Tanaka");
    browser.kept_every_cookie();
}

#[tokio::test]
async fn tokens_are_refreshed_and_signing_out_is_signing_out() {
    let (demo, mut browser) = newcomer().await;
    browser.clicks("Demo Google").await.clicks("Tomás Lind").await.lands_on(&demo.url);
    browser.clicks("Refresh").await.sees("The tokens were refreshed").sees("Hello, Tomás Lind");
    browser.clicks("Sign out").await.lands_on(&demo.url);
    browser.sees("Symbolon demo").does_not_see("Hello");
    browser.clicks("Sign in").await.lands_on(&demo.broker);
    browser.sees("Demo Google");
}

/// A-59
#[tokio::test]
async fn whoever_cancels_is_told_so_by_the_app() {
    let (demo, mut browser) = newcomer().await;
    for provider in ["Demo Google", "Demo Apple"] {
        browser.clicks(provider).await.clicks("Cancel").await.lands_on(&demo.url);
        browser.sees("access_denied").does_not_see("Hello");
        browser.clicks("Sign in").await.lands_on(&demo.broker);
    }
}

/// D-52: a page that resolves its own name to loopback reaches no demo provider.
#[tokio::test]
async fn the_demo_providers_answer_under_their_own_address_alone() {
    let (demo, _) = newcomer().await;
    for provider in [&demo.google, &demo.apple] {
        let url = format!("{provider}/.well-known/openid-configuration");
        let asked = |host: &'static str| reqwest::Client::new().get(&url).header("host", host).send();
        assert_eq!(asked("evil.example").await.unwrap().status(), 421);
        assert_eq!(reqwest::Client::new().get(&url).send().await.unwrap().status(), 200);
    }
}
