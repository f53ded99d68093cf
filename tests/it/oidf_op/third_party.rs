//! Sign-ins that begin at the provider.

use crate::support::broker::{Broker, ProviderToml, client};
use crate::support::browser::Browser;
use crate::support::saml_idp::SamlIdp;
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

/// A company's portal sends somebody who asked for nothing: they go to the app's `initiate_login_uri`, which
/// learns who it is to ask.
#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    let clock = Clock::fake(Timestamp::from_secs(1_800_000_000));
    let idp = SamlIdp::start(&clock).await;
    let line = "idp_initiated = \"restart\"\nidp_initiated_client = \"web\"";
    let toml = format!(
        "[[pool.provider]]\nname = \"Acme\"\nuse = \"saml\"\nmetadata_url = {:?}\n{line}\n",
        idp.metadata_url()
    );
    let app = client("web").with("initiate_login_uri = \"https://web.example/start\"");
    let broker = Broker::builder(&clock)
        .pool("signing = \"ES256\"")
        .client(app)
        .provider(ProviderToml(toml))
        .start()
        .await;
    let mut visitor = Browser::new(&clock);
    let response =
        idp.unsolicited(&broker.at("/saml2/idpresponse"), "urn:amazon:cognito:sp:eu-west-1_Example01");
    visitor
        .is_lured_to_post(idp.base(), &broker.at("/saml2/idpresponse"), &[("SAMLResponse", &response)])
        .await
        .follows_all()
        .await;
    assert_eq!(visitor.lands_on("https://web.example/start").query("iss").as_ref(), Some(&broker.issuer));
    // The app asks, as for anybody.
    let (app, ask) = (broker.app("web"), broker.app("web").asks());
    visitor.opens(ask.url()).await;
    let code = app.takes_code(&ask, visitor.page());
    app.redeems(&ask, &code).await.tokens(&app).await;
}

/// The operator registers apps, so it is the configuration that is refused.
#[test]
fn oidcc_3rd_party_init_login_nohttps() {
    let text = "[[pool]]\nid = \"eu-west-1_A1\"\n[[pool.client]]\nid = \"web\"\nredirect_uris = \
        [\"https://web.example/cb\"]\n\
                initiate_login_uri = \"http://web.example/start\"\n";
    let problems =
        symbolon::config::parse(text, "symbolon.toml", &[], &|_| Err(String::new())).unwrap_err().to_string();
    assert!(problems.contains("symbolon.toml:6: pool[0].client[0].initiate_login_uri:"), "{problems}");
}
