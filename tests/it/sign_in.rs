//! From an app's redirect to its tokens, in one process, with every vendor's ways.

use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::{Ask, Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp, Vendor};

fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

#[tokio::test]
async fn a_person_signs_in_with_any_openid_provider() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker =
        Broker::builder(&clock).client(client("web")).provider(provider("Acme", &acme)).start().await;
    let tokens = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    assert_eq!(tokens.id["email"], "ada@example.org");
    assert_eq!(tokens.id["cognito:username"], "Acme_person-1");
    assert_eq!(tokens.access["token_use"], "access");
}

#[tokio::test]
async fn a_person_signs_in_with_every_vendor() {
    let clock = clock();
    for vendor in
        [Vendor::Google, Vendor::Microsoft, Vendor::Apple, Vendor::Facebook, Vendor::Amazon, Vendor::GitHub]
    {
        let idp = FakeIdp::start(vendor, &clock).await;
        // Elliptic keys are made in no time.
        let pool = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
        let broker = pool.provider(provider("Vendor", &idp)).start().await;
        let mut visitor = Browser::new(&clock);
        let tokens = visitor.signs_in(&broker.app("web"), "Vendor").await;
        assert_eq!(tokens.id["cognito:username"], format!("Vendor_{}", idp.person().subject), "{vendor:?}");
        visitor.kept_every_cookie();
    }
}

///
#[tokio::test]
async fn a_person_who_cancels_comes_back_to_the_app_with_access_denied() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker =
        Broker::builder(&clock).client(client("web")).provider(provider("Acme", &acme)).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    acme.is_cancelled();
    let ask: Ask = app.asks().at("Acme");
    let page = visitor.opens(ask.url()).await.is_refused_with("access_denied", &app.redirect_uri);
    assert_eq!((page.query("state"), page.query("iss")), (Some(ask.state), Some(app.issuer)));
    assert_eq!(acme.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn a_person_signs_in_where_the_clock_stands_before_the_making_of_the_keys() {
    let (right, early) = (clock(), Clock::fake(Timestamp::from_secs(1_800_000_000 - 60)));
    let acme = FakeIdp::oidc(&early).await;
    let builder = |clock: &Clock| {
        Broker::builder(clock).sealed().client(client("web")).provider(provider("Acme", &acme))
    };
    let first = builder(&right).start().await;
    let pool = first.app.pools()[0].pool.clone();
    let keys = first.app.keys.of(&pool).await.unwrap();
    let late = builder(&early).seed(2).start_beside(&first).await;
    let app = late.app("web");
    let tokens = Browser::new(&early).signs_in(&app, "Acme").await;
    assert_eq!(tokens.id["cognito:username"], "Acme_person-1");
    let refreshed = app.refreshes(&tokens.refresh_token).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let kid = jsonwebtoken::decode_header(&tokens.access_token).unwrap().kid.unwrap();
    assert!(
        String::from_utf8_lossy(&keys.jwks().body).contains(&kid),
        "by a key that the other replica publishes"
    );
}

#[tokio::test]
async fn a_sign_in_begun_at_one_replica_ends_at_the_other() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let (one, two) =
        Broker::builder(&clock).client(client("web")).provider(provider("Acme", &acme)).start_pair().await;
    let (here, there, mut visitor) = (one.app("web"), two.app("web"), Browser::new(&clock));
    let ask = here.asks().at("Acme");
    visitor.opens(ask.url()).await;
    let code = here.takes_code(&ask, visitor.page());
    let tokens = there.redeems(&ask, &code).await.tokens(&there).await;
    assert_eq!(tokens.id["cognito:username"], "Acme_person-1");
    here.redeems(&ask, &code).await.is_refused_with(400, "invalid_grant");
}
