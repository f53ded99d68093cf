//! A response in whatever it was pasted.

use std::borrow::Cow;

use serde_json::Value;

use super::super::binding::{self, Message};
use crate::protocol::saml::verification_report::shown;

/// Longest paste in bytes: browsers put whole sessions into a HAR file.
const LONGEST: usize = 64 * 1024 * 1024;
/// The parameter of the POST and Redirect bindings.
const PARAMETER: &str = "SAMLResponse";
/// The path at which responses arrive.
const ACS_PATH: &str = "/saml2/idpresponse";

/// A document and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastedMessage {
    /// The document as it came.
    pub xml: Vec<u8>,
    /// Where it was, and what a running broker would say to that.
    pub notes: Vec<String>,
}

/// Why nothing was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastedError {
    /// More than a browser session's worth.
    #[error("{0} bytes are too much: save only the request to {ACS_PATH}")]
    TooLarge(usize),
    /// Not text.
    #[error("this is no text: paste the response's XML, its base64, the form body or a HAR file")]
    NotText,
    /// JSON without a response in it.
    #[error(
        "this JSON is no HAR file with a {PARAMETER}: record the sign-in with the browser's network tools, \
         with \"preserve log\" on"
    )]
    NotInHar,
    /// Neither XML nor base64 of it.
    #[error("this is neither a response's XML nor its base64 (it begins with {0:?})")]
    Unreadable(String),
}

/// Finds a response in XML, base64, a form body, a page with the form, an address with the parameter, or a
/// HAR file.
pub fn find(pasted: &[u8]) -> Result<PastedMessage, PastedError> {
    if pasted.len() > LONGEST {
        return Err(PastedError::TooLarge(pasted.len()));
    }
    let text = std::str::from_utf8(pasted.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(pasted))
        .map_err(|_| PastedError::NotText)?
        .trim();
    if text.starts_with('{') {
        return in_har(text);
    }
    if text.starts_with('<') && !text.contains(&format!("name=\"{PARAMETER}\"")) {
        return Ok(PastedMessage { xml: text.as_bytes().to_vec(), notes: vec!["pasted as XML".into()] });
    }
    if let Some((_, after)) = text.split_once(&format!("name=\"{PARAMETER}\"")) {
        let value = after.split_once("value=\"").and_then(|(_, value)| value.split_once('"'));
        let (value, _) = value.ok_or_else(|| unreadable(text))?;
        return decoded(
            &value.replace("&#x2B;", "+").replace("&#43;", "+").replace("&#x3D;", "=").replace("&#61;", "="),
            "found in a page's form",
        );
    }
    match text.split_once(&format!("{PARAMETER}=")) {
        Some((_, after)) => {
            let value = after.split(['&', '"', '\'', '<', ' ', '\n']).next().unwrap_or_default();
            decoded(value, "found in a form body or address")
        }
        None => decoded(text, "pasted as base64"),
    }
}

/// The document in `value`, more patiently than a running broker is.
fn decoded(value: &str, place: &str) -> Result<PastedMessage, PastedError> {
    let mut notes = vec![place.to_owned()];
    let text = percent_decoded(value);
    let mut compact: String =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
    if compact.contains(['-', '_']) {
        notes.push("it is in base64url; a running broker accepts base64 only".into());
        compact = compact.replace('-', "+").replace('_', "/");
    }
    let whole = compact.trim_end_matches('=').len();
    compact.truncate(whole);
    let padded = format!("{compact}{}", "=".repeat((4 - compact.len() % 4) % 4));
    if let Ok(xml) = binding::decode(&padded, Message::Response)
        && is_xml(&xml)
    {
        return Ok(PastedMessage { xml, notes });
    }
    let xml = binding::inflate(&padded, Message::Response)
        .ok()
        .filter(|xml| is_xml(xml))
        .ok_or_else(|| unreadable(value))?;
    notes.push(
        "it is deflated, as for HTTP-Redirect: the IdP's administrator sets the binding of this app's ACS to \
        HTTP-POST"
            .into(),
    );
    Ok(PastedMessage { xml, notes })
}

fn is_xml(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

fn unreadable(text: &str) -> PastedError {
    PastedError::Unreadable(shown(text.get(..40).unwrap_or(text)))
}

/// Percent-encoding undone where there is some; `+` stays, which base64 needs and browsers never send for a
/// space here.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The last response that a recorded browser session carried, preferably to our path
/// ([HAR 1.2](http://www.softwareishard.com/blog/har-12-spec/)).
fn in_har(text: &str) -> Result<PastedMessage, PastedError> {
    let har: Value = serde_json::from_str(text).map_err(|_| PastedError::NotInHar)?;
    let entries = har.pointer("/log/entries").and_then(Value::as_array).ok_or(PastedError::NotInHar)?;
    let carried: Vec<(&Value, String)> =
        entries.iter().filter_map(|entry| Some((entry, in_request(entry.get("request")?)?))).collect();
    let ours = carried.iter().rev().find(|(entry, _)| url(entry).contains(ACS_PATH));
    let (entry, value) = ours.or(carried.last()).ok_or(PastedError::NotInHar)?;
    let when = entry.get("startedDateTime").and_then(Value::as_str).unwrap_or("an unknown time");
    let place = format!("found in the HAR file: sent to {} at {}", shown(url(entry)), shown(when));
    let mut found = decoded(value, &place)?;
    if carried.len() > 1 {
        found.notes.push(format!("the file has {} responses; this is the last one", carried.len()));
    }
    Ok(found)
}

fn url(entry: &Value) -> &str {
    let url = entry.pointer("/request/url").and_then(Value::as_str).unwrap_or_default();
    url.split(['?', '#']).next().unwrap_or_default()
}

/// The parameter in a request's body or query. Some browsers record it decoded, some encoded, some only as
/// text.
fn in_request(request: &Value) -> Option<String> {
    let named = |list: &Value| {
        let parameter =
            list.as_array()?.iter().find(|one| one.get("name").and_then(Value::as_str) == Some(PARAMETER))?;
        parameter.get("value").and_then(Value::as_str).map(str::to_owned)
    };
    let body = request.get("postData");
    let from_body = || body?.get("params").and_then(named);
    let from_text = || {
        let text = body?.get("text")?.as_str()?;
        let (_, value) =
            text.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == PARAMETER)?;
        Some(value.to_owned())
    };
    from_body().or_else(from_text).or_else(|| request.get("queryString").and_then(named))
}
