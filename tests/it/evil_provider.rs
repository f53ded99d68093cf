//! A provider that lies signs nobody in: each deed, from the app's redirect to the refusal, and an honest
//! sign-in after all.

use serde_json::{Value, json};
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;
use url::Url;

use crate::support::broker::{AppUnderTest, Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::keys::STRANGER;
use crate::support::fake_idp::{Endpoint, FakeIdp, PublicText, Switch, Trouble};

struct World {
    clock: Clock,
    evil: FakeIdp,
    app: AppUnderTest,
    broker: Broker,
}

async fn world() -> World {
    let clock = Clock::fake(Timestamp::from_secs(1_800_000_000));
    let evil = FakeIdp::oidc(&clock).await;
    let pool = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
    let broker = pool.provider(provider("Evil", &evil)).start().await;
    World { app: broker.app("web"), clock, evil, broker }
}

impl World {
    /// Someone tries to sign in; the page where that ended, which is never the app with a code.
    async fn is_refused(&self, deed: &str) -> Browser {
        let mut visitor = Browser::new(&self.clock);
        visitor.opens(self.app.asks().at("Evil").url()).await;
        let page = visitor.page();
        assert_eq!(
            page.query("code").filter(|_| page.url.as_str().starts_with(&self.app.redirect_uri)),
            None,
            "{deed}: {visitor}"
        );
        let told = page.query("error").is_some() || (400..600).contains(&page.status);
        assert!(told, "{deed}: nobody was told: {visitor}");
        visitor
    }

    /// Each deed is refused after the code was redeemed, so for what the ID token or userinfo says.
    async fn refuses_after_redemption(&self, deeds: Vec<Switch>) {
        for deed in deeds {
            self.evil.behaves();
            self.evil.does(deed.clone());
            let before = self.evil.count(Endpoint::Token);
            self.is_refused(&format!("{deed:?}")).await;
            assert_eq!(self.evil.count(Endpoint::Token), before + 1, "{deed:?} was not what was refused");
        }
        self.evil.behaves();
        Browser::new(&self.clock).signs_in(&self.app, "Evil").await;
    }
}

fn claim(name: &str, value: Value) -> Switch {
    Switch::Claim(name.to_owned(), value)
}

/// B-04 B-05 B-06
#[tokio::test]
async fn a_nonce_that_is_not_ours_signs_nobody_in() {
    let deeds = vec![
        Switch::NonceWrong,
        Switch::NonceMissing,
        Switch::NonceWrongAndUnsupported,
        claim("nonce", json!(["n"])),
    ];
    world().await.refuses_after_redemption(deeds).await;
}

/// B-07 B-11 B-12 B-14
#[tokio::test]
async fn tokens_from_or_for_somebody_else_sign_nobody_in() {
    let issuers = vec![
        Switch::IssMissing,
        Switch::IssWithSlash,
        Switch::IssOtherScheme,
        Switch::IssOtherCase,
        claim("iss", json!(7)),
    ];
    let audiences = vec![
        Switch::AudMissing,
        Switch::AudWrong,
        Switch::AudArrayWithStranger,
        Switch::AudArrayWithAzp("another-client".to_owned()),
        claim("azp", json!("another-client")),
        claim("aud", json!([])),
    ];
    let subjects =
        [json!(""), json!(7), json!(["person-1"]), json!("a\u{0}b"), json!("x".repeat(10_000)), Value::Null];
    let subjects = subjects.into_iter().map(|subject| claim("sub", subject)).chain([Switch::SubMissing]);
    world()
        .await
        .refuses_after_redemption(issuers.into_iter().chain(audiences).chain(subjects).collect())
        .await;
}

/// B-15
#[tokio::test]
async fn tokens_of_another_time_sign_nobody_in() {
    let later = 1_800_000_000 + 600;
    let deeds = vec![
        Switch::Expired,
        Switch::ClaimMissing("exp".to_owned()),
        Switch::ClaimMissing("iat".to_owned()),
        claim("exp", json!("1900000000")),
        claim("exp", json!(1e300)),
        claim("exp", json!(-1)),
        claim("iat", json!(later)),
        claim("nbf", json!(later)),
        Switch::ClaimTwice("sub".to_owned(), json!("admin")),
    ];
    world().await.refuses_after_redemption(deeds).await;
}

/// B-16 B-17 B-26 B-28
#[tokio::test]
async fn signatures_that_prove_nothing_sign_nobody_in() {
    let texts = [PublicText::Pem, PublicText::Der, PublicText::Modulus, PublicText::JwkJson];
    let more = [PublicText::Kty, PublicText::Alg, PublicText::Kid, PublicText::Empty];
    let hmac = texts.into_iter().chain(more).map(Switch::HmacKeyedWith);
    let none = ["none", "None", "nOnE", "NONE", ""].map(|spelling| Switch::AlgNone(spelling.to_owned()));
    let others = vec![
        Switch::SignatureBroken,
        Switch::SignatureMissing,
        Switch::SignedByStranger,
        Switch::HeaderJwk,
        Switch::Header("crit".to_owned(), json!(["exp"])),
        Switch::KeyWithExponentOne,
        Switch::KeyOf1024Bits,
        Switch::IdTokenMissing,
        Switch::AtHashWrong,
    ];
    world().await.refuses_after_redemption(none.into_iter().chain(hmac).chain(others).collect()).await;
}

/// B-17: a header that names a key is not followed, wherever it points.
#[tokio::test]
async fn keys_named_by_a_token_are_never_fetched() {
    let world = world().await;
    let trap = FakeIdp::oidc(&world.clock).await;
    for (name, value) in [
        ("jku", trap.endpoint(Endpoint::Jwks)),
        ("x5u", trap.base().to_owned()),
        ("kid", trap.endpoint(Endpoint::Jwks)),
    ] {
        world.evil.behaves();
        world.evil.does(Switch::Header(name.to_owned(), json!(value)));
        world.evil.does(Switch::SignedByStranger);
        world.is_refused(name).await;
    }
    world.evil.does(Switch::Header("jwk".to_owned(), STRANGER.jwk("before")));
    world.is_refused("jwk").await;
    assert!(trap.log().is_empty(), "{:?}", trap.log());
}

/// B-18: one refetch, then the new key is known.
#[tokio::test]
async fn a_rotated_key_is_found_at_once() {
    let world = world().await;
    Browser::new(&world.clock).signs_in(&world.app, "Evil").await;
    world.evil.rotates_keys();
    world.clock.advance(std::time::Duration::from_secs(60));
    Browser::new(&world.clock).signs_in(&world.app, "Evil").await;
    assert_eq!(world.evil.count(Endpoint::Jwks), 2);
}

/// B-25
#[tokio::test]
async fn userinfo_about_somebody_else_signs_nobody_in() {
    let deeds = vec![
        Switch::UserinfoSub(json!("admin")),
        Switch::UserinfoSubMissing,
        Switch::UserinfoSignedByStranger,
    ];
    world().await.refuses_after_redemption(deeds).await;
}

/// B-01 B-02 B-09: nothing is redeemed for an answer that is not one.
#[tokio::test]
async fn answers_that_are_none_are_not_redeemed() {
    let world = world().await;
    let deeds = [
        Switch::StateMissing,
        Switch::State("somebody-elses".to_owned()),
        Switch::CodeTwice,
        Switch::CodeAndError,
        Switch::IdTokenInFront,
        Switch::IssParameter("https://honest.example".to_owned()),
        Switch::IssParameterMissing,
        Switch::OtherResponseMode,
    ];
    for deed in deeds {
        world.evil.behaves();
        world.evil.does(deed.clone());
        world.is_refused(&format!("{deed:?}")).await;
        assert_eq!(world.evil.count(Endpoint::Token), 0, "{deed:?}");
    }
}

/// B-03 B-44: what a provider writes into an error is text, cut short, and never markup.
#[tokio::test]
async fn an_upstream_error_is_escaped_and_bounded() {
    let world = world().await;
    let description = format!("<script>alert(1)</script>\r\nSet-Cookie: a=b {}", "x".repeat(20_000));
    world.evil.does(Switch::Error { error: "server_error".to_owned(), description });
    let mut visitor = world.is_refused("error").await;
    visitor.does_not_see("<script>alert");
    assert!(visitor.page().body.len() < 8_000, "{visitor}");
}

/// B-21: the evil provider sends the browser on to an honest one, whose code must not reach the evil one.
#[tokio::test]
async fn a_code_of_an_honest_provider_is_never_sent_to_an_evil_one() {
    let World { clock, evil, .. } = world().await;
    let honest = FakeIdp::oidc(&clock).await;
    let pool = Broker::builder(&clock).pool("signing = \"ES256\"").client(client("web"));
    let broker = pool.provider(provider("Evil", &evil)).provider(provider("Honest", &honest)).start().await;
    let mut visitor = Browser::new(&clock);
    visitor.requests(broker.app("web").asks().at("Evil").url()).await;
    while !visitor.page().url.as_str().starts_with(evil.base()) {
        let next = Url::parse(visitor.page().header("location").unwrap())
            .unwrap_or_else(|_| Url::parse(&broker.url).unwrap());
        if next.as_str().starts_with(evil.base()) {
            let stolen = format!("{}?{}", honest.endpoint(Endpoint::Authorize), next.query().unwrap());
            visitor.is_lured_to(evil.base(), &stolen).await.follows_all().await;
            break;
        }
        visitor.follows().await;
    }
    let code = honest.last_code();
    assert!(!evil.received(&code));
    assert_eq!((evil.count(Endpoint::Token), honest.count(Endpoint::Token)), (0, 0));
    assert_eq!(
        visitor.page().query("code").filter(|_| visitor.page().url.host_str() == Some("web.example")),
        None
    );
}

/// B-34 B-36: a token endpoint that fails, floods or redirects ends in a refusal, and the code goes nowhere
/// else.
#[tokio::test]
async fn a_token_endpoint_in_trouble_ends_in_a_clean_refusal() {
    let trap = FakeIdp::oidc(&Clock::Real).await;
    let troubles = [
        Trouble::Status(500),
        Trouble::TooManyRequests,
        Trouble::Reset,
        Trouble::CutInTheMiddle,
        Trouble::EndlessBody,
        Trouble::HugeBody,
        Trouble::GzipBomb,
        Trouble::EndlessHeaders,
        Trouble::DeepJson,
        Trouble::HugeNumber,
        Trouble::RedirectsTo(trap.base().to_owned()),
        Trouble::RedirectsPostTo(trap.endpoint(Endpoint::Token)),
        Trouble::Html,
        Trouble::ErrorDescription("<b>secret internals</b>".to_owned()),
    ];
    for trouble in troubles {
        // A broker each: its breaker would spare the provider otherwise.
        let world = world().await;
        world.evil.does(Switch::At(Endpoint::Token, trouble.clone()));
        world.is_refused(&format!("{trouble:?}")).await.does_not_see("<b>secret");
        assert!(world.evil.count(Endpoint::Token) >= 1, "{trouble:?}");
        assert!(trap.log().is_empty(), "{trouble:?}");
        assert_eq!(
            world.app.gets(&world.broker.at("/oauth2/userInfo")).await.status,
            401,
            "{trouble:?}: the broker lives"
        );
    }
}
