//! Responses that nobody asked for: from a company's portal, or from an attacker.

use std::time::Duration;

use symbolon::config::Config;
use symbolon::outside::clock::Clock;

use super::{clock, saml, with};
use crate::support::broker::{Broker, client};
use crate::support::browser::Browser;
use crate::support::saml_idp::{SamlIdp, Slip};

const AUDIENCE: &str = "urn:amazon:cognito:sp:eu-west-1_Example01";
const ACCEPT: &str = "idp_initiated = \"accept\"\nidp_initiated_client = \"web\"";

/// Somebody's portal sends the browser to the broker with this answer to nothing.
async fn sends(idp: &SamlIdp, visitor: &mut Browser, broker: &Broker, response: &str, relay_state: &str) {
    let fields = [("SAMLResponse", response), ("RelayState", relay_state)];
    visitor.is_lured_to_post(idp.base(), &broker.at("/saml2/idpresponse"), &fields).await.follows_all().await;
}

fn fresh(idp: &SamlIdp, broker: &Broker) -> String {
    idp.unsolicited(&broker.at("/saml2/idpresponse"), AUDIENCE)
}

async fn accepting(idp: &SamlIdp, clock: &Clock) -> Broker {
    with(clock, client("web"), saml("Acme", idp).with(ACCEPT)).await
}

/// C-56
#[tokio::test]
async fn by_default_nobody_is_signed_in_who_did_not_ask() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &idp)).await;
    let mut visitor = Browser::new(&clock);
    sends(&idp, &mut visitor, &broker, &fresh(&idp, &broker), "").await;
    visitor.sees("saml_idp_initiated_off");
    assert!(visitor.cookie("symbolon-session").is_none());
}

/// C-56, C-57: what a portal puts into RelayState leads nowhere.
#[tokio::test]
async fn an_accepted_answer_signs_its_person_in_once_to_the_default_app() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = accepting(&idp, &clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let response = fresh(&idp, &broker);
    sends(&idp, &mut visitor, &broker, &response, "https://evil.example/").await;
    let page = visitor.lands_on(&app.redirect_uri);
    assert_eq!((page.query("state"), page.query("iss").as_ref()), (None, Some(&app.issuer)));
    let code = page.query("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
    ];
    let tokens = app.posts("/oauth2/token", &form).await.tokens(&app).await;
    assert_eq!(tokens.id["cognito:username"], "Acme_ada-7");
    sends(&idp, &mut visitor, &broker, &response, "").await;
    visitor.sees("saml_replayed");
    let mut other = Browser::new(&clock);
    sends(&idp, &mut other, &broker, &response, "").await;
    other.sees("saml_replayed");
    assert!(other.cookie("symbolon-session").is_none());
}

/// C-57
#[tokio::test]
async fn of_two_replicas_one_takes_an_answer_to_nothing() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let builder = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
    let (one, two) = builder.provider(saml("Acme", &idp).with(ACCEPT)).start_pair().await;
    idp.does(Slip::AssertionId("_the-same".to_owned()));
    let (here, there) = (fresh(&idp, &one), fresh(&idp, &two));
    let (mut first, mut second) = (Browser::new(&clock), Browser::new(&clock));
    tokio::join!(sends(&idp, &mut first, &one, &here, ""), sends(&idp, &mut second, &two, &there, ""));
    let taken = [&first, &second].map(|browser| browser.page().query("code").is_some());
    assert!(taken[0] ^ taken[1], "{first}\n{second}");
}

/// C-55, C-56
#[tokio::test]
async fn only_a_fresh_signed_answer_to_nothing_is_accepted() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = accepting(&idp, &clock).await;
    let refused = async |response: String, code: &str| {
        let mut visitor = Browser::new(&clock);
        sends(&idp, &mut visitor, &broker, &response, "").await;
        visitor.sees(code);
        assert!(visitor.cookie("symbolon-session").is_none(), "{code}");
    };
    for (slip, code) in [
        (Slip::Unsigned, "saml_unsigned"),
        (Slip::InResponseTo(Some("_somebodys".to_owned())), "saml_flow_not_found"),
        (Slip::Issuer("https://idp.example/other".to_owned()), "saml_idp_initiated_off"),
        (Slip::Audience("https://other.example".to_owned()), "saml_audience_mismatch"),
        (Slip::Clock(300), "saml_from_the_future"),
    ] {
        idp.behaves();
        idp.does(slip);
        refused(fresh(&idp, &broker), code).await;
    }
    idp.behaves();
    let old = fresh(&idp, &broker);
    clock.advance(Duration::from_secs(6 * 60 + 61));
    refused(old, "saml_").await;
    let elsewhere = idp.unsolicited("https://other.example/saml2/idpresponse", AUDIENCE);
    refused(elsewhere, "saml_destination_mismatch").await;
}

