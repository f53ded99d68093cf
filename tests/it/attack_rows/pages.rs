//! What a pool's own look, names and logo can do to its pages, and to nobody else's.

use symbolon::app::App;
use symbolon::outside::Outside;
use tower::ServiceExt as _;

use super::clock;
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;

/// D-60: what is no colour is refused when the configuration is read, so nothing of it reaches a style sheet.
#[test]
fn a_colour_is_a_colour_and_carries_nothing_along() {
    for evil in [
        "#fff; } body { display: none",
        "url(javascript:alert(1))",
        "expression(alert(1))",
        "#123456</style><script>",
        "var(--x)",
        "@import 'https://evil.example/x.css'",
    ] {
        let text = format!(
            "[[pool]]\nid = \"eu-west-1_Example01\"\n[pool.branding.light]\naccent = \"\"\"{evil}\"\"\"\n"
        );
        let problems = symbolon::config::parse(&text, "symbolon.toml", &[], &|_| Err(String::new()))
            .unwrap_err()
            .to_string();
        assert!(problems.contains("is no colour"), "{evil}: {problems}");
    }
}

/// D-60, D-61: names of pools, apps and providers are text, in HTML as in templates.
#[tokio::test]
async fn a_name_is_neither_markup_nor_a_template() {
    let clock = clock();
    let (acme, other) = (FakeIdp::oidc(&clock).await, FakeIdp::oidc(&clock).await);
    let evil = "{{7*7}} {% raw %}<img src=x onerror=alert(1)>";
    let broker = Broker::builder(&clock)
        .pool("signing = \"EdDSA\"")
        .client(client("web").with(&format!("name = {evil:?}")))
        .provider(provider("Acme", &acme).with(&format!("label = {evil:?}")))
        .provider(provider("Other", &other))
        .start()
        .await;
    let mut visitor = Browser::new(&clock);
    visitor.opens(broker.app("web").asks().url()).await.sees(evil).does_not_see("<img").does_not_see("49");
}

/// D-62: the logo is one SVG that the operator names, served so that whoever opens it alone runs nothing in
/// it.
#[tokio::test]
async fn a_logo_opened_alone_is_inert() {
    let text = "[[pool]]\nid = \"eu-west-1_Example01\"\nhosts = [\"a.localhost\"]\nbranding = { logo_file \
        = \"logo.svg\" }\n[store]\nstate = \"memory:\"\ndirectory = \"memory:\"\n";
    let logo = |_: &str| {
        Ok("<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"><foreignObject/></svg>".to_owned())
    };
    let config = symbolon::config::parse(text, "symbolon.toml", &[], &logo)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let app = App::build(config, Outside::fake(clock().now(), 3)).await.unwrap();
    let request = http::Request::get("/assets/logo.svg")
        .header("host", "a.localhost")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = symbolon::web::router(app).unwrap().oneshot(request).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((answer.status().as_u16(), header("content-type")), (200, "image/svg+xml".to_owned()));
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script-src"),
        "{policy}"
    );
}
