//! Messages that a browser brings.

use super::super::certificate::Certificate;
use super::super::signature::{SignaturePolicy, verify_raw};
use super::super::xml::{MAX_MESSAGE, clip};
use super::{BindingError, MAX_FOREIGN_RELAY_STATE, Message};
use crate::model::encoding::base64_decode;

/// The only encoding of the Redirect binding.
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";
/// Parameters that a message has.
const KNOWN: [&str; 6] = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
/// Longest signature, base64: RSA of 8192 bits with some room.
const MAX_SIGNATURE: usize = 2048;

/// A message of the Redirect binding, with the bytes that its signature covers.
#[derive(Clone, PartialEq, Eq)]
pub struct RedirectQuery {
    /// Request or response.
    pub message: Message,
    /// The document, unverified.
    pub xml: Vec<u8>,
    /// `RelayState`: opaque, never an address to go to (C-65).
    pub relay_state: Option<String>,
    signature: Option<QuerySignature>,
}

/// `SigAlg`, `Signature`, and what they are about.
#[derive(Clone, PartialEq, Eq)]
struct QuerySignature {
    algorithm: String,
    value: Vec<u8>,
    /// Message, RelayState and SigAlg in the order of the specification, each as it came.
    octets: String,
}

/// Shows no content.
impl std::fmt::Debug for RedirectQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signed = self.signature.is_some();
        f.debug_struct("RedirectQuery")
            .field("message", &self.message)
            .field("signed", &signed)
            .finish_non_exhaustive()
    }
}

impl RedirectQuery {
    /// Reads the raw query of a GET (without `?`). Other parameters than a message's are left alone.
    pub fn parse(raw: &str) -> Result<Self, BindingError> {
        let parameters = Parameters::read(raw, Plus::Literal)?;
        let message = parameters.message()?;
        if let Some(encoding) = parameters.text("SAMLEncoding")?.filter(|encoding| encoding != DEFLATE) {
            return Err(BindingError::Encoding(clip(&encoding).into_owned()));
        }
        let deflated = parameters.text(message.parameter())?.unwrap_or_default();
        Ok(Self {
            message,
            xml: inflate(&deflated, message)?,
            relay_state: parameters.relay_state()?,
            signature: parameters.signature(message)?,
        })
    }

    /// Verifies the signature over the query; the index of the key that made it.
    pub fn verify(&self, keys: &[Certificate], policy: SignaturePolicy) -> Result<usize, BindingError> {
        let signature = self.signature.as_ref().ok_or(BindingError::Unsigned)?;
        verify_raw(&signature.algorithm, signature.octets.as_bytes(), &signature.value, keys, policy)
            .map_err(BindingError::Signature)
    }

    /// Whether there is a signature, good or bad.
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }
}

/// A message of the POST binding; its signature, if any, is in the document.
#[derive(Clone, PartialEq, Eq)]
pub struct PostMessage {
    /// Request or response.
    pub message: Message,
    /// The document, unverified.
    pub xml: Vec<u8>,
    /// `RelayState`: opaque, never an address to go to (C-65).
    pub relay_state: Option<String>,
}

/// Shows no content.
impl std::fmt::Debug for PostMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostMessage").field("message", &self.message).finish_non_exhaustive()
    }
}

impl PostMessage {
    /// Reads the body of an `application/x-www-form-urlencoded` POST. Other fields than a message's are left
    /// alone.
    pub fn parse(body: &str) -> Result<Self, BindingError> {
        let parameters = Parameters::read(body, Plus::Space)?;
        let message = parameters.message()?;
        let encoded = parameters.text(message.parameter())?.unwrap_or_default();
        Ok(Self { message, xml: decode(&encoded, message)?, relay_state: parameters.relay_state()? })
    }
}

/// The document of a POST parameter: strict base64, in which line breaks and spaces may stand.
pub fn decode(text: &str, message: Message) -> Result<Vec<u8>, BindingError> {
    // Four characters for three bytes, and a line break at most every four characters.
    let compact = compact(text, MAX_MESSAGE * 2)?;
    let bytes = base64_decode(&compact).ok_or(BindingError::Base64(message.parameter()))?;
    if bytes.len() > MAX_MESSAGE { Err(BindingError::TooLarge { limit: MAX_MESSAGE }) } else { Ok(bytes) }
}

