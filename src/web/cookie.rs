//! The broker's kinds of cookie: the browser's secrets, which bind flows, the session, and what was used
//! last.
//!
//! Over https both carry the `__Host-` prefix; plain http exists for loopback only, where browsers do not
//! agree on `Secure`.

use http::{HeaderMap, HeaderValue, header};

/// More secrets than tabs that anybody opens at once.
const MAX_SECRETS: usize = 16;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// A random secret that the browser keeps until it is closed; flows are bound to its digest. Its name
    /// ends in a part of its value, so that tabs opened at once, each given a secret of its own, do not take
    /// each other's away.
    Browser,
    /// A sealed reference to the session record.
    Session,
    /// The sealed name of the provider that was used last: a hint for the sign-in page, and nothing else.
    LastUsed,
}

impl Cookie {
    /// The cookie's name at an origin that is `https` or not; of [`Cookie::Browser`] what its names begin
    /// with.
    const fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Browser, true) => "__Host-symbolon-browser-",
            (Self::Browser, false) => "symbolon-browser-",
            (Self::Session, true) => "__Host-symbolon-session",
            (Self::Session, false) => "symbolon-session",
            (Self::LastUsed, true) => "__Host-symbolon-last-used",
            (Self::LastUsed, false) => "symbolon-last-used",
        }
    }

    /// The value of the cookie (not of [`Cookie::Browser`], which has many) that the browser sent: `None`
    /// when absent, doubled, too long or no token (D-14).
    pub fn value(self, headers: &HeaderMap, https: bool) -> Option<String> {
        let name = self.name(https);
        let mut values = sent(headers).filter(|(have, _)| *have == name).map(|(_, value)| value);
        let value = values.next().filter(|value| is_token(value))?;
        values.next().is_none().then(|| value.to_owned())
    }

    /// The browser's secrets, as many as may count: usually one, several after tabs were opened at once.
    pub fn browser(headers: &HeaderMap, https: bool) -> Vec<String> {
        let name = Self::Browser.name(https);
        let ours = sent(headers).filter(|(have, value)| {
            is_token(value) && have.strip_prefix(name).is_some_and(|tag| value.starts_with(tag))
        });
        ours.map(|(_, value)| value.to_owned()).take(MAX_SECRETS).collect()
    }

    /// The header that sets the cookie: until the browser is closed, but for [`Cookie::LastUsed`], which
    /// stays half a year.
    pub fn set(self, value: &str, https: bool) -> Option<HeaderValue> {
        let secure = if https { "; Secure" } else { "" };
        let tag = match self {
            Self::Browser => value.get(..8).unwrap_or(value),
            Self::Session | Self::LastUsed => "",
        };
        let age = if self == Self::LastUsed { "; Max-Age=15552000" } else { "" };
        HeaderValue::from_str(&format!(
            "{}{tag}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}",
            self.name(https)
        ))
        .ok()
    }

    /// The header that removes the cookie.
    pub fn clear(self, https: bool) -> Option<HeaderValue> {
        let secure = if https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}",
            self.name(https)
        ))
        .ok()
    }
}

fn sent(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let headers = headers.get_all(header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn is_token(value: &str) -> bool {
    (16..=1024).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookie: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        Cookie::Session.value(&headers, true)
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
        for bad in [
            String::new(),
            "a b".to_owned(),
            "%00".repeat(10),
            "é".repeat(20),
            "a".repeat(8192),
            "\"quoted-quoted-quoted\"".to_owned(),
        ] {
            assert_eq!(sent(&format!("__Host-symbolon-session={bad}")), None, "{bad}");
        }
        assert_eq!(sent(&format!("__Host-symbolon-session={good}; __Host-symbolon-session={good}")), None);
        assert_eq!(sent(&format!("symbolon-session={good}")), None);
    }
}
