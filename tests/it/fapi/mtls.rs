//! The plan's modules with `client_auth_type=mtls` and `sender_constrain=mtls`: those in which an app proves
//! itself or holds tokens.

use serde_json::{Value, json};

use crate::app_proof::world::http;
use crate::mutual_tls::world::{Identity, NOTHING, Way, World, bound, certified, showing};
use crate::support::broker::Ask;
use crate::support::broker::app::{TokenAnswer, answer};
use crate::support::browser::Browser;

/// A bank's app and another one, each with a certificate.
struct Bank {
    world: World,
    own: Identity,
    other: Identity,
}

impl Bank {
    async fn new() -> Self {
        let client = |id: &str| bound(certified(id)).with("profile = \"fapi2\"");
        let world = World::with(vec![client("bank"), client("other")]).await;
        let (own, other) = (world.authority.issues("bank"), world.authority.issues("other"));
        Self { world, own, other }
    }

    fn asks(&self) -> Ask {
        self.world.broker.app("bank").asks().at("Acme")
    }

    async fn pushes(&self, way: Way<'_>, ask: &Ask) -> TokenAnswer {
        let form: Vec<(&str, &str)> =
            ask.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.world.posts(way, "/oauth2/par", &form).await
    }

    async fn opens(&self, client: &str, request_uri: &str) -> Browser {
        let url = self.world.broker.at("/oauth2/authorize");
        let url =
            url::Url::parse_with_params(&url, [("client_id", client), ("request_uri", request_uri)]).unwrap();
        let mut browser = Browser::new(&self.world.clock);
        browser.opens(url.to_string()).await;
        browser
    }

    async fn code(&self) -> (Ask, String) {
        let ask = self.asks();
        let pushed = self.pushes(showing(&self.own), &ask).await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        let browser = self.opens("bank", pushed.body["request_uri"].as_str().unwrap()).await;
        let code = self.world.broker.app("bank").takes_code(&ask, browser.page());
        (ask, code)
    }

    /// The token response of a complete sign-in.
    async fn signs_in(&self) -> Value {
        let code = self.code().await;
        let answer = self.world.redeems(showing(&self.own), "bank", &code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

#[tokio::test]
async fn discovery_end_point_verification() {
    let bank = Bank::new().await;
    let url = format!("{}/.well-known/openid-configuration", bank.world.broker.issuer);
    let metadata = answer(http().get(url)).await.body;
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    for name in ["token", "revocation", "introspection"] {
        let methods = metadata[format!("{name}_endpoint_auth_methods_supported")].as_array().unwrap();
        assert!(methods.contains(&json!("tls_client_auth")), "{name}: {methods:?}");
    }
    let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
    assert!(aliases.values().all(|url| url.as_str().unwrap().starts_with("https://")), "{aliases:?}");
}

#[tokio::test]
async fn happy_flow() {
    let bank = Bank::new().await;
    let tokens = bank.signs_in().await;
    assert_eq!(tokens["token_type"], "Bearer");
    let access = tokens["access_token"].as_str().unwrap();
    let app = bank.world.broker.app("bank");
    let claims = app.verifies(access).await.unwrap();
    assert_eq!(claims["cnf"], json!({ "x5t#S256": bank.own.thumbprint() }));
    let id = app.verifies(tokens["id_token"].as_str().unwrap()).await.unwrap();
    let person = bank.world.user_info(showing(&bank.own), "Bearer", access).await;
    assert_eq!((person.status, &person.body["sub"]), (200, &id["sub"]));
    bank.world.user_info(showing(&bank.other), "Bearer", access).await.is_refused_with(401, "invalid_token");
    bank.world.user_info(NOTHING, "Bearer", access).await.is_refused_with(401, "invalid_token");
}

#[tokio::test]
async fn ensure_client_id_in_token_endpoint() {
    let bank = Bank::new().await;
    let code = bank.code().await;
    let refused = bank.world.redeems(showing(&bank.own), "other", &code).await;
    bank.world.is_refused(&refused, "invalid_client", "client_certificate_name").await;
    let form = [("grant_type", "authorization_code"), ("code", code.1.as_str())];
    bank.world
        .posts(showing(&bank.own), "/oauth2/token", &form)
        .await
        .is_refused_with(400, "invalid_request");
}

#[tokio::test]
async fn ensure_holder_of_key_required() {
    let bank = Bank::new().await;
    let refused = bank.pushes(NOTHING, &bank.asks()).await;
    bank.world.is_refused(&refused, "invalid_client", "client_certificate_missing").await;
    let code = bank.code().await;
    let refused = bank.world.redeems(NOTHING, "bank", &code).await;
    bank.world.is_refused(&refused, "invalid_client", "client_certificate_missing").await;
}

///
#[tokio::test]
async fn ensure_authorization_code_is_bound_to_client() {
    let bank = Bank::new().await;
    let code = bank.code().await;
    bank.world.redeems(showing(&bank.other), "other", &code).await.is_refused_with(400, "invalid_grant");
}

///
#[tokio::test]
async fn attempt_reuse_authorization_code_after_one_second() {
    let bank = Bank::new().await;
    let code = bank.code().await;
    let tokens = bank.world.redeems(showing(&bank.own), "bank", &code).await.body;
    bank.world.clock.advance(std::time::Duration::from_secs(1));
    bank.world.redeems(showing(&bank.own), "bank", &code).await.is_refused_with(400, "invalid_grant");
    let access = tokens["access_token"].as_str().unwrap();
    bank.world.user_info(showing(&bank.own), "Bearer", access).await.is_refused_with(401, "invalid_token");
}

/// E-25
#[tokio::test]
async fn refresh_token() {
    let bank = Bank::new().await;
    let tokens = bank.signs_in().await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    bank.world.refreshes(showing(&bank.other), "other", refresh).await.is_refused_with(400, "invalid_grant");
    bank.world.refreshes(showing(&bank.other), "bank", refresh).await.is_refused_with(400, "invalid_client");
    let app = bank.world.broker.app("bank");
    let again = bank.world.refreshes(showing(&bank.own), "bank", refresh).await.tokens(&app).await;
    assert_eq!(again.access["cnf"], json!({ "x5t#S256": bank.own.thumbprint() }));
    assert_eq!(bank.world.user_info(showing(&bank.own), "Bearer", &again.access_token).await.status, 200);
}

#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    let bank = Bank::new().await;
    let tokens = bank.signs_in().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let person =
            bank.world.user_info(showing(&bank.own), scheme, tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(person.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn par_attempt_to_use_request_uri_for_different_client() {
    let bank = Bank::new().await;
    let pushed = bank.pushes(showing(&bank.own), &bank.asks()).await.body;
    let browser = bank.opens("other", pushed["request_uri"].as_str().unwrap()).await;
    assert_eq!(browser.page().query("code"), None, "{}", browser.page().url);
    let foreign = bank.asks().with("client_id", "other");
    bank.pushes(showing(&bank.own), &foreign).await.is_refused_with(400, "invalid_client");
}

#[tokio::test]
async fn ensure_unsigned_authorization_request_without_using_par_fails() {
    let bank = Bank::new().await;
    let mut browser = Browser::new(&bank.world.clock);
    browser.opens(bank.asks().url()).await;
    assert_eq!(browser.page().query("code"), None, "{}", browser.page().url);
}