/// C-63, C-64
#[tokio::test]
async fn a_disabled_provider_or_app_is_no_way_in() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let off = "enabled = false";
    let shop = || client("shop");
    for (web, provider, code) in [
        (client("web").with(off), saml("Acme", &idp).with(ACCEPT), "saml_target_unusable"),
        (client("web"), saml("Acme", &idp).with(ACCEPT).with(off), "saml_idp_initiated_off"),
    ] {
        let broker = Broker::builder(&clock)
            .pool("signing = \"ES256\"")
            .client(web)
            .client(shop())
            .provider(provider)
            .start()
            .await;
        let mut visitor = Browser::new(&clock);
        sends(&idp, &mut visitor, &broker, &fresh(&idp, &broker), "").await;
        visitor.sees(code);
        assert!(visitor.cookie("symbolon-session").is_none(), "{code}");
    }
}

/// C-56: an app that pushes its requests never gets a code for one that nobody pushed, even where the check
/// of the configuration missed it.
#[tokio::test]
async fn an_answer_to_nothing_is_no_way_into_an_app_that_pushes_its_requests() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let builder = Broker::builder(&clock)
        .pool("signing = \"ES256\"")
        .client(client("web"))
        .provider(saml("Acme", &idp).with(ACCEPT));
    let pushes = |config: &mut Config| {
        config.pools[0].pool.clients.values_mut().for_each(|client| client.proof.require_par = true);
    };
    let broker = builder.changed(pushes).start().await;
    let mut visitor = Browser::new(&clock);
    sends(&idp, &mut visitor, &broker, &fresh(&idp, &broker), "").await;
    visitor.sees("saml_target_unusable");
    assert!(visitor.cookie("symbolon-session").is_none());
}

/// C-56: the answer itself is thrown away; the app asks, and the provider answers that.
#[tokio::test]
async fn a_restarted_answer_makes_the_app_ask() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let web = client("web").with("initiate_login_uri = \"https://web.example/start\"");
    let provider = saml("Acme", &idp).with("idp_initiated = \"restart\"\nidp_initiated_client = \"web\"");
    let broker = with(&clock, web, provider).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let response = fresh(&idp, &broker);
    for _ in 0..2 {
        sends(&idp, &mut visitor, &broker, &response, "").await;
        let page = visitor.lands_on("https://web.example/start?");
        assert_eq!(page.query("iss").as_ref(), Some(&app.issuer));
        assert_eq!(page.query("identity_provider").as_deref(), Some("Acme"));
        assert_eq!(page.query("login_hint").as_deref(), Some("ada@acme.example"));
        assert!(visitor.cookie("symbolon-session").is_none());
    }
    let tokens = visitor.signs_in(&app, "Acme").await;
    assert_eq!(tokens.id["cognito:username"], "Acme_ada-7");
    idp.does(Slip::Unsigned);
    let mut other = Browser::new(&clock);
    sends(&idp, &mut other, &broker, &fresh(&idp, &broker), "").await;
    other.sees("saml_unsigned");
}

/// C-60: two connections to one provider cannot both be meant.
#[tokio::test]
async fn an_answer_of_two_possible_connections_is_neithers() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let builder = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
    let broker = builder
        .provider(saml("Acme", &idp).with(ACCEPT))
        .provider(saml("Twin", &idp).with(ACCEPT))
        .start()
        .await;
    let mut visitor = Browser::new(&clock);
    sends(&idp, &mut visitor, &broker, &fresh(&idp, &broker), "").await;
    visitor.sees("saml_issuer_ambiguous");
}
