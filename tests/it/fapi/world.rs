//! Two apps under the FAPI 2.0 security profile, with keys of their own.

use jsonwebtoken::Header;
use serde_json::{Value, json};
use symbolon::model::encoding::{base64url, sha256};

use crate::app_proof::world::{ASSERTION_TYPE, Signer, World, but, signing_client};
use crate::support::broker::Ask;
use crate::support::broker::app::{TokenAnswer, answer};
use crate::support::browser::Browser;
use crate::support::fake_idp::keys::random_text;

pub(crate) type Form = Vec<(String, String)>;

/// A bank's app, and another one.
pub(crate) struct Bank {
    pub(crate) world: World,
    pub(crate) signer: Signer,
    pub(crate) dpop: Signer,
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> Form {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The header and the claims of an honest proof.
pub(crate) fn honest(dpop: &Signer, method: &str, url: &str, now: i64) -> (Header, Value) {
    let mut jwk = dpop.jwk();
    jwk.as_object_mut()
        .unwrap()
        .retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
    let header = Header {
        typ: Some("dpop+jwt".to_owned()),
        jwk: serde_json::from_value(jwk).ok(),
        ..Header::new(dpop.algorithm)
    };
    assert!(header.jwk.is_some());
    (header, json!({"jti": random_text(), "htm": method, "htu": url, "iat": now}))
}

/// The SHA-256 thumbprint of a P-256 key (RFC 7638), by hand.
pub(crate) fn thumbprint(dpop: &Signer) -> String {
    let jwk = dpop.jwk();
    let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
    base64url(sha256(format!(
        "{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{}\",\"y\":\"{}\"}}",
        text("x"),
        text("y")
    )))
}

impl Bank {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With further lines for the bank's client.
    pub(crate) async fn with(lines: &[&str]) -> Self {
        let signer = Signer::ec("k1");
        let client = |id: &str| signing_client(id, &signer).with("profile = \"fapi2\"");
        let bank = lines.iter().fold(client("bank"), |client, line| client.with(line));
        let world = World::with(vec![bank, client("other")]).await;
        Self { world, signer, dpop: Signer::ec("d1") }
    }

    pub(crate) fn now(&self) -> i64 {
        self.world.clock.now().secs()
    }

    /// A fresh authorization request, straight to the provider.
    pub(crate) fn asks(&self) -> Ask {
        self.world.broker.app("bank").asks().at("Acme")
    }

    /// A proof for an endpoint of the broker.
    pub(crate) fn proof(&self, method: &str, path: &str, changes: Value) -> String {
        let (header, claims) = honest(&self.dpop, method, &self.world.broker.at(path), self.now());
        self.dpop.signs(&header, &but(claims, changes))
    }

    /// A proof for the token endpoint.
    pub(crate) fn at_token(&self) -> String {
        self.proof("POST", "/oauth2/token", json!({}))
    }

    /// Posts `form` with a fresh assertion of `client`.
    pub(crate) async fn posts_as(
        &self,
        client: &str,
        path: &str,
        form: &Form,
        headers: &[(&str, &str)],
    ) -> TokenAnswer {
        let assertion = self.world.asserted(client, &self.signer);
        let mut form = form.clone();
        form.extend(self::form(&[
            ("client_id", client),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ]));
        self.posts(path, &form, headers).await
    }

    pub(crate) async fn posts(&self, path: &str, form: &Form, headers: &[(&str, &str)]) -> TokenAnswer {
        let request = self.world.http.post(self.world.broker.at(path));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        answer(request.form(form)).await
    }

    /// Pushes an authorization request of the bank.
    pub(crate) async fn pushes(&self, ask: &Ask, headers: &[(&str, &str)]) -> TokenAnswer {
        let mut parameters = ask.parameters.clone();
        parameters.retain(|(name, _)| name != "client_id");
        self.posts_as("bank", "/oauth2/par", &parameters, headers).await
    }

    /// The URL that a browser is sent to after a push.
    pub(crate) async fn pushed(&self, ask: &Ask) -> String {
        let answer = self.pushes(ask, &[]).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        self.url("bank", answer.body["request_uri"].as_str().unwrap())
    }

    pub(crate) fn url(&self, client: &str, request_uri: &str) -> String {
        let endpoint = self.world.broker.at("/oauth2/authorize");
        url::Url::parse_with_params(&endpoint, [("client_id", client), ("request_uri", request_uri)])
            .unwrap()
            .into()
    }

    /// A person signs in, as `ask` asks.
    pub(crate) async fn code_for(&self, ask: &Ask) -> String {
        let mut browser = self.world.browser();
        browser.opens(self.pushed(ask).await).await;
        self.world.broker.app("bank").takes_code(ask, browser.page())
    }

    /// The form that redeems `code`.
    pub(crate) fn redemption(ask: &Ask, code: &str) -> Form {
        let uri = ("redirect_uri", "https://bank.example/callback");
        form(&[("grant_type", "authorization_code"), ("code", code), uri, ("code_verifier", &ask.verifier)])
    }

    pub(crate) async fn redeems(&self, ask: &Ask, code: &str, proof: &str) -> TokenAnswer {
        self.posts_as("bank", "/oauth2/token", &Self::redemption(ask, code), &[("dpop", proof)]).await
    }

    /// The token response of a complete sign-in.
    pub(crate) async fn signs_in(&self) -> Value {
        let ask = self.asks();
        let code = self.code_for(&ask).await;
        let answer = self.redeems(&ask, &code, &self.at_token()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    pub(crate) async fn refreshes(&self, token: &str, headers: &[(&str, &str)]) -> TokenAnswer {
        self.posts_as(
            "bank",
            "/oauth2/token",
            &form(&[("grant_type", "refresh_token"), ("refresh_token", token)]),
            headers,
        )
        .await
    }

    /// `ath` of a token.
    pub(crate) fn ath(token: &str) -> Value {
        json!({ "ath": base64url(sha256(token)) })
    }

    /// Calls userInfo with a good proof under `scheme`.
    pub(crate) async fn user_info(&self, scheme: &str, token: &str) -> TokenAnswer {
        self.user_info_with(scheme, token, &self.proof("GET", "/oauth2/userInfo", Self::ath(token))).await
    }

    pub(crate) async fn user_info_with(&self, scheme: &str, token: &str, proof: &str) -> TokenAnswer {
        let request = self
            .world
            .http
            .get(self.world.broker.at("/oauth2/userInfo"))
            .header("authorization", format!("{scheme} {token}"));
        answer(request.header("dpop", proof)).await
    }

    pub(crate) async fn opens(&self, url: &str) -> Browser {
        let mut browser = self.world.browser();
        browser.opens(url.to_owned()).await;
        browser
    }
}
