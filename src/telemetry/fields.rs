//! The fields of a span or event, escaped and cut as they are recorded.

use std::fmt;

use tracing::field::{Field, Visit};

use super::escape::escape;

pub(super) enum FieldValue {
    /// The content of a JSON string.
    Text(String),
    /// A number or boolean, which is valid JSON without quotes.
    Bare(String),
}

/// Names and values in recording order.
#[derive(Default)]
pub(super) struct LogFields(pub(super) Vec<(&'static str, FieldValue)>);

impl LogFields {
    fn set(&mut self, field: &Field, value: FieldValue) {
        let name = field.name();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for LogFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, FieldValue::Text(escape(&format_args!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, FieldValue::Text(escape(&value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, FieldValue::Bare(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, FieldValue::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, FieldValue::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity.
        self.set(
            field,
            if value.is_finite() {
                FieldValue::Bare(value.to_string())
            } else {
                FieldValue::Text(value.to_string())
            },
        );
    }
}
