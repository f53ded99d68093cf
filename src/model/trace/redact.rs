//! What may be shown of a value: enough to find a mistake, never a secret, and of people no more than it
//! takes.

use serde_json::{Map, Value};
use url::Url;

/// Longest value that is shown, in characters.
const SHOWN: usize = 300;

/// Members and claims that say nothing about a person and hold no secret.
const PUBLIC: [&str; 27] = [
    "acr",
    "alg",
    "amr",
    "aud",
    "auth_time",
    "azp",
    "email_verified",
    "error",
    "error_description",
    "error_uri",
    "exp",
    "expires_in",
    "hd",
    "iat",
    "iss",
    "issuer",
    "kid",
    "nbf",
    "oid",
    "scope",
    "sub",
    "tid",
    "token_type",
    "typ",
    "ver",
    "verified",
    "xms_edov",
];

/// One line of at most 300 characters, without control characters.
pub fn shown(text: &str) -> String {
    cut(text, SHOWN)
}

/// [`shown`], without a copy of what may stay as it is.
pub fn shown_as_is(text: String) -> String {
    if stays(&text, SHOWN) { text } else { shown(&text) }
}

/// One line of at most `longest` characters, without control characters.
pub fn cut(text: &str, longest: usize) -> String {
    if stays(text, longest) {
        return text.to_owned();
    }
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.chars().take(longest).map(clean).collect();
    if text.chars().nth(longest).is_some() {
        line.push('…');
    }
    line
}

/// Whether nothing has to be cut or replaced, as far as bytes can tell.
fn stays(text: &str, longest: usize) -> bool {
    text.len() <= longest && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A secret, by its length alone.
pub fn secret(text: &str) -> String {
    format!("[secret, {} characters]", text.chars().count())
}

/// A person's text: an e-mail address by its first letter and its domain, anything else by its length.
pub fn personal(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.contains(char::is_whitespace) => {
            format!("{}…@{}", local.chars().take(1).collect::<String>(), cut(domain, 100))
        }
        _ => format!("[text, {} characters]", text.chars().count()),
    }
}

/// A URL without the values of its query.
pub fn url(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let names: Vec<String> = url.query_pairs().map(|(name, _)| format!("{name}=…")).collect();
    if names.is_empty() { bare.to_string() } else { format!("{bare}?{}", names.join("&")) }
}

/// A claim or member of a provider's answer.
pub fn member(name: &str, value: &Value) -> String {
    let public = PUBLIC.contains(&name);
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::String(text) if public => shown(text),
        Value::String(text) if is_secret(name) => secret(text),
        Value::String(text) => personal(text),
        Value::Number(number) if public => number.to_string(),
        Value::Number(_) => "[number]".to_owned(),
        Value::Array(items) if public => shown(&Value::Array(items.clone()).to_string()),
        Value::Array(items) => format!("[list of {}]", items.len()),
        Value::Object(members) => format!("[object with {}]", cut(&names(members), 120)),
    }
}

/// The names of an object's members.
pub fn names(members: &Map<String, Value>) -> String {
    members.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether the value of a member, field or parameter of this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "code", "assertion", "password", "nonce", "hash", "state", "verifier", "key", "proof"]
        .iter()
        .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_compared_is_shown_and_what_is_personal_is_not() {
        assert_eq!(member("iss", &json!("https://idp.example/")), "https://idp.example/");
        assert_eq!(member("aud", &json!(["a", "b"])), "[\"a\",\"b\"]");
        assert_eq!(member("email", &json!("grace@example.com")), "g…@example.com");
        assert_eq!(member("given_name", &json!("Grace")), "[text, 5 characters]");
        assert_eq!(member("phone", &json!(4_711)), "[number]");
        assert_eq!(member("groups", &json!(["a", "b"])), "[list of 2]");
    }

    /// E-34
    #[test]
    fn tokens_are_named_and_not_shown() {
        for name in ["access_token", "id_token", "refresh_token", "nonce", "at_hash", "client_secret"] {
            assert_eq!(member(name, &json!("abcdefgh")), "[secret, 8 characters]", "{name}");
        }
        let address = Url::parse("https://idp.example/debug?input_token=abc&access_token=1|2#x").unwrap();
        assert_eq!(url(&address), "https://idp.example/debug?input_token=…&access_token=…");
    }

    #[test]
    fn a_text_becomes_one_short_line() {
        assert_eq!(shown("a\r\nb"), "a  b");
        assert_eq!(cut("abcdef", 3), "abc…");
    }
}
