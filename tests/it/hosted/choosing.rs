//! The sign-in page: languages, routing by e-mail address, the last choice, and the choice of an account.

use super::{broker, clock};
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;
use symbolon::outside::clock::Clock;

/// Two corporate providers of which one has a sub-domain rule, and one for everybody.
async fn routed(clock: &Clock) -> (Broker, [FakeIdp; 3]) {
    let idps = [FakeIdp::oidc(clock).await, FakeIdp::oidc(clock).await, FakeIdp::oidc(clock).await];
    let [acme, labs, public] = &idps;
    let builder = Broker::builder(clock).pool("signing = \"EdDSA\"").client(client("web"));
    let builder =
        builder.provider(provider("Acme", acme).with("domains = [\"acme.example\", \"shared.example\"]"));
    let builder =
        builder.provider(provider("Labs", labs).with("domains = [\"*.acme.example\", \"shared.example\"]"));
    (builder.provider(provider("Public", public)).start().await, idps)
}

#[tokio::test]
async fn pages_speak_the_language_of_the_app_s_wish_then_the_browser_s_then_the_pool_s() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor
        .opens(app.asks().with("ui_locales", "xx de-CH").url())
        .await
        .sees("Weiter mit Acme")
        .sees("bei Example");
    assert!(visitor.page().body.contains("<html lang=\"de\" dir=\"ltr\""));
    assert_eq!(visitor.page().header("content-language"), Some("de"));
    visitor
        .opens(app.asks().with("ui_locales", "ar").with("redirect_uri", "https://evil.example/").url())
        .await
        .answers(400);
    assert!(visitor.page().body.contains("<html lang=\"ar\" dir=\"rtl\""));
    visitor.opens(broker.at("/logout?ui_locales=ja")).await.sees("ログアウトしました");
    let http = reqwest::Client::new();
    let answer =
        http.get(broker.at("/logout")).header("accept-language", "nl, fr;q=0.5").send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("<html lang=\"fr\""));
    visitor.opens(app.asks().with("ui_locales", "nl").url()).await.sees("Continue with Acme");
}

#[tokio::test]
async fn an_address_leads_to_the_provider_of_its_domain() {
    let clock = clock();
    let (broker, _idps) = routed(&clock).await;
    let app = broker.app("web");
    for (address, user) in
        [("ada@acme.example", "Acme_"), ("ada@ACME.example", "Acme_"), ("ada@eu.acme.example", "Labs_")]
    {
        let mut visitor = Browser::new(&clock);
        let ask = app.asks();
        visitor
            .opens(ask.url())
            .await
            .sees("Email address")
            .sees("Continue with Public")
            .does_not_see("Continue with Acme");
        visitor.fills("email", address).clicks("Continue").await;
        let code = app.takes_code(&ask, visitor.page());
        let tokens = app.redeems(&ask, &code).await.tokens(&app).await;
        assert!(
            tokens.id["cognito:username"].as_str().is_some_and(|name| name.starts_with(user)),
            "{address}: {}",
            tokens.id
        );
    }
}

