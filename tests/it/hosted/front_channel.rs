//! Apps that hear of a sign-out through the browser.

use symbolon::outside::clock::Clock;
use url::Url;

use super::clock;
use crate::support::broker::{AppUnderTest, Broker, ClientToml, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp};

/// An app with a page for the frame, besides what tells it through the back channel.
fn framed(id: &str) -> ClientToml {
    client(id).with(&format!("frontchannel_logout_uri = \"https://{id}.example/out?from=broker\""))
}

async fn broker(clock: &Clock, acme: &FakeIdp, line: &str) -> Broker {
    let builder = Broker::builder(clock)
        .pool("signing = \"EdDSA\"")
        .client(framed("web"))
        .client(framed("shop"))
        .client(client("plain"));
    builder.client(framed("idle")).provider(provider("Acme", acme).with(line)).start().await
}

fn logout(app: &AppUnderTest, parameters: &[(&str, &str)]) -> String {
    Url::parse_with_params(&format!("{}/logout", app.broker), parameters).unwrap().into()
}

/// `frame-src` of the answers so far that have one.
fn frame_sources(visitor: &Browser) -> Vec<String> {
    let policies = visitor.trail().iter().filter_map(|page| page.header("content-security-policy"));
    policies
        .filter_map(|policy| Some(policy.split("frame-src ").nth(1)?.split(';').next()?.to_owned()))
        .collect()
}

/// Each has the issuer and the session's id, and no other.
#[track_caller]
fn are_of(frames: &[Url], apps: &[&str], issuer: &str, sid: &str) {
    let mut expected: Vec<Url> = Vec::new();
    for app in apps {
        let url = format!("https://{app}.example/out?from=broker");
        expected.push(Url::parse_with_params(&url, [("iss", issuer), ("sid", sid)]).unwrap());
    }
    assert_eq!(frames, expected);
}

///
#[tokio::test]
async fn each_app_of_the_session_is_loaded_in_a_frame_and_then_the_browser_goes_on() {
    let (clock, acme) = (clock(), FakeIdp::oidc(&clock()).await);
    let broker = broker(&clock, &acme, "end_session = false").await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.signs_in(&broker.app("plain"), "Acme").await;
    let tokens = visitor.signs_in(&broker.app("shop"), "Acme").await;
    let parameters = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", "https://shop.example/"),
        ("state", "s"),
    ];
    visitor.opens(logout(&app, &parameters)).await.lands_on("https://shop.example/?state=s");
    are_of(&visitor.framed(), &["web", "shop"], &broker.issuer, tokens.id["sid"].as_str().unwrap());
    assert_eq!(frame_sources(&visitor), ["https://web.example https://shop.example"]);
    visitor
        .opens(app.asks().with("prompt", "none").url())
        .await
        .is_refused_with("login_required", &app.redirect_uri);
}

/// nobody is sent on who has nowhere to go.
#[tokio::test]
async fn without_a_way_back_the_page_stays_and_its_frames_load() {
    let (clock, acme) = (clock(), FakeIdp::oidc(&clock()).await);
    let broker = broker(&clock, &acme, "end_session = false").await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    visitor
        .opens(logout(&app, &[("id_token_hint", &tokens.id_token)]))
        .await
        .sees("Signed out")
        .sees("You can close this page");
    are_of(&visitor.framed(), &["web"], &broker.issuer, tokens.id["sid"].as_str().unwrap());
    let policy = visitor.page().header("content-security-policy").unwrap();
    assert!(
        !policy.contains("script-src")
            && policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    // A second sign-out has nothing to end, so nothing to load.
    visitor
        .opens(logout(&app, &[("client_id", "web"), ("logout_uri", "https://web.example/")]))
        .await
        .lands_on("https://web.example/");
    assert_eq!(visitor.framed().len(), 1);
}

/// Cognito's forms load frames as well, and the provider's own sign-out comes after them.
#[tokio::test]
async fn frames_come_before_the_provider_s_own_sign_out() {
    let (clock, acme) = (clock(), FakeIdp::oidc(&clock()).await);
    let broker = broker(&clock, &acme, "end_session = true").await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor
        .opens(logout(&app, &[("client_id", "web"), ("logout_uri", "https://web.example/")]))
        .await
        .lands_on("https://web.example/");
    assert_eq!(visitor.framed().len(), 1);
    assert_eq!(acme.count(Endpoint::EndSession), 1);
}

/// the question whether to sign out loads nothing; the person's yes does.
#[tokio::test]
async fn nothing_is_loaded_before_the_person_is_signed_out() {
    let (clock, acme) = (clock(), FakeIdp::oidc(&clock()).await);
    let broker = broker(&clock, &acme, "end_session = false").await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.opens(logout(&app, &[])).await.sees("Sign out?");
    assert!(visitor.framed().is_empty());
    visitor.clicks("Sign out").await.sees("Signed out");
    assert_eq!(visitor.framed().len(), 1);
}
