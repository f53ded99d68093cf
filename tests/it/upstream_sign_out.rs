//! B-46: an OpenID provider signs people out here: the right sessions end, and nothing else that comes to
//! these two addresses ends any.

use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde_json::{Value, json};
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use tokio::net::TcpListener;
use url::Url;

use crate::diagnosis::{reference_in, story};
use crate::support::asserts::hears_logout;
use crate::support::broker::app::TokenAnswer;
use crate::support::broker::{AppUnderTest, Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{EVENT, Endpoint, FakeIdp, Person, Switch};

const BOTH: &str = "backchannel_logout = true\nfrontchannel_logout = true";
const DOOR: &str = "/oauth2/backchannel_logout/Acme";

struct World {
    clock: Clock,
    acme: FakeIdp,
    other: FakeIdp,
    broker: Broker,
    app: AppUnderTest,
}

async fn world() -> World {
    world_with(BOTH, "").await
}

async fn world_with(acme_line: &str, client_line: &str) -> World {
    let clock = Clock::fake(Timestamp::from_secs(1_800_000_000));
    let (acme, other) = (FakeIdp::oidc(&clock).await, FakeIdp::oidc(&clock).await);
    let pool = Broker::builder(&clock).pool("signing = \"EdDSA\"").client(client("web").with(client_line));
    let pool =
        pool.provider(provider("Acme", &acme).with(acme_line)).provider(provider("Other", &other).with(BOTH));
    let broker = pool.start().await;
    World { app: broker.app("web"), clock, acme, other, broker }
}

fn ada(sid: &str) -> Person {
    Person::new("ada-7", "Ada", "ada@acme.example").with("sid", sid)
}

fn claim(name: &str, value: impl Into<Value>) -> Switch {
    Switch::Claim(name.to_owned(), value.into())
}

fn without(name: &str) -> Switch {
    Switch::ClaimMissing(name.to_owned())
}

impl World {
    async fn signs_in(&self, person: Person) -> Browser {
        self.acme.signs_in(person);
        let mut visitor = Browser::new(&self.clock);
        visitor.opens(self.app.asks().at("Acme").url()).await;
        assert!(
            visitor.page().url.as_str().starts_with(&self.app.redirect_uri)
                && visitor.page().query("code").is_some(),
            "{visitor}"
        );
        visitor
    }

    async fn is_signed_in(&self, visitor: &mut Browser) -> bool {
        visitor.opens(self.app.asks().with("prompt", "none").url()).await;
        visitor.page().query("code").is_some()
    }

    async fn posts(&self, token: &str) -> TokenAnswer {
        self.app.posts_raw(DOOR, &[("logout_token", token)]).await
    }

    async fn is_told(&self, deeds: &[Switch]) {
        let answer = self.posts(&self.acme.logout_token(deeds)).await;
        assert_eq!((answer.status, &answer.body), (200, &Value::from("")), "{answer:?}");
    }

    /// The provider is refused, and the story that its answer names has `code`.
    async fn refuses(&self, token: &str, code: &str) {
        let answer = self.posts(token).await;
        answer.is_refused_with(400, "invalid_request");
        self.has_story(answer.body["error_description"].as_str().unwrap(), code).await;
    }

    async fn has_story(&self, text: &str, code: &str) {
        let trace = story(&self.broker, &reference_in(text)).await;
        assert_eq!(trace.outcome.code, code);
    }

    async fn frame(&self, parameters: &[(&str, &str)]) -> (u16, String) {
        let url =
            Url::parse_with_params(&self.broker.at("/oauth2/frontchannel_logout/Acme"), parameters).unwrap();
        let answer = reqwest::Client::new().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn the_sessions_that_end_are_those_of_the_sign_in_or_of_the_person() {
    let world = world().await;
    let mut laptop = world.signs_in(ada("sid-laptop")).await;
    let mut phone = world.signs_in(ada("sid-phone-1")).await;
    let mut bob =
        world.signs_in(Person::new("bob-8", "Bob", "bob@acme.example").with("sid", "sid-of-bob")).await;
    world.acme.signs_in(ada("sid-laptop"));
    // Both have to be of one sign-in.
    world.is_told(&[claim("sid", "sid-of-bob")]).await;
    world.is_told(&[claim("sid", "nobody's")]).await;
    world.is_told(&[claim("sub", "nobody"), without("sid")]).await;
    for visitor in [&mut laptop, &mut phone, &mut bob] {
        assert!(world.is_signed_in(visitor).await);
    }
    world.is_told(&[without("sub")]).await;
    assert!(!world.is_signed_in(&mut laptop).await);
    assert!(world.is_signed_in(&mut phone).await && world.is_signed_in(&mut bob).await);
    world.clock.advance(Duration::from_secs(1));
    let mut again = world.signs_in(ada("sid-laptop")).await;
    world.is_told(&[without("sid")]).await;
    assert!(!world.is_signed_in(&mut again).await && !world.is_signed_in(&mut phone).await);
    assert!(world.is_signed_in(&mut bob).await);
}

/// A person whose sign-ins have no `sid` is signed out by `sub`.
#[tokio::test]
async fn a_provider_without_session_ids_signs_its_person_out() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("s").without("sid")).await;
    world.is_told(&[]).await;
    assert!(!world.is_signed_in(&mut visitor).await);
}

/// A sign-in that is under way while the provider ends it is over before anybody hears of it; a later one is
/// another.
#[tokio::test]
async fn a_person_who_is_signed_out_while_the_sign_in_is_under_way_is_not_signed_in() {
    let world = world().await;
    world.acme.signs_in(ada("sid-laptop"));
    let soon = claim("iat", world.clock.now().secs() + 1);
    // The very sign-in is over; of a person it is said what came before.
    for (said, over) in [
        (vec![without("sid")], false),
        (vec![], true),
        (vec![without("sub")], true),
        (vec![without("sid"), soon], true),
    ] {
        world.is_told(&said).await;
        let mut visitor = Browser::new(&world.clock);
        visitor.opens(world.app.asks().at("Acme").url()).await;
        assert_eq!(
            !visitor.page().url.as_str().starts_with(&world.app.redirect_uri),
            over,
            "{said:?}: {visitor}"
        );
        if over {
            visitor.sees("provider_signed_out");
            assert!(visitor.cookie("symbolon-session").is_none());
        }
        assert_eq!(world.is_signed_in(&mut visitor).await, !over, "{said:?}");
    }
    world.clock.advance(Duration::from_secs(2));
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    assert!(world.is_signed_in(&mut visitor).await);
}

/// Wherever in a sign-in the token meets it, one of both sees the other.
#[tokio::test]
async fn no_sign_in_outlives_a_sign_out_at_the_same_time() {
    let world = world().await;
    for round in 0..40 {
        world.acme.signs_in(ada(&format!("sid-of-round-{round}")));
        let mut visitor = Browser::new(&world.clock);
        let sign_out = async {
            tokio::time::sleep(Duration::from_micros(500 * round)).await;
            world.is_told(&[]).await;
        };
        let address = world.app.asks().at("Acme").url();
        tokio::join!(visitor.opens(address), sign_out);
        assert!(!world.is_signed_in(&mut visitor).await, "round {round}: {visitor}");
    }
}

/// The same words of another provider mean another sign-in, and its token is not one of this provider.
#[tokio::test]
async fn another_provider_ends_nothing() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("sid-shared")).await;
    world.other.signs_in(ada("sid-shared"));
    let token = world.other.logout_token(&[]);
    let answer = world.app.posts_raw("/oauth2/backchannel_logout/Other", &[("logout_token", &token)]).await;
    assert_eq!(answer.status, 200);
    world.refuses(&token, "logout_token_issuer_mismatch").await;
    assert!(world.is_signed_in(&mut visitor).await);
    world.is_told(&[]).await;
    assert!(!world.is_signed_in(&mut visitor).await);
}

