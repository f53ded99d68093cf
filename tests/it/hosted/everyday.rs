//! What people and their browsers do every day and no specification mentions.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Duration, timeout};

use super::{broker, clock};
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp, Person, Vendor};

/// D-06, B-01: a browser that starts with two tabs has no cookie when it opens either.
#[tokio::test]
async fn two_tabs_that_open_at_once_both_sign_in() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (web, shop, mut first) = (broker.app("web"), broker.app("shop"), Browser::new(&clock));
    let (one, two) = (web.asks(), shop.asks());
    first.requests(one.url()).await;
    let first_tab_set: Vec<_> = first.cookies().iter().cloned().collect();
    let mut second = first.new_tab();
    // The second request left before the first answer came.
    second.forgets_cookies().requests(two.url()).await;
    for cookie in first_tab_set {
        let url = broker.url.parse().unwrap();
        let known = first.cookies().iter().any(|have| have.name == cookie.name);
        if !known {
            first.cookies().store(&url, &cookie.raw, clock.now()).unwrap();
        }
    }
    first.follows_all().await.clicks("Acme").await;
    web.takes_code(&one, first.page());
    second.follows_all().await.clicks("Acme").await;
    shop.takes_code(&two, second.page());
}

/// D-52: cookies stay at their host, so the sign-in that began at one of the pool's hosts comes back there.
#[tokio::test]
async fn a_sign_in_comes_back_to_the_host_where_it_began() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web"))
        .provider(provider("Acme", &acme));
    let (_first, second) = builder.start_pair().await;
    let (app, mut visitor) = (second.app("web"), Browser::new(&clock));
    let ask = app.asks();
    visitor.opens(ask.url()).await;
    let asked = acme.last(Endpoint::Authorize).parameter("redirect_uri").unwrap();
    assert_eq!(asked, second.at("/oauth2/idpresponse"));
    assert_eq!(acme.last(Endpoint::Token).parameter("redirect_uri"), Some(asked));
    app.takes_code(&ask, visitor.page());
}

/// D-11, D-13, A-64: the cookie is a new one at every sign-in; apps know the session by its `sid` for as long
/// as the person stays.
#[tokio::test]
async fn signing_in_again_keeps_the_sid_and_another_person_ends_it_for_the_apps() {
    let clock = clock();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hears = format!("backchannel_logout_uri = \"http://{}/logout\"", listener.local_addr().unwrap());
    let acme = FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web").with(&hears))
        .client(client("shop"));
    let broker = builder.provider(provider("Acme", &acme)).start().await;
    let (web, shop, mut visitor) = (broker.app("web"), broker.app("shop"), Browser::new(&clock));
    let began = visitor.signs_in(&web, "Acme").await;
    let cookie = visitor.cookie("symbolon-session").unwrap().value;

    let again = shop.asks().with("prompt", "login");
    visitor.opens(again.url()).await;
    let tokens = shop.redeems(&again, &shop.takes_code(&again, visitor.page())).await.tokens(&shop).await;
    assert_eq!(tokens.id["sid"], began.id["sid"]);
    let renewed = visitor.cookie("symbolon-session").unwrap().value;
    assert_ne!(renewed, cookie);

    acme.signs_in(Person::new("person-2", "Grace Example", "grace@example.org"));
    let other = shop.asks().with("prompt", "login");
    visitor.opens(other.url()).await;
    let tokens = shop.redeems(&other, &shop.takes_code(&other, visitor.page())).await.tokens(&shop).await;
    assert_ne!(tokens.id["sid"], began.id["sid"]);
    let heard = heard(listener).await;
    assert_eq!(
        (&heard["sub"], &heard["sid"], &heard["aud"]),
        (&began.id["sub"], &began.id["sid"], &"web".into())
    );
}

#[tokio::test]
async fn a_person_whose_account_is_not_admitted_is_told_so_and_not_to_start_again() {
    let clock = clock();
    let google = FakeIdp::start(Vendor::Google, &clock).await;
    let admitted = provider("Google", &google).with("hosted_domains = [\"elsewhere.example\"]");
    let broker = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web"))
        .provider(admitted)
        .start()
        .await;
    let mut visitor = Browser::new(&clock);
    visitor.opens(broker.app("web").asks().url()).await.answers(400);
    visitor.sees("provider_hosted_domain_refused").sees("Choose another account").does_not_see("start again");
}

/// D-13: Cognito's way to change the person, with a provider that remembers the last one.
#[tokio::test]
async fn changing_the_person_asks_even_when_there_is_one_provider() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web"))
        .provider(provider("Acme", &acme))
        .start()
        .await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    let ask = app.asks().and("id_token_hint", &tokens.id_token);
    acme.signs_in(Person::new("person-2", "Grace Example", "grace@example.org"));
    visitor.opens(ask.url().replace("/oauth2/authorize?", "/logout?")).await;
    assert_eq!(acme.last(Endpoint::Authorize).parameter("prompt").as_deref(), Some("select_account"));
    let tokens = app.redeems(&ask, &app.takes_code(&ask, visitor.page())).await.tokens(&app).await;
    assert_eq!(tokens.id["cognito:username"], "Acme_person-2");
}

/// The claims of the first logout token that arrives.
async fn heard(listener: TcpListener) -> Value {
    let (mut connection, _) =
        timeout(Duration::from_secs(10), listener.accept()).await.expect("the app is told").unwrap();
    let mut text = String::new();
    while text
        .split("logout_token=")
        .nth(1)
        .is_none_or(|token| token.split('.').nth(2).is_none_or(|end| end.len() < 86))
    {
        let mut buffer = [0; 4096];
        let read = connection.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let payload = text.split("logout_token=").nth(1).unwrap().split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&symbolon::model::encoding::base64url_decode(&payload).unwrap()).unwrap()
}
