//! Counters and gauges, in the text format of Prometheus.

use crate::documents::Sizes;
use crate::hub::Input;
use crate::refusal::Reason;
use converge_frames::OutcomeState;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

/// The metrics of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    connections: Gauge,
    documents: Gauge,
    memory_bytes: Gauge,
    wal_bytes: Gauge,
    messages: Counter,
    sent: Counter,
    steps: Histogram,
    restarts: Counter,
    refusals: Family<ReasonLabel, Counter>,
    requests: Family<StatusLabel, Counter>,
    calls: Family<OutcomeLabel, Counter>,
    webhooks_dropped: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("converge");
        let metrics = Self {
            connections: Gauge::default(),
            documents: Gauge::default(),
            memory_bytes: Gauge::default(),
            wal_bytes: Gauge::default(),
            messages: Counter::default(),
            sent: Counter::default(),
            steps: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            restarts: Counter::default(),
            refusals: Family::default(),
            requests: Family::default(),
            calls: Family::default(),
            webhooks_dropped: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("documents", "Open documents", metrics.documents.clone());
        let about = "Memory of the engines of open documents";
        registry.register_with_unit("memory", about, Unit::Bytes, metrics.memory_bytes.clone());
        let about = "Write-ahead logs of the files of open documents";
        registry.register_with_unit("wal", about, Unit::Bytes, metrics.wal_bytes.clone());
        registry.register("messages_received", "Messages of sessions that arrived", metrics.messages.clone());
        registry.register("messages_sent", "Messages of sessions that were passed to sockets", metrics.sent.clone());
        let about = "Time to merge a group of messages, to store it and to encode what is sent";
        registry.register_with_unit("step", about, Unit::Seconds, metrics.steps.clone());
        registry.register(
            "restarts",
            "Documents that were started again because the engine stopped",
            metrics.restarts.clone(),
        );
        registry.register("refusals", "Connections that the server closed", metrics.refusals.clone());
        registry.register("requests", "HTTP requests by status", metrics.requests.clone());
        registry.register("mutations", "Calls of mutators by outcome", metrics.calls.clone());
        registry.register("webhooks_dropped", "Reports that were dropped", metrics.webhooks_dropped.clone());
        Self { registry, ..metrics }
    }

    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(crate) fn stepped(&self, inputs: &[Input], time: Duration) {
        self.steps.observe(time.as_secs_f64());
        self.messages.inc_by(inputs.iter().filter(|input| matches!(input, Input::Message(..))).count() as u64);
    }

    pub(crate) fn sent(&self) {
        self.sent.inc();
    }

    pub(crate) fn restarted(&self) {
        self.restarts.inc();
    }

    pub(crate) fn refused(&self, reason: Reason) {
        self.refusals.get_or_create(&ReasonLabel { reason: reason.name() }).inc();
    }

    pub(crate) fn responded(&self, status: u16) {
        self.requests.get_or_create(&StatusLabel { status }).inc();
    }

    pub(crate) fn called(&self, state: &OutcomeState) {
        self.calls.get_or_create(&OutcomeLabel { outcome: state.name() }).inc();
    }

    pub(crate) fn webhook_dropped(&self) {
        self.webhooks_dropped.inc();
    }

    /// Returns all metrics in the text format.
    pub(crate) fn encode(&self, sizes: Sizes) -> Result<String, fmt::Error> {
        self.documents.set(i64::try_from(sizes.documents).unwrap_or(i64::MAX));
        self.memory_bytes.set(i64::try_from(sizes.memory_bytes).unwrap_or(i64::MAX));
        self.wal_bytes.set(i64::try_from(sizes.wal_bytes).unwrap_or(i64::MAX));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