#[tokio::test]
async fn a_token_counts_once_and_while_it_is_fresh() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    let token = world.acme.logout_token(&[]);
    assert_eq!(world.posts(&token).await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let mut again = world.signs_in(ada("sid-laptop")).await;
    world.refuses(&token, "logout_token_replayed").await;
    assert!(world.is_signed_in(&mut again).await && !world.is_signed_in(&mut visitor).await);
    let old = world.acme.logout_token(&[]);
    world.clock.advance(Duration::from_secs(181));
    world.refuses(&old, "logout_token_expired").await;
    assert!(world.is_signed_in(&mut again).await);
}

#[tokio::test]
async fn a_token_that_lies_ends_nothing() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    for (deed, code) in [
        (Switch::SignedByStranger, "jws_signature"),
        (Switch::SignatureMissing, "jws_signature"),
        (Switch::HmacKeyedWith(crate::support::fake_idp::PublicText::Pem), "jws_algorithm_not_allowed"),
        (Switch::HeaderJwk, "jws_signature"),
        (Switch::Header("typ".to_owned(), json!("at+jwt")), "logout_token_other_type"),
        (Switch::ClaimTwice("sub".to_owned(), json!("bob")), "jws_claims"),
        (Switch::Expired, "logout_token_expired"),
        (claim("exp", 253_402_300_799_i64), "logout_token_lasts_too_long"),
        (without("exp"), "logout_token_claim_missing"),
        (without("iat"), "logout_token_claim_missing"),
        (claim("iat", 1_800_000_061), "logout_token_from_the_future"),
        (without("jti"), "logout_token_claim_missing"),
        (claim("events", json!({EVENT: "yes"})), "logout_token_other_event"),
        (Switch::AudArrayWithStranger, "logout_token_audience_mismatch"),
        (Switch::IssWithSlash, "logout_token_issuer_mismatch"),
    ] {
        let token = world.acme.logout_token(std::slice::from_ref(&deed));
        let answer = world.posts(&token).await;
        assert_eq!(answer.status, 400, "{deed:?}");
        world.has_story(answer.body["error_description"].as_str().unwrap(), code).await;
    }
    world
        .refuses(&world.acme.logout_token(&[without("sub"), without("sid")]), "logout_token_names_nobody")
        .await;
    world.refuses(&world.acme.last_id_token(), "logout_token_claim_missing").await;
    assert!(world.is_signed_in(&mut visitor).await);
}

