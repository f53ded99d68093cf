//! `private_key_jwt`: whoever holds the app's key is the app, once for each assertion.

use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use symbolon::config;
use tokio::net::TcpListener;

use super::world::{ASSERTION_TYPE, Signer, World, assertion, but, signing_client};
use crate::support::broker::app::TokenAnswer;
use crate::support::broker::client;
use crate::support::fake_idp::keys::{STRANGER, b64, sign_hs256};

const MACHINE: [&str; 2] =
    ["grants = [\"client_credentials\"]", "assertion_algorithms = [\"ES256\", \"PS256\", \"EdDSA\"]"];

/// A machine that signs.
fn machine(signer: &Signer) -> crate::support::broker::ClientToml {
    let machine = signing_client("machine", signer).scopes(&["api/read"]);
    MACHINE.iter().fold(machine, |machine, line| machine.with(line))
}

async fn asks(world: &World, raw: &str) -> TokenAnswer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", raw),
    ];
    world.posts("/oauth2/token", &form, &[]).await
}

fn is_refused(answer: &TokenAnswer, why: &str) {
    answer.is_refused_with(400, "invalid_client");
    assert_eq!(answer.body.get("access_token"), None);
    let description = answer.body["error_description"].as_str().unwrap();
    assert!(description.contains(why), "{description:?} does not say {why:?}");
}

