//! Ten mistakes that people make, each told with the setting to change.

use std::time::Duration;

use super::*;
use crate::support::fake_idp::{Endpoint, Person, Switch, Trouble, Vendor};

#[tokio::test]
async fn a_redirect_uri_that_the_provider_does_not_know() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let callback = format!("{}/oauth2/idpresponse", broker.url);
    let fix = ["register", &callback, acme.client_id()];
    for (error, description) in [("redirect_uri_mismatch", ""), ("invalid_request", "Invalid redirect_uri.")]
    {
        acme.behaves();
        acme.does(Switch::Error { error: error.to_owned(), description: description.to_owned() });
        let trace = story(&broker, &reference(&tries(&broker).await)).await;
        names_the_fix(&trace, ("provider_answered_error", "pool"), &fix);
    }
    acme.behaves();
    acme.does(Switch::At(Endpoint::Token, Trouble::ErrorDescription("redirect_uri differs".to_owned())));
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("token_refused", "pool"), &fix);
    assert_eq!(detail(&trace, "token request", "redirect_uri"), callback);
    assert_eq!(detail(&trace, "token request", "status"), "400");
}

#[tokio::test]
async fn a_wrong_client_secret() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme.with("client_secret = \"the-secret-of-last-year\"")).await;
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("token_refused", "pool"), &["client_secret of provider Acme", acme.client_id()]);
    assert_eq!(trace.outcome.received.as_deref(), Some("error invalid_client"));
}

#[tokio::test]
async fn a_provider_whose_clock_is_ten_minutes_ahead() {
    let clock = clock();
    let ahead = Clock::fake(clock.now().plus(Duration::from_secs(600)));
    let acme = FakeIdp::oidc(&ahead).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("id_token_from_the_future", "provider"), &["600 s ahead", "NTP"]);
    assert_eq!(detail(&trace, "ID token, not verified yet", "iat"), "2027-01-15T08:10:00Z (600 s from now)");
}

#[tokio::test]
async fn a_provider_whose_clock_is_far_behind() {
    let clock = clock();
    let behind = Clock::fake(clock.now().minus(Duration::from_secs(1200)));
    let acme = FakeIdp::oidc(&behind).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("id_token_expired", "provider"), &["600 s before", "NTP"]);
}

#[tokio::test]
async fn keys_that_changed_while_old_ones_are_remembered() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    // A first token with an unknown key makes the keys be read; for half a minute they are then taken as they
    // are.
    acme.does(Switch::KidRandom);
    tries(&broker).await;
    acme.behaves();
    acme.rotates_keys();
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("jws_unknown_key", "provider"), &["\"after\"", "half a minute", "jwks_uri"]);
    assert_eq!(detail(&trace, "keys of the provider", "kid"), "before");
    assert!(trace.steps.iter().any(|step| step.name == "keys are not read again"));
    clock.advance(Duration::from_secs(31));
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
}

#[tokio::test]
async fn an_issuer_with_a_slash_too_many_or_too_few() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let (right, wrong) = (acme.issuer(), format!("{}/", acme.issuer()));
    let broker = broker(&clock, &acme, |acme| acme.with(&format!("issuer = {wrong:?}"))).await;
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("discovery_issuer_mismatch", "pool"), &[&format!("{right:?}"), "slash", "Acme"]);
    assert_eq!(
        (trace.outcome.expected.as_deref(), trace.outcome.received.as_deref()),
        (Some(&*wrong), Some(&*right))
    );
}

#[tokio::test]
async fn an_id_token_whose_issuer_has_a_slash() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    acme.does(Switch::IssWithSlash);
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(
        &trace,
        ("id_token_issuer_mismatch", "pool"),
        &[&format!("\"{}/\"", acme.issuer()), "slash"],
    );
}

#[tokio::test]
async fn an_account_of_a_tenant_that_is_not_allowed() {
    let clock = clock();
    let entra = FakeIdp::start(Vendor::Microsoft, &clock).await;
    let tenant = entra.person().claims["tid"].as_str().unwrap().to_owned();
    let broker = broker(&clock, &entra, |entra| {
        entra.with("allowed_tenants = [\"11111111-2222-3333-4444-555555555555\"]")
    })
    .await;
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(
        &trace,
        ("provider_tenant_refused", "visitor"),
        &["allowed_tenants of provider Acme", &tenant],
    );
    assert_eq!(detail(&trace, "ID token, not verified yet", "tid"), tenant);
}