/// The story tells what came and keeps the token and the person to itself.
#[tokio::test]
async fn a_refusal_can_be_looked_up() {
    let world = world().await;
    drop(world.signs_in(ada("sid-laptop")).await);
    let token = world.acme.logout_token(&[claim("aud", "another-client")]);
    let answer = world.posts(&token).await;
    let text = answer.body["error_description"].as_str().unwrap();
    assert!(text.contains("another-client") && !text.contains("ada-7"), "{text}");
    let trace = story(&world.broker, &reference_in(text)).await;
    let told = symbolon::model::trace::render::text(&trace);
    assert!(
        told.contains("logout token, not verified yet") && told.contains("client_id of this provider"),
        "{told}"
    );
    assert!(!told.contains(&token) && !told.contains("sid-laptop"), "{told}");
}

/// B-18, B-19: keys are read again for a key that is not known, at most twice a minute, whoever posts.
#[tokio::test]
async fn a_new_key_is_fetched_and_unknown_ones_fetch_no_storm() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    world.clock.advance(Duration::from_secs(40));
    world.acme.rotates_keys();
    let before = world.acme.count(Endpoint::Jwks);
    world.is_told(&[]).await;
    assert!(!world.is_signed_in(&mut visitor).await);
    for _ in 0..5 {
        world.refuses(&world.acme.logout_token(&[Switch::KidRandom]), "jws_unknown_key").await;
    }
    assert_eq!(world.acme.count(Endpoint::Jwks), before + 1);
}

