//! Pages, headers, cookies, and the doors that a stranger may try.

use url::Url;

use super::{broker, clock};
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp, Switch};

/// D-02, D-03, D-54
#[tokio::test]
async fn every_answer_is_framed_sniffed_and_cached_by_nobody() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let flow = app.asks().url();
    let bad = app.asks().with("client_id", "nobody").url();
    for url in [
        flow,
        bad,
        broker.at("/logout"),
        broker.at("/nothing-here"),
        broker.at("/login/x.css"),
        broker.at("/oauth2/token"),
    ] {
        visitor.opens(&url).await;
        let page = visitor.page();
        let policy = page.header("content-security-policy").unwrap_or_else(|| panic!("{url}"));
        assert!(
            policy.starts_with("default-src 'none'")
                && policy.contains("frame-ancestors 'none'")
                && !policy.contains("unsafe"),
            "{url}: {policy}"
        );
        let headers = [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ];
        for (name, value) in headers {
            assert_eq!(page.header(name), Some(value), "{url}");
        }
        assert!(page.header("cache-control").is_some_and(|value| value.contains("no-store")), "{url}");
        assert_eq!(page.header("server"), None, "{url}");
    }
}

/// D-10, D-12
#[tokio::test]
async fn a_sign_in_page_belongs_to_the_browser_that_it_was_made_for() {
    let clock = clock();
    let (broker, acme, _other) = broker(&clock).await;
    let (app, mut visitor, mut stranger) = (broker.app("web"), Browser::new(&clock), Browser::new(&clock));
    visitor.opens(app.asks().url()).await.sees("Continue with");
    let page = visitor.page().url.clone();
    stranger.opens(&page).await.answers(400);
    let choice = page.as_str().replace("/login?", "/login/Acme?");
    stranger.opens(&choice).await.answers(400);
    stranger.opens(app.asks().url()).await;
    stranger.opens(&choice).await.answers(400);
    assert_eq!(acme.count(Endpoint::Authorize), 0);
}

/// D-06
#[tokio::test]
async fn going_back_and_choosing_again_works_in_any_order_and_in_several_tabs() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut first) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks();
    first.opens(ask.url()).await;
    let page = first.page().url.clone();
    // To the provider and back with the back button, then to another one.
    first.requests(page.as_str().replace("/login?", "/login/Acme?")).await;
    let mut second = first.new_tab();
    second.opens(&page).await.sees("Continue with").clicks("Continue with Other").await;
    app.takes_code(&ask, second.page());
    first.follows_all().await;
    app.takes_code(&ask, first.page());
}

/// B-20, B-21: a provider of the pool passes the browser on to another one, under its own `state`.
#[tokio::test]
async fn a_provider_with_a_callback_of_its_own_cannot_be_spoken_for() {
    let clock = clock();
    let (honest, evil) = (FakeIdp::oidc(&clock).await, FakeIdp::oidc(&clock).await);
    let honest_provider = provider("Honest", &honest).with("own_callback = true");
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let broker = builder.provider(honest_provider).provider(provider("Evil", &evil)).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Honest").await;
    assert!(honest.received("/oauth2/idpresponse/Honest"));
    // The visitor asks for the evil provider, which sends them to the honest one: its answer arrives at the
    // honest one's callback.
    visitor.forgets_cookies();
    visitor.requests(app.asks().at("Evil").url()).await;
    let state = Url::parse(visitor.page().header("location").unwrap()).unwrap();
    let state = state.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let mixed_up = format!("/oauth2/idpresponse/Honest?state={state}&code=code-of-the-honest-provider");
    visitor.opens(broker.at(&mixed_up)).await.answers(502);
    assert_eq!(evil.count(Endpoint::Token), 0);
}

///
#[tokio::test]
async fn the_error_path_leads_to_registered_addresses_only() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    for n in 0..50 {
        visitor
            .opens(app.asks().with("scope", &format!("bogus-{n}")).url())
            .await
            .is_refused_with("invalid_scope", &app.redirect_uri);
        visitor
            .opens(app.asks().with("prompt", "none").url())
            .await
            .is_refused_with("login_required", &app.redirect_uri);
        let foreign = app.asks().with("redirect_uri", "https://evil.example/").with("scope", "bogus");
        visitor.opens(foreign.url()).await.answers(400);
    }
}

