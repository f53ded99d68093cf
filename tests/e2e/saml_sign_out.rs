//! Single logout, both ways, with SimpleSAMLphp and pysaml2.

use serde_json::{Value, json};

use crate::support::saml_peers::Make::{self, Pysaml2, SimpleSamlPhp};
use crate::world::{App, AppSettings, Broker, Company, Person, Settings, text};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

struct World {
    acme: Company,
    broker: Broker,
    shop: App,
}

/// A company whose sign-outs reach us and whom ours reach.
fn world(make: Make, idp: Value) -> World {
    let settings = Settings::new();
    let acme = Company::start_with(make, &settings, "Acme", idp);
    let shop = AppSettings::new("shop").hears_of_sign_outs();
    let broker = settings.client(&shop).table(&acme.toml_with("end_session = true")).start();
    World { acme, shop: shop.start(&broker), broker }
}

async fn is_signed_out(person: &mut Person, shop: &App) {
    person.opens(&shop.login(&[("prompt", "none")])).await;
    assert_eq!(text(&person.sees_json(), "error"), "login_required");
}

#[tokio::test]
async fn a_person_who_signs_out_at_the_app_is_signed_out_at_the_company_and_comes_back() {
    for make in [SimpleSamlPhp, Pysaml2] {
        for encrypted in [false, true] {
            let idp = match (make, encrypted) {
                (_, false) => json!({}),
                (SimpleSamlPhp, true) => json!({ "sp": { "assertion.encryption": true } }),
                (Pysaml2, true) => json!({ "encrypt": "aes256-gcm" }),
            };
            let World { acme, shop, broker: _broker } = world(make, idp);
            let mut ada = Person::new("ada");
            ada.signs_in_by(&acme, &shop).await;
            ada.opens(&shop.logout(&[("state", "s-1")])).await.goes_on_from(&acme).await;
            ada.browser.lands_on(&format!("{}/logged-out?state=s-1", shop.url));
            assert_eq!(shop.hears_of(1).await.len(), 1);
            is_signed_out(&mut ada, &shop).await;
            ada.opens(&shop.login(&[])).await;
            assert!(
                ada.browser.page().url.as_str().starts_with(acme.idp.origin()),
                "the company asks who it is: {}",
                ada.browser
            );
            if make == Pysaml2 {
                let told = acme.saw("LogoutRequest").await;
                assert_eq!(told[0].get("ended"), Some(&json!(1)), "{told:#?}");
            }
        }
    }
}

#[tokio::test]
async fn a_person_who_signs_out_at_the_company_is_signed_out_here_and_the_app_hears_of_it() {
    for (make, idp) in [(SimpleSamlPhp, json!({})), (Pysaml2, json!({})), (Pysaml2, json!({ "slo": "post" }))]
    {
        let World { acme, shop, broker: _broker } = world(make, idp);
        let (mut ada, mut ben) = (Person::new("ada"), Person::new("ben"));
        let tokens = ada.signs_in_by(&acme, &shop).await;
        ben.signs_in_by(&acme, &shop).await;
        ada.opens(&acme.idp.signs_out()).await.goes_on_from(&acme).await;
        assert!(ada.browser.page().url.as_str().starts_with(acme.idp.origin()), "{}", ada.browser);
        if make == Pysaml2 {
            let answered = acme.saw("LogoutResponse").await;
            assert_eq!(answered[0].get("status"), Some(&json!(SUCCESS)), "{answered:#?}");
            assert_eq!(answered[0].get("relay_state"), Some(&json!("signed-out-at-the-idp")));
        }
        let heard = shop.hears_of(1).await;
        assert_eq!(heard[0].get("sub"), tokens.pointer("/id_token_claims/sub"));
        is_signed_out(&mut ada, &shop).await;
        ben.opens(&shop.login(&[("prompt", "none")])).await.is_in(&shop);
    }
}

/// C-72: our session ends first, whatever the company can or does.
#[tokio::test]
async fn a_company_without_single_logout_traps_nobody() {
    let World { acme, shop, broker: _broker } = world(Pysaml2, json!({ "slo": null }));
    let mut ada = Person::new("ada");
    ada.signs_in_by(&acme, &shop).await;
    ada.opens(&shop.logout(&[("state", "s-2")])).await;
    ada.browser.lands_on(&format!("{}/logged-out?state=s-2", shop.url));
    is_signed_out(&mut ada, &shop).await;
}

#[tokio::test]
async fn a_company_with_another_key_signs_nobody_out_here() {
    let World { mut acme, shop, broker } = world(Pysaml2, json!({}));
    let mut ada = Person::new("ada");
    ada.signs_in_by(&acme, &shop).await;
    acme.idp.starts_again_with_another_key(json!({ "automatic": "ada" }));
    let mut eve = Person::new("eve");
    // The other key speaks of Ada, to sign in as her and to sign her out.
    eve.opens(&shop.login(&[])).await.is_refused(&broker, "saml_signature_refused");
    eve.opens(&acme.idp.signs_out()).await.is_refused(&broker, "saml_query_signature");
    ada.opens(&shop.login(&[("prompt", "none")])).await.is_in(&shop);
}
