//! `/metrics`: reads the layers when Prometheus asks, and renders what `declarations` names.

mod declarations;
mod exposition;
mod process;

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text},
    registry::Registry,
};
use tokio::sync::watch;

use super::{connection_limit::ConnectionLimit, readiness::Readiness};
use crate::{auth::Auth, db::Db, domain::Timestamp, hashing::Hasher, transport::CallMetrics};
use exposition::Exposition;

/// The layers that are read.
pub(super) struct Metrics {
    pub(super) grpc: Arc<CallMetrics>,
    pub(super) rest: Arc<CallMetrics>,
    pub(super) hasher: Hasher,
    pub(super) db: Db,
    pub(super) auth: Auth,
    pub(super) connections: ConnectionLimit,
    pub(super) readiness: watch::Receiver<Readiness>,
    pub(super) started: Timestamp,
}

impl Metrics {
    pub(super) fn into_registry(self) -> Registry {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        registry
    }
}

/// All metrics in Prometheus' text format, whose media type is `prometheus_text::CONTENT_TYPE`.
pub(super) fn render(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    prometheus_text::encode(&mut text, registry)?;
    Ok(text)
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let exposition = &mut Exposition::new(encoder);
        declarations::calls(exposition, &self.grpc, &self.rest)?;
        let hashing = self.hasher.metrics();
        declarations::queue(exposition, &hashing)?;
        declarations::hashes(exposition, &hashing)?;
        let db = self.db.metrics();
        declarations::pools(exposition, &db.pools)?;
        declarations::database(exposition, &db)?;
        declarations::outcomes(exposition, &self.auth.outcome_metrics())?;
        declarations::throttled(exposition, &self.auth.throttle_metrics())?;
        declarations::last_seen(exposition, self.auth.lost_last_seen())?;
        declarations::mail(exposition, &self.auth.mail_metrics())?;
        let is_ready = *self.readiness.borrow() == Readiness::Ready;
        let memory = hashing.memory;
        declarations::process(
            exposition,
            is_ready,
            memory,
            &self.connections,
            self.started,
        )
    }
}

/// Required of a collector.
impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
