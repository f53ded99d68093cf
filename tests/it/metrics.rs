//! What an operator's Prometheus reads.

use std::sync::Arc;

use axum::body::Body;
use symbolon::app::App;
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use symbolon::web;
use tower::ServiceExt as _;

use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;

async fn scraped(app: &Arc<App>) -> String {
    let request = http::Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = web::admin::router(app.clone()).unwrap().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    String::from_utf8(axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// E-34
#[tokio::test]
async fn requests_providers_and_refusals_are_counted_under_words_of_the_configuration() {
    let clock = Clock::fake(Timestamp::from_secs(1_780_000_000));
    let acme = FakeIdp::oidc(&clock).await;
    let broker =
        Broker::builder(&clock).client(client("web")).provider(provider("Acme", &acme)).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks();
    visitor.opens(ask.url()).await;
    let code = app.takes_code(&ask, visitor.page());
    visitor.opens(&broker.at("/oauth2/authorize?client_id=no-such-app-of-anybody")).await;
    let text = scraped(&broker.app).await;
    for line in [
        "symbolon_request_duration_seconds_count{endpoint=\"/oauth2/authorize\",status=\"303\"} 1",
        "symbolon_request_duration_seconds_count{endpoint=\"/oauth2/idpresponse\",status=\"303\"} 1",
        "symbolon_provider_call_duration_seconds_count{provider=\"Acme\",outcome=\"200\"}",
        "symbolon_sign_ins_refused_total{pool=\"eu-west-1_Example01\",code=\"client_unknown\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for secret in [code.as_str(), "no-such-app-of-anybody"] {
        assert!(!text.contains(secret), "{text}");
    }
}
