//! What strangers, other tenants and the browser's history try.

use std::time::Duration;

use symbolon::store::Key;

use super::{acme, clock, saml};
use crate::support::broker::{AppUnderTest, Broker, client};
use crate::support::browser::Browser;
use crate::support::saml_idp::{Answer, SamlIdp, Slip};

/// The browser stands at the provider's page that would post the answer; what it would post, and where.
async fn at_the_provider(
    idp: &SamlIdp,
    visitor: &mut Browser,
    app: &AppUnderTest,
) -> (String, String, String) {
    visitor.requests(app.asks().at("Acme").with("prompt", "login").url()).await.follows().await;
    idp.last_answer()
}

async fn posts(visitor: &mut Browser, idp: &SamlIdp, url: &str, response: &str, relay_state: &str) {
    let mut fields = vec![("SAMLResponse", response)];
    if !relay_state.is_empty() {
        fields.push(("RelayState", relay_state));
    }
    visitor.is_lured_to_post(idp.base(), url, &fields).await.follows_all().await;
}

/// C-57
#[tokio::test]
async fn an_answer_counts_once_whatever_is_done_with_it() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let (acs, response, relay_state) = at_the_provider(&idp, &mut visitor, &app).await;
    visitor.follows_all().await.lands_on(&app.redirect_uri);
    posts(&mut visitor, &idp, &acs, &response, &relay_state).await;
    visitor.sees("saml_flow_not_found");
    let (_, _, other) = at_the_provider(&idp, &mut visitor, &app).await;
    posts(&mut visitor, &idp, &acs, &response, &other).await;
    visitor.sees("saml_in_response_to_mismatch");
    posts(&mut visitor, &idp, &acs, &response, "").await;
    visitor.sees("saml_flow_not_found");
}

/// C-57
#[tokio::test]
async fn of_two_replicas_one_takes_an_assertion() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let builder = Broker::builder(&clock)
        .pool("signing = \"ES256\"")
        .client(client("web"))
        .provider(saml("Acme", &idp));
    let (one, two) = builder.start_pair().await;
    idp.does(Slip::AssertionId("_the-same".to_owned()));
    let (mut here, mut there) = (Browser::new(&clock), Browser::new(&clock));
    here.requests(one.app("web").asks().at("Acme").url()).await.follows().await;
    there.requests(two.app("web").asks().at("Acme").url()).await.follows().await;
    tokio::join!(here.follows_all(), there.follows_all());
    let taken = [&here, &there].map(|browser| browser.page().query("code").is_some());
    assert!(taken[0] ^ taken[1], "{here}\n{there}");
    let mut loser = if taken[0] { there } else { here };
    loser.sees("saml_replayed");
    clock.advance(Duration::from_secs(3600));
    let mut later = Browser::new(&clock);
    later.opens(one.app("web").asks().at("Acme").url()).await.lands_on(&one.app("web").redirect_uri);
}

/// C-59, D-17
#[tokio::test]
async fn an_attackers_own_answer_signs_no_victim_in() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let (app, mut attacker, mut victim) = (broker.app("web"), Browser::new(&clock), Browser::new(&clock));
    let (acs, response, relay_state) = at_the_provider(&idp, &mut attacker, &app).await;
    posts(&mut victim, &idp, &acs, &response, &relay_state).await;
    victim.sees("flow_other_browser");
    assert!(victim.cookie("symbolon-session").is_none());
    victim.opens(app.asks().at("Acme").url()).await.lands_on(&app.redirect_uri);
    posts(&mut victim, &idp, &acs, &response, &relay_state).await;
    victim.sees("saml_flow_not_found");
}

/// C-55
#[tokio::test]
async fn an_answer_to_another_request_or_to_none_is_refused_also_where_nobody_needs_to_ask() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    for setting in ["idp_initiated = \"off\"", "idp_initiated = \"accept\"\nidp_initiated_client = \"web\""] {
        let provider = saml("Acme", &idp).with(setting);
        let broker = Broker::builder(&clock)
            .pool("signing = \"ES256\"")
            .client(client("web"))
            .provider(provider)
            .start()
            .await;
        for request in [None, Some("_other".to_owned())] {
            idp.behaves();
            idp.does(Slip::InResponseTo(request.clone()));
            let mut visitor = Browser::new(&clock);
            visitor.opens(broker.app("web").asks().at("Acme").url()).await;
            visitor.sees(if request.is_some() { "saml_in_response_to_mismatch" } else { "saml_unsolicited" });
            assert!(visitor.cookie("symbolon-session").is_none(), "{setting} {request:?}");
        }
    }
}

/// Two pools of one broker, the second one at `localhost`, with the same provider.
async fn two_pools(idp: &SamlIdp, clock: &symbolon::outside::clock::Clock) -> Broker {
    let mut other = saml("Acme", idp);
    other.0 = format!(
        "[[pool]]\nid = \"eu-west-1_Example02\"\nname = \"Other\"\nhosts = [\"localhost:{{port}}\"]\nsigning \
         = \"ES256\"\n\n[[pool.client]]\n\
         id = \"web\"\nsecret = \"secret-of-web-0123456789\"\nredirect_uris = \
         [\"https://web.example/callback\"]\nscopes = [\"openid\"]\n\n{}",
        other.0
    );
    let builder =
        Broker::builder(clock).pool("signing = \"ES256\"").client(client("web")).provider(saml("Acme", idp));
    builder.provider(other).start().await
}

