//! Tokens that are good with one certificate only.

use serde_json::json;

use super::world::{Identity, NOTHING, PROXY, Way, World, bound, certified, showing};
use crate::app_proof::world::{Signer, signing_client};
use crate::support::broker::client;

///
#[tokio::test]
async fn a_bound_token_is_good_with_its_certificate_and_with_no_other() {
    let world = World::with(vec![bound(certified("bank")), bound(certified("other"))]).await;
    let (own, other) = (world.authority.issues("bank"), world.authority.issues("other"));
    let code = world.code("bank").await;
    let app = world.broker.app("bank");
    let tokens = world.redeems(showing(&own), "bank", &code).await.tokens(&app).await;
    assert_eq!(tokens.answer["token_type"], "Bearer");
    assert_eq!(tokens.access["cnf"], json!({ "x5t#S256": own.thumbprint() }));
    assert_eq!(tokens.id.get("cnf"), None);
    let person = world.user_info(showing(&own), "Bearer", &tokens.access_token).await;
    assert_eq!((person.status, &person.body["sub"]), (200, &tokens.id["sub"]));
    let by_proxy = [("client-cert", own.byte_sequence())];
    assert_eq!(
        world
            .user_info(Way::Plain { from: PROXY, headers: &by_proxy }, "Bearer", &tokens.access_token)
            .await
            .status,
        200
    );
    for way in [showing(&other), NOTHING, Way::Plain { from: "127.0.0.1", headers: &by_proxy }] {
        let refused = world.user_info(way, "Bearer", &tokens.access_token).await;
        let challenge =
            refused.is_refused_with(401, "invalid_token").headers["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("not bound to what came with it"),
            "{challenge}"
        );
    }
    world.user_info(showing(&own), "DPoP", &tokens.access_token).await.is_refused_with(401, "invalid_token");
}

#[tokio::test]
async fn introspection_says_to_which_certificate_a_token_is_bound() {
    let world = World::with(vec![bound(certified("bank"))]).await;
    let own = world.authority.issues("bank");
    let code = world.code("bank").await;
    let tokens = world.redeems(showing(&own), "bank", &code).await.tokens(&world.broker.app("bank")).await;
    for token in [&tokens.access_token, &tokens.refresh_token] {
        let told = world
            .posts(showing(&own), "/oauth2/introspect", &[("client_id", "bank"), ("token", token)])
            .await
            .body;
        assert_eq!((&told["active"], &told["cnf"]), (&json!(true), &json!({ "x5t#S256": own.thumbprint() })));
    }
}

/// A-31, E-25
#[tokio::test]
async fn another_certificate_refreshes_nothing_unless_it_is_the_app_s_next_one() {
    let world = World::with(vec![bound(certified("bank")), bound(certified("other"))]).await;
    let (own, other, stranger) =
        (world.authority.issues("bank"), world.authority.issues("other"), Identity::self_signed("bank"));
    let code = world.code("bank").await;
    let app = world.broker.app("bank");
    let refresh = world.redeems(showing(&own), "bank", &code).await.tokens(&app).await.refresh_token;
    let refused = world.refreshes(showing(&other), "bank", &refresh).await;
    world.is_refused(&refused, "invalid_client", "client_certificate_name").await;
    let refused = world.refreshes(showing(&stranger), "bank", &refresh).await;
    world.is_refused(&refused, "invalid_client", "client_certificate_untrusted").await;
    let refused = world.refreshes(NOTHING, "bank", &refresh).await;
    world.is_refused(&refused, "invalid_client", "client_certificate_missing").await;
    let refused = world.refreshes(showing(&other), "other", &refresh).await;
    refused.is_refused_with(400, "invalid_grant");
    let renewed = world.authority.issues("bank");
    let next = world.refreshes(showing(&renewed), "bank", &refresh).await.tokens(&app).await;
    assert_eq!(next.access["cnf"], json!({ "x5t#S256": renewed.thumbprint() }));
    world.user_info(showing(&own), "Bearer", &next.access_token).await.is_refused_with(401, "invalid_token");
    assert_eq!(world.user_info(showing(&renewed), "Bearer", &next.access_token).await.status, 200);
}

