//! Spans for an OpenTelemetry collector ([OTLP over
//! HTTP](https://opentelemetry.io/docs/specs/otlp/#otlphttp)), and the trace that the present request belongs
//! to. Attributes are words of the configuration and of this program; nothing that a person or a provider
//! sent is among them (E-34).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _};

use crate::model::time::Timestamp;
use crate::model::trace_context::TraceContext;

tokio::task_local! { static PRESENT: TraceContext; }

/// Where finished work is reported; nowhere by default. Clones share it.
#[derive(Clone, Default)]
pub struct Telemetry {
    processor: Option<Arc<BatchSpanProcessor>>,
}

/// Who did the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKind {
    /// We, for somebody.
    Server,
    /// Somebody, for us.
    Client,
}

/// Something that was done.
#[derive(Debug)]
pub struct Work {
    /// What.
    pub name: String,
    /// By whom.
    pub kind: WorkKind,
    /// Its place in the trace.
    pub context: TraceContext,
    /// The step that it was a part of.
    pub parent: Option<[u8; 8]>,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Further attributes.
    pub attributes: Vec<(&'static str, String)>,
    /// Whether it failed.
    pub failed: bool,
}

/// A collector that cannot be reported to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct TelemetryError(String);

impl Telemetry {
    /// Reports to the collector at `endpoint` (its base URL; `/v1/traces` is appended). The name of the
    /// service and further headers come from the variables of the
    /// [specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
    pub fn to(endpoint: &str) -> Result<Self, TelemetryError> {
        let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build();
        let mut processor =
            BatchSpanProcessor::builder(exporter.map_err(|error| TelemetryError(error.to_string()))?).build();
        let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
        let resource = Resource::builder();
        processor
            .set_resource(&if named { resource } else { resource.with_service_name("symbolon") }.build());
        Ok(Self { processor: Some(Arc::new(processor)) })
    }

    /// Whether anything is reported.
    pub fn is_on(&self) -> bool {
        self.processor.is_some()
    }

    /// Reports `work`, if its trace is recorded. Never waits: what the collector is too slow for is dropped.
    pub fn report(&self, work: Work) {
        let Some(processor) = self.processor.as_ref().filter(|_| work.context.sampled) else { return };
        processor.on_end(span(work));
    }

    /// Sends what has been reported so far; for the end of the process.
    pub fn flush(&self) {
        let Some(processor) = &self.processor else { return };
        if let Err(error) = processor.force_flush() {
            tracing::warn!(code = "telemetry_unsent", %error, "the last spans did not reach the collector");
        }
    }
}

/// Runs `work` as a part of the step `context`.
pub async fn within<T>(context: TraceContext, work: impl Future<Output = T>) -> T {
    PRESENT.scope(context, work).await
}

/// The step that is being worked on.
pub fn present() -> Option<TraceContext> {
    PRESENT.try_with(|context| *context).ok()
}

fn span(work: Work) -> SpanData {
    let ids = (TraceId::from_bytes(work.context.trace), SpanId::from_bytes(work.context.span));
    let began =
        SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(work.began.millis()).unwrap_or(0));
    SpanData {
        span_context: SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: work.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: work.kind == WorkKind::Server && work.parent.is_some(),
        span_kind: match work.kind {
            WorkKind::Server => SpanKind::Server,
            WorkKind::Client => SpanKind::Client,
        },
        name: work.name.into(),
        start_time: began,
        end_time: began + work.took,
        attributes: work.attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if work.failed { Status::error("") } else { Status::Unset },
        instrumentation_scope: InstrumentationScope::builder("symbolon")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Telemetry(on: {})", self.is_on())
    }
}
