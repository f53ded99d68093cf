//! Signing out at a provider of other make, which tells the broker.

use serde_json::json;

use crate::world::{App, AppSettings, Broker, Person, Settings, Upstream, text};

struct World {
    upstream: Upstream,
    shop: App,
    broker: Broker,
}

/// A provider that posts logout tokens to the broker, and an app that wants to hear of sign-outs.
fn world(algorithm: &str) -> World {
    let settings = Settings::new();
    let there = json!({
        "backchannel_logout_uri": format!("{}/oauth2/backchannel_logout/Acme", settings.url()),
        "backchannel_logout_session_required": true,
        "id_token_signed_response_alg": algorithm,
    });
    let upstream = Upstream::start_with(&settings, json!({ "keys": [algorithm] }), there);
    let shop = AppSettings::new("shop").hears_of_sign_outs();
    let table = upstream.toml("Acme") + "backchannel_logout = true\n";
    let broker = settings.client(&shop).table(&table).start();
    World { upstream, shop: shop.start(&broker), broker }
}

/// B-46: the session that came of that sign-in ends, the same person's on another machine goes on, and the
/// app hears of it from the broker.
#[tokio::test]
async fn a_person_who_signs_out_at_the_provider_is_signed_out_here_and_the_app_hears_of_it() {
    for algorithm in ["RS256", "EdDSA"] {
        let World { upstream, shop, broker } = world(algorithm);
        let (mut laptop, mut phone) = (Person::new("ada"), Person::new("ada"));
        let tokens = laptop.signs_in(&shop, "Acme").await;
        phone.signs_in(&shop, "Acme").await;
        laptop.opens(&format!("{}/session/end", upstream.issuer)).await.clicks("Sign out").await;
        assert!(laptop.browser.page().text().contains("Signed out"), "{}", laptop.browser);
        let heard = shop.hears_of(1).await;
        assert_eq!(heard.len(), 1);
        for claim in ["sub", "sid"] {
            assert_eq!(heard[0].get(claim), tokens.pointer(&format!("/id_token_claims/{claim}")), "{claim}");
        }
        laptop.opens(&shop.login(&[("prompt", "none")])).await;
        assert_eq!(text(&laptop.sees_json(), "error"), "login_required");
        phone.opens(&shop.login(&[("prompt", "none")])).await.is_in(&shop);
        broker.logs("a provider signed a person out");
    }
}
