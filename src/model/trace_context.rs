//! Which trace a request belongs to, as services tell each other ([W3C Trace
//! Context](https://www.w3.org/TR/trace-context/)).

use std::fmt;

/// One step of a trace: the request being answered, or a call made for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, never zero.
    pub trace: [u8; 16],
    /// The step, never zero.
    pub span: [u8; 8],
    /// Whether whoever began the trace records it.
    pub sampled: bool,
}

impl TraceContext {
    /// The context of a trace that begins here. The trace's id has the form of a random UUID, so that it also
    /// serves as the id of the request.
    pub fn begin(mut trace: [u8; 16], span: [u8; 8], sampled: bool) -> Self {
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut trace;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Self { trace, span: nonzero(span), sampled }
    }

    /// A further step of the same trace.
    #[must_use]
    pub fn step(self, span: [u8; 8]) -> Self {
        Self { span: nonzero(span), ..self }
    }

    /// Reads a `traceparent` header; `None` when it is malformed, which restarts the trace.
    pub fn parse(header: &str) -> Option<Self> {
        let (version, rest) = header.split_once('-')?;
        let [version] = bytes::<1>(version)?;
        let mut parts = rest.split('-');
        let (trace, span, flags) = (bytes(parts.next()?)?, bytes(parts.next()?)?, bytes::<1>(parts.next()?)?);
        let known = version == 0 && parts.next().is_none() || (1..255).contains(&version);
        (known && trace != [0; 16] && span != [0; 8]).then_some(Self {
            trace,
            span,
            sampled: flags[0] & 1 == 1,
        })
    }

    /// The trace's id as a UUID.
    pub fn uuid(&self) -> String {
        uuid::Uuid::from_bytes(self.trace).to_string()
    }
}

/// The form of `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| {
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        };
        f.write_str("00-")?;
        hex(f, &self.trace)?;
        f.write_str("-")?;
        hex(f, &self.span)?;
        f.write_str(if self.sampled { "-01" } else { "-00" })
    }
}

fn nonzero(mut span: [u8; 8]) -> [u8; 8] {
    let [first, ..] = &mut span;
    *first |= 1;
    span
}

/// Lower-case hexadecimal, exactly `N` bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let read: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    rest.is_empty().then_some(read?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_reads_as_it_is_written() {
        let context = TraceContext::parse(HEADER).unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), HEADER);
        assert_eq!(context.uuid(), "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
        assert!(!TraceContext::parse(&HEADER.replace("-01", "-02")).unwrap().sampled);
        assert!(
            TraceContext::parse(&HEADER.replacen("00", "cc", 1).replace("-01", "-01-what-the-future-brings"))
                .is_some()
        );
    }

    #[test]
    fn what_is_malformed_restarts_the_trace() {
        for wrong in [
            "",
            "00",
            &HEADER.to_uppercase(),
            &HEADER.replacen("00", "ff", 1),
            &HEADER.replacen("00", "0", 1),
            &format!("{HEADER}-more"),
            &HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &HEADER.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &HEADER.replace("4736", "47"),
            &HEADER.replace("4736", "47é"),
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_trace_that_begins_here_has_the_id_of_a_random_uuid() {
        let begun = TraceContext::begin([0; 16], [0; 8], true);
        assert_eq!(begun.to_string(), "00-00000000000040008000000000000000-0100000000000000-01");
        assert_eq!(TraceContext::parse(&begun.to_string()), Some(begun));
        let step = begun.step([7; 8]);
        assert_eq!((step.trace, step.span), (begun.trace, [7; 8]));
    }
}