#[tokio::test]
async fn scopes_that_are_missing_here_or_there() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    acme.does(Switch::IdTokenMissing);
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("id_token_missing", "provider"), &["openid", "scopes of provider Acme"]);
    acme.behaves();
    acme.does(Switch::Error { error: "invalid_scope".to_owned(), description: "no such scope".to_owned() });
    let trace = story(&broker, &reference(&tries(&broker).await)).await;
    names_the_fix(&trace, ("provider_answered_error", "pool"), &["Enable the scopes", "openid"]);
    let mut visitor = Browser::new(&clock);
    visitor.opens(broker.app("web").asks().with("scope", "openid phone").url()).await;
    let trace = story(&broker, &reference(visitor.page())).await;
    names_the_fix(&trace, ("scope_not_registered", "app"), &["Add \"phone\" to scopes of the client"]);
}

#[tokio::test]
async fn an_address_that_is_not_verified_where_it_has_to_be() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| {
        acme.with("require_verified_email = true").with("email_trust = \"claim\"")
    })
    .await;
    acme.does(Switch::Claim("email_verified".to_owned(), false.into()));
    acme.does(Switch::UserinfoClaim("email_verified".to_owned(), false.into()));
    let page = tries(&broker).await;
    assert!(page.text().contains("not admitted here"), "{}", page.text());
    let trace = story(&broker, &reference(&page)).await;
    names_the_fix(
        &trace,
        ("email_not_verified", "visitor"),
        &["Verify the e-mail address", "email_verified = true", "email_trust"],
    );
    assert_eq!(detail(&trace, "the provider's claims", "email_verified"), "false");
    let email = detail(&trace, "attributes after the mapping", "email");
    assert!(email.contains("…@"), "{email}");
    acme.behaves();
    let verified: Person = acme.person();
    assert_eq!(verified.claims["email_verified"], true);
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
}

#[tokio::test]
async fn an_apps_redirect_uri_that_is_off_by_a_slash() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let mut visitor = Browser::new(&clock);
    visitor.opens(broker.app("web").asks().with("redirect_uri", "https://web.example/callback/").url()).await;
    let trace = story(&broker, &reference(visitor.page())).await;
    names_the_fix(
        &trace,
        ("redirect_uri_not_registered", "app"),
        &["slash", "\"https://web.example/callback/\"", "redirect_uris"],
    );
    assert_eq!(trace.outcome.expected.as_deref(), Some("https://web.example/callback"));
    assert_eq!(trace.client.as_deref(), Some("web"));
}

#[tokio::test]
async fn an_app_that_lost_its_code_verifier() {
    let clock = clock();
    let acme = FakeIdp::oidc(&clock).await;
    let broker = broker(&clock, &acme, |acme| acme).await;
    let app = broker.app("web");
    let redeem = async |verifier: Option<&str>| {
        let (mut visitor, ask) = (Browser::new(&clock), app.asks());
        visitor.opens(ask.clone().at("Acme").url()).await;
        let code = app.takes_code(&ask, visitor.page());
        let form =
            [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", &*app.redirect_uri)];
        let verifier = verifier.map(|verifier| ("code_verifier", verifier));
        let answer = app.posts("/oauth2/token", &form.into_iter().chain(verifier).collect::<Vec<_>>()).await;
        answer.is_refused_with(400, "invalid_grant");
        story(&broker, &reference_in(answer.body["error_description"].as_str().unwrap())).await
    };
    let trace = redeem(None).await;
    names_the_fix(&trace, ("code_verifier_missing", "app"), &["send code_verifier", "sessionStorage"]);
    assert_eq!(detail(&trace, "token request of the app", "code_verifier"), "did not come");
    assert_eq!(trace.client.as_deref(), Some("web"));
    let trace = redeem(Some(&"x".repeat(43))).await;
    names_the_fix(
        &trace,
        ("code_verifier_mismatch", "app"),
        &["this very authorization request", "one for each state"],
    );
}
