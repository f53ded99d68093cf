//! What an OpenTelemetry collector is told, read with the types of the OpenTelemetry project.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use symbolon::model::time::Timestamp;
use symbolon::model::trace_context::TraceContext;
use symbolon::outside::clock::Clock;
use tokio::net::TcpListener;

use crate::support::broker::{Broker, client, provider};
use crate::support::browser::Browser;
use crate::support::fake_idp::{Endpoint, FakeIdp};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A collector that keeps what it is sent.
struct Collector {
    url: String,
    sent: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start() -> Self {
        let sent = Arc::<Mutex<Vec<Bytes>>>::default();
        let kept = sent.clone();
        let router = Router::new()
            .route("/v1/traces", post(move |body: Bytes| async move { kept.lock().unwrap().push(body) }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, sent }
    }

    /// Every span that `broker` has finished.
    async fn spans(&self, broker: &Broker) -> Vec<Span> {
        let telemetry = broker.app.outside.telemetry.clone();
        tokio::task::spawn_blocking(move || telemetry.flush()).await.unwrap();
        let sent = self.sent.lock().unwrap();
        let requests = sent.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|of| of.scope_spans)
            .flat_map(|of| of.spans)
            .collect()
    }
}

fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    format!("{:?}", found.unwrap_or_else(|| panic!("no {name} in {span:?}")).value)
}

/// E-34
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_told_with_its_calls_to_the_provider_and_without_anything_that_was_sent() {
    let (collector, clock) = (Collector::start().await, Clock::fake(Timestamp::from_secs(1_780_000_000)));
    let acme = FakeIdp::oidc(&clock).await;
    let broker = Broker::builder(&clock)
        .server(&format!("otlp_endpoint = {:?}", collector.url))
        .client(client("web"))
        .provider(provider("Acme", &acme))
        .start()
        .await;
    let (app, mut visitor) = (broker.app("web"), Browser::new(&clock));
    let ask = app.asks();
    visitor.opens(ask.url()).await;
    let code = app.takes_code(&ask, visitor.page());

    let spans = collector.spans(&broker).await;
    let named = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
    };
    let (answered, called) = (named("GET /oauth2/idpresponse"), named("POST Acme"));
    assert_eq!(answered.trace_id, called.trace_id);
    assert_eq!(answered.span_id, called.parent_span_id);
    assert!(answered.parent_span_id.is_empty());
    assert!(attribute(answered, "http.route").contains("/oauth2/idpresponse"));
    assert!(attribute(called, "symbolon.provider").contains("Acme"));

    let seen =
        acme.last(Endpoint::Token).header("traceparent").map(str::to_owned).expect("the provider is told");
    let context = TraceContext::parse(&seen).unwrap();
    assert_eq!((&context.trace[..], &context.span[..]), (&called.trace_id[..], &called.span_id[..]));
    let told = format!("{spans:?}");
    for secret in [code.as_str(), "state=", "nonce", "ada"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_may_begin_at_a_trusted_proxy_and_nowhere_else() {
    let clock = Clock::fake(Timestamp::from_secs(1_780_000_000));
    for (line, believed) in
        [("trusted_proxies = [\"127.0.0.1\"]", true), ("trusted_proxies = [\"10.0.0.1\"]", false)]
    {
        let collector = Collector::start().await;
        let otlp = format!("otlp_endpoint = {:?}", collector.url);
        let broker = Broker::builder(&clock).server(&otlp).server(line).client(client("web")).start().await;
        let request = reqwest::Client::new()
            .get(broker.at("/.well-known/openid-configuration"))
            .header("traceparent", TRACEPARENT);
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-amz-cognito-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id == "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", believed, "{id}");
        let spans = collector.spans(&broker).await;
        assert_eq!(spans.len(), 1, "{spans:?}");
        assert_eq!(spans[0].parent_span_id == [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7], believed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_stops_nobody() {
    let clock = Clock::fake(Timestamp::from_secs(1_780_000_000));
    let broker = Broker::builder(&clock)
        .server("otlp_endpoint = \"http://127.0.0.1:1\"")
        .client(client("web"))
        .start()
        .await;
    for _ in 0..20 {
        let answer =
            reqwest::Client::new().get(broker.at("/.well-known/openid-configuration")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

/// the id is where clients of Cognito look for it, on every answer, and on each another.
#[tokio::test]
async fn every_answer_names_its_request() {
    let clock = Clock::fake(Timestamp::from_secs(1_780_000_000));
    let broker = Broker::builder(&clock).client(client("web")).start().await;
    let http = reqwest::Client::new();
    let mut seen = std::collections::BTreeSet::new();
    for request in [
        http.get(broker.at("/.well-known/openid-configuration")),
        http.post(broker.at("/oauth2/token"))
            .body("grant_type=refresh_token&client_id=web&refresh_token=no-such-token"),
        http.get(broker.at("/oauth2/authorize?client_id=nobody")),
        http.get(broker.at("/nowhere")),
    ] {
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-amz-cognito-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 36, "{id}");
        assert!(seen.insert(id));
    }
}
