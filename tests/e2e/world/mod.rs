//! The broker as its operator runs it, with people, apps and a provider of other make around it.

pub(crate) mod app;
pub(crate) mod balancer;
pub(crate) mod broker;
pub(crate) mod company;
pub(crate) mod person;
pub(crate) mod secrets;
pub(crate) mod upstream;

pub(crate) use app::{App, AppSettings};
pub(crate) use broker::{Broker, Settings};
pub(crate) use company::Company;
pub(crate) use person::Person;
pub(crate) use upstream::Upstream;

use serde_json::{Map, Value};

/// The answer of an HTTP request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON; the test fails with the answer when it is none.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Asks with GET, following no redirect.
pub(crate) async fn get(url: &str) -> Answer {
    ask(http().get(url)).await
}

/// Posts a form.
pub(crate) async fn post(url: &str, fields: &[(&str, &str)]) -> Answer {
    ask(http().post(url).form(fields)).await
}

/// Sends a request; a connection that fails is status 0.
pub(crate) async fn ask(request: reqwest::RequestBuilder) -> Answer {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            return Answer { status: 0, headers: reqwest::header::HeaderMap::new(), body: error.to_string() };
        }
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = String::from_utf8_lossy(&response.bytes().await.unwrap_or_default()).into_owned();
    secrets::learn(&body);
    Answer { status, headers, body }
}

/// A client that goes nowhere by itself.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("an HTTP client")
}

/// The member called `name`, as text.
#[track_caller]
pub(crate) fn text(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {object:#}")).to_owned()
}

/// The claims of a JWT, unverified: who needs proof lets the app verify it.
#[track_caller]
pub(crate) fn claims(jwt: &str) -> Map<String, Value> {
    part(jwt, 1)
}

/// The header of a JWT.
#[track_caller]
pub(crate) fn header(jwt: &str) -> Map<String, Value> {
    part(jwt, 0)
}

#[track_caller]
fn part(jwt: &str, index: usize) -> Map<String, Value> {
    use base64::Engine as _;
    let part = jwt.split('.').nth(index).unwrap_or_else(|| panic!("no JWT: {jwt}"));
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("a JSON object")
}
