//! What an app asks for, and how it learns of the end.

use serde_json::{Value, json};

use super::world::Bank;

#[tokio::test]
async fn discovery_end_point_verification() {
    let bank = Bank::new().await;
    let url = format!("{}/.well-known/openid-configuration", bank.world.broker.issuer);
    let metadata: Value =
        serde_json::from_slice(&bank.world.http.get(url).send().await.unwrap().bytes().await.unwrap())
            .unwrap();
    assert_eq!(metadata["issuer"], bank.world.broker.issuer);
    let list = |name: &str| -> Vec<&str> {
        metadata[name].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
    };
    assert_eq!(metadata["pushed_authorization_request_endpoint"], bank.world.broker.at("/oauth2/par"));
    assert!(list("token_endpoint_auth_methods_supported").contains(&"private_key_jwt"));
    for algorithm in ["PS256", "ES256", "EdDSA"] {
        assert!(list("token_endpoint_auth_signing_alg_values_supported").contains(&algorithm));
        assert!(list("dpop_signing_alg_values_supported").contains(&algorithm));
    }
    for name in ["token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"] {
        assert!(
            !list(name).iter().any(|algorithm| *algorithm == "none" || algorithm.starts_with("HS")),
            "{name}"
        );
    }
    assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
    assert_eq!(list("response_types_supported"), ["code"]);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert!(list("grant_types_supported").contains(&"authorization_code"));
}

#[tokio::test]
async fn happy_flow() {
    let bank = Bank::new().await;
    let tokens = bank.signs_in().await;
    assert_eq!(tokens["token_type"], "DPoP");
    let access = tokens["access_token"].as_str().unwrap();
    let app = bank.world.broker.app("bank");
    let claims = app.verifies(access).await.unwrap();
    assert_eq!(claims["cnf"], json!({ "jkt": super::world::thumbprint(&bank.dpop) }));
    let id = app.verifies(tokens["id_token"].as_str().unwrap()).await.unwrap();
    let person = bank.user_info("DPoP", access).await;
    assert_eq!((person.status, &person.body["sub"]), (200, &id["sub"]));
    let form = super::world::form(&[("token", access)]);
    let told = bank.posts_as("bank", "/oauth2/introspect", &form, &[]).await.body;
    assert_eq!(
        (&told["active"], &told["token_type"], &told["cnf"]),
        (&json!(true), &json!("DPoP"), &claims["cnf"])
    );
    bank.refreshes(tokens["refresh_token"].as_str().unwrap(), &[("dpop", &bank.at_token())])
        .await
        .tokens(&app)
        .await;
    let foreign = bank.posts_as("other", "/oauth2/introspect", &form, &[]).await.body;
    assert_eq!(foreign, json!({ "active": false }));
}

///
#[tokio::test]
async fn user_rejects_authentication() {
    let bank = Bank::new().await;
    bank.world.acme.is_cancelled();
    let ask = bank.asks();
    let browser = bank.opens(&bank.pushed(&ask).await).await;
    let page = browser.page();
    assert_eq!(page.query("error").as_deref(), Some("access_denied"), "{}", page.url);
    assert_eq!(
        (page.query("state"), page.query("iss")),
        (Some(ask.state), Some(bank.world.broker.issuer.clone()))
    );
}

#[tokio::test]
async fn ensure_authorization_request_without_state_success() {
    let bank = Bank::new().await;
    let browser = bank.opens(&bank.pushed(&bank.asks().without("state")).await).await;
    assert_eq!(
        (browser.page().query("state"), browser.page().query("code").is_some()),
        (None, true),
        "{}",
        browser.page().url
    );
}

#[tokio::test]
async fn ensure_authorization_request_without_nonce_success() {
    let bank = Bank::new().await;
    let ask = bank.asks().without("nonce");
    let code = bank.code_for(&ask).await;
    let tokens =
        bank.redeems(&ask, &code, &bank.at_token()).await.tokens(&bank.world.broker.app("bank")).await;
    assert_eq!(tokens.id.get("nonce"), None);
}

async fn nonce_comes_back(nonce: &str) {
    let bank = Bank::new().await;
    let ask = bank.asks().with("nonce", nonce);
    let code = bank.code_for(&ask).await;
    let tokens =
        bank.redeems(&ask, &code, &bank.at_token()).await.tokens(&bank.world.broker.app("bank")).await;
    assert_eq!(tokens.id["nonce"], nonce);
}

#[tokio::test]
async fn ensure_authorization_request_with_64_char_nonce_success() {
    nonce_comes_back(&"n".repeat(64)).await;
}

///
#[tokio::test]
async fn ensure_authorization_request_with_long_nonce() {
    nonce_comes_back(&"n".repeat(384)).await;
    let bank = Bank::new().await;
    bank.pushes(&bank.asks().with("nonce", &"n".repeat(4096)), &[])
        .await
        .is_refused_with(400, "invalid_request");
}

///
#[tokio::test]
async fn ensure_authorization_request_with_long_state() {
    let bank = Bank::new().await;
    let state = "s".repeat(384);
    let browser = bank.opens(&bank.pushed(&bank.asks().with("state", &state)).await).await;
    assert_eq!(browser.page().query("state"), Some(state));
    bank.pushes(&bank.asks().with("state", &"s".repeat(4096)), &[])
        .await
        .is_refused_with(400, "invalid_request");
}

#[tokio::test]
async fn ensure_other_scope_order_succeeds() {
    let bank = Bank::new().await;
    let ask = bank.asks().with("scope", "profile email openid");
    let code = bank.code_for(&ask).await;
    bank.redeems(&ask, &code, &bank.at_token()).await.tokens(&bank.world.broker.app("bank")).await;
}

