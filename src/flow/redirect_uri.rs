//! Redirect URIs: compared byte for byte, with the loopback exception for native apps.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::model::client::Client;

/// A redirect URI that was compared with the app's registered ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckedRedirect(String);

impl CheckedRedirect {
    /// Compares `asked` with the URIs that `client` registered.
    ///
    /// Equality of the strings ([RFC 9700 section 2.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1));
    /// a native client's `http` loopback URI may differ in its port ([RFC 8252 section
    /// 7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)).
    pub fn check(client: &Client, asked: &str) -> Option<Self> {
        let registered = client
            .redirect_uris
            .iter()
            .any(|uri| uri == asked || (client.native && same_but_port(uri, asked)));
        registered.then(|| Self(asked.to_owned()))
    }

    /// Compares `asked` with the sign-out URIs that `client` registered: equality of the strings.
    pub fn check_sign_out(client: &Client, asked: &str) -> Option<Self> {
        client.logout_uris.iter().any(|uri| uri == asked).then(|| Self(asked.to_owned()))
    }

    /// The URI exactly as the app sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URI with `parameters` added to its query, percent-encoded as `application/x-www-form-urlencoded`.
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        if query.is_empty() {
            return self.0.clone();
        }
        let joint = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{joint}{query}", self.0)
    }
}

/// Both are `http` URIs on a literal loopback address and equal apart from the port.
fn same_but_port(registered: &str, asked: &str) -> bool {
    let (Some(left), Some(right)) = (loopback(registered), loopback(asked)) else { return false };
    left == right
}

/// The text before and after the port of a loopback `http` URI.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
    let after = rest.get(host.len()..)?;
    let path = match after.strip_prefix(':') {
        Some(port) => port.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => after,
    };
    let plain = path.is_empty() || path.starts_with(['/', '?']);
    let parsed = Url::parse(uri).ok()?;
    let is_loopback = match parsed.host()? {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(_) => false,
    };
    (plain && is_loopback && parsed.username().is_empty() && parsed.fragment().is_none())
        .then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::request::tests::client;

    fn with_uris(uris: &[&str], native: bool) -> Client {
        Client { redirect_uris: uris.iter().map(|&uri| uri.to_owned()).collect(), native, ..client() }
    }

    ///
    #[test]
    fn one_character_off_is_another_uri() {
        let client = with_uris(&["https://app.example/cb"], false);
        assert!(CheckedRedirect::check(&client, "https://app.example/cb").is_some());
        for off in [
            "https://app.example/cb/",
            "https://app.example/cb/..",
            "https://app.example/%63b",
            "https://app.example/cb%2e%2e",
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example//cb",
            "https://app.example/cb?",
            "https://app.example/cb?x=1",
            "https://app.example/cb#",
            "https://app.example:443/cb",
            "https://app.example:8443/cb",
            "https://user@app.example/cb",
            "https://app.example\\@evil.example/cb",
            "https://app.example/cb\t",
            "https://app.example/cb\n",
            " https://app.example/cb",
            "https://app.example./cb",
            "https://app.example@evil.example/cb",
            "https://app.example.evil.example/cb",
            "http://app.example/cb",
            "https://xn--app-9na.example/cb",
            "https://[::1]/cb",
            "//app.example/cb",
            "",
        ] {
            assert!(CheckedRedirect::check(&client, off).is_none(), "{off:?}");
        }
    }

    ///
    #[test]
    fn a_native_app_may_use_any_loopback_port_and_nothing_else() {
        let native = with_uris(&["http://127.0.0.1/cb", "http://[::1]:1234/cb"], true);
        for good in ["http://127.0.0.1:49152/cb", "http://127.0.0.1/cb", "http://[::1]:1/cb"] {
            assert!(CheckedRedirect::check(&native, good).is_some(), "{good}");
        }
        for bad in [
            "http://localhost:49152/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:49152/cb2",
            "http://127.0.0.2:49152/cb",
            "https://127.0.0.1:49152/cb",
            "http://127.0.0.1:49152/cb#x",
            "http://127.0.0.1:x/cb",
        ] {
            assert!(CheckedRedirect::check(&native, bad).is_none(), "{bad}");
        }
        let web = with_uris(&["http://127.0.0.1/cb"], false);
        assert!(CheckedRedirect::check(&web, "http://127.0.0.1:49152/cb").is_none());
    }

    #[test]
    fn parameters_join_an_existing_query() {
        let client = with_uris(&["https://app.example/cb?keep=1", "myapp:/cb"], false);
        let with_query = CheckedRedirect::check(&client, "https://app.example/cb?keep=1").unwrap();
        assert_eq!(with_query.with(&[("code", "a b")]), "https://app.example/cb?keep=1&code=a+b");
        let custom = CheckedRedirect::check(&client, "myapp:/cb").unwrap();
        assert_eq!(custom.with(&[("state", "&=é")]), "myapp:/cb?state=%26%3D%C3%A9");
    }
}
