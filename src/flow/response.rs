//! The authorization response: always with `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)) and the
//! app's own `state`.

use super::redirect_uri::CheckedRedirect;

/// Where the browser goes with a code.
pub fn success(to: &CheckedRedirect, issuer: &str, state: Option<&str>, code: &str) -> String {
    let mut parameters = vec![("code", code)];
    parameters.extend(state.map(|state| ("state", state)));
    parameters.push(("iss", issuer));
    to.with(&parameters)
}

/// Where the browser goes with an error ([RFC 6749 section
/// 4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
pub fn error(
    to: &CheckedRedirect,
    issuer: &str,
    state: Option<&str>,
    error: &str,
    description: &str,
) -> String {
    let description: String = description
        .chars()
        .map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '\'' })
        .collect();
    let mut parameters = vec![("error", error), ("error_description", description.as_str())];
    parameters.extend(state.map(|state| ("state", state)));
    parameters.push(("iss", issuer));
    to.with(&parameters)
}
