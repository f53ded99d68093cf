//! A provider made of a function, and people who sign in there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use symbolon::flow::binding::BrowserBinding;
use symbolon::flow::state::{Flow, Pending};
use symbolon::model::identity::ExternalIdentity;
use symbolon::model::ids::{ProviderName, ReferenceId};
use symbolon::model::time::Timestamp;
use symbolon::model::trace::Recorder;
use symbolon::model::user::ProviderType;
use symbolon::outside::Outside;
use symbolon::outside::http::{Http, HttpError, Request, Response};
use symbolon::outside::upstreams::Upstreams;
use symbolon::protocol::jose::{Algorithm, SigningKey};
use symbolon::protocol::oidc::callback::CallbackParameters;
use symbolon::provider::deviations::Quirks;
use symbolon::provider::mapping::Mapping;
use symbolon::provider::settings::{
    ClientAuth, EmailTrust, Endpoints, GroupRule, LogoutRule, Oauth2, Oidc, ProfileRule, Protocol, Provider,
    RequestRules, UserinfoRule,
};
use symbolon::user_pool::federate::{Begin, FederationError, Means, begin, finish};
use url::Url;

use crate::sample;

pub(super) const ISSUER: &str = "https://idp.example";
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(super) const CALLBACK: &str = "https://auth.example/oauth2/idpresponse";

/// What a request was and how it is answered.
pub(super) struct Idp {
    /// Signs ID tokens.
    pub(super) key: SigningKey,
    /// What `/jwks` shows.
    pub(super) published: Vec<Value>,
    /// Claims of the next ID token, over the honest ones; `null` takes one out.
    pub(super) claims: Vec<(&'static str, Value)>,
    /// `nonce` of the last authorization request.
    pub(super) nonce: String,
    /// Answers by path that replace the honest ones: status, media type, body.
    pub(super) answers: BTreeMap<&'static str, (u16, &'static str, String)>,
    /// Whether the network is down.
    pub(super) down: bool,
    /// Everything that was asked.
    pub(super) seen: Vec<Request>,
}

pub(super) struct World {
    pub(super) outside: Outside,
    pub(super) upstreams: Upstreams,
    pub(super) recorder: Recorder,
    pub(super) provider: Provider,
    pub(super) idp: Arc<Mutex<Idp>>,
}

impl World {
    pub(super) fn new(provider: Provider) -> Self {
        let outside = Outside::fake(NOW, 42);
        let key = es256("k1");
        let published = vec![key.public_jwk()];
        let idp = Idp {
            key,
            published,
            claims: Vec::new(),
            nonce: String::new(),
            answers: BTreeMap::new(),
            down: false,
            seen: Vec::new(),
        };
        let idp = Arc::new(Mutex::new(idp));
        let (answering, clock) = (Arc::clone(&idp), outside.clock.clone());
        let http = Http::fake(move |request| answering.lock().unwrap().answer(request, clock.now()));
        Self {
            upstreams: Upstreams::with_http(&outside, false, http),
            recorder: Recorder::default(),
            outside,
            provider,
            idp,
        }
    }

    pub(super) fn oidc() -> Self {
        Self::new(oidc_provider())
    }

    pub(super) fn idp(&self) -> std::sync::MutexGuard<'_, Idp> {
        self.idp.lock().unwrap()
    }

    pub(super) fn oidc_rules(&mut self) -> &mut Oidc {
        match &mut self.provider.protocol {
            Protocol::Oidc(oidc) => oidc,
            Protocol::Oauth2(_) | Protocol::Saml(_) => panic!("no OpenID provider"),
        }
    }

    pub(super) fn oauth2_rules(&mut self) -> &mut Oauth2 {
        match &mut self.provider.protocol {
            Protocol::Oauth2(oauth2) => oauth2,
            Protocol::Oidc(_) | Protocol::Saml(_) => panic!("no OAuth 2 provider"),
        }
    }

    /// Answers `path` with JSON from now on.
    pub(super) fn answer(&self, path: &'static str, status: u16, body: &Value) {
        self.idp().answers.insert(path, (status, "application/json", body.to_string()));
    }

    pub(super) fn means(&self) -> Means<'_> {
        Means { outside: &self.outside, upstreams: &self.upstreams, recorder: &self.recorder }
    }

    /// The browser is sent off.
    pub(super) async fn begin(&self) -> Result<(Url, Pending), FederationError> {
        self.begin_with(|_| {}).await
    }

    /// The browser is sent off for a request that `change` altered.
    pub(super) async fn begin_with(
        &self,
        change: impl FnOnce(&mut Value),
    ) -> Result<(Url, Pending), FederationError> {
        let flow = flow(change);
        let pool = sample::pool();
        let handle = self.outside.random.token();
        let begun = begin(
            self.means(),
            Begin {
                pool: &pool,
                provider: &self.provider,
                wishes: flow.request.wishes(),
                handle,
                redirect_uri: CALLBACK.into(),
            },
        );
        let (url, pending) = begun.await?;
        self.idp().nonce = query(&url, "nonce").unwrap_or_default();
        Ok((url, pending))
    }

    /// The provider's answer comes back with these parameters besides `state`.
    pub(super) async fn come_back(
        &self,
        pending: &Pending,
        parameters: &str,
    ) -> Result<ExternalIdentity, FederationError> {
        let parameters = CallbackParameters::from_query(&format!("state=s&{parameters}")).unwrap();
        finish(self.means(), &self.provider, pending, &parameters.answer().unwrap()).await
    }

    pub(super) async fn sign_in(&self) -> Result<ExternalIdentity, FederationError> {
        let (_, pending) = self.begin().await?;
        self.come_back(&pending, "code=the-code").await
    }

    /// Bodies of the requests to `path`, parsed as forms, and their `Authorization`.
    pub(super) fn sent_to(&self, path: &str) -> Vec<(BTreeMap<String, String>, Option<String>)> {
        let idp = self.idp();
        let requests = idp.seen.iter().filter(|request| request.url.path() == path);
        let authorization = |request: &Request| {
            request.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned())
        };
        requests
            .map(|request| {
                (url::form_urlencoded::parse(&request.body).into_owned().collect(), authorization(request))
            })
            .collect()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.idp().seen.iter().filter(|request| request.url.path() == path).count()
    }
}

