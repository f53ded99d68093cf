//! The app: asks for a sign-in, redeems the code, and believes tokens only after another library verified
//! them.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use url::Url;

use super::{Broker, ClientToml};
use crate::support::browser::{Browser, Page};
use crate::support::fake_idp::keys::{random_text, s256};

/// An app as its developer would write it.
#[derive(Debug, Clone)]
pub(crate) struct AppUnderTest {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uri: String,
    scopes: Vec<String>,
    pub(crate) broker: String,
    pub(crate) issuer: String,
    http: reqwest::Client,
}

/// One authorization request and what the app remembers of it.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    endpoint: String,
}

/// An answer of the token endpoint or of a neighbour.
#[derive(Debug, Clone)]
pub(crate) struct TokenAnswer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

/// Tokens whose signatures, issuer and audience were checked.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) id_token: String,
    pub(crate) refresh_token: String,
    pub(crate) access: Value,
    pub(crate) id: Value,
    /// The whole token response.
    pub(crate) answer: Value,
}

impl Ask {
    /// With this parameter instead of the usual one, or besides.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(have, _)| have != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more of this parameter, whether or not it is there.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this parameter.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(have, _)| have != name);
        self
    }

    /// Straight to this provider, past the sign-in page.
    pub(crate) fn at(self, provider: &str) -> Self {
        self.with("identity_provider", provider)
    }

    /// The URL to send the browser to.
    pub(crate) fn url(&self) -> String {
        Url::parse_with_params(&self.endpoint, &self.parameters).expect("the authorization endpoint").into()
    }
}

impl AppUnderTest {
    pub(super) fn new(broker: &Broker, client: &ClientToml) -> Self {
        Self {
            id: client.id.clone(),
            secret: client.secret.clone(),
            redirect_uri: client.redirect_uri.clone(),
            scopes: client.scopes.clone(),
            broker: broker.url.clone(),
            issuer: broker.issuer.clone(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()
                .expect("an HTTP client"),
        }
    }

    /// A fresh authorization request with state, nonce and PKCE.
    pub(crate) fn asks(&self) -> Ask {
        let (state, nonce, verifier) = (random_text(), random_text(), random_text() + &random_text());
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scopes.join(" ")),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &s256(&verifier)),
            ("code_challenge_method", "S256"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ask {
            parameters: parameters.into(),
            state,
            nonce,
            verifier,
            endpoint: format!("{}/oauth2/authorize", self.broker),
        }
    }

    /// The code in the answer on `page`, after the app's own checks of `state` and `iss`.
    #[track_caller]
    pub(crate) fn takes_code(&self, ask: &Ask, page: &Page) -> String {
        assert!(
            page.url.as_str().starts_with(&self.redirect_uri),
            "not at the app: {} {}",
            page.url,
            page.text()
        );
        assert_eq!(page.query("state").as_ref(), Some(&ask.state), "{}", page.url);
        assert_eq!(page.query("iss").as_ref(), Some(&self.issuer), "{}", page.url);
        page.query("code").unwrap_or_else(|| panic!("no code: {}", page.url))
    }

    /// Redeems a code.
    pub(crate) async fn redeems(&self, ask: &Ask, code: &str) -> TokenAnswer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &ask.verifier),
        ];
        self.posts("/oauth2/token", &form).await
    }

    /// Uses a refresh token.
    pub(crate) async fn refreshes(&self, refresh_token: &str) -> TokenAnswer {
        self.posts("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
            .await
    }

    /// Revokes a token.
    pub(crate) async fn revokes(&self, token: &str) -> TokenAnswer {
        self.posts("/oauth2/revoke", &[("token", token)]).await
    }

    /// Asks what a token means.
    pub(crate) async fn introspects(&self, token: &str) -> TokenAnswer {
        self.posts("/oauth2/introspect", &[("token", token)]).await
    }

    /// Posts a form with the app's credentials: Basic with a secret, `client_id` without.
    pub(crate) async fn posts(&self, path: &str, form: &[(&str, &str)]) -> TokenAnswer {
        let request = self.http.post(format!("{}{path}", self.broker));
        match &self.secret {
            Some(secret) => answer(request.basic_auth(&self.id, Some(secret)).form(form)).await,
            None => answer(request.form(&[form, &[("client_id", self.id.as_str())]].concat())).await,
        }
    }

    /// Posts a form with nothing added.
    pub(crate) async fn posts_raw(&self, path: &str, form: &[(&str, &str)]) -> TokenAnswer {
        answer(self.http.post(format!("{}{path}", self.broker)).form(form)).await
    }

    /// Gets JSON from the broker.
    pub(crate) async fn gets(&self, url: &str) -> TokenAnswer {
        answer(self.http.get(url)).await
    }

    /// Calls userInfo.
    pub(crate) async fn user_info(&self, access_token: &str) -> TokenAnswer {
        answer(self.http.get(format!("{}/oauth2/userInfo", self.broker)).bearer_auth(access_token)).await
    }

    /// The claims of a token whose signature, issuer and, if any, audience hold.
    pub(crate) async fn verifies(&self, token: &str) -> Result<Value, String> {
        let set = self.gets(&format!("{}/.well-known/jwks.json", self.issuer)).await.body;
        let set: JwkSet = serde_json::from_value(set).map_err(|error| error.to_string())?;
        let header = decode_header(token).map_err(|error| error.to_string())?;
        let kid = header.kid.ok_or("no kid")?;
        let key =
            DecodingKey::from_jwk(set.find(&kid).ok_or("no such kid")?).map_err(|error| error.to_string())?;
        let mut rules = Validation::new(header.alg);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.id]);
        // The broker's clock is a fake one.
        rules.validate_exp = false;
        decode::<Value>(token, &key, &rules).map(|data| data.claims).map_err(|error| error.to_string())
    }
}

impl TokenAnswer {
    /// The tokens of a success, each verified.
    pub(crate) async fn tokens(self, app: &AppUnderTest) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.body);
        let text = |name: &str| self.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (access_token, id_token) = (text("access_token"), text("id_token"));
        let access =
            app.verifies(&access_token).await.unwrap_or_else(|error| panic!("access token: {error}"));
        let id = app.verifies(&id_token).await.unwrap_or_else(|error| panic!("ID token: {error}"));
        Tokens { access_token, id_token, refresh_token: text("refresh_token"), access, id, answer: self.body }
    }

    /// A refusal with this status and error.
    #[track_caller]
    pub(crate) fn is_refused_with(&self, status: u16, error: &str) -> &Self {
        assert_eq!((self.status, self.body["error"].as_str()), (status, Some(error)), "{}", self.body);
        self
    }
}

impl Browser {
    /// Signs in to `app` with the provider called `provider`, by way of the sign-in page.
    pub(crate) async fn signs_in(&mut self, app: &AppUnderTest, provider: &str) -> Tokens {
        let ask = app.asks();
        self.opens(ask.url()).await;
        // Someone who is signed in already, and was sent straight back, has nothing to press.
        if !self.page().url.as_str().starts_with(&app.redirect_uri) {
            self.clicks(provider).await;
        }
        let code = app.takes_code(&ask, self.page());
        let tokens = app.redeems(&ask, &code).await.tokens(app).await;
        assert_eq!(tokens.id["nonce"].as_str(), Some(ask.nonce.as_str()));
        tokens
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> TokenAnswer {
    let response = request.send().await.expect("the broker answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.expect("the whole body");
    let body = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    TokenAnswer { status, headers, body }
}
