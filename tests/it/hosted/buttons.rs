//! What stands on the buttons of providers.

use symbolon::config;

use super::clock;
use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;

const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><circle r=\"1\"/></svg>";

/// D-62
#[tokio::test]
async fn a_provider_with_a_logo_shows_it_and_nothing_runs_in_it() {
    let clock = clock();
    let (acme, labs) = (FakeIdp::oidc(&clock).await, FakeIdp::oidc(&clock).await);
    let builder = Broker::builder(&clock).client(client("web")).file("acme.svg", LOGO);
    let broker = builder
        .provider(provider("Acme", &acme).with("logo_file = \"acme.svg\""))
        .provider(provider("Labs", &labs))
        .start()
        .await;
    let mut visitor = Browser::new(&clock);
    visitor.opens(broker.app("web").asks().url()).await.sees("Continue with Acme");
    let page = visitor.page().body.clone();
    assert_eq!(page.matches("<img class=\"mark\"").count(), 1, "{page}");
    let address =
        page.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().replace("&#x2f;", "/");
    assert!(address.starts_with("/assets/marks/Acme?v="), "{address}");
    visitor.opens(broker.at(&address)).await.answers(200);
    assert_eq!(visitor.page().body, LOGO);
    assert_eq!(visitor.page().header("content-type"), Some("image/svg+xml"));
    assert!(visitor.page().header("content-security-policy").unwrap().contains("sandbox"));
    for nothing in ["/assets/marks/Labs", "/assets/marks/Nobody", "/assets/marks/..%2f"] {
        visitor.opens(broker.at(nothing)).await.answers(404);
    }
}

#[test]
fn a_logo_with_a_script_is_refused() {
    let text = "[[pool]]\nid = \"eu-west-1_Example01\"\n[[pool.provider]]\nname = \"Google\"\nuse \
        = \"google\"\nclient_id = \"1-a.apps.googleusercontent.com\"\n\
                client_secret = \"GOCSPX-0123456789abcdef\"\nlogo_file = \"google.svg\"\n";
    let problems =
        config::parse(text, "symbolon.toml", &[], &|_| Ok("<svg><script>alert(1)</script></svg>".to_owned()))
            .unwrap_err()
            .to_string();
    assert!(problems.contains("logo_file") && problems.contains("script"), "{problems}");
    assert!(config::parse(text, "symbolon.toml", &[], &|_| Ok(LOGO.to_owned())).is_ok());
}
