//! How messages travel through the browser: HTTP-Redirect and HTTP-POST
//! ([SAML Bindings sections 3.4 and
//! 3.5](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).
//!
//! The signature of the Redirect binding is over the query as it was sent: what came is verified over its raw
//! bytes, never over a query that was decoded and encoded again (C-68).

mod receive;

use url::Url;

pub use receive::{PostMessage, RedirectQuery, decode, inflate};

use super::signature::{SignError, SignatureError, SpKey};
use super::xml::MAX_MESSAGE;
use crate::model::encoding::base64;
use crate::model::fault::{Fault, Refusal};

/// Longest `RelayState` that we send of our own ([section
/// 3.4.3](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).
pub const MAX_RELAY_STATE: usize = 80;
/// Longest `RelayState` of others that we take and give back: identity providers send whole addresses in it.
pub const MAX_FOREIGN_RELAY_STATE: usize = 2048;

/// A binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// HTTP-Redirect: deflated in the query.
    Redirect,
    /// HTTP-POST: a form that submits itself.
    Post,
}

impl Binding {
    /// The binding's identifier.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Redirect => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
            Self::Post => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        }
    }

    /// The binding of exactly this identifier, if it is spoken here.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::Redirect, Self::Post].into_iter().find(|binding| binding.uri() == uri)
    }
}

/// What a message is, which decides its parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Message {
    /// `SAMLRequest`.
    Request,
    /// `SAMLResponse`.
    Response,
}

