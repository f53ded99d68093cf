//! An upstream provider that behaves, until it is told not to.
//!
//! It listens on loopback, signs with its own code, keeps everything it receives, and checks the broker as
//! strictly as an honest provider checks its clients: client authentication, PKCE, redirect URI, single use
//! of codes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use symbolon::outside::clock::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

mod client_check;
mod id_token;
pub(crate) mod keys;
mod log;
mod logout_token;
mod person;
mod routes;
mod switch;
mod tls;
mod vendors;
mod weak_rsa;
mod wire;

pub(crate) use log::Seen;
pub(crate) use logout_token::EVENT;
pub(crate) use person::Person;
pub(crate) use switch::{Endpoint, PublicText, Switch, Trouble};
pub(crate) use tls::Certificate;

use person::first_person;

use keys::{CLIENT, EC, ED, HONEST, NEXT, TestKey, random_text};

/// Whose ways the provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    /// By the book, with `iss` in the authorization response.
    Oidc,
    Google,
    /// Multi-tenant: the issuer in the metadata holds `{tenantid}`.
    Microsoft,
    Apple,
    Facebook,
    Amazon,
    GitHub,
}

impl Vendor {
    fn speaks_oidc(self) -> bool {
        matches!(self, Self::Oidc | Self::Google | Self::Microsoft | Self::Apple)
    }
}

/// How the provider wants its client to authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientCheck {
    /// `client_secret_basic` or `client_secret_post`.
    EitherSecret,
    SecretBasic,
    SecretPost,
    /// Signed by [`keys::CLIENT`].
    PrivateKeyJwt,
    /// A client secret signed by [`keys::CLIENT`].
    AppleJwt {
        team_id: String,
        key_id: String,
    },
    None,
}

/// What was authorised.
#[derive(Debug, Clone)]
struct Issued {
    person: Person,
    client_id: String,
    redirect_uri: String,
    nonce: Option<String>,
    challenge: Option<String>,
    scope: String,
    max_age: Option<String>,
}

struct Inner {
    vendor: Vendor,
    base: String,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    person: Person,
    client_check: ClientCheck,
    switches: Vec<Switch>,
    log: Vec<Seen>,
    codes: HashMap<String, Issued>,
    last_code: Option<String>,
    last_id_token: Option<String>,
    access_tokens: HashMap<String, Issued>,
    used: HashSet<String>,
    rotated: bool,
}

/// A running provider; it stops when dropped.
pub(crate) struct FakeIdp {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
    ca_pem: Option<String>,
}

impl Drop for FakeIdp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeIdp {
    /// An OpenID provider by the book.
    pub(crate) async fn oidc(clock: &Clock) -> Self {
        Self::start(Vendor::Oidc, clock).await
    }

    /// A provider with the ways of `vendor`, on a free port of `localhost`: another site than `127.0.0.1`.
    pub(crate) async fn start(vendor: Vendor, clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        Self::serve(vendor, clock, listener, format!("http://localhost:{port}"))
    }

    /// The same behind TLS, at `https://localhost:<port>`.
    pub(crate) async fn start_with_tls(vendor: Vendor, clock: &Clock, certificate: Certificate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let front = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = front.local_addr().expect("an address").port();
        let identity = tls::Identity::make(certificate);
        identity.terminate(front, listener.local_addr().expect("an address"));
        let mut idp = Self::serve(vendor, clock, listener, format!("https://localhost:{port}"));
        idp.ca_pem = Some(identity.ca_pem);
        idp
    }

    fn serve(vendor: Vendor, clock: &Clock, listener: TcpListener, base: String) -> Self {
        let inner = Arc::new(Inner {
            vendor,
            base,
            clock: clock.clone(),
            state: Mutex::new(State {
                person: first_person(vendor),
                client_check: if vendor == Vendor::Apple {
                    ClientCheck::AppleJwt {
                        team_id: "TEAM123456".to_owned(),
                        key_id: "KEY1234567".to_owned(),
                    }
                } else {
                    ClientCheck::EitherSecret
                },
                switches: Vec::new(),
                log: Vec::new(),
                codes: HashMap::new(),
                last_code: None,
                last_id_token: None,
                access_tokens: HashMap::new(),
                used: HashSet::new(),
                rotated: false,
            }),
        });
        let task = tokio::spawn(wire::serve(listener, inner.clone()));
        Self { inner, task, ca_pem: None }
    }

    /// The authority that signed the certificate of [`Certificate::Good`], in PEM.
    #[track_caller]
    pub(crate) fn ca_pem(&self) -> &str {
        self.ca_pem.as_deref().expect("started with TLS")
    }

    /// Whose ways it has.
    pub(crate) fn vendor(&self) -> Vendor {
        self.inner.vendor
    }

