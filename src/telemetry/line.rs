//! Formats an event as one line: its fields and those of the enclosing spans, flat, so that every line
//! has the request id of its call in the same place.

use std::{fmt::Write as _, io::Write as _};

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::Context,
    registry::LookupSpan,
};

use super::{
    escape::escape,
    fields::{FieldValue, LogFields},
};

#[derive(Clone, Copy)]
pub(super) enum LineForm {
    Json,
    Text,
}

/// Writes every event that passes the filter.
pub(super) struct LogLayer<W> {
    form: LineForm,
    writer: W,
}

impl<W> LogLayer<W> {
    pub(super) fn new(form: LineForm, writer: W) -> Self {
        Self { form, writer }
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = LogFields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<LogFields>()
        {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = LogLine::begin(self.form, event);
        let mut fields = LogFields::default();
        event.record(&mut fields);
        line.push_all(fields.0.iter().filter(|(name, _)| *name == "message"));
        line.push_all(&fields.0);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<LogFields>() {
                line.push_all(&fields.0);
            }
        }
        // There is nowhere to report that the log cannot be written.
        let _ = self
            .writer
            .make_writer_for(event.metadata())
            .write_all(line.end().as_bytes());
    }
}

struct LogLine {
    form: LineForm,
    text: String,
    /// The names so far: an inner field hides an outer field of the same name.
    names: Vec<&'static str>,
}

impl LogLine {
    fn begin(form: LineForm, event: &Event<'_>) -> Self {
        let mut now = String::new();
        // Fails only for a system clock outside the range of dates.
        let _ = SystemTime.format_time(&mut Writer::new(&mut now));
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let text = match form {
            LineForm::Json => {
                format!(r#"{{"timestamp":"{now}","level":"{level}","target":"{target}""#)
            }
            LineForm::Text => format!("{now} {level:>5} {target}:"),
        };
        Self {
            form,
            text,
            names: vec!["timestamp", "level", "target"],
        }
    }

    fn push_all<'f>(&mut self, fields: impl IntoIterator<Item = &'f (&'static str, FieldValue)>) {
        for (name, value) in fields {
            if !self.names.contains(name) {
                self.names.push(name);
                self.push(name, value);
            }
        }
    }

    fn push(&mut self, name: &str, value: &FieldValue) {
        // Writing to a String cannot fail.
        let _ = match (self.form, value) {
            (LineForm::Json, FieldValue::Text(text)) => {
                write!(self.text, r#","{}":"{text}""#, escape(&name))
            }
            (LineForm::Json, FieldValue::Bare(text)) => {
                write!(self.text, r#","{}":{text}"#, escape(&name))
            }
            (LineForm::Text, FieldValue::Text(text)) if name == "message" => {
                write!(self.text, " {text}")
            }
            (LineForm::Text, FieldValue::Text(text)) if needs_quotes(text) => {
                write!(self.text, r#" {name}="{text}""#)
            }
            (LineForm::Text, FieldValue::Text(text) | FieldValue::Bare(text)) => {
                write!(self.text, " {name}={text}")
            }
        };
    }

    fn end(mut self) -> String {
        self.text.push_str(match self.form {
            LineForm::Json => "}\n",
            LineForm::Text => "\n",
        });
        self.text
    }
}

/// Whether a value needs quotes to be read as one field.
fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains([' ', '=', '"', '\\'])
}