#[tokio::test]
async fn an_app_signs_in_people_with_an_assertion_instead_of_a_secret() {
    let signer = Signer::ec("k1");
    let world = World::with(vec![signing_client("bank", &signer)]).await;
    let (ask, code) = world.code("bank").await;
    let assertion = world.asserted("bank", &signer);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://bank.example/callback"),
        ("code_verifier", ask.verifier.as_str()),
        ("client_id", "bank"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    let app = world.broker.app("bank");
    let tokens = world.posts("/oauth2/token", &form, &[]).await.tokens(&app).await;
    for (path, status) in [("/oauth2/introspect", true), ("/oauth2/revoke", false)] {
        let assertion = world.asserted("bank", &signer);
        let form = [
            ("token", tokens.refresh_token.as_str()),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        let answer = world.posts(path, &form, &[]).await;
        assert_eq!(
            (answer.status, answer.body.get("active").is_some()),
            (200, status),
            "{path} {}",
            answer.body
        );
    }
    let assertion = world.asserted("bank", &signer);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_str()),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    world.posts("/oauth2/token", &refresh, &[]).await.is_refused_with(400, "invalid_grant");
}

#[tokio::test]
async fn each_allowed_algorithm_is_accepted() {
    for signer in [Signer::ec("a"), Signer::ed("b"), Signer::rsa("c", Algorithm::PS256)] {
        let world = World::with(vec![machine(&signer)]).await;
        let answer = asks(&world, &world.asserted("machine", &signer)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// A-27
#[tokio::test]
async fn no_other_algorithm_key_or_shape_authenticates() {
    let signer = Signer::rsa("k1", Algorithm::RS256);
    let world = World::with(vec![machine(&signer)]).await;
    let claims = assertion("machine", &world.broker.issuer, &world.clock);
    is_refused(&asks(&world, &signer.asserts(&claims)).await, "algorithm");
    for alg in ["none", "nOnE", "", "HS256"] {
        let header = json!({ "alg": alg, "kid": "k1" }).to_string();
        is_refused(
            &asks(&world, &format!("{}.{}.", b64(&header), b64(claims.to_string()))).await,
            "algorithm",
        );
    }
    let with_public_key =
        sign_hs256(&signer.key.public_der(), r#"{"alg":"HS256","kid":"k1"}"#, &claims.to_string());
    is_refused(&asks(&world, &with_public_key).await, "algorithm");
    let stranger = Signer { key: &STRANGER, algorithm: Algorithm::PS256, kid: "k1" };
    is_refused(&asks(&world, &stranger.asserts(&claims)).await, "signature");
    is_refused(&asks(&world, &Signer { kid: "k2", ..stranger }.asserts(&claims)).await, "k2");
    let own = Signer::rsa("k1", Algorithm::PS256);
    let brought =
        Header { jwk: serde_json::from_value(Signer::ec("k9").jwk()).ok(), ..Header::new(Algorithm::ES256) };
    is_refused(&asks(&world, &Signer::ec("k9").signs(&brought, &claims)).await, "key");
    for garbage in ["", "x", "a.b.c", "a.b.c.d.e", "{}"] {
        assert_eq!(asks(&world, garbage).await.body["error"], "invalid_client", "{garbage}");
    }
    is_refused(&asks(&world, &own.asserts(&but(claims.clone(), json!({"pad": "x".repeat(9000)})))).await, "");
    assert_eq!(asks(&world, &own.asserts(&claims)).await.status, 200);
}

/// A-28
#[tokio::test]
async fn an_assertion_says_who_for_whom_and_until_when() {
    let signer = Signer::ec("k1");
    let world = World::with(vec![machine(&signer), client("web")]).await;
    let now = world.clock.now().secs();
    for (change, why) in [
        (json!({"exp": now - 300}), "expired"),
        (json!({"exp": now}), "expired"),
        (json!({"exp": null}), "exp"),
        (json!({"exp": "soon"}), "exp"),
        (json!({"exp": now + 3700}), "more than an hour"),
        (json!({"nbf": now + 61}), "nbf"),
        (json!({"iat": now + 61}), "iat"),
        (json!({"iat": "now"}), "iat"),
        (json!({"sub": null}), "sub"),
        (json!({"iss": null}), "iss"),
        (json!({"iss": "web"}), "iss"),
        (json!({"sub": "web"}), ""),
        (json!({"jti": null}), "jti"),
        (json!({"jti": ""}), "jti"),
        (json!({"jti": 7}), "jti"),
        (json!({"jti": "x".repeat(300)}), "jti"),
    ] {
        let claims = but(assertion("machine", &world.broker.issuer, &world.clock), change.clone());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &signer.asserts(&claims)),
        ];
        is_refused(&world.posts("/oauth2/token", &form, &[]).await, why);
    }
    for good in [
        json!({"nbf": now + 8}),
        json!({"iat": now + 8}),
        json!({"iat": null}),
        json!({"exp": now + 300}),
        json!({"other": [1]}),
    ] {
        let claims = but(assertion("machine", &world.broker.issuer, &world.clock), good.clone());
        assert_eq!(asks(&world, &signer.asserts(&claims)).await.status, 200, "{good}");
    }
}

/// A-29
#[tokio::test]
async fn an_assertion_is_used_once_at_all_endpoints_and_replicas() {
    use crate::support::broker::{Broker, provider};
    let (clock, signer) = (super::world::clock(), Signer::ec("k1"));
    let acme = crate::support::fake_idp::FakeIdp::oidc(&clock).await;
    let builder = Broker::builder(&clock).client(machine(&signer)).provider(provider("Acme", &acme));
    let (one, two) = builder.start_pair().await;
    let http = super::world::http();
    let raw = signer.asserts(&assertion("machine", &one.issuer, &clock));
    let form = [
        ("grant_type", "client_credentials"),
        ("token", "x"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &raw),
    ];
    let post = |url: String| crate::support::broker::app::answer(http.post(url).form(&form));
    assert_eq!(post(one.at("/oauth2/token")).await.status, 200);
    for url in [one.at("/oauth2/token"), two.at("/oauth2/token")] {
        is_refused(&post(url).await, "used before");
    }
    for url in [one.at("/oauth2/revoke"), two.at("/oauth2/introspect")] {
        let answer = post(url).await;
        assert_eq!((answer.status, &answer.body["error"]), (401, &"invalid_client".into()));
    }
    let parallel = signer.asserts(&assertion("machine", &one.issuer, &clock));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &parallel),
    ];
    let tries = (0..20).map(|n| {
        crate::support::broker::app::answer(
            http.post(if n % 2 == 0 { &one } else { &two }.at("/oauth2/token")).form(&form),
        )
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

/// A-30
#[tokio::test]
async fn the_audience_is_the_issuer_as_one_string() {
    let signer = Signer::ec("k1");
    let lenient = signing_client("lenient", &signer)
        .scopes(&["api/read"])
        .with(MACHINE[0])
        .with("token_endpoint_as_audience = true");
    let world = World::with(vec![machine(&signer), lenient]).await;
    let (issuer, token, par) =
        (world.broker.issuer.clone(), world.broker.at("/oauth2/token"), world.broker.at("/oauth2/par"));
    for audience in [
        json!([issuer]),
        json!(token),
        json!(par),
        json!(format!("{issuer}/")),
        json!("https://other.example"),
        json!(null),
    ] {
        for (client, accepted) in [("machine", false), ("lenient", audience == token)] {
            let claims = but(assertion(client, &issuer, &world.clock), json!({ "aud": audience }));
            let answer = asks(&world, &signer.asserts(&claims)).await;
            if accepted {
                assert_eq!(answer.status, 200, "{}", answer.body);
            } else {
                is_refused(&answer, "aud");
            }
        }
    }
}

/// A-25
#[tokio::test]
async fn one_method_at_a_time_and_only_the_registered_one() {
    let signer = Signer::ec("k1");
    let world = World::with(vec![machine(&signer), client("web"), client("spa").public()]).await;
    let raw = world.asserted("machine", &signer);
    let grant = ("grant_type", "client_credentials");
    let both = [
        grant,
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &raw),
        ("client_secret", "x"),
    ];
    world.posts("/oauth2/token", &both, &[]).await.is_refused_with(400, "invalid_request");
    world
        .posts("/oauth2/token", &both[..3], &[("authorization", "Basic eDp4")])
        .await
        .is_refused_with(400, "invalid_request");
    for form in [
        [grant, ("client_id", "machine"), ("x", "y")],
        [grant, ("client_id", "machine"), ("client_secret", "secret-of-machine-0123456789")],
        [grant, ("client_assertion_type", ASSERTION_TYPE), ("client_id", "machine")],
        [
            grant,
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            ("client_assertion", &raw),
        ],
    ] {
        world.posts("/oauth2/token", &form, &[]).await.is_refused_with(400, "invalid_client");
    }
    for other in ["web", "spa", "nobody"] {
        is_refused(&asks(&world, &world.asserted(other, &signer)).await, "");
        let foreign = [
            grant,
            ("client_id", other),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &raw),
        ];
        world.posts("/oauth2/token", &foreign, &[]).await.is_refused_with(400, "invalid_client");
    }
    assert_eq!(asks(&world, &raw).await.status, 200, "nothing above used it up");
}

/// A code that comes with a bad assertion has left the hands of its app (A-17).
#[tokio::test]
async fn a_code_with_a_bad_assertion_is_spent() {
    let signer = Signer::ec("k1");
    let world = World::with(vec![signing_client("bank", &signer)]).await;
    let (ask, code) = world.code("bank").await;
    for (signed_by, error) in [(&Signer::ec("k1"), "invalid_client"), (&signer, "invalid_grant")] {
        let raw = world.asserted("bank", signed_by);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://bank.example/callback"),
            ("code_verifier", ask.verifier.as_str()),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &raw),
        ];
        world.posts("/oauth2/token", &form, &[]).await.is_refused_with(400, error);
    }
}