#[tokio::test]
async fn several_providers_of_a_domain_are_a_choice_with_a_way_back() {
    let clock = clock();
    let (broker, _idps) = routed(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks();
    visitor.opens(ask.url()).await.fills("email", "ada@shared.example").clicks("Continue").await;
    visitor.sees("Continue with Acme").sees("Continue with Labs").does_not_see("Continue with Public");
    visitor
        .clicks("Use another method")
        .await
        .sees("Continue with Public")
        .fills("email", "ada@shared.example");
    visitor.clicks("Continue").await.clicks("Continue with Labs").await;
    app.takes_code(&ask, visitor.page());
}

/// D-32: the answer to an address depends on nothing but its domain.
#[tokio::test]
async fn nobody_learns_which_addresses_exist() {
    let clock = clock();
    let (broker, _idps) = routed(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Public").await;
    visitor.forgets_cookies();
    visitor.opens(app.asks().url()).await;
    let page = visitor.page().url.clone();
    let mut answers = Vec::new();
    for address in ["ada@example.com", "nobody@example.com", "ada@elsewhere.example"] {
        visitor.opens(&page).await.fills("email", address).clicks("Continue").await.answers(200);
        visitor.sees("There is no sign-in for this address here");
        answers.push(visitor.page().body.replace(address, ""));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    visitor
        .opens(&page)
        .await
        .fills("email", "\"><script>")
        .clicks("Continue")
        .await
        .sees("Enter an email address");
    assert!(!visitor.page().body.contains("<script"));
}

/// D-01, D-12, D-17
#[tokio::test]
async fn the_forms_of_the_page_work_in_the_browser_that_was_shown_them_only() {
    let clock = clock();
    let (broker, idps) = routed(&clock).await;
    let (app, mut visitor, mut stranger) = (broker.app("web"), Browser::new(&clock), Browser::new(&clock));
    visitor.opens(app.asks().url()).await;
    let flow = visitor.page().query("flow").unwrap();
    let fields = [("flow", flow.as_str()), ("email", "ada@acme.example")];
    stranger.is_lured_to_post("https://evil.example/", &broker.at("/login"), &fields).await.answers(400);
    visitor.is_lured_to_post("https://evil.example/", &broker.at("/login"), &fields).await.answers(400);
    visitor
        .is_lured_to_post(
            &broker.at("/login"),
            &broker.at("/login"),
            &[("flow", &flow), ("account", "forged")],
        )
        .await
        .answers(400);
    assert!(idps.iter().all(|idp| idp.count(crate::support::fake_idp::Endpoint::Authorize) == 0));
}

#[tokio::test]
async fn what_was_used_last_is_shown_even_where_it_is_not_listed() {
    let clock = clock();
    let (broker, _idps) = routed(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.opens(app.asks().at("Acme").url()).await;
    visitor.opens(broker.at("/logout?client_id=web&logout_uri=https://web.example/")).await;
    let ask = app.asks();
    visitor.opens(ask.url()).await.sees("Continue with Acme Last used").sees("Email address");
    visitor.clicks("Continue with Acme").await;
    app.takes_code(&ask, visitor.page());
    let mut stranger = Browser::new(&clock);
    stranger.opens(app.asks().url()).await.does_not_see("Last used").does_not_see("Acme");
}

#[tokio::test]
async fn more_than_four_providers_are_folded() {
    let clock = clock();
    let idp = FakeIdp::oidc(&clock).await;
    let names = ["Uno", "Due", "Tre", "Quattro", "Cinque", "Sei"];
    let builder = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web"));
    let builder = names.iter().fold(builder, |builder, name| builder.provider(provider(name, &idp)));
    let broker = builder.start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.opens(app.asks().url()).await;
    let (open, folded) = visitor.page().body.split_once("<details>").unwrap();
    assert!(names[..4].iter().all(|name| open.contains(&format!("Continue with {name}"))));
    assert!(names[4..].iter().all(|name| folded.contains(&format!("Continue with {name}"))));
}

#[tokio::test]
async fn the_account_is_chosen_where_the_app_wants_a_choice() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    let ask = app.asks().with("prompt", "select_account");
    visitor
        .opens(ask.url())
        .await
        .sees("Choose an account")
        .sees("Continue as ")
        .sees("Use another account")
        .sees("Continue with Other");
    let page = visitor.page().url.clone();
    visitor.clicks("Continue as ").await;
    app.takes_code(&ask, visitor.page());
    // Signed out in another tab: the button does not sign anybody in.
    visitor.opens(&page).await;
    visitor.new_tab().opens(broker.at("/logout?client_id=web&logout_uri=https://web.example/")).await;
    visitor.clicks("Continue as ").await.answers(400);
    visitor.opens(app.asks().with("prompt", "select_account").url()).await.does_not_see("Continue as ");
}