///
#[tokio::test]
async fn a_post_is_never_repeated_at_the_place_that_it_leads_to() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks();
    let fields: Vec<(&str, &str)> =
        ask.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    visitor.is_lured_to_post("https://web.example/", &broker.at("/oauth2/authorize"), &fields).await;
    assert_eq!(visitor.page().status, 303);
}

/// D-17, D-01: an attacker cannot put a victim's browser into the attacker's account.
#[tokio::test]
async fn an_answer_that_another_browser_asked_for_signs_nobody_in() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut attacker, mut victim) = (broker.app("web"), Browser::new(&clock), Browser::new(&clock));
    attacker.requests(app.asks().at("Acme").url()).await;
    attacker.follows().await;
    let answer = attacker.page().header("location").unwrap().to_owned();
    assert!(answer.contains("/oauth2/idpresponse?"), "{answer}");
    victim.is_lured_to("https://evil.example/", &answer).await.answers(400);
    assert!(victim.cookie("symbolon-session").is_none());
    victim
        .opens(app.asks().with("prompt", "none").url())
        .await
        .is_refused_with("login_required", &app.redirect_uri);
}

/// D-05
#[tokio::test]
async fn a_failed_sign_in_shows_a_reference_and_a_way_back_and_no_secret() {
    let clock = clock();
    let (broker, acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    acme.does(Switch::NonceMissing);
    let ask = app.asks().at("Acme");
    visitor.opens(ask.url()).await.answers(502);
    let page = visitor.page().clone();
    let code = acme.last_code();
    assert!(
        !page.body.contains(&code) && !page.body.contains(&ask.state.replace('"', ""))
            || page.body.contains("state="),
        "{}",
        page.body
    );
    let text = page.text();
    let reference =
        text.split("reference: ").nth(1).and_then(|rest| rest.get(..14)).unwrap_or_else(|| panic!("{text}"));
    assert!(reference.split('-').all(|group| group.len() == 4), "{reference}");
    visitor.clicks("Back to").await;
    let told = visitor.is_refused_with("server_error", &app.redirect_uri).query("error_description").unwrap();
    assert!(told.contains(reference), "{told}");
}

/// D-51, D-52
#[tokio::test]
async fn another_host_is_nobodys_and_forwarding_headers_change_nothing() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let discovery = broker.at("/.well-known/openid-configuration");
    let plain = http.get(&discovery).send().await.unwrap().text().await.unwrap();
    for name in ["x-forwarded-host", "forwarded", "x-original-url", "x-forwarded-proto"] {
        let answer = http.get(&discovery).header(name, "host=evil.example;proto=https").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), plain, "{name}");
    }
    for path in ["/login", "/oauth2/authorize", "/.well-known/openid-configuration", "/logout"] {
        let answer = http.get(broker.at(path)).header("host", "evil.example").send().await.unwrap();
        assert_eq!(answer.status(), 421, "{path}");
    }
}

/// D-63
#[tokio::test]
async fn health_is_not_on_the_public_listener() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let mut visitor = Browser::new(&clock);
    for path in ["/health/live", "/health/ready", "/metrics", "/admin"] {
        visitor.opens(broker.at(path)).await.answers(404);
    }
}

/// H-32
#[tokio::test]
async fn oversized_requests_are_refused_early() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let http = reqwest::Client::new();
    let form = |bytes: usize| {
        http.post(broker.at("/oauth2/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("a".repeat(bytes))
    };
    assert_eq!(form(10 * 1024 * 1024).send().await.map_or(413, |answer| answer.status().as_u16()), 413);
    let fields = "a=&".repeat(10_000);
    let many = http
        .post(broker.at("/oauth2/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(fields);
    assert_eq!(many.send().await.unwrap().status(), 413);
}