    /// `http://localhost:<port>`.
    pub(crate) fn base(&self) -> &str {
        &self.inner.base
    }

    /// `iss`; with Microsoft's ways it holds the literal `{tenantid}`.
    pub(crate) fn issuer(&self) -> String {
        self.inner.issuer()
    }

    /// The URL of an endpoint.
    pub(crate) fn endpoint(&self, endpoint: Endpoint) -> String {
        self.inner.endpoint(endpoint)
    }

    /// The broker's `client_id` here.
    pub(crate) fn client_id(&self) -> &'static str {
        self.inner.client_id()
    }

    /// The broker's `client_secret` here: with characters that every encoding must get right.
    pub(crate) fn client_secret(&self) -> &'static str {
        self.inner.client_secret()
    }

    /// The private key with which the broker authenticates, in PKCS#8 PEM.
    #[expect(clippy::unused_self, reason = "reads as a property of the provider")]
    pub(crate) fn client_key_pem(&self) -> String {
        CLIENT.private_pem()
    }

    /// From now on another client authentication is wanted.
    pub(crate) fn wants(&self, check: ClientCheck) {
        self.inner.state().client_check = check;
    }

    /// From now on this person signs in.
    pub(crate) fn signs_in(&self, person: Person) {
        self.inner.state().person = person;
    }

    /// The person who signs in.
    pub(crate) fn person(&self) -> Person {
        self.inner.person()
    }

    /// Adds an evil deed.
    pub(crate) fn does(&self, switch: Switch) {
        self.inner.state().switches.push(switch);
    }

    /// The person presses cancel from now on.
    pub(crate) fn is_cancelled(&self) {
        self.does(Switch::Error {
            error: "access_denied".to_owned(),
            description: "The person said no".to_owned(),
        });
    }

    /// No deeds any more.
    pub(crate) fn behaves(&self) {
        self.inner.state().switches.clear();
    }

    /// Signs with a new key from now on; the key set holds the new key alone (B-18).
    pub(crate) fn rotates_keys(&self) {
        self.inner.state().rotated = true;
    }

    /// Every request so far.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.inner.state().log.clone()
    }

    /// Requests to one endpoint so far.
    pub(crate) fn requests_to(&self, endpoint: Endpoint) -> Vec<Seen> {
        self.log().into_iter().filter(|seen| seen.endpoint == endpoint).collect()
    }

    /// How often an endpoint was asked.
    pub(crate) fn count(&self, endpoint: Endpoint) -> usize {
        self.requests_to(endpoint).len()
    }

    /// The latest request to an endpoint.
    #[track_caller]
    pub(crate) fn last(&self, endpoint: Endpoint) -> Seen {
        self.requests_to(endpoint).pop().unwrap_or_else(|| panic!("{endpoint:?} was never asked"))
    }

    /// Whether `text` was in any request: "the code was never sent to E" (B-21).
    pub(crate) fn received(&self, text: &str) -> bool {
        self.log().iter().any(|seen| seen.holds(text))
    }

    /// The latest code that was issued.
    #[track_caller]
    pub(crate) fn last_code(&self) -> String {
        self.inner.state().last_code.clone().expect("a code was issued")
    }

    /// The latest ID token that was made, before [`Switch::IdToken`] replaced it.
    #[track_caller]
    pub(crate) fn last_id_token(&self) -> String {
        self.inner.state().last_id_token.clone().expect("an ID token was made")
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    fn issuer(&self) -> String {
        if self.vendor == Vendor::Microsoft {
            format!("{}/{{tenantid}}/v2.0", self.base)
        } else {
            self.base.clone()
        }
    }

    fn token_issuer(&self, person: &Person) -> String {
        let tenant = person.claims.get("tid").and_then(Value::as_str).unwrap_or_default();
        self.issuer().replace("{tenantid}", tenant)
    }

    fn endpoint(&self, endpoint: Endpoint) -> String {
        let path = match (self.vendor, endpoint) {
            (Vendor::Microsoft, Endpoint::Discovery) => "/common/v2.0/.well-known/openid-configuration",
            (Vendor::Microsoft, Endpoint::Authorize) => "/common/oauth2/v2.0/authorize",
            (Vendor::Microsoft, Endpoint::Token) => "/common/oauth2/v2.0/token",
            (Vendor::Microsoft, Endpoint::Jwks) => "/common/discovery/v2.0/keys",
            (Vendor::Apple, Endpoint::Authorize) => "/auth/authorize",
            (Vendor::Apple, Endpoint::Token) => "/auth/token",
            (Vendor::Apple, Endpoint::Jwks) => "/auth/keys",
            (Vendor::GitHub, Endpoint::Authorize) => "/login/oauth/authorize",
            (Vendor::GitHub, Endpoint::Token) => "/login/oauth/access_token",
            (Vendor::GitHub, Endpoint::Userinfo) => "/user",
            (Vendor::GitHub, Endpoint::Emails) => "/user/emails",
            (Vendor::GitHub, Endpoint::Organisations) => "/user/orgs",
            (Vendor::Facebook, Endpoint::Authorize) => "/v23.0/dialog/oauth",
            (Vendor::Facebook, Endpoint::Token) => "/v23.0/oauth/access_token",
            (Vendor::Facebook, Endpoint::Userinfo) => "/v23.0/me",
            (Vendor::Facebook, Endpoint::TokenAudience) => "/v23.0/debug_token",
            (Vendor::Amazon, Endpoint::Authorize) => "/ap/oa",
            (Vendor::Amazon, Endpoint::Token) => "/auth/o2/token",
            (Vendor::Amazon, Endpoint::Userinfo) => "/user/profile",
            (Vendor::Amazon, Endpoint::TokenAudience) => "/auth/o2/tokeninfo",
            (_, Endpoint::Discovery) => "/.well-known/openid-configuration",
            (_, Endpoint::Authorize) => "/authorize",
            (_, Endpoint::Token) => "/token",
            (_, Endpoint::Userinfo) => "/userinfo",
            (_, Endpoint::Jwks) => "/jwks",
            (_, Endpoint::EndSession) => "/end_session",
            (vendor, other) => panic!("{vendor:?} has no {other:?}"),
        };
        format!("{}{path}", self.base)
    }

    #[expect(clippy::unused_self, reason = "reads as a property of the provider")]
    fn client_id(&self) -> &'static str {
        "broker-at-idp"
    }

    #[expect(clippy::unused_self, reason = "reads as a property of the provider")]
    fn client_secret(&self) -> &'static str {
        "s3cret+with: %25&é"
    }

    fn client_check(&self) -> ClientCheck {
        self.state().client_check.clone()
    }

    fn person(&self) -> Person {
        self.state().person.clone()
    }

    fn switches(&self) -> Vec<Switch> {
        self.state().switches.clone()
    }

    fn trouble_at(&self, endpoint: Endpoint) -> Option<Trouble> {
        self.switches().into_iter().find_map(|switch| match switch {
            Switch::At(place, trouble) if place == endpoint => Some(trouble),
            _ => None,
        })
    }

    fn record(&self, seen: Seen) {
        self.state().log.push(seen);
    }

    /// Whether `id` is seen for the first time.
    fn first_use(&self, id: &str) -> bool {
        self.state().used.insert(id.to_owned())
    }

    fn issue_code(&self, issued: Issued) -> String {
        let code = format!("upstream-{}", random_text());
        let mut state = self.state();
        state.codes.insert(code.clone(), issued);
        state.last_code = Some(code.clone());
        code
    }

    fn take_code(&self, code: &str) -> Option<Issued> {
        self.state().codes.remove(code)
    }

    fn keep_id_token(&self, token: &str) {
        self.state().last_id_token = Some(token.to_owned());
    }

    fn remember_access_token(&self, token: String, issued: Issued) {
        self.state().access_tokens.insert(token, issued);
    }

    fn access_token(&self, token: &str) -> Option<Issued> {
        self.state().access_tokens.get(token).cloned()
    }

    fn signing_key(&self) -> (&'static str, &'static TestKey) {
        if self.state().rotated { ("after", &NEXT) } else { ("before", &HONEST) }
    }

    fn kid_for(&self, alg: &str) -> &'static str {
        match alg {
            "ES256" => "ec",
            "EdDSA" => "ed",
            _ => self.signing_key().0,
        }
    }

    fn key_set(&self) -> Value {
        let (kid, key) = self.signing_key();
        let mut keys = Vec::new();
        let mut own = key.jwk(kid);
        for switch in self.switches() {
            match switch {
                Switch::ForeignKeys(foreign) => keys.extend(foreign),
                Switch::ManyKeys(count) => {
                    keys.extend((0..count).map(|number| key.jwk(&format!("copy-{number}"))));
                }
                Switch::KeyForEncryption => own["use"] = json!("enc"),
                Switch::KeyOf1024Bits => keys.push(weak_rsa::jwk("short")),
                Switch::KeyWithExponentOne => {
                    let mut weak = key.jwk("exponent-one");
                    weak["e"] = json!("AQ");
                    keys.push(weak);
                }
                Switch::Alg("ES256") => keys.push(EC.jwk("ec")),
                Switch::Alg("EdDSA") => keys.push(ED.jwk("ed")),
                // Keys of RSA may sign with any RSA algorithm once they do not name one.
                Switch::Alg(_) => drop(own.as_object_mut().and_then(|members| members.remove("alg"))),
                _ => {}
            }
        }
        keys.push(own);
        json!({"keys": keys})
    }
}
