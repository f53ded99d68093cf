//! What this broker does not offer is neither advertised nor half accepted.

use serde_json::Value;

use super::{broker, clock};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, Switch};

async fn discovery(issuer: &str) -> Value {
    let answer = reqwest::Client::new()
        .get(format!("{issuer}/.well-known/openid-configuration"))
        .send()
        .await
        .unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// A-70, E-32
#[tokio::test]
async fn no_metadata_promises_what_is_not_there() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let metadata = discovery(&broker.issuer).await;
    for member in [
        "registration_endpoint",
        "check_session_iframe",
        "device_authorization_endpoint",
        "backchannel_authentication_endpoint",
    ] {
        assert!(
            matches!(metadata.get(member), None | Some(Value::Bool(false))),
            "{member}: {}",
            metadata[member]
        );
    }
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    for method in metadata["token_endpoint_auth_methods_supported"].as_array().unwrap() {
        assert!(
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
                .contains(&method.as_str().unwrap()),
            "{method}"
        );
    }
    let mut visitor = Browser::new(&clock);
    for path in ["/oauth2/register", "/oauth2/device_authorization"] {
        visitor.opens(broker.at(path)).await.answers(404);
    }
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "x"),
        ("client_id", "web"),
    ];
    broker.app("web").posts("/oauth2/token", &exchange).await.is_refused_with(400, "unsupported_grant_type");
}

///
#[tokio::test]
async fn a_request_object_is_refused_by_name_whatever_it_holds() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    for object in ["eyJhbGciOiJub25lIn0.e30.", "a.b.c.d.e", "{}", "x"] {
        visitor
            .opens(app.asks().with("request", object).url())
            .await
            .is_refused_with("request_not_supported", &app.redirect_uri);
    }
    let uri = "https://web.example/request.jwt";
    visitor
        .opens(app.asks().with("request_uri", uri).url())
        .await
        .is_refused_with("request_uri_not_supported", &app.redirect_uri);
    visitor.opens(app.asks().with("request_uri", "urn:ietf:params:oauth:request_uri:abc").url()).await;
    let never_pushed = visitor.page();
    assert_eq!((never_pushed.status, never_pushed.query("code")), (400, None), "{}", never_pushed.url);
}

///
#[tokio::test]
async fn a_client_assertion_authenticates_nobody_who_registered_no_key() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks().at("Acme");
    visitor.opens(ask.url()).await;
    let code = app.takes_code(&ask, visitor.page());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", ask.verifier.as_str()),
        ("client_id", "web"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ3ZWIiLCJzdWIiOiJ3ZWIifQ."),
    ];
    let answer = app.posts_raw("/oauth2/token", &form).await;
    assert!([400, 401].contains(&answer.status), "{}", answer.body);
    assert!(
        ["invalid_client", "invalid_request"].contains(&answer.body["error"].as_str().unwrap()),
        "{}",
        answer.body
    );
    assert_eq!(answer.body.get("access_token"), None);
}

/// without a proof tokens are Bearer tokens and say so.
#[tokio::test]
async fn an_app_without_a_dpop_key_receives_tokens_that_are_not_bound_and_are_no_dpop_tokens() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    assert_eq!(tokens.answer["token_type"], "Bearer");
    assert_eq!(tokens.access.get("cnf"), None);
    let http = reqwest::Client::new();
    let answer = http
        .get(broker.at("/oauth2/userInfo"))
        .header("authorization", format!("DPoP {}", tokens.access_token))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_client_error(), "{}", answer.status());
}

///
#[tokio::test]
async fn the_id_token_says_what_was_asked_for_and_no_more() {
    let clock = clock();
    let (broker, _acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks().with("scope", "openid profile").at("Acme");
    visitor.opens(ask.url()).await;
    let code = app.takes_code(&ask, visitor.page());
    let tokens = app.redeems(&ask, &code).await.tokens(&app).await;
    assert_eq!((tokens.id.get("email"), tokens.id.get("email_verified")), (None, None));
    assert!(tokens.id["exp"].as_i64() > tokens.id["iat"].as_i64());
    assert_eq!(
        (&tokens.id["aud"], &tokens.id["nonce"]),
        (&Value::from("web"), &Value::from(ask.nonce.as_str()))
    );
    let again = visitor.signs_in(&broker.app("shop"), "Acme").await;
    assert_eq!((&again.id["sub"], &again.id["aud"]), (&tokens.id["sub"], &Value::from("shop")));
}

/// B-45
#[tokio::test]
async fn a_picture_claim_is_a_text_that_nobody_fetches() {
    let clock = clock();
    let (broker, acme, _other) = broker(&clock).await;
    let picture = format!("{}/picture.svg", acme.issuer());
    acme.does(Switch::Claim("picture".to_owned(), picture.clone().into()));
    let tokens = Browser::new(&clock).signs_in(&broker.app("web"), "Acme").await;
    assert_eq!(tokens.id["picture"], picture.as_str());
    assert!(!acme.received("picture.svg"));
}

/// B-29, B-46: no upstream token is refreshed, and no upstream signs people out here that was not allowed to.
#[tokio::test]
async fn a_provider_is_asked_once_a_sign_in_and_has_a_door_of_its_own_only_if_it_is_given_one() {
    let clock = clock();
    let (broker, acme, _other) = broker(&clock).await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let tokens = visitor.signs_in(&app, "Acme").await;
    app.refreshes(&tokens.refresh_token).await.tokens(&app).await;
    assert_eq!(acme.count(Endpoint::Token), 1);
    assert!(!acme.received("grant_type=refresh_token"));
    for (path, status) in [
        ("/oauth2/backchannel_logout", 404),
        ("/backchannel_logout", 404),
        ("/oauth2/backchannel_logout/Acme", 400),
    ] {
        assert_eq!(
            app.posts_raw(path, &[("logout_token", &acme.logout_token(&[]))]).await.status,
            status,
            "{path}"
        );
    }
    visitor.opens(app.asks().with("prompt", "none").url()).await;
    assert!(visitor.page().query("code").is_some());
}

///
#[tokio::test]
async fn a_broker_behind_https_tells_browsers_to_stay_there() {
    use tower::ServiceExt as _;
    let outside = symbolon::outside::Outside::fake(clock().now(), 3);
    let config =
        symbolon::config::parse(crate::sample::TWO_POOLS, "symbolon.toml", &[], &|name| Err(name.to_owned()))
            .unwrap();
    let router = symbolon::web::router(symbolon::app::App::build(config, outside).await.unwrap()).unwrap();
    let request =
        http::Request::get("/logout").header("host", "a.test").body(axum::body::Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
}

/// E-36
#[test]
fn random_bytes_differ_every_time() {
    use symbolon::outside::random::Random;
    let drawn: std::collections::HashSet<[u8; 16]> = (0..10_000).map(|_| Random::Real.bytes()).collect();
    assert_eq!(drawn.len(), 10_000);
}

/// E-37: the crate whose private-key operations leak their timing (RUSTSEC-2023-0071) is nowhere in the tree.
#[test]
fn no_variable_time_rsa_is_linked() {
    let lock = include_str!("../../../Cargo.lock");
    assert!(!lock.lines().any(|line| line == "name = \"rsa\""));
}
