//! What is counted, in the form that
//! [Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/) reads. Labels are words of the
//! configuration and of this program; nothing that a person or a provider sent is among them (E-34).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds in seconds: from a page out of memory to a provider that hangs.
const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0];

type Labels = Vec<(&'static str, String)>;

/// The counters of one process. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    requests: Family<Labels, Histogram>,
    /// The same histograms, found without making labels.
    by_endpoint: RwLock<HashMap<String, HashMap<u16, Histogram>>>,
    upstream: Family<Labels, Histogram>,
    refusals: Family<Labels, Counter>,
    certificates: Family<Labels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram = || Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
        let (requests, upstream, refusals, certificates) =
            (histogram(), histogram(), Family::default(), Family::default());
        let mut registry = Registry::with_prefix("symbolon");
        registry.register_with_unit(
            "request_duration",
            "Requests by endpoint and status",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register_with_unit(
            "provider_call_duration",
            "Calls to a provider by outcome",
            Unit::Seconds,
            upstream.clone(),
        );
        registry.register(
            "sign_ins_refused",
            "Refused sign-ins by code, see docs/errors.md",
            refusals.clone(),
        );
        registry.register(
            "saml_certificate_days_left",
            "Days until a believed certificate of a SAML provider ends",
            certificates.clone(),
        );
        Self {
            inner: Arc::new(Inner {
                registry,
                requests,
                by_endpoint: RwLock::default(),
                upstream,
                refusals,
                certificates,
            }),
        }
    }
}

impl Metrics {
    /// One request; `endpoint` is the route's pattern, not the path that came.
    pub fn request(&self, endpoint: &str, status: u16, took: Duration) {
        let known = self.inner.by_endpoint.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(endpoint).and_then(|statuses| statuses.get(&status));
        if let Some(histogram) = found {
            return histogram.observe(took.as_secs_f64());
        }
        drop(known);
        let labels = vec![("endpoint", endpoint.to_owned()), ("status", status.to_string())];
        let histogram = self.inner.requests.get_or_create_owned(&labels);
        histogram.observe(took.as_secs_f64());
        let mut known = self.inner.by_endpoint.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(endpoint.to_owned()).or_default().insert(status, histogram);
    }

    /// One call to `provider`; `outcome` is a status or the kind of failure.
    pub fn provider_call(&self, provider: &str, outcome: &str, took: Duration) {
        let labels = vec![("provider", provider.to_owned()), ("outcome", outcome.to_owned())];
        self.inner.upstream.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// One refused sign-in.
    pub fn refused(&self, pool: &str, code: &'static str) {
        self.inner.refusals.get_or_create(&vec![("pool", pool.to_owned()), ("code", code.to_owned())]).inc();
    }

    /// The believed certificates of SAML providers, anew: pool, provider, fingerprint, days left.
    pub fn certificates(&self, believed: impl IntoIterator<Item = (String, String, String, i64)>) {
        self.inner.certificates.clear();
        for (pool, provider, fingerprint, days) in believed {
            let labels = vec![("pool", pool), ("provider", provider), ("fingerprint", fingerprint)];
            self.inner.certificates.get_or_create(&labels).set(days);
        }
    }

    /// Everything as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Only a writer can fail here, and a string does not.
        let _ = encode(&mut text, &self.inner.registry);
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}