/// C-60, C-61
#[tokio::test]
async fn a_connection_of_one_pool_asserts_nothing_in_another_with_the_same_provider() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = two_pools(&idp, &clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let (acs, response, relay_state) = at_the_provider(&idp, &mut visitor, &app).await;
    let elsewhere = acs.replace("127.0.0.1", "localhost");
    posts(&mut visitor, &idp, &elsewhere, &response, &relay_state).await;
    visitor.sees("flow_other");
    // The same browser at the other pool, with the first pool's answer.
    let ask = app.asks().at("Acme").url().replace("127.0.0.1", "localhost");
    visitor.requests(&ask).await.follows().await;
    let (_, _, others) = idp.last_answer();
    let request = idp.last().attribute("ID");
    for (audience, target) in [
        ("urn:amazon:cognito:sp:eu-west-1_Example01", &elsewhere),
        ("urn:amazon:cognito:sp:eu-west-1_Example02", &acs),
        ("urn:amazon:cognito:sp:eu-west-1_Example01", &acs),
    ] {
        let answer = Answer { acs: target.clone(), audience: audience.to_owned(), request: request.clone() };
        let forged = idp.answers(&answer);
        posts(&mut visitor, &idp, &elsewhere, &forged, &others).await;
        assert!(visitor.page().status >= 400, "{audience} {target}: {visitor}");
        visitor.requests(&ask).await.follows().await;
    }
    assert!(visitor.cookie("symbolon-session").is_none());
}

/// C-63
#[tokio::test]
async fn a_provider_disabled_meanwhile_signs_nobody_in() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let builder = || Broker::builder(&clock).pool("signing = \"ES256\"").sealed().client(client("web"));
    let broker = builder().provider(saml("Acme", &idp)).start().await;
    let disabled =
        builder().provider(saml("Acme", &idp).with("enabled = false")).seed(2).start_beside(&broker).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let (acs, response, relay_state) = at_the_provider(&idp, &mut visitor, &app).await;
    let there = acs.replace(&broker.url, &disabled.url);
    posts(&mut visitor, &idp, &there, &response, &relay_state).await;
    visitor.sees("provider_disabled");
    assert!(visitor.cookie("symbolon-session").is_none());
}

/// C-65
#[tokio::test]
async fn a_relay_state_is_a_handle_and_never_an_address_or_html() {
    let clock = clock();
    let (idp, broker) = acme(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let (acs, response, _) = at_the_provider(&idp, &mut visitor, &app).await;
    let long = "r".repeat(3000);
    for nasty in [
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "<script>alert(1)</script>",
        &"r".repeat(81),
        &long,
    ] {
        posts(&mut visitor, &idp, &acs, &response, nasty).await;
        assert!(visitor.page().status >= 400, "{nasty}: {visitor}");
        assert_eq!(visitor.page().header("location"), None, "{nasty}");
        visitor.does_not_see("evil.example").does_not_see("<script>");
    }
}

/// C-65: a handle of a sign-in with another protocol, or of one that has not left yet, is none.
#[tokio::test]
async fn a_handle_of_another_kind_is_none() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let openid = crate::support::fake_idp::FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock)
        .pool("signing = \"ES256\"")
        .client(client("web"))
        .provider(saml("Acme", &idp));
    let broker = builder.provider(crate::support::broker::provider("Openid", &openid)).start().await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let (acs, response, relay_state) = at_the_provider(&idp, &mut visitor, &app).await;
    visitor.requests(app.asks().at("Openid").url()).await;
    let state = url::Url::parse(visitor.page().header("location").unwrap()).unwrap();
    let state = state.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    posts(&mut visitor, &idp, &acs, &response, &state).await;
    visitor.sees("saml_other_protocol");
    visitor.requests(app.asks().url()).await;
    let started = visitor.page().header("location").unwrap().rsplit_once('=').unwrap().1.to_owned();
    posts(&mut visitor, &idp, &acs, &response, &started).await;
    visitor.sees("saml_flow_not_found");
    // And a SAML sign-in is none of the OpenID callback's.
    visitor.opens(broker.at(&format!("/oauth2/idpresponse?code=x&state={relay_state}"))).await;
    assert!(visitor.page().status >= 400, "{visitor}");
}

/// C-44: where a provider's ciphertext may come unprotected, whoever sends variants of it is stopped for an
/// hour.
#[tokio::test]
async fn responses_that_do_not_decrypt_are_counted_where_nothing_protects_them() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let foreign = super::rsa_certificate();
    for (setting, capped) in
        [("cbc_without_signature = true", true), ("cbc_without_signature = false", false)]
    {
        let broker = super::with(&clock, client("web"), saml("Acme", &idp).with(setting)).await;
        idp.does(Slip::EncryptedFor(foreign.clone()));
        // Ninety-eight came before.
        let failures = Key::limit("saml-decryption", &format!("{}/Acme", broker.app.pools()[0].pool.id));
        broker
            .app
            .state
            .store
            .increment(&failures, 98, clock.now().plus(Duration::from_secs(3600)))
            .await
            .unwrap();
        for _ in 0..2 {
            Browser::new(&clock)
                .opens(broker.app("web").asks().at("Acme").url())
                .await
                .sees("saml_decryption_refused");
        }
        idp.behaves();
        let mut visitor = Browser::new(&clock);
        visitor.opens(broker.app("web").asks().at("Acme").url()).await;
        if capped {
            visitor.sees("saml_decryption_capped");
            clock.advance(Duration::from_secs(3600));
        }
        Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    }
}
