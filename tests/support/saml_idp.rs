//! A SAML identity provider that behaves, until it is told not to. It signs and encrypts with its own code,
//! and keeps what it receives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use symbolon::model::encoding::{base64, base64_decode};
use symbolon::outside::clock::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

mod crypto;
mod message;

pub(crate) use crypto::Pair;
pub(crate) use message::{Answer, Person, Slip};

use message::{logout_request, logout_response};

/// A message that came through a browser.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) by_post: bool,
    /// `SAMLRequest` or `SAMLResponse`.
    pub(crate) kind: String,
    pub(crate) xml: String,
    pub(crate) relay_state: Option<String>,
    pub(crate) signed_query: bool,
}

impl Received {
    /// An attribute of the message's root.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let document = roxmltree::Document::parse(&self.xml).expect("well-formed");
        document.root_element().attribute(name).map(str::to_owned)
    }
}

struct Inner {
    base: String,
    clock: Clock,
    post_binding: bool,
    state: Mutex<Mind>,
}

struct Mind {
    keys: Pair,
    slips: Vec<Slip>,
    person: Person,
    log: Vec<Received>,
    last: Option<(String, String, String)>,
    /// The SLO URL of the service provider.
    slo: String,
}

/// A running provider at `http://localhost:<port>`; it stops when dropped.
pub(crate) struct SamlIdp {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for SamlIdp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SamlIdp {
    pub(crate) async fn start(clock: &Clock) -> Self {
        Self::start_with(clock, false).await
    }

    /// One that takes requests by HTTP-POST only.
    pub(crate) async fn start_with_post(clock: &Clock) -> Self {
        Self::start_with(clock, true).await
    }

    async fn start_with(clock: &Clock, post_binding: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let mind = Mind {
            keys: Pair::new(),
            slips: Vec::new(),
            person: Person::ada(),
            log: Vec::new(),
            last: None,
            slo: String::new(),
        };
        let inner = Arc::new(Inner { base, clock: clock.clone(), post_binding, state: Mutex::new(mind) });
        let router = Router::new()
            .route("/metadata", get(metadata))
            .route("/sso", get(sso_get).post(sso_post))
            .route("/slo", get(slo_get).post(slo_post))
            .with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        Self { inner, task }
    }

    pub(crate) fn base(&self) -> &str {
        &self.inner.base
    }

    pub(crate) fn entity_id(&self) -> String {
        self.inner.entity_id()
    }

    pub(crate) fn metadata_url(&self) -> String {
        format!("{}/metadata", self.inner.base)
    }

    pub(crate) fn metadata(&self) -> String {
        self.inner.metadata()
    }

    /// From now on it makes this mistake.
    pub(crate) fn does(&self, slip: Slip) {
        self.inner.mind().slips.push(slip);
    }

    /// No more mistakes.
    pub(crate) fn behaves(&self) {
        self.inner.mind().slips.clear();
    }

    /// From now on this person signs in.
    pub(crate) fn signs_in(&self, person: Person) {
        self.inner.mind().person = person;
    }

    /// A new signing key, in the metadata at once.
    pub(crate) fn rotates_keys(&self) {
        self.inner.mind().keys = Pair::new();
    }

    /// Where answers to LogoutRequests go.
    pub(crate) fn knows_slo(&self, slo: &str) {
        slo.clone_into(&mut self.inner.mind().slo);
    }

    /// The signing key.
    pub(crate) fn keys(&self) -> Pair {
        self.inner.mind().keys.clone()
    }

    /// What came.
    pub(crate) fn log(&self) -> Vec<Received> {
        self.inner.mind().log.clone()
    }

    /// The last message.
    #[track_caller]
    pub(crate) fn last(&self) -> Received {
        self.log().pop().expect("a message came")
    }

    /// The last answer: where it went, `SAMLResponse`, `RelayState`.
    #[track_caller]
    pub(crate) fn last_answer(&self) -> (String, String, String) {
        self.inner.mind().last.clone().expect("an answer was given")
    }

    /// An answer to nothing, as base64.
    pub(crate) fn unsolicited(&self, acs: &str, audience: &str) -> String {
        let answer = Answer { acs: acs.to_owned(), audience: audience.to_owned(), request: None };
        self.inner.answer(&answer)
    }

    /// An answer as it would give to this request, as base64.
    pub(crate) fn answers(&self, answer: &Answer) -> String {
        self.inner.answer(answer)
    }

    /// A signed LogoutRequest for the person who signs in, ready for the query of the service provider's SLO
    /// URL.
    pub(crate) fn logout_by_redirect(&self, slo: &str, person: &Person, relay_state: Option<&str>) -> String {
        let xml = logout_request(&self.inner, slo, person, None);
        crypto::redirect_url(slo, "SAMLRequest", &xml, relay_state, Some(&self.keys()))
    }

    /// The same without a signature.
    pub(crate) fn unsigned_logout(&self, slo: &str, person: &Person) -> String {
        crypto::redirect_url(slo, "SAMLRequest", &logout_request(&self.inner, slo, person, None), None, None)
    }