impl Idp {
    fn answer(&mut self, request: &Request, now: Timestamp) -> Result<Response, HttpError> {
        self.seen.push(request.clone());
        let host = request.url.host_str().unwrap().to_owned();
        if self.down {
            return Err(HttpError::Transport { host, reason: "down".into() });
        }
        let path = request.url.path();
        if let Some((status, media_type, body)) = self.answers.get(path) {
            return Ok(response(*status, media_type, body.clone()));
        }
        let body = match path {
            "/.well-known/openid-configuration" => metadata(),
            "/jwks" => json!({"keys": self.published}),
            "/token" => {
                json!({"access_token": "the-access-token", "token_type": "Bearer",
                    "id_token": self.id_token(now)})
            }
            "/userinfo" => json!({"sub": "alice", "email": "alice@idp.example", "name": "Userinfo Name"}),
            _ => return Ok(response(404, "text/plain", "no such page".into())),
        };
        Ok(response(200, "application/json", body.to_string()))
    }

    pub(super) fn id_token(&self, now: Timestamp) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "broker", "exp": now.secs() + 300, "iat": now.secs(),
            "nonce": self.nonce, "name": "Alice",
        });
        for (name, value) in &self.claims {
            claims[*name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.key.sign(None, &claims).unwrap()
    }
}

pub(super) fn metadata() -> Value {
    json!({
        "issuer": ISSUER, "authorization_endpoint": "https://idp.example/authorize",
        "token_endpoint": "https://idp.example/token",
        "jwks_uri": "https://idp.example/jwks", "userinfo_endpoint": "https://idp.example/userinfo",
        "end_session_endpoint": "https://idp.example/logout",
    })
}

pub(super) fn es256(kid: &str) -> SigningKey {
    SigningKey::from_pem(Algorithm::Es256, Some(kid.to_owned()), &p256_pem()).unwrap()
}

pub(super) fn p256_pem() -> String {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()
}

pub(super) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(have, _)| have == name).map(|(_, value)| value.into_owned())
}

fn response(status: u16, media_type: &'static str, body: String) -> Response {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() }
}

/// A started flow; `change` alters the app's request in its stored form.
pub(super) fn flow(change: impl FnOnce(&mut Value)) -> Flow {
    let mut request = json!({
        "client": "web", "redirect_uri": "https://app.example/cb", "state": "xyz", "scopes": ["openid"],
        "nonce": null, "code_challenge": null,
        "prompt": {"none": false, "login": false, "select_account": false, "consent": false}, "max_age": null,
        "login_hint": null, "resource": null,
        "hinted_sub": null,
    });
    change(&mut request);
    let request = serde_json::from_value(request).unwrap();
    Flow::start(
        &sample::pool(),
        request,
        ReferenceId::parse("ABCD-1234").unwrap(),
        BrowserBinding::to("cookie"),
        NOW,
    )
}

pub(super) fn oidc_provider() -> Provider {
    provider(Protocol::Oidc(Oidc {
        issuer: ISSUER.into(),
        discovery_url: Some(format!("{ISSUER}/.well-known/openid-configuration")),
        endpoints: Endpoints::default(),
        request: rules(),
        algorithms: vec!["ES256".into()],
        subject_claim: "sub".into(),
        logout: LogoutRule::default(),
        userinfo: UserinfoRule::Never,
        quirks: Quirks::default(),
    }))
}

pub(super) fn oauth2_provider() -> Provider {
    provider(Protocol::Oauth2(Oauth2 {
        endpoints: Endpoints {
            authorization: Some("https://idp.example/authorize".into()),
            token: Some("https://idp.example/token".into()),
            userinfo: Some("https://api.idp.example/me".into()),
            ..Endpoints::default()
        },
        request: rules(),
        subject: "/id".into(),
        profile: ProfileRule::default(),
        quirks: Quirks::default(),
    }))
}

fn rules() -> RequestRules {
    RequestRules {
        scopes: vec!["openid".into(), "email".into()],
        scope_separator: " ".into(),
        ..RequestRules::default()
    }
}

fn provider(protocol: Protocol) -> Provider {
    Provider {
        name: ProviderName::parse("Acme").unwrap(),
        label: "Acme".into(),
        preset: "oidc".into(),
        provider_type: ProviderType::Oidc,
        identifiers: Vec::new(),
        domains: Vec::new(),
        protocol,
        client_id: "broker".into(),
        client_auth: ClientAuth::SecretBasic("the-secret".into()),
        email_trust: EmailTrust::Claim,
        mapping: Mapping::default(),
        groups: GroupRule::default(),
        end_session: false,
        own_callback: false,
        require_verified_email: false,
        enabled: true,
    }
}
