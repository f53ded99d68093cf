//! Providers of other make as operators really configure them, and as they really fail.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::world::{AppSettings, Person, Settings, Upstream, text};

/// How the broker authenticates at a provider, and how that signs its ID tokens.
struct Variant {
    name: &'static str,
    client: Value,
    toml: String,
}

fn variants() -> Vec<Variant> {
    let secret = "client_secret = \"a-secret-among-two-parties\"";
    let signed = |name, algorithm: &str| Variant {
        name,
        client: json!({ "client_secret": "a-secret-among-two-parties",
            "id_token_signed_response_alg": algorithm }),
        toml: secret.to_owned(),
    };
    let key = rcgen::KeyPair::generate().expect("a P-256 key");
    let point = key.public_key_raw();
    let coordinate = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "broker-1", "x": coordinate(1..33),
        "y": coordinate(33..65) });
    let method = |name, method: &str, toml: &str| Variant {
        name,
        client: json!({ "client_secret": "a-secret-among-two-parties",
            "token_endpoint_auth_method": method }),
        toml: format!("client_auth = {method:?}\n{toml}"),
    };
    vec![
        method("Basic", "client_secret_basic", secret),
        method("Post", "client_secret_post", secret),
        Variant {
            name: "Key",
            client: json!({
                "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
                "jwks": { "keys": [jwk] },
            }),
            toml: format!(
                "client_auth = \"private_key_jwt\"\nkey_algorithm = \"ES256\"\nkey_id \
                 = \"broker-1\"\nprivate_key = '''\n{}'''",
                key.serialize_pem()
            ),
        },
        Variant {
            name: "Open",
            client: json!({ "token_endpoint_auth_method": "none" }),
            toml: "client_auth = \"none\"".to_owned(),
        },
        signed("Rs", "RS256"),
        signed("Es", "ES256"),
        signed("Ed", "EdDSA"),
        signed("Ps", "PS256"),
    ]
}

/// Every variant is a client of one provider and a provider of one pool.
#[tokio::test]
async fn people_sign_in_whatever_way_the_broker_and_the_provider_authenticate() {
    let mut settings = Settings::new();
    let variants = variants();
    let client = |variant: &Variant| {
        let mut client = json!({ "client_id": variant.name, "redirect_uris": [settings.callback()] });
        client
            .as_object_mut()
            .expect("an object")
            .extend(variant.client.as_object().expect("an object").clone());
        client
    };
    let clients: Vec<Value> = variants.iter().map(client).collect();
    let accounts = json!([{ "sub": "ada", "userinfo": { "email": "ada@userinfo.test", "email_verified": true,
        "name": "Ada" } }]);
    let keys = ["RS256", "ES256", "EdDSA", "PS256"];
    let upstream = Upstream::start_with(
        &settings,
        json!({ "clients": clients, "keys": keys, "accounts": accounts, "pkce": true }),
        json!({}),
    );
    for Variant { name, toml, .. } in &variants {
        let issuer = &upstream.issuer;
        let table = format!(
            "[[pool.provider]]\nname = {name:?}\nuse = \"oidc\"\nissuer = {issuer:?}\nclient_id = \
             {name:?}\n{toml}\n"
        );
        settings = settings.table(&table);
    }
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).start();
    let shop = shop.start(&broker);
    for Variant { name, .. } in &variants {
        let tokens = Person::new("ada").signs_in(&shop, name).await;
        assert_eq!(tokens.pointer("/id_token_claims/cognito:username"), Some(&json!(format!("{name}_ada"))));
        assert_eq!(
            tokens.pointer("/id_token_claims/email"),
            Some(&json!("ada@userinfo.test")),
            "{name}: claims of userinfo only"
        );
    }
    let seen = upstream.saw("token").await;
    assert_eq!(seen.len(), variants.len());
    let by = |name: &str| {
        seen.iter().find(|request| request["client_id"] == json!(name)).expect("a token request").clone()
    };
    assert_eq!(by("Basic")["authorization"], json!("Basic"));
    assert!(by("Post")["params"].get("client_secret").is_some() && by("Post").get("authorization").is_none());
    assert!(
        by("Key")["params"].get("client_assertion").is_some()
            && by("Key")["params"].get("client_secret").is_none()
    );
    assert!(by("Open")["params"].get("client_secret").is_none() && by("Open").get("authorization").is_none());
}

/// A-24, B-20
#[tokio::test]
async fn whoever_cancels_at_the_provider_is_back_at_the_app_with_access_denied() {
    let settings = Settings::new();
    let upstream = Upstream::start(&settings);
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&upstream.toml("Acme")).start();
    let shop = shop.start(&broker);
    let mut ada = Person::new("ada");
    ada.opens(&shop.login(&[("identity_provider", "Acme")])).await;
    ada.clicks("Cancel").await;
    let page = ada.browser.is_refused_with("access_denied", &format!("{}/callback", shop.url));
    assert_eq!(page.query("iss"), Some(broker.issuer.clone()));
    assert!(page.query("state").is_some_and(|state| state.len() > 20));
    assert_eq!(text(&ada.sees_json(), "error"), "access_denied", "the app took the answer for its own");
}

/// B-18
#[tokio::test]
async fn a_provider_that_changed_its_keys_is_believed_at_the_next_sign_in() {
    let settings = Settings::new();
    let mut upstream = Upstream::start(&settings);
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&upstream.toml("Acme")).start();
    let shop = shop.start(&broker);
    let before = Person::new("ada").signs_in(&shop, "Acme").await;
    upstream.start_again();
    let after = Person::new("ada").signs_in(&shop, "Acme").await;
    assert_eq!(after.pointer("/id_token_claims/sub"), before.pointer("/id_token_claims/sub"));
    assert_eq!(upstream.saw("jwks").await.len(), 1, "one refetch for the unknown key");
}

/// B-37
#[tokio::test]
async fn a_provider_that_is_down_stops_nobody_else_and_works_when_it_is_back() {
    let settings = Settings::new();
    let mut acme = Upstream::start(&settings);
    let other = Upstream::start(&settings);
    acme.kill();
    let shop = AppSettings::new("shop");
    let broker = settings.client(&shop).table(&acme.toml("Acme")).table(&other.toml("Other")).start();
    let shop = shop.start(&broker);
    assert_eq!(broker.readiness().await.status, 200);
    let mut ada = Person::new("ada");
    ada.opens(&shop.login(&[("identity_provider", "Acme")])).await;
    ada.browser.answers(502);
    ada.browser.sees("reference").does_not_see("127.0.0.1:1/");
    ada.clicks("Back to The app shop").await;
    ada.browser.is_refused_with("temporarily_unavailable", &format!("{}/callback", shop.url));
    ada.signs_in(&shop, "Other").await;

    acme.start_again();
    for _ in 0..100 {
        let mut eve = Person::new("eve");
        eve.opens(&shop.login(&[("identity_provider", "Acme")])).await;
        if eve.browser.page().status == 200 {
            eve.identifies_themself().await;
            eve.is_in(&shop);
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the provider is back, but nobody can sign in with it");
}
