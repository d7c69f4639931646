//! Prometheus' text format, version 0.0.4, as far as it is used here:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::{
    fmt::{Arguments, Display, Write},
    time::Duration,
};

use crate::metrics::{BOUNDS_MICROS, Distribution};

/// Label names with their values.
pub(super) type Labels<'l> = &'l [(&'static str, &'l str)];

/// An exposition that is being written.
#[derive(Default)]
pub(super) struct Text(String);

/// A metric whose samples are being written.
pub(super) struct Family<'t> {
    text: &'t mut String,
    name: &'static str,
}

impl Text {
    /// A metric with a value that goes up and down, without labels.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.gauges(name, help).sample(&[], value);
    }

    /// A metric with a value that only grows, without labels.
    pub(super) fn counter(&mut self, name: &'static str, help: &str, value: u64) {
        self.counters(name, help).sample(&[], value);
    }

    /// A metric of gauges.
    pub(super) fn gauges(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// A metric of counters.
    pub(super) fn counters(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// A metric of histograms.
    pub(super) fn histograms(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        write(
            &mut self.0,
            format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"),
        );
        Family {
            text: &mut self.0,
            name,
        }
    }
}

impl Family<'_> {
    /// One value.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, value);
    }

    /// One histogram: how many took at most so many seconds, for each bound.
    pub(super) fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution) {
        let bounds = BOUNDS_MICROS.map(|micros| Duration::from_micros(micros).as_secs_f64());
        let bounds = bounds.map(|seconds| seconds.to_string());
        let mut labels = labels.to_vec();
        let mut count = 0;
        for (bucket, bound) in distribution
            .buckets
            .iter()
            .zip(bounds.iter().map(String::as_str).chain(["+Inf"]))
        {
            count += bucket;
            labels.push(("le", bound));
            self.line("_bucket", &labels, count);
            labels.pop();
        }
        self.line("_sum", &labels, distribution.sum.as_secs_f64());
        self.line("_count", &labels, count);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        write(self.text, format_args!("{}{suffix}", self.name));
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let value = value.replace('\\', r"\\").replace('"', "\\\"");
            let value = value.replace('\n', r"\n");
            write(self.text, format_args!("{before}{name}=\"{value}\""));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        write(self.text, format_args!("{end} {value}\n"));
    }
}

fn write(text: &mut String, what: Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;

    #[test]
    fn samples_are_written_with_their_labels_escaped() {
        let mut text = Text::default();
        text.gauge("plain", "Help.", 1.5);
        let mut counters = text.counters("labelled_total", "More help.");
        counters.sample(&[("a", "1"), ("b", "\"\\\n")], 2);
        let expected = "# HELP plain Help.\n\
                        # TYPE plain gauge\n\
                        plain 1.5\n\
                        # HELP labelled_total More help.\n\
                        # TYPE labelled_total counter\n\
                        labelled_total{a=\"1\",b=\"\\\"\\\\\\n\"} 2\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn buckets_are_cumulative_and_in_seconds() {
        let histogram = Histogram::default();
        for millis in [1, 1, 3, 20_000] {
            histogram.record(Duration::from_millis(millis));
        }
        let mut text = Text::default();
        text.histograms("time_seconds", "Help.")
            .distribution(&[("a", "b")], &histogram.read());
        let text = text.finish();
        for line in [
            "time_seconds_bucket{a=\"b\",le=\"0.0005\"} 0\n",
            "time_seconds_bucket{a=\"b\",le=\"0.001\"} 2\n",
            "time_seconds_bucket{a=\"b\",le=\"10\"} 3\n",
            "time_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\n",
            "time_seconds_sum{a=\"b\"} 20.005\n",
            "time_seconds_count{a=\"b\"} 4\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
