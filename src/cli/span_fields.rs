//! The fields of a span as JSON, written at once. Every request has a span and few log anything, so this is
//! on the way of all of them.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// Formats as [`tracing_subscriber::fmt::format::JsonFields`] does, all values as text and without a tree in
/// between.
#[derive(Debug)]
pub struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut object = Object { writer: &mut writer, before: "{", written: Ok(()) };
        fields.record(&mut object);
        let Object { before, written, .. } = object;
        written?;
        writer.write_str(if before == "{" { "{}" } else { "}" })
    }
}

struct Object<'a, 'w> {
    writer: &'a mut Writer<'w>,
    /// What goes before the next member.
    before: &'static str,
    written: fmt::Result,
}

impl Object<'_, '_> {
    fn member(&mut self, name: &str, value: &str) -> fmt::Result {
        self.writer.write_str(self.before)?;
        self.before = ",";
        text(self.writer, name)?;
        self.writer.write_char(':')?;
        text(self.writer, value)
    }
}

impl Visit for Object<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.written.is_ok() {
            self.written = self.member(field.name(), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Nearly every text is its own JSON, but for the quotes.
fn text(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\') {
        writer.write_char('"')?;
        writer.write_str(text)?;
        return writer.write_char('"');
    }
    writer.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::fmt::{MakeWriter, Subscriber, SubscriberBuilder};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn logged<F: for<'w> FormatFields<'w> + Send + Sync + 'static>(fields: F) -> serde_json::Value {
        let lines = Lines::default();
        let builder: SubscriberBuilder<_, _, _, _> =
            Subscriber::builder().json().flatten_event(true).with_span_list(false);
        tracing::subscriber::with_default(
            builder.without_time().fmt_fields(fields).with_writer(lines.clone()).finish(),
            || {
                let _plain = tracing::info_span!(
                    "request",
                    id = "c7967822-7261",
                    endpoint = "/{pool}/.well-known/{document}"
                )
                .entered();
                tracing::info!("one");
                let _odd = tracing::info_span!("odd", id = "a \"quote\", a \\, a\nline, a \u{1}, ü and \
                    🙂", more = ?Some("x"))
                .entered();
                tracing::info!("two");
                let _empty = tracing::info_span!("empty").entered();
                tracing::info!("three");
            },
        );
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect()
    }

    #[test]
    fn a_line_names_its_span_as_the_library_would() {
        let lines = logged(SpanFields);
        assert_eq!(
            lines.pointer("/0/span/endpoint").and_then(serde_json::Value::as_str),
            Some("/{pool}/.well-known/{document}")
        );
        assert_eq!(lines, logged(JsonFields::new()));
    }
}