    /// The same signed by somebody else.
    pub(crate) fn forged_logout(&self, slo: &str, person: &Person) -> String {
        crypto::redirect_url(
            slo,
            "SAMLRequest",
            &logout_request(&self.inner, slo, person, None),
            None,
            Some(&Pair::new()),
        )
    }

    /// The same for HTTP-POST, as base64.
    pub(crate) fn logout_by_post(&self, slo: &str, person: &Person) -> String {
        base64(logout_request(&self.inner, slo, person, Some(&self.keys())))
    }
}

impl Inner {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.state.lock().expect("no test panics while it holds the mind")
    }

    fn entity_id(&self) -> String {
        format!("{}/entity", self.base)
    }

    fn metadata(&self) -> String {
        let certificate = self.mind().keys.certificate();
        let (base, entity) = (&self.base, self.entity_id());
        let binding = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:bindings:{name}");
        let service = |element: &str, path: &str, name: &str| {
            format!("<md:{element} Binding=\"{}\" Location=\"{base}/{path}\"/>", binding(name))
        };
        let sso = if self.post_binding { vec!["HTTP-POST"] } else { vec!["HTTP-Redirect", "HTTP-POST"] };
        let services = |element: &str, path: &str| {
            sso.iter().map(|name| service(element, path, name)).collect::<String>()
        };
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             entityID=\"{entity}\"><md:IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor \
             use=\"signing\"><ds:KeyInfo \
             xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
             </md:KeyDescriptor>{}{}</md:IDPSSODescriptor></md:EntityDescriptor>",
            services("SingleLogoutService", "slo"),
            services("SingleSignOnService", "sso"),
        )
    }

    fn answer(&self, answer: &Answer) -> String {
        let (keys, slips, person) = {
            let mind = self.mind();
            (mind.keys.clone(), mind.slips.clone(), mind.person.clone())
        };
        base64(message::response(
            &message::Making { inner: self, keys: &keys, slips: &slips, person: &person },
            answer,
        ))
    }

    /// Reads a message by either binding and keeps it.
    fn receive(&self, by_post: bool, fields: &str) -> Received {
        let fields: HashMap<String, String> =
            form_urlencoded::parse(fields.as_bytes()).into_owned().collect();
        let kind = ["SAMLRequest", "SAMLResponse"]
            .into_iter()
            .find(|kind| fields.contains_key(*kind))
            .expect("a message");
        let text = &fields[kind];
        let xml = if by_post { base64_decode(text).expect("base64") } else { crypto::inflate(text) };
        let received = Received {
            by_post,
            kind: kind.to_owned(),
            xml: String::from_utf8(xml).expect("UTF-8"),
            relay_state: fields.get("RelayState").cloned(),
            signed_query: fields.contains_key("Signature"),
        };
        self.mind().log.push(received.clone());
        received
    }
}

async fn metadata(State(inner): State<Arc<Inner>>) -> Response {
    ([("content-type", "application/samlmetadata+xml")], inner.metadata()).into_response()
}

async fn sso_get(State(inner): State<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    sso(&inner, false, &query.unwrap_or_default())
}

async fn sso_post(State(inner): State<Arc<Inner>>, body: String) -> Response {
    sso(&inner, true, &body)
}

fn sso(inner: &Inner, by_post: bool, fields: &str) -> Response {
    let received = inner.receive(by_post, fields);
    let answer = Answer::to(&received);
    let (acs, relay_state) = (answer.acs.clone(), received.relay_state.unwrap_or_default());
    let response = inner.answer(&answer);
    inner.mind().last = Some((acs.clone(), response.clone(), relay_state.clone()));
    if inner.mind().slips.contains(&Slip::ByRedirect) {
        let xml = String::from_utf8(base64_decode(&response).expect("base64")).expect("UTF-8");
        let url = crypto::redirect_url(&acs, "SAMLResponse", &xml, Some(&relay_state), None);
        return axum::response::Redirect::to(&url).into_response();
    }
    page(&acs, "SAMLResponse", &response, Some(&relay_state))
}

async fn slo_get(State(inner): State<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    slo(&inner, false, &query.unwrap_or_default())
}

async fn slo_post(State(inner): State<Arc<Inner>>, body: String) -> Response {
    slo(&inner, true, &body)
}

fn slo(inner: &Inner, by_post: bool, fields: &str) -> Response {
    let received = inner.receive(by_post, fields);
    if received.kind == "SAMLResponse" || inner.mind().slips.contains(&Slip::NeverSignsOut) {
        return Html("signed out at the provider").into_response();
    }
    let (slo, xml) = logout_response(inner, &received);
    let keys = inner.mind().keys.clone();
    let url = crypto::redirect_url(&slo, "SAMLResponse", &xml, received.relay_state.as_deref(), Some(&keys));
    axum::response::Redirect::to(&url).into_response()
}

/// A form that submits itself.
fn page(action: &str, name: &str, value: &str, relay_state: Option<&str>) -> Response {
    let relay = relay_state
        .map(|text| format!("<input type=hidden name=RelayState value=\"{}\">", escape(text)))
        .unwrap_or_default();
    let form = format!(
        "<form method=post action=\"{}\"><input type=hidden name={name} value=\"{value}\">{relay}</form>",
        escape(action)
    );
    Html(format!("{form}<script>document.forms[0].submit()</script>")).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}
