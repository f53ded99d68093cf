//! `/logout` in its three forms. OIDF modules of the RP-initiated logout plan are named where a test stands
//! for one.

use url::Url;

use super::{broker, clock};
use crate::support::broker::{AppUnderTest, Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp, Switch};

/// `/logout` with these parameters.
fn logout(app: &AppUnderTest, parameters: &[(&str, &str)]) -> String {
    let base = app.issuer.rsplit_once('/').unwrap().0;
    Url::parse_with_params(&format!("{base}/logout"), parameters).unwrap().into()
}

/// Whether the app would be served without a page.
async fn is_signed_in(visitor: &mut Browser, app: &AppUnderTest) -> bool {
    visitor.opens(app.asks().with("prompt", "none").url()).await;
    visitor.page().query("code").is_some()
}

/// oidcc-rp-initiated-logout
#[tokio::test]
async fn an_app_with_its_id_token_signs_its_person_out_and_has_them_back() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    assert!(is_signed_in(&mut visitor, &app).await);
    let parameters = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", "https://web.example/"),
        ("state", "bye & good"),
    ];
    visitor.opens(logout(&app, &parameters)).await.lands_on("https://web.example/?state=bye+%26+good");
    assert!(!is_signed_in(&mut visitor, &app).await);
    visitor.is_refused_with("login_required", &app.redirect_uri);
}

/// oidcc-rp-initiated-logout-no-state, -only-state, -no-post-logout-redirect-uri
#[tokio::test]
async fn without_a_return_address_the_person_reads_that_they_are_signed_out() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    visitor
        .opens(logout(&app, &[("id_token_hint", &tokens.id_token), ("state", "s")]))
        .await
        .sees("Signed out");
    assert!(!is_signed_in(&mut visitor, &app).await);
    let tokens = visitor.signs_in(&app, "Acme").await;
    let stateless =
        [("id_token_hint", tokens.id_token.as_str()), ("post_logout_redirect_uri", "https://web.example/")];
    let page = visitor.opens(logout(&app, &stateless)).await.lands_on("https://web.example/");
    assert_eq!(page.query("state"), None);
}

/// oidcc-rp-initiated-logout-no-params, -no-id-token-hint; A-63, D-01
#[tokio::test]
async fn without_a_hint_the_person_is_asked_and_only_their_own_yes_counts() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.opens(logout(&app, &[])).await.sees("Sign out?");
    assert!(is_signed_in(&mut visitor, &app).await);
    let base = logout(&app, &[]);
    visitor.is_lured_to_post("https://evil.example/", &base, &[("confirm", "guessed")]).await;
    assert!(is_signed_in(&mut visitor, &app).await);
    let parameters =
        [("client_id", "web"), ("post_logout_redirect_uri", "https://web.example/"), ("state", "s")];
    visitor
        .opens(logout(&app, &parameters))
        .await
        .sees("Sign out?")
        .clicks("Sign out")
        .await
        .lands_on("https://web.example/?state=s");
    assert!(!is_signed_in(&mut visitor, &app).await);
    visitor.opens(logout(&app, &[])).await.sees("Signed out");
}

/// oidcc-rp-initiated-logout-bad-post-logout-redirect-uri, -query-added-to-post-logout-redirect-uri;
/// D-16
#[tokio::test]
async fn nobody_is_sent_to_an_address_that_the_app_did_not_register() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    for uri in [
        "https://web.example",
        "https://web.example/?added=1",
        "https://web.example/elsewhere",
        "https://shop.example/",
        "//evil.example/",
        "/\\evil.example",
        "https://web.example/@evil.example",
        "https://web.example/\r\nLocation: https://evil.example",
        "javascript:alert(1)",
    ] {
        for name in ["post_logout_redirect_uri", "logout_uri"] {
            let parameters = [("client_id", "web"), ("id_token_hint", tokens.id_token.as_str()), (name, uri)];
            visitor.opens(logout(&app, &parameters)).await.answers(400);
            assert_eq!(visitor.page().header("location"), None, "{name}={uri}");
        }
    }
    assert!(is_signed_in(&mut visitor, &app).await);
}

/// oidcc-rp-initiated-logout-modified-id-token-hint, -bad-id-token-hint
#[tokio::test]
async fn a_forged_or_foreign_hint_signs_nobody_out() {
    let clock = clock();
    let (broker, acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    let [_, claims, signature] = tokens.id_token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let moved = format!("eyJhbGciOiJub25lIn0.{claims}.{signature}");
    let strangers = acme.last_id_token();
    for hint in [unsigned.as_str(), &moved, &strangers, &tokens.access_token, "garbage"] {
        let parameters = [("id_token_hint", hint), ("post_logout_redirect_uri", "https://web.example/")];
        visitor.opens(logout(&app, &parameters)).await.answers(400);
    }
    let of_another_app = [
        ("client_id", "shop"),
        ("id_token_hint", tokens.id_token.as_str()),
        ("logout_uri", "https://shop.example/"),
    ];
    visitor.opens(logout(&app, &of_another_app)).await.answers(400);
    assert!(is_signed_in(&mut visitor, &app).await);
}

/// an ID token that ran out still says who it is about.
#[tokio::test]
async fn an_expired_hint_is_still_a_hint() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    for _ in 0..5 {
        clock.advance(std::time::Duration::from_secs(1000));
        assert!(is_signed_in(&mut visitor, &app).await);
    }
    visitor.opens(logout(&app, &[("id_token_hint", &tokens.id_token)])).await.sees("Signed out");
    assert!(!is_signed_in(&mut visitor, &app).await);
}