/// the parameter is not supported, says the metadata, and harms nobody.
#[tokio::test]
async fn test_claims_parameter_identity_claims() {
    let bank = Bank::new().await;
    let ask =
        bank.asks().with("claims", &json!({"userinfo": {"given_name": {"essential": true}}}).to_string());
    let code = bank.code_for(&ask).await;
    bank.redeems(&ask, &code, &bank.at_token()).await.tokens(&bank.world.broker.app("bank")).await;
}

/// `acr` is left out where none was proven.
#[tokio::test]
async fn test_essential_acr_sca_claim() {
    let bank = Bank::new().await;
    let wish = json!({"id_token": {"acr": {"essential": true, "values": ["urn:openbanking:psd2:sca"]}}});
    let ask = bank.asks().with("claims", &wish.to_string());
    let code = bank.code_for(&ask).await;
    let tokens =
        bank.redeems(&ask, &code, &bank.at_token()).await.tokens(&bank.world.broker.app("bank")).await;
    assert_eq!(tokens.id.get("acr"), None);
}

/// What stands in the URL beside a `request_uri` counts for nothing.
async fn outside_counts_for_nothing(name: &str, ask: crate::support::broker::Ask) -> Value {
    let bank = Bank::new().await;
    let url = format!("{}&{name}=outside", bank.pushed(&ask_of(&bank, &ask)).await);
    let browser = bank.opens(&url).await;
    let code = browser.page().query("code").unwrap_or_else(|| panic!("{}", browser.page().url));
    let tokens =
        bank.redeems(&ask, &code, &bank.at_token()).await.tokens(&bank.world.broker.app("bank")).await;
    json!({ "state": browser.page().query("state"), "nonce": tokens.id.get("nonce") })
}

/// The same request for another broker.
fn ask_of(bank: &Bank, ask: &crate::support::broker::Ask) -> crate::support::broker::Ask {
    let mut other = bank.asks();
    other.parameters.clone_from(&ask.parameters);
    other
}

///
#[tokio::test]
async fn ensure_different_nonce_inside_and_outside_request_object() {
    let ask = Bank::new().await.asks();
    let nonce = ask.nonce.clone();
    assert_eq!(outside_counts_for_nothing("nonce", ask).await["nonce"], nonce);
}

///
#[tokio::test]
async fn ensure_different_state_inside_and_outside_request_object() {
    let ask = Bank::new().await.asks();
    let state = ask.state.clone();
    assert_eq!(outside_counts_for_nothing("state", ask).await["state"], state);
}

///
#[tokio::test]
async fn state_only_outside_request_object_not_used() {
    let ask = Bank::new().await.asks().without("state");
    assert_eq!(outside_counts_for_nothing("state", ask).await["state"], Value::Null);
}

///
#[tokio::test]
async fn ensure_request_object_without_redirect_uri_fails() {
    let bank = Bank::new().await;
    bank.pushes(&bank.asks().without("redirect_uri"), &[]).await.is_refused_with(400, "invalid_request");
}

///
#[tokio::test]
async fn ensure_redirect_uri_in_authorization_request() {
    let bank = Bank::new().await;
    let answer = bank.pushes(&bank.asks().with("redirect_uri", ""), &[]).await;
    answer.is_refused_with(400, "invalid_request");
    assert_eq!(answer.body.get("request_uri"), None);
}

///
#[tokio::test]
async fn ensure_registered_redirect_uri() {
    let bank = Bank::new().await;
    for uri in [
        "https://bank.example/callback?x=1",
        "https://evil.example/callback",
        "https://bank.example/callback/",
    ] {
        bank.pushes(&bank.asks().with("redirect_uri", uri), &[])
            .await
            .is_refused_with(400, "invalid_request");
    }
}

/// Whoever tolerates one that is not registered may; this broker tells the app, and no browser is sent
/// anywhere.
#[tokio::test]
async fn plain_fapi_tolerate_unregistered_redirect_uri() {
    let bank = Bank::new().await;
    let answer = bank.pushes(&bank.asks().with("redirect_uri", "https://bank.example/other"), &[]).await;
    assert!(
        answer.is_refused_with(400, "invalid_request").body["error_description"]
            .as_str()
            .unwrap()
            .contains("not registered")
    );
}

///
#[tokio::test]
async fn ensure_unsigned_authorization_request_without_using_par_fails() {
    let bank = Bank::new().await;
    let ask = bank.asks();
    let browser = bank.opens(&ask.url()).await;
    let page = browser.page();
    assert_eq!(
        (page.query("error").as_deref(), page.query("code")),
        (Some("invalid_request"), None),
        "{}",
        page.url
    );
    assert_eq!(
        (page.query("state"), page.query("iss")),
        (Some(ask.state), Some(bank.world.broker.issuer.clone()))
    );
}

///
#[tokio::test]
async fn ensure_response_type_code_idtoken_fails() {
    let bank = Bank::new().await;
    bank.pushes(&bank.asks().with("response_type", "code id_token"), &[])
        .await
        .is_refused_with(400, "unsupported_response_type");
}

///
#[tokio::test]
async fn ensure_response_type_token_fails() {
    let bank = Bank::new().await;
    bank.pushes(&bank.asks().with("response_type", "token"), &[])
        .await
        .is_refused_with(400, "unsupported_response_type");
}

/// An intent is a value of a scope or parameter that names nothing registered.
#[tokio::test]
async fn ensure_server_handles_non_matching_intent_id() {
    let bank = Bank::new().await;
    bank.pushes(&bank.asks().with("scope", "openid consent:urn:bank:unknown"), &[])
        .await
        .is_refused_with(400, "invalid_scope");
}
