//! Single logout, asked for by us or by the provider, and everything that must sign nobody out.

use std::time::Duration;

use symbolon::model::identity::{SamlSession, UpstreamSession};
use symbolon::model::ids::{ProviderName, SessionId, Sub};
use symbolon::model::session::{Epoch, Session, SignIn};
use symbolon::outside::clock::Clock;
use symbolon::store::upstream_sessions;
use tokio::net::TcpListener;

use super::{clock, saml, with};
use crate::support::asserts::hears_logout;
use crate::support::broker::{AppUnderTest, Broker, client};
use crate::support::browser::Browser;
use crate::support::saml_idp::{Person, SamlIdp, Slip};

async fn with_logout(clock: &Clock) -> (SamlIdp, Broker) {
    let idp = SamlIdp::start(clock).await;
    let broker = with(clock, client("web"), saml("Acme", &idp).with("end_session = true")).await;
    idp.knows_slo(&slo(&broker));
    (idp, broker)
}

fn slo(broker: &Broker) -> String {
    broker.at("/saml2/logout")
}

fn sign_out(broker: &Broker) -> String {
    broker.at("/logout?client_id=web&logout_uri=https%3A%2F%2Fweb.example%2F")
}

async fn is_signed_in(visitor: &mut Browser, app: &AppUnderTest) -> bool {
    visitor.opens(app.asks().with("prompt", "none").url()).await;
    visitor.page().query("code").is_some()
}

#[tokio::test]
async fn who_signs_out_here_is_signed_out_at_the_provider_and_comes_back_to_the_app() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.opens(sign_out(&broker)).await.lands_on("https://web.example/");
    let request = idp.last();
    assert!(request.signed_query && request.kind == "SAMLRequest", "{request:?}");
    assert!(
        request.xml.contains(">ada-7</saml:NameID>")
            && request.xml.contains(">session-of-ada-7</samlp:SessionIndex>"),
        "{}",
        request.xml
    );
    assert!(request.relay_state.is_some_and(|text| text.len() <= 80));
    assert!(!is_signed_in(&mut visitor, &app).await);
}

#[tokio::test]
async fn a_provider_that_takes_posts_is_asked_by_one() {
    let clock = clock();
    let idp = SamlIdp::start_with_post(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &idp).with("end_session = true")).await;
    idp.knows_slo(&slo(&broker));
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.opens(sign_out(&broker)).await.lands_on("https://web.example/");
    let request = idp.last();
    assert!(request.by_post && request.xml.contains("SignatureValue"), "{request:?}");
}

#[tokio::test]
async fn the_question_whether_to_sign_out_may_lead_through_the_provider() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let mut visitor = Browser::new(&clock);
    visitor.signs_in(&broker.app("web"), "Acme").await;
    visitor
        .opens(broker.at("/logout?client_id=web&post_logout_redirect_uri=https%3A%2F%2Fweb.example%2F"))
        .await
        .sees("Sign out?");
    let policy = visitor.page().header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains("https:") && policy.contains(idp.base()), "{policy}");
    visitor.clicks("Sign out").await.lands_on("https://web.example/");
}

/// C-72
#[tokio::test]
async fn a_provider_that_fails_traps_nobody() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    idp.does(Slip::NeverSignsOut);
    visitor.opens(sign_out(&broker)).await.sees("signed out at the provider");
    assert!(!is_signed_in(&mut visitor, &app).await, "signed out here although the provider never answered");
    // A provider without a sign-out of its own, by hand.
    let by_hand = format!(
        "entity_id = {:?}\nsso_url = {:?}\ncertificates = '''\n-----BEGIN CERTIFICATE-----\n{}\n-----END \
         CERTIFICATE-----\n'''",
        idp.entity_id(),
        format!("{}/sso", idp.base()),
        idp.keys().certificate()
    );
    let mut provider = saml("Acme", &idp).with("end_session = true");
    provider.0 =
        provider.0.lines().filter(|line| !line.starts_with("metadata_url")).collect::<Vec<_>>().join("\n")
            + "\n"
            + &by_hand
            + "\n";
    let broker = with(&clock, client("web"), provider).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.opens(sign_out(&broker)).await.lands_on("https://web.example/");
    assert!(!is_signed_in(&mut visitor, &app).await);
}

