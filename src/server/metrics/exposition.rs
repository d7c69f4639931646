//! Declares metrics during a scrape, as a collector of prometheus-client does: the layers keep the
//! values, so nothing is registered beforehand.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric, counter::ConstCounter, gauge::ConstGauge},
};

use crate::metrics::DurationHistogram;

/// The metrics of a scrape. Each method declares one, with its samples.
pub(super) struct Exposition<'e>(DescriptorEncoder<'e>);

impl<'e> Exposition<'e> {
    pub(super) fn new(encoder: DescriptorEncoder<'e>) -> Self {
        Self(encoder)
    }

    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        let family = self.family(name, help, MetricType::Gauge)?;
        ConstGauge::new(value).encode(family)
    }

    /// The name ends in `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let family = self.family(name, help, MetricType::Counter)?;
        ConstCounter::new(value).encode(family)
    }

    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        durations: &DurationHistogram,
    ) -> fmt::Result {
        let family = self.family(name, help, MetricType::Histogram)?;
        durations.inner().encode(family)
    }

    /// A metric with labels.
    pub(super) fn labelled<L: EncodeLabelSet, M: EncodeMetric + TypedMetric>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, M)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, M::TYPE)?;
        for (labels, metric) in samples {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        // The encoder appends the suffix, which a declaration has so that a search for it finds it.
        let name = name.strip_suffix("_total").unwrap_or(name);
        self.0.encode_descriptor(name, help, None, kind)
    }
}