impl Message {
    /// The parameter that carries it.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// Why a message cannot be sent, or what came is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The address to send to is unusable.
    #[error("{0:?} is no address that a message can be sent to")]
    Location(String),
    /// `RelayState` is too long (C-65).
    #[error("RelayState has {found} bytes, at most {limit} are allowed")]
    RelayState {
        /// Its length.
        found: usize,
        /// Allowed.
        limit: usize,
    },
    /// Our own signature failed.
    #[error("signing the query: {0}")]
    Sign(#[from] SignError),
    /// More than any message has.
    #[error("the message is larger than {limit} bytes")]
    TooLarge {
        /// Allowed.
        limit: usize,
    },
    /// A parameter twice, in whatever encoding.
    #[error("{0} is given more than once")]
    Duplicate(&'static str),
    /// Neither SAMLRequest nor SAMLResponse.
    #[error("there is neither SAMLRequest nor SAMLResponse")]
    NoMessage,
    /// Both SAMLRequest and SAMLResponse.
    #[error("there are both SAMLRequest and SAMLResponse")]
    TwoMessages,
    /// Percent-encoding that is none, or no UTF-8.
    #[error("{0} is not percent-encoded UTF-8")]
    PercentEncoding(&'static str),
    /// Not base64 ([RFC 4648 section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4)).
    #[error("{0} is not base64")]
    Base64(&'static str),
    /// Not one complete raw DEFLATE stream ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951)).
    #[error("the message is not deflated as the Redirect binding wants it")]
    Deflate,
    /// Another encoding than DEFLATE.
    #[error("SAMLEncoding is {0:?}, only DEFLATE is known")]
    Encoding(String),
    /// One of SigAlg and Signature without the other.
    #[error("SigAlg and Signature must be given together")]
    HalfSigned,
    /// No signature where one is needed.
    #[error("the query is not signed")]
    Unsigned,
    /// A signature that does not verify.
    #[error("the signature of the query: {0}")]
    Signature(SignatureError),
}

impl Refusal for BindingError {
    fn code(&self) -> &'static str {
        match self {
            Self::Location(_) => "saml_location_unusable",
            Self::RelayState { .. } => "saml_relay_state_too_long",
            Self::Sign(_) => "saml_signing_failed",
            Self::TooLarge { .. } => "saml_message_too_large",
            Self::Duplicate(_) => "saml_parameter_duplicate",
            Self::NoMessage => "saml_message_missing",
            Self::TwoMessages => "saml_message_ambiguous",
            Self::PercentEncoding(_) => "saml_percent_encoding",
            Self::Base64(_) => "saml_base64",
            Self::Deflate => "saml_deflate",
            Self::Encoding(_) => "saml_encoding",
            Self::HalfSigned => "saml_query_half_signed",
            Self::Unsigned => "saml_query_unsigned",
            Self::Signature(_) => "saml_query_signature",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Location(_) => Fault::Pool,
            Self::Sign(_) => Fault::Us,
            Self::NoMessage => Fault::Visitor,
            _ => Fault::Provider,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Location(_) => "correct the address in the identity provider's metadata or in sso_url and \
                slo_url of this provider"
                .into(),
            Self::Sign(_) => "check the service provider keys of this pool".into(),
            Self::NoMessage => {
                "start again from the app; this address is not meant to be opened by hand".into()
            }
            Self::Unsigned | Self::HalfSigned => {
                "the identity provider must sign its messages: set its signing option for this app".into()
            }
            Self::Signature(_) => {
                "the certificate in this provider's metadata must be the one that the identity provider \
                 signs with; fetch the metadata again"
                    .into()
            }
            _ => {
                "the identity provider must send the message as SAML Bindings sections 3.4 and 3.5 say".into()
            }
        }
    }
}

/// A form for the page that submits itself. The XML in it is already signed where it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostForm {
    /// Where it goes.
    pub action: Url,
    /// Its hidden fields; values are text, not HTML.
    pub fields: Vec<(&'static str, String)>,
}

/// The address that carries `xml` in its query, signed when there is a signer.
///
/// `relay_state` is ours on a request, so at most [`MAX_RELAY_STATE`] bytes; on a response it is given back
/// as it came.
pub fn redirect_url(
    location: &str,
    message: Message,
    xml: &str,
    relay_state: Option<&str>,
    signer: Option<&SpKey>,
) -> Result<Url, BindingError> {
    let mut url = target(location)?;
    check_relay_state(message, relay_state)?;
    let mut query = format!("{}={}", message.parameter(), percent_encode(&base64(deflate(xml.as_bytes()))));
    if let Some(relay_state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&percent_encode(relay_state));
    }
    if let Some(key) = signer {
        query.push_str("&SigAlg=");
        query.push_str(&percent_encode(key.algorithm_uri()));
        let signature = key.sign(query.as_bytes())?;
        query.push_str("&Signature=");
        query.push_str(&percent_encode(&base64(signature)));
    }
    let query = match url.query().filter(|own| !own.is_empty()) {
        Some(own) => format!("{own}&{query}"),
        None => query,
    };
    url.set_query(Some(&query));
    Ok(url)
}

/// The form that carries `xml`; `relay_state` as in [`redirect_url`].
pub fn post_form(
    location: &str,
    message: Message,
    xml: &str,
    relay_state: Option<&str>,
) -> Result<PostForm, BindingError> {
    let action = target(location)?;
    check_relay_state(message, relay_state)?;
    let mut fields = vec![(message.parameter(), base64(xml))];
    fields.extend(relay_state.map(|relay_state| ("RelayState", relay_state.to_owned())));
    Ok(PostForm { action, fields })
}

/// An address without the parameters that a message brings.
fn target(location: &str) -> Result<Url, BindingError> {
    let url = Url::parse(location)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http") && url.fragment().is_none());
    url.filter(|url| url.query_pairs().all(|(name, _)| receive::known(&name).is_none()))
        .ok_or_else(|| BindingError::Location(super::xml::clip(location).into_owned()))
}

fn check_relay_state(message: Message, relay_state: Option<&str>) -> Result<(), BindingError> {
    let limit = match message {
        Message::Request => MAX_RELAY_STATE,
        Message::Response => MAX_FOREIGN_RELAY_STATE,
    };
    let found = relay_state.map_or(0, str::len);
    if found > limit { Err(BindingError::RelayState { found, limit }) } else { Ok(()) }
}

/// Raw DEFLATE. Writing to memory does not fail.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::default(), false);
    let mut out = Vec::with_capacity(bytes.len() + 64);
    loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(bytes.len());
        let rest = bytes.get(taken..).unwrap_or_default();
        match compress.compress_vec(rest, &mut out, flate2::FlushCompress::Finish) {
            Ok(flate2::Status::StreamEnd) | Err(_) => return out,
            Ok(_) => out.reserve(MAX_MESSAGE),
        }
    }
}

/// Everything but the unreserved characters of [RFC 3986 section
/// 2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3), so that no URL parser changes it again.
fn percent_encode(text: &str) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).map(|digit| digit.to_ascii_uppercase());
    let encoded = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => [Some(char::from(byte)), None, None],
        _ if byte.is_ascii_alphanumeric() => [Some(char::from(byte)), None, None],
        _ => [Some('%'), digit(byte >> 4), digit(byte & 15)],
    };
    text.bytes().flat_map(encoded).flatten().collect()
}