/// H-20: by a clock that was ahead the session was over, and there was nothing to sign out of.
#[tokio::test]
async fn who_signed_out_while_the_clock_was_wrong_stays_signed_out_when_it_is_right() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    let (kept, right) = (visitor.cookies().clone(), clock.now());
    clock.advance(std::time::Duration::from_secs(8000));
    visitor.opens(logout(&app, &[("id_token_hint", &tokens.id_token)])).await.sees("Signed out");
    let symbolon::outside::clock::Clock::Fake(hands) = &clock else { panic!("a clock set by hand") };
    hands.store(right.millis(), std::sync::atomic::Ordering::SeqCst);
    *visitor.cookies() = kept;
    assert!(!is_signed_in(&mut visitor, &app).await);
}

///
#[tokio::test]
async fn a_hint_about_somebody_else_asks_the_person_who_is_here() {
    let clock = clock();
    let (broker, acme, _other) = broker(&clock).await;
    let (app, mut ada, mut bob) = (broker.app("web"), Browser::new(&clock), Browser::new(&clock));
    let of_ada = ada.signs_in(&app, "Acme").await;
    acme.signs_in(crate::support::fake_idp::Person::new("person-2", "Bob Example", "bob@example.org"));
    bob.signs_in(&app, "Acme").await;
    bob.opens(logout(&app, &[("id_token_hint", &of_ada.id_token)])).await.sees("Sign out?");
    assert!(is_signed_in(&mut bob, &app).await);
    assert!(is_signed_in(&mut ada, &app).await);
}

/// Cognito's two forms, as its clients send them.
#[tokio::test]
async fn cognitos_two_forms_sign_out_and_lead_back_or_to_the_sign_in_page() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor
        .opens(logout(&app, &[("client_id", "web"), ("logout_uri", "https://web.example/")]))
        .await
        .lands_on("https://web.example/");
    assert!(!is_signed_in(&mut visitor, &app).await);
    visitor.signs_in(&app, "Acme").await;
    let ask = app.asks();
    let again = ask.url().replace("/oauth2/authorize?", "/logout?");
    visitor.opens(again).await.sees("Continue with").clicks("Continue with Other").await;
    app.takes_code(&ask, visitor.page());
}

///
#[tokio::test]
async fn a_picture_on_another_site_signs_nobody_out() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let cookie = visitor.cookie("symbolon-session").unwrap();
    let url = logout(&app, &[("client_id", "web"), ("logout_uri", "https://web.example/")]);
    // Even where a browser sent the cookie along.
    let answer = http
        .get(url)
        .header("cookie", format!("symbolon-session={}", cookie.value))
        .header("sec-fetch-dest", "image")
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 400);
    assert!(is_signed_in(&mut visitor, &app).await);
}

/// A-02, D-14
#[tokio::test]
async fn doubled_parameters_and_broken_forms_sign_nobody_out() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    let twice = [
        ("client_id", "web"),
        ("logout_uri", "https://web.example/"),
        ("logout_uri", "https://web.example/"),
    ];
    visitor.opens(logout(&app, &twice)).await.answers(400);
    visitor.opens(format!("{}%ff=%zz", logout(&app, &[("client_id", "web")]))).await.answers(400);
    assert!(is_signed_in(&mut visitor, &app).await);
}

/// Signing out at the provider as well is a visit on the way, and one that has no page for it holds nobody
/// up.
#[tokio::test]
async fn the_providers_own_sign_out_is_visited_and_never_a_trap() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let broker = builder.provider(provider("Acme", &acme).with("end_session = true")).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    let parameters = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", "https://web.example/"),
        ("state", "s"),
    ];
    visitor.opens(logout(&app, &parameters)).await.lands_on("https://web.example/?state=s");
    assert_eq!(acme.count(Endpoint::EndSession), 1);
    assert!(!is_signed_in(&mut visitor, &app).await);
    // Another one has no such page.
    let silent = FakeIdp::oidc(&clock).await;
    silent.does(Switch::Metadata("end_session_endpoint".to_owned(), serde_json::Value::Null));
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let broker = builder.provider(provider("Acme", &silent).with("end_session = true")).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    let parameters =
        [("id_token_hint", tokens.id_token.as_str()), ("post_logout_redirect_uri", "https://web.example/")];
    visitor.opens(logout(&app, &parameters)).await.lands_on("https://web.example/");
    assert!(!is_signed_in(&mut visitor, &app).await);
}