/// B-19: whoever posts made-up keys here uses up an allowance of their own: who signs in with a new key is
/// served at once.
#[tokio::test]
async fn made_up_keys_do_not_keep_a_new_one_from_people() {
    let world = world().await;
    drop(world.signs_in(ada("sid-laptop")).await);
    let before = world.acme.count(Endpoint::Jwks);
    let made_up = async || {
        for _ in 0..5 {
            world.refuses(&world.acme.logout_token(&[Switch::KidRandom]), "jws_unknown_key").await;
        }
        world.acme.count(Endpoint::Jwks) - before
    };
    assert_eq!(made_up().await, 1);
    world.acme.rotates_keys();
    let mut visitor = world.signs_in(ada("sid-phone-1")).await;
    assert!(world.is_signed_in(&mut visitor).await);
    assert_eq!(made_up().await, 2, "the sign-in's, and nobody else's");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(made_up().await, 3);
}

#[tokio::test]
async fn only_a_form_with_one_token_is_read() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    let token = world.acme.logout_token(&[]);
    for fields in [
        &[][..],
        &[("logout_token", "")],
        &[("token", &token)],
        &[("logout_token", &token), ("logout_token", &token)],
    ] {
        let answer = world.app.posts_raw(DOOR, fields).await;
        answer.is_refused_with(400, "invalid_request");
        world.has_story(answer.body["error_description"].as_str().unwrap(), "logout_request_malformed").await;
    }
    let http = reqwest::Client::new();
    let url = world.broker.at(DOOR);
    let json = http
        .post(&url)
        .header(CONTENT_TYPE, "application/json")
        .body(json!({"logout_token": token}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!((json.status().as_u16(), &json.headers()[CACHE_CONTROL]), (400, &"no-store".parse().unwrap()));
    let in_query = http.post(format!("{url}?logout_token={token}")).send().await.unwrap();
    assert_eq!(in_query.status().as_u16(), 400);
    assert_eq!(http.get(format!("{url}?logout_token={token}")).send().await.unwrap().status().as_u16(), 405);
    let large = http.post(&url).form(&[("logout_token", "x".repeat(70_000))]).send().await.unwrap();
    assert_eq!(large.status().as_u16(), 413);
    let asked = http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://web.example")
        .send()
        .await
        .unwrap();
    assert!(asked.headers().get("access-control-allow-origin").is_none());
    assert!(world.is_signed_in(&mut visitor).await);
}

/// Neither does a provider that was given the other way only.
#[tokio::test]
async fn a_provider_that_may_not_signs_nobody_out() {
    for (line, back, front) in [
        ("enabled = true", 400, 400),
        ("backchannel_logout = true", 200, 400),
        ("frontchannel_logout = true", 400, 200),
    ] {
        let world = world_with(line, "").await;
        let mut visitor = world.signs_in(ada("sid-laptop")).await;
        let parameters = [("iss", world.acme.issuer()), ("sid", "sid-laptop".to_owned())];
        let parameters = parameters.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(world.frame(&parameters).await.0, front, "{line}");
        assert_eq!(world.is_signed_in(&mut visitor).await, front == 400, "{line}");
        let mut visitor = world.signs_in(ada("sid-laptop")).await;
        assert_eq!(world.posts(&world.acme.logout_token(&[])).await.status, back, "{line}");
        assert_eq!(world.is_signed_in(&mut visitor).await, back == 400, "{line}");
        let elsewhere =
            world.app.posts_raw("/oauth2/backchannel_logout/Nobody", &[("logout_token", "a.b.c")]).await;
        elsewhere.is_refused_with(400, "invalid_request");
        world.has_story(elsewhere.body["error_description"].as_str().unwrap(), "logout_not_offered").await;
    }
}

/// The apps' tokens are theirs, as with every sign-out; what ends is the session, and the apps hear of it.
#[tokio::test]
async fn the_apps_hear_of_it_and_keep_their_refresh_tokens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = format!("backchannel_logout_uri = \"http://{}/bye\"", listener.local_addr().unwrap());
    let world = world_with(BOTH, &line).await;
    world.acme.signs_in(ada("sid-laptop"));
    let tokens = Browser::new(&world.clock).signs_in(&world.app, "Acme").await;
    world.is_told(&[]).await;
    hears_logout(&listener, "/bye").await;
    let refreshed = world.app.refreshes(&tokens.refresh_token).await.tokens(&world.app).await;
    assert_eq!(refreshed.id["sub"], tokens.id["sub"]);
}