/// The document of a Redirect parameter: base64 of one raw DEFLATE stream that holds at most [`MAX_MESSAGE`]
/// bytes (C-73).
pub fn inflate(text: &str, message: Message) -> Result<Vec<u8>, BindingError> {
    const STEP: usize = 16 * 1024;
    let compact = compact(text, MAX_MESSAGE)?;
    let deflated = base64_decode(&compact).ok_or(BindingError::Base64(message.parameter()))?;
    let mut decompress = flate2::Decompress::new(false);
    let mut out = Vec::with_capacity(STEP);
    loop {
        let taken = usize::try_from(decompress.total_in()).unwrap_or(usize::MAX);
        let (rest, before) = (deflated.get(taken..).unwrap_or_default(), out.len());
        let status = decompress
            .decompress_vec(rest, &mut out, flate2::FlushDecompress::None)
            .map_err(|_| BindingError::Deflate)?;
        if out.len() > MAX_MESSAGE {
            return Err(BindingError::TooLarge { limit: MAX_MESSAGE });
        }
        let (before, taken) = ((taken, before), usize::try_from(decompress.total_in()).unwrap_or(usize::MAX));
        match status {
            flate2::Status::StreamEnd if taken == deflated.len() => return Ok(out),
            flate2::Status::StreamEnd => return Err(BindingError::Deflate),
            // There was room to write, so a stream that goes no further is cut.
            _ if before == (taken, out.len()) => return Err(BindingError::Deflate),
            _ => out.reserve(STEP),
        }
    }
}

/// The parameter of a message that `name` is.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == name)
}

/// What a `+` is: a form's space, or itself in the base64 of a query, where some forget to encode it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Space,
    Literal,
}

/// The parameters of a message, each once, still encoded.
struct Parameters<'a> {
    raw: Vec<(&'static str, &'a str)>,
    plus: Plus,
}

impl<'a> Parameters<'a> {
    fn read(input: &'a str, plus: Plus) -> Result<Self, BindingError> {
        // Percent-encoding makes at most three characters of one, and base64 four of three.
        let limit = MAX_MESSAGE * 4;
        if input.len() > limit {
            return Err(BindingError::TooLarge { limit: MAX_MESSAGE });
        }
        let mut raw: Vec<(&'static str, &str)> = Vec::with_capacity(KNOWN.len());
        for pair in input.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode(name, plus).unwrap_or_default();
            let Some(name) = known(&decoded) else { continue };
            if raw.iter().any(|(other, _)| *other == name) {
                return Err(BindingError::Duplicate(name));
            }
            raw.push((name, value));
        }
        Ok(Self { raw, plus })
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.raw.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, BindingError> {
        let plus = if name == "RelayState" { Plus::Space } else { self.plus };
        let decoded = |raw| percent_decode(raw, plus).ok_or(BindingError::PercentEncoding(name));
        self.get(name).map(decoded).transpose()
    }

    fn message(&self) -> Result<Message, BindingError> {
        let given = |message: Message| self.get(message.parameter()).is_some_and(|value| !value.is_empty());
        match (given(Message::Request), given(Message::Response)) {
            (true, false) => Ok(Message::Request),
            (false, true) => Ok(Message::Response),
            (false, false) => Err(BindingError::NoMessage),
            (true, true) => Err(BindingError::TwoMessages),
        }
    }

    fn relay_state(&self) -> Result<Option<String>, BindingError> {
        let relay_state = self.text("RelayState")?.filter(|text| !text.is_empty());
        match relay_state.as_ref().map(String::len) {
            Some(found) if found > MAX_FOREIGN_RELAY_STATE => {
                Err(BindingError::RelayState { found, limit: MAX_FOREIGN_RELAY_STATE })
            }
            _ => Ok(relay_state),
        }
    }

    fn signature(&self, message: Message) -> Result<Option<QuerySignature>, BindingError> {
        let (algorithm, value) = match (self.text("SigAlg")?, self.text("Signature")?) {
            (None, None) => return Ok(None),
            (Some(algorithm), Some(value)) => (algorithm, value),
            _ => return Err(BindingError::HalfSigned),
        };
        let value =
            base64_decode(&compact(&value, MAX_SIGNATURE)?).ok_or(BindingError::Base64("Signature"))?;
        let signed = [message.parameter(), "RelayState", "SigAlg"].into_iter();
        let octets: Vec<String> =
            signed.filter_map(|name| self.get(name).map(|raw| format!("{name}={raw}"))).collect();
        Ok(Some(QuerySignature { algorithm, value, octets: octets.join("&") }))
    }
}

/// `text` without white space, of at most `limit` bytes.
fn compact(text: &str, limit: usize) -> Result<String, BindingError> {
    if text.len() > limit {
        return Err(BindingError::TooLarge { limit: MAX_MESSAGE });
    }
    Ok(text.chars().filter(|character| !character.is_ascii_whitespace()).collect())
}

fn percent_decode(text: &str, plus: Plus) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if plus == Plus::Space => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}
