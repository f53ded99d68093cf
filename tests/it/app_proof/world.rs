//! An app that signs, with another library than the broker's own, and a broker that knows its public keys.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use symbolon::model::time::Timestamp;
use symbolon::outside::clock::Clock;

use crate::support::broker::app::{TokenAnswer, answer};
use crate::support::broker::{Ask, Broker, ClientToml, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::FakeIdp;
use crate::support::fake_idp::keys::{HONEST, TestKey, random_text};

pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) fn clock() -> Clock {
    Clock::fake(Timestamp::from_secs(1_800_000_000))
}

/// A private key with its name.
pub(crate) struct Signer {
    pub(crate) key: &'static TestKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: &'static str,
}

impl Signer {
    /// A P-256 key of its own.
    pub(crate) fn ec(kid: &'static str) -> Self {
        Self { key: Box::leak(Box::new(TestKey::ec())), algorithm: Algorithm::ES256, kid }
    }

    /// An Ed25519 key of its own.
    pub(crate) fn ed(kid: &'static str) -> Self {
        Self { key: Box::leak(Box::new(TestKey::ed())), algorithm: Algorithm::EdDSA, kid }
    }

    /// The RSA key that tests share.
    pub(crate) fn rsa(kid: &'static str, algorithm: Algorithm) -> Self {
        Self { key: &HONEST, algorithm, kid }
    }

    fn encoding(&self) -> EncodingKey {
        let pem = self.key.private_pem();
        match self.key {
            TestKey::Rsa(..) => EncodingKey::from_rsa_pem(pem.as_bytes()),
            TestKey::Ec(..) => EncodingKey::from_ec_pem(pem.as_bytes()),
            TestKey::Ed(_) => EncodingKey::from_ed_pem(pem.as_bytes()),
        }
        .unwrap()
    }

    /// The public key; `alg` is left open, so that one key signs with several.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.key.jwk(self.kid);
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    /// A key set of this key alone.
    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    pub(crate) fn signs(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.encoding()).unwrap()
    }

    /// These claims under this key's name.
    pub(crate) fn asserts(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(self.algorithm) };
        self.signs(&header, claims)
    }
}

/// The claims of an honest assertion of `client_id`.
pub(crate) fn assertion(client_id: &str, audience: &str, clock: &Clock) -> Value {
    let now = clock.now().secs();
    json!({"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60,
        "jti": random_text()})
}

/// `claims` with `changes`; a null takes a claim away.
pub(crate) fn but(mut claims: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("an object of changes") };
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
    }
    claims
}

/// An app that authenticates with `signer`'s assertions.
pub(crate) fn signing_client(id: &str, signer: &Signer) -> ClientToml {
    client(id)
        .public()
        .with("client_auth = \"private_key_jwt\"")
        .with(&format!("jwks = '''{}'''", signer.jwks()))
}

/// A broker with its apps and one provider.
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) clock: Clock,
    pub(crate) acme: FakeIdp,
    pub(crate) http: reqwest::Client,
}

impl World {
    pub(crate) async fn with(clients: Vec<ClientToml>) -> Self {
        let clock = clock();
        let acme = FakeIdp::oidc(&clock).await;
        let mut builder =
            Broker::builder(&clock).pool("signing = \"EdDSA\"").provider(provider("Acme", &acme));
        for client in clients {
            builder = builder.client(client);
        }
        Self { broker: builder.start().await, clock, acme, http: http() }
    }

    /// A browser in which nobody has signed in.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.clock)
    }

    /// A person signs in to `client` and the app receives a code.
    pub(crate) async fn code(&self, client: &str) -> (Ask, String) {
        let app = self.broker.app(client);
        let ask = app.asks().at("Acme");
        let mut browser = self.browser();
        browser.opens(ask.url()).await;
        let code = app.takes_code(&ask, browser.page());
        (ask, code)
    }

    /// Posts a form with further headers.
    pub(crate) async fn posts(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> TokenAnswer {
        let request = headers.iter().fold(self.http.post(self.broker.at(path)), |request, (name, value)| {
            request.header(*name, *value)
        });
        answer(request.form(form)).await
    }

    /// An honest assertion of `client`.
    pub(crate) fn asserted(&self, client: &str, signer: &Signer) -> String {
        signer.asserts(&assertion(client, &self.broker.issuer, &self.clock))
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}