/// Without both words any page could sign people out by loading an image; a short `sid` could be guessed.
#[tokio::test]
async fn a_frame_without_the_right_words_ends_nothing() {
    let world = world().await;
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    let mut short = world.signs_in(ada("7")).await;
    let issuer = world.acme.issuer();
    for (parameters, code) in [
        (&[][..], "logout_frame_incomplete"),
        (&[("iss", issuer.as_str())], "logout_frame_incomplete"),
        (&[("sid", "sid-laptop")], "logout_frame_incomplete"),
        (&[("iss", "https://evil.example"), ("sid", "sid-laptop")], "logout_frame_issuer_mismatch"),
        (&[("iss", &world.other.issuer()), ("sid", "sid-laptop")], "logout_frame_issuer_mismatch"),
        (&[("iss", &issuer), ("sid", "7")], "logout_frame_sid_guessable"),
        (&[("iss", &issuer), ("sid", "sid-laptop"), ("sid", "sid-phone-1")], "logout_request_malformed"),
    ] {
        let (status, page) = world.frame(parameters).await;
        assert_eq!(status, 400, "{parameters:?}");
        world.has_story(&page, code).await;
    }
    assert_eq!(world.frame(&[("iss", &issuer), ("sid", "sid-of-nobody")]).await.0, 200);
    assert!(world.is_signed_in(&mut visitor).await && world.is_signed_in(&mut short).await);
    world.acme.signs_in(ada("7"));
    world.is_told(&[]).await;
    assert!(!world.is_signed_in(&mut short).await);
}

/// A browser that sends our cookie in the frame, because both are of one site, loses it and loads the frames
/// of the apps.
#[tokio::test]
async fn a_browser_that_brings_its_cookie_has_its_apps_told_too() {
    let world = world_with(BOTH, "frontchannel_logout_uri = \"https://web.example/out\"").await;
    let mut visitor = world.signs_in(ada("sid-laptop")).await;
    let issuer = world.acme.issuer();
    let url = Url::parse_with_params(
        &world.broker.at("/oauth2/frontchannel_logout/Acme"),
        [("iss", issuer.as_str()), ("sid", "sid-laptop")],
    );
    let url = url.unwrap();
    let mut stranger = Browser::new(&world.clock);
    let mut known = visitor.new_tab();
    known.opens(&url).await.sees("Signed out");
    assert_eq!(known.framed().len(), 1);
    assert!(visitor.cookie("symbolon-session").is_none());
    let policy = known.page().header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains(&format!("frame-ancestors {}", world.acme.base())), "{policy}");
    stranger.opens(&url).await.sees("Signed out");
    assert!(stranger.framed().is_empty());
    assert!(!world.is_signed_in(&mut visitor).await);
}

/// D-02: what is refused shows in no frame.
#[tokio::test]
async fn a_refusal_shows_in_no_frame() {
    let world = world().await;
    let url = world.broker.at("/oauth2/frontchannel_logout/Acme");
    let answer = reqwest::Client::new().get(url).send().await.unwrap();
    assert!(answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
}