#[tokio::test]
async fn a_provider_signs_its_person_out_by_redirect_and_by_post_and_is_answered() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let (app, slo) = (broker.app("web"), slo(&broker));
    for by_post in [false, true] {
        let mut visitor = Browser::new(&clock);
        visitor.signs_in(&app, "Acme").await;
        if by_post {
            let request = idp.logout_by_post(&slo, &Person::ada());
            let fields = [("SAMLRequest", request.as_str()), ("RelayState", "theirs")];
            visitor.is_lured_to_post(idp.base(), &slo, &fields).await.follows_all().await;
        } else {
            visitor
                .is_lured_to(idp.base(), &idp.logout_by_redirect(&slo, &Person::ada(), Some("theirs")))
                .await
                .follows_all()
                .await;
        }
        let answer = idp.last();
        assert_eq!(
            (answer.kind.as_str(), answer.relay_state.as_deref()),
            ("SAMLResponse", Some("theirs")),
            "{visitor}"
        );
        assert!(answer.signed_query && answer.xml.contains("status:Success"), "{}", answer.xml);
        assert!(!is_signed_in(&mut visitor, &app).await, "by post: {by_post}");
    }
}

/// C-72: a provider asks in a frame, where no cookie comes; every browser of that sign-in is signed out, and
/// no other person.
#[tokio::test]
async fn the_sessions_that_end_are_those_of_the_person_and_the_sign_in() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let (app, slo) = (broker.app("web"), slo(&broker));
    let (mut ada, mut laptop, mut bob) = (Browser::new(&clock), Browser::new(&clock), Browser::new(&clock));
    ada.signs_in(&app, "Acme").await;
    idp.signs_in(Person { session_index: "laptop".to_owned(), ..Person::ada() });
    laptop.signs_in(&app, "Acme").await;
    idp.signs_in(Person::called("bob-8", "bob@acme.example"));
    bob.signs_in(&app, "Acme").await;
    let mut frame = Browser::new(&clock);
    frame.opens(idp.logout_by_redirect(&slo, &Person::ada(), None)).await;
    assert!(!is_signed_in(&mut ada, &app).await);
    assert!(is_signed_in(&mut laptop, &app).await);
    assert!(is_signed_in(&mut bob, &app).await);
}

/// C-72: a list of many, of which most have ended otherwise, is read to its end.
#[tokio::test]
async fn a_session_behind_hundreds_that_ended_otherwise_ends_too() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    let (state, pool) = (&broker.app.state, &broker.app.pools()[0].pool.id);
    let (now, acme) = (clock.now(), ProviderName::parse("Acme").unwrap());
    let saml = SamlSession {
        name_id: "ada-7".to_owned(),
        format: None,
        name_qualifier: None,
        sp_name_qualifier: None,
        session_index: Some("session-of-ada-7".to_owned()),
        ends: None,
    };
    // The list has what ends first at its beginning.
    for number in 0..450_u64 {
        let id = SessionId::from_random(u128::from(number).to_be_bytes());
        let over = Session {
            sid: id.clone(),
            id,
            sub: Sub::parse(tokens.access["sub"].as_str().unwrap()).unwrap(),
            sign_in: SignIn { provider: Some(acme.clone()), at: now, amr: Vec::new() },
            last_used: now,
            expires: now.plus(Duration::from_secs(60 + number)),
            epoch: Epoch::default(),
            clients: Vec::new(),
            upstream: Some(UpstreamSession {
                provider: acme.clone(),
                sid: None,
                subject: "ada-7".to_owned(),
                saml: Some(saml.clone()),
            }),
        };
        upstream_sessions::note(state, pool, &over, &idp.entity_id()).await.unwrap();
    }
    assert!(is_signed_in(&mut visitor, &app).await);
    let mut frame = Browser::new(&clock);
    frame.opens(idp.logout_by_redirect(&slo(&broker), &Person::ada(), None)).await;
    assert!(!is_signed_in(&mut visitor, &app).await);
}