/// A-49 from the other side: an app's keys are read from its URL, and again when it signs with one that is
/// new.
#[tokio::test]
async fn keys_behind_a_url_are_fetched_and_a_new_one_is_found() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let (published, url) = publish(old.jwks()).await;
    let toml = client("machine")
        .public()
        .scopes(&["api/read"])
        .with(MACHINE[0])
        .with("client_auth = \"private_key_jwt\"");
    let world = World::with(vec![toml.with(&format!("jwks_uri = {url:?}"))]).await;
    assert_eq!(asks(&world, &world.asserted("machine", &old)).await.status, 200);
    *published.lock().unwrap() = new.jwks();
    assert_eq!(asks(&world, &world.asserted("machine", &new)).await.status, 200);
    is_refused(&asks(&world, &world.asserted("machine", &old)).await, "old");
}

/// A-39: what an app publishes at a place that is not for it is not called.
#[tokio::test]
async fn keys_are_not_fetched_from_private_addresses() {
    let (_published, url) = publish(Signer::ec("k").jwks()).await;
    let toml = format!(
        "[[pool]]\nid = \"eu-west-1_A1\"\n[[pool.client]]\nid = \"m\"\nclient_auth \
         = \"private_key_jwt\"\njwks_uri = {url:?}\nredirect_uris = [\"https://a.example/cb\"]\n"
    );
    let outside = symbolon::outside::Outside::fake(super::world::clock().now(), 3);
    let config = config::parse(&toml, "symbolon.toml", &[], &|name| Err(name.to_owned())).unwrap();
    let upstreams = symbolon::app::upstreams(&config, &outside).unwrap();
    let keys = symbolon::outside::client_keys::ClientKeys::new(&outside, &upstreams);
    let refused =
        keys.of(&symbolon::model::client_authentication::ClientKeySource::Fetched(url)).await.unwrap_err();
    assert_eq!(symbolon::model::fault::Refusal::code(&refused), "endpoint_unusable");
    let named = symbolon::model::client_authentication::ClientKeySource::Fetched(
        "https://127.0.0.1:1/jwks".to_owned(),
    );
    assert_eq!(
        symbolon::model::fault::Refusal::code(&keys.of(&named).await.unwrap_err()),
        "provider_address_refused"
    );
}

/// A place that answers with a key set, which the test may change.
async fn publish(jwks: String) -> (std::sync::Arc<std::sync::Mutex<String>>, String) {
    let published = std::sync::Arc::new(std::sync::Mutex::new(jwks));
    let shown = published.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/jwks", listener.local_addr().unwrap().port());
    let router = axum::Router::new()
        .route("/jwks", axum::routing::get(move || std::future::ready(shown.lock().unwrap().clone())));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (published, url)
}
