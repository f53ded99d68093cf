//! The broker's two cookies: the browser's secret, which binds flows, and the session.
//!
//! Over https both carry the `__Host-` prefix; plain http exists for loopback only, where browsers do not agree on `Secure`.

use http::{HeaderMap, HeaderValue, header};

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// A random secret that the browser keeps until it is closed; flows are bound to its digest.
    Browser,
    /// A sealed reference to the session record.
    Session,
}

impl Cookie {
    /// The cookie's name at an origin that is `https` or not.
    pub const fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Browser, true) => "__Host-symbolon-browser",
            (Self::Browser, false) => "symbolon-browser",
            (Self::Session, true) => "__Host-symbolon-session",
            (Self::Session, false) => "symbolon-session",
        }
    }

    /// The value that the browser sent: `None` when absent, doubled, too long or no token (D-14).
    pub fn read(self, headers: &HeaderMap, https: bool) -> Option<String> {
        let name = self.name(https);
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(have, _)| *have == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        let token = (16..=1024).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        (token && values.next().is_none()).then(|| value.to_owned())
    }

    /// The header that sets the cookie until the browser is closed.
    pub fn set(self, value: &str, https: bool) -> Option<HeaderValue> {
        let secure = if https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", self.name(https))).ok()
    }

    /// The header that removes the cookie.
    pub fn clear(self, https: bool) -> Option<HeaderValue> {
        let secure = if https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", self.name(https))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookie: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        Cookie::Session.read(&headers, true)
    }

    /// D-04
    #[test]
    fn cookies_are_host_bound_hidden_from_scripts_and_not_sent_on_cross_site_posts() {
        let header = Cookie::Session.set("abc", true).unwrap();
        assert_eq!(header, "__Host-symbolon-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure");
    }

    /// D-14
    #[test]
    fn a_malformed_cookie_is_no_cookie() {
        let good = "a".repeat(43);
        assert_eq!(sent(&format!("x=1; __Host-symbolon-session={good}")), Some(good.clone()));
        for bad in
            [String::new(), "a b".to_owned(), "%00".repeat(10), "é".repeat(20), "a".repeat(8192), "\"quoted-quoted-quoted\"".to_owned()]
        {
            assert_eq!(sent(&format!("__Host-symbolon-session={bad}")), None, "{bad}");
        }
        assert_eq!(sent(&format!("__Host-symbolon-session={good}; __Host-symbolon-session={good}")), None);
        assert_eq!(sent(&format!("symbolon-session={good}")), None);
    }
}