/// C-72
#[tokio::test]
async fn forged_foreign_old_and_repeated_requests_sign_nobody_out_and_lead_nowhere() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let stranger = SamlIdp::start(&clock).await;
    let (app, slo) = (broker.app("web"), slo(&broker));
    let (mut visitor, mut lured) = (Browser::new(&clock), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    let ada = Person::ada();
    let other_session = Person { session_index: "another".to_owned(), ..Person::ada() };
    let qualified =
        Person { qualifiers: " NameQualifier=\"https://other.example\"".to_owned(), ..Person::ada() };
    let old = idp.logout_by_redirect(&slo, &ada, None);
    for (name, url) in [
        ("unsigned", idp.unsigned_logout(&slo, &ada)),
        ("signed by a stranger", idp.forged_logout(&slo, &ada)),
        ("of another provider", stranger.logout_by_redirect(&slo, &ada, None)),
        (
            "for another service",
            idp.logout_by_redirect("https://other.example/slo", &ada, None)
                .replace("https://other.example/slo", &slo),
        ),
        (
            "with another RelayState",
            idp.logout_by_redirect(&slo, &ada, Some("a")).replace("RelayState=a", "RelayState=b"),
        ),
        ("no message", format!("{slo}?SAMLRequest=x")),
        ("nothing", slo.clone()),
    ] {
        lured.is_lured_to("https://evil.example/", &url).await;
        assert!(lured.page().status >= 400, "{name}: {lured}");
        assert_eq!(lured.page().header("location"), None, "{name}");
    }
    for nobody in [other_session, qualified] {
        lured.opens(idp.logout_by_redirect(&slo, &nobody, None)).await;
    }
    clock.advance(Duration::from_secs(8 * 60));
    lured.requests(&old).await.sees("saml_logout_over");
    assert!(is_signed_in(&mut visitor, &app).await);
    let request = idp.logout_by_redirect(&slo, &ada, None);
    lured.opens(&request).await;
    assert!(!is_signed_in(&mut visitor, &app).await);
    visitor.signs_in(&app, "Acme").await;
    lured.requests(&request).await.sees("saml_replayed");
    assert!(is_signed_in(&mut visitor, &app).await);
}

/// C-72
#[tokio::test]
async fn an_answer_that_nobody_waits_for_leads_nowhere() {
    let clock = clock();
    let (idp, broker) = with_logout(&clock).await;
    let mut visitor = Browser::new(&clock);
    visitor.signs_in(&broker.app("web"), "Acme").await;
    visitor.requests(sign_out(&broker)).await.follows().await;
    let answer = visitor.page().header("location").unwrap().to_owned();
    visitor.follows_all().await.lands_on("https://web.example/");
    visitor.opens(&answer).await.lands_on(&slo(&broker));
    visitor.sees("Signed out");
    let elsewhere = answer.replace("RelayState=", "RelayState=https%3A%2F%2Fevil.example");
    visitor.opens(&elsewhere).await.lands_on(&slo(&broker));
    assert_eq!(visitor.page().header("location"), None);
    assert_eq!(idp.log().len(), 2);
}

/// C-72: without the setting nobody's request counts.
#[tokio::test]
async fn a_provider_without_single_logout_signs_nobody_out() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let broker = with(&clock, client("web"), saml("Acme", &idp)).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    visitor.signs_in(&app, "Acme").await;
    visitor.requests(idp.logout_by_redirect(&slo(&broker), &Person::ada(), None)).await;
    visitor.sees("saml_logout_sender_unknown");
    assert!(is_signed_in(&mut visitor, &app).await);
}

#[tokio::test]
async fn the_apps_hear_that_a_provider_signed_their_person_out() {
    let clock = clock();
    let idp = SamlIdp::start(&clock).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = format!("backchannel_logout_uri = \"http://{}/bye\"", listener.local_addr().unwrap());
    let broker = with(&clock, client("web").with(&line), saml("Acme", &idp).with("end_session = true")).await;
    Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    Browser::new(&clock).opens(idp.logout_by_redirect(&slo(&broker), &Person::ada(), None)).await;
    hears_logout(&listener, "/bye").await;
}
