//! Parameters of a request body or query, each at most once ([RFC 6749 section
//! 3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).

use std::collections::HashSet;

use http::{HeaderMap, header};

use crate::model::fault::{Fault, Refusal};

/// Largest accepted body or query, in bytes.
pub const MAX_FORM: usize = 64 * 1024;
const MAX_PARAMETERS: usize = 64;

/// Decoded parameters with distinct names.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, String)>);

/// One failed check of a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The body is something else than a form.
    #[error("the Content-Type is not application/x-www-form-urlencoded")]
    ContentType,
    /// More bytes or parameters than any honest request has.
    #[error("the form is too large")]
    TooLarge,
    /// A parameter came more than once.
    #[error("parameter {0} came more than once")]
    Duplicate(String),
    /// A broken percent escape, or text that is no UTF-8.
    #[error("the form is not valid percent-encoded UTF-8")]
    Encoding,
}

impl Refusal for FormError {
    fn code(&self) -> &'static str {
        match self {
            Self::ContentType => "form_content_type",
            Self::TooLarge => "form_too_large",
            Self::Duplicate(_) => "parameter_duplicated",
            Self::Encoding => "form_encoding",
        }
    }

    fn fault(&self) -> Fault {
        Fault::App
    }

    fn hint(&self) -> String {
        match self {
            Self::ContentType => {
                "send the parameters in the body with Content-Type: application/x-www-form-urlencoded".into()
            }
            Self::TooLarge => format!("send at most {MAX_PARAMETERS} parameters in {MAX_FORM} bytes"),
            Self::Duplicate(name) => format!("send {name} once"),
            Self::Encoding => "percent-encode the UTF-8 bytes of each value".into(),
        }
    }
}

impl Form {
    /// Reads a request body; the content type may carry parameters such as `charset`.
    pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Self, FormError> {
        if is_form(content_type) { Self::parse(body) } else { Err(FormError::ContentType) }
    }

    /// Reads `name=value` pairs joined by `&`.
    pub fn parse(encoded: &[u8]) -> Result<Self, FormError> {
        let pairs = pairs(encoded)?;
        let mut names = HashSet::new();
        match pairs.iter().find(|(name, _)| !names.insert(name.as_str())) {
            Some((name, _)) => Err(FormError::Duplicate(name.chars().take(64).collect())),
            None => Ok(Self(pairs)),
        }
    }

    /// The value of `name`; a parameter without a value counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, value)| have == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether `name` came at all, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(have, _)| have == name)
    }
}

/// Decoded pairs in the order in which they came, doubled names included, for those who answer a doubled one
/// in their own way.
pub fn pairs(encoded: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    if encoded.len() > MAX_FORM {
        return Err(FormError::TooLarge);
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PARAMETERS {
            return Err(FormError::TooLarge);
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default()).ok_or(FormError::Encoding)?;
        let value = decode(halves.next().unwrap_or_default()).ok_or(FormError::Encoding)?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// [`pairs`] of a request body.
pub fn body_pairs(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if is_form(content_type) { pairs(body) } else { Err(FormError::ContentType) }
}

/// Whether the content type, with or without parameters, is that of a form.
pub fn is_form(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim).unwrap_or_default();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Decodes one form component; `None` for a broken escape or text that is no UTF-8.
pub fn decode(encoded: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn any_parameter_sent_twice_is_refused_even_when_it_is_unknown_empty_or_encoded_differently() {
        for body in ["code=a&code=b", "code=&code=b", "x=1&x=1", "c%6fde=a&code=a"] {
            assert!(matches!(Form::parse(body.as_bytes()), Err(FormError::Duplicate(_))), "{body}");
        }
    }

    #[test]
    fn values_are_decoded_once_and_empty_ones_count_as_absent() {
        let form = Form::parse(b"a=x+y%2B%C3%A9%2525&b=&c").unwrap();
        assert_eq!(form.get("a"), Some("x y+é%25"));
        assert_eq!((form.get("b"), form.get("c"), form.has("b")), (None, None, true));
    }

    #[test]
    fn broken_escapes_foreign_encodings_and_other_content_types_are_refused() {
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xe9"] {
            assert_eq!(Form::parse(body).err(), Some(FormError::Encoding));
        }
        for content_type in [None, Some("application/json"), Some("multipart/form-data; boundary=x")] {
            assert_eq!(Form::from_body(content_type, b"a=b").err(), Some(FormError::ContentType));
        }
        assert!(Form::from_body(Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8"), b"a=b").is_ok());
    }

    #[test]
    fn a_form_beyond_every_honest_size_is_refused() {
        assert_eq!(Form::parse(&vec![b'a'; MAX_FORM + 1]).err(), Some(FormError::TooLarge));
        let many = (0..65).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Form::parse(many.as_bytes()).err(), Some(FormError::TooLarge));
    }
}
