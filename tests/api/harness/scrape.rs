//! What Prometheus would see.

use std::collections::{BTreeMap, BTreeSet};

use super::Server;

/// The labels of a sample.
pub(crate) type Labels = BTreeMap<String, String>;

/// What stands before the samples of a metric.
pub(crate) struct Declaration {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
}

/// One scrape of `/metrics`.
pub(crate) struct Scrape {
    /// As it was read.
    pub(crate) text: String,
    /// The metrics in their order.
    pub(crate) declarations: Vec<Declaration>,
    /// Samples by name: `…_bucket`, `…_sum` and `…_count` of histograms.
    samples: Vec<(String, Labels, String)>,
}

impl Server {
    /// Reads the metrics as they are now.
    pub(crate) async fn scrape(&self) -> Scrape {
        let reply = self.operations().get("/metrics").await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        Scrape::parse(reply.text())
    }
}

impl Scrape {
    /// Reads the text format; panics over what is none.
    pub(crate) fn parse(text: String) -> Self {
        let mut declarations: Vec<Declaration> = Vec::new();
        let mut samples = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(help) = line.strip_prefix("# HELP ") else {
                samples.push(sample(line));
                continue;
            };
            let (name, help) = help.split_once(' ').unwrap();
            let kind = lines.next().unwrap().strip_prefix("# TYPE ").unwrap();
            let kind = kind.strip_prefix(name).unwrap().trim_start();
            let is_new = declarations.iter().all(|other| other.name != name);
            assert!(is_new, "{name} comes twice");
            declarations.push(Declaration {
                name: name.to_owned(),
                kind: kind.to_owned(),
                help: help.to_owned(),
            });
        }
        Self {
            text,
            declarations,
            samples,
        }
    }

    /// The sum of the samples of a name that have these labels, among others: whole numbers.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.of(name)
            .filter(|(found, _)| {
                labels
                    .iter()
                    .all(|(label, value)| found.get(*label).is_some_and(|found| found == value))
            })
            .map(|(_, value)| value.parse::<u64>().unwrap())
            .sum()
    }

    /// The labels that samples of a metric have, except a histogram's own.
    pub(crate) fn labels_of(&self, metric: &str) -> BTreeSet<&str> {
        let suffixes = ["", "_bucket", "_sum", "_count"];
        let names = suffixes.map(|suffix| format!("{metric}{suffix}"));
        names
            .iter()
            .flat_map(|name| self.of(name))
            .flat_map(|(labels, _)| labels.keys().map(String::as_str))
            .filter(|label| *label != "le")
            .collect()
    }

    /// The values of each label, over all metrics.
    pub(crate) fn label_values(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut values = BTreeMap::<_, BTreeSet<_>>::new();
        for (label, value) in self.samples.iter().flat_map(|(_, labels, _)| labels) {
            values
                .entry(label.as_str())
                .or_default()
                .insert(value.as_str());
        }
        values
    }

    fn of(&self, name: &str) -> impl Iterator<Item = (&Labels, &str)> {
        let found = self.samples.iter().filter(move |sample| sample.0 == name);
        found.map(|(_, labels, value)| (labels, value.as_str()))
    }
}

/// `name{label="value",…} 1`; our labels hold neither quotes nor commas.
fn sample(line: &str) -> (String, Labels, String) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    let labels = labels.split(',').filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (label, value) = label.split_once('=').unwrap();
        let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        (label.to_owned(), value.to_owned())
    });
    assert!(value.parse::<f64>().is_ok(), "{line}");
    (name.to_owned(), labels.collect(), value.to_owned())
}