/// a public app has nothing but its certificate to show that it is the same one (RFC 8705 section 4).
#[tokio::test]
async fn a_public_app_refreshes_with_its_first_certificate_only() {
    let world = World::with(vec![bound(client("spa").public().with("rotation = true"))]).await;
    let (own, thief) = (Identity::self_signed("spa"), Identity::self_signed("spa"));
    let code = world.code("spa").await;
    let app = world.broker.app("spa");
    let refused = world.redeems(NOTHING, "spa", &code).await;
    world.is_refused(&refused, "invalid_request", "client_certificate_missing").await;
    let tokens = world.redeems(showing(&own), "spa", &code).await.tokens(&app).await;
    let refused = world.refreshes(showing(&thief), "spa", &tokens.refresh_token).await;
    world.is_refused(&refused, "invalid_grant", "grant_of_other_sender").await;
    let refused = world.refreshes(NOTHING, "spa", &tokens.refresh_token).await;
    world.is_refused(&refused, "invalid_request", "client_certificate_missing").await;
    let next = world.refreshes(showing(&own), "spa", &tokens.refresh_token).await.tokens(&app).await;
    assert_eq!(next.access["cnf"], tokens.access["cnf"]);
}

#[tokio::test]
async fn an_app_with_another_method_may_have_bound_tokens_too() {
    let signer = Signer::ec("k1");
    let machine = |client: crate::support::broker::ClientToml| {
        bound(client.scopes(&["api/read"]).with("grants = [\"client_credentials\"]"))
    };
    let world = World::with(vec![machine(client("web")), machine(signing_client("signs", &signer))]).await;
    let own = Identity::self_signed("anything");
    let unreadable = [("client-cert", "rubbish".to_owned())];
    let assertion =
        || signer.asserts(&crate::app_proof::world::assertion("signs", &world.broker.issuer, &world.clock));
    let asks = async |way, client: &str| {
        let assertion = assertion();
        let secret = "secret-of-web-0123456789".to_owned();
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", client)];
        if client == "web" {
            form.push(("client_secret", &secret));
        } else {
            form.extend([
                ("client_assertion_type", crate::app_proof::world::ASSERTION_TYPE),
                ("client_assertion", &assertion),
            ]);
        }
        world.posts(way, "/oauth2/token", &form).await
    };
    for id in ["web", "signs"] {
        let token = asks(showing(&own), id).await.body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(
            world.broker.app(id).verifies(&token).await.unwrap()["cnf"],
            json!({ "x5t#S256": own.thumbprint() })
        );
        world.is_refused(&asks(NOTHING, id).await, "invalid_request", "client_certificate_missing").await;
        let refused = asks(Way::Plain { from: PROXY, headers: &unreadable }, id).await;
        world.is_refused(&refused, "invalid_request", "client_certificate_unreadable").await;
    }
}

/// One binding at a time, and the one that the operator chose.
#[tokio::test]
async fn a_dpop_proof_replaces_no_certificate() {
    let world = World::with(vec![bound(certified("bank"))]).await;
    let own = world.authority.issues("bank");
    let dpop = Signer::ec("d1");
    let (header, claims) = crate::fapi::world::honest(
        &dpop,
        "POST",
        &world.broker.at("/oauth2/token"),
        world.clock.now().secs(),
    );
    let headers = [("dpop", dpop.signs(&header, &claims))];
    let code = world.code("bank").await;
    let refused = world
        .redeems(Way::Tls { from: "127.0.0.1", shows: Some(&own), headers: &headers }, "bank", &code)
        .await;
    world.is_refused(&refused, "invalid_dpop_proof", "dpop_proof_unwanted").await;
}

#[tokio::test]
async fn the_metadata_says_where_certificates_are_asked_for_and_what_for() {
    let metadata = async |world: &World| {
        let url = format!("{}/.well-known/openid-configuration", world.broker.issuer);
        crate::support::broker::app::answer(crate::app_proof::world::http().get(url)).await.body
    };
    let world = World::with(vec![bound(certified("bank"))]).await;
    let told = metadata(&world).await;
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    let methods = told["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(
        methods.contains(&json!("tls_client_auth"))
            && !methods.contains(&json!("self_signed_tls_client_auth"))
    );
    for (name, path) in [
        ("token_endpoint", "/oauth2/token"),
        ("pushed_authorization_request_endpoint", "/oauth2/par"),
        ("userinfo_endpoint", "/oauth2/userInfo"),
        ("revocation_endpoint", "/oauth2/revoke"),
        ("introspection_endpoint", "/oauth2/introspect"),
    ] {
        assert_eq!(told["mtls_endpoint_aliases"][name], format!("{}{path}", world.mtls_url));
        assert_eq!(told[name], world.broker.at(path), "the usual ones stay");
    }
    let plain = crate::app_proof::world::World::with(vec![client("web")]).await;
    let url = format!("{}/.well-known/openid-configuration", plain.broker.issuer);
    let told = crate::support::broker::app::answer(plain.http.get(url)).await.body;
    assert_eq!(
        (&told["tls_client_certificate_bound_access_tokens"], told.get("mtls_endpoint_aliases")),
        (&json!(false), None)
    );
    assert!(!told["token_endpoint_auth_methods_supported"].to_string().contains("tls_client_auth"));
}
